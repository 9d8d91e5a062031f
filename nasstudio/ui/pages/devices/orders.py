"""The page's own commands, for menus, shortcuts and palette."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nasstudio.engine.device.device import Device
from nasstudio.engine.project.records import Snapshot
from nasstudio.ui.commands import Command
from nasstudio.ui.pages.devices import cell_menus
from nasstudio.ui.translatable import QT_TRANSLATE_NOOP

if TYPE_CHECKING:
    from nasstudio.ui.pages.devices.page import DevicesPage

COMMANDS = (
    Command("devices.next_flag", QT_TRANSLATE_NOOP("Commands", "Go to the next flagged cell"),
            "F8", "warn"),
    Command("devices.previous_flag",
            QT_TRANSLATE_NOOP("Commands", "Go to the previous flagged cell"), "Shift+F8", "warn"),
    Command("devices.compare", QT_TRANSLATE_NOOP("Commands", "Compare with a latency table…"),
            "", "diff"),
    Command("devices.import", QT_TRANSLATE_NOOP("Commands", "Import latency tables…"),
            "", "import"),
)  # fmt: skip


def does(page: DevicesPage, command_id: str) -> Callable[..., object] | None:
    """What does a command."""
    return {
        "devices.next_flag": lambda: page.card.step_flag(1),
        "devices.previous_flag": lambda: page.card.step_flag(-1),
        "devices.compare": lambda: cell_menus.ask_file(page),
        "devices.import": page.files.ask_import,
    }.get(command_id)


def command_line(snapshot: Snapshot | None, device: Device | None) -> str:
    """The shell command that profiles a device; empty if there is none."""
    if snapshot is None or device is None:
        return ""
    path = str(snapshot.path)
    quoted = f"'{path}'" if " " in path else path
    return f"nasstudio profile {quoted} --device {device.id}"
