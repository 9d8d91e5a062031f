"""Page: what every station's page has in common.

A page builds, binds and forwards. It gets the workbench and says what it wants done; it may ask the window to show
another station.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QWidget

from nasstudio.ui.commands import Command
from nasstudio.ui.kit.fields import SearchField
from nasstudio.ui.workbench import Workbench


class Page(QWidget):
    """One station.

    Attributes
    ----------
    station : its name in the rail, e.g. ``search``.
    go_to : asks the window to show another station.
    """

    station = ""
    go_to = Signal(str)

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.workbench = workbench

    def commands(self) -> list[Command]:
        """The page's actions, for menu, shortcuts and palette."""
        return []

    def does(self, command_id: str) -> Callable[..., object] | None:
        """What one of `commands` does."""
        return None

    def primary(self) -> QPushButton | None:
        """The button that starts what the page does, None if it has none now.

        A page shows one primary button at a time: in its header, or in the empty state that says what it needs.
        """
        shown = [b for b in self.findChildren(QPushButton) if b.property("kind") == "primary"]
        return next((b for b in shown if b.window() is self.window() and b.isVisibleTo(self)), None)

    def filter_field(self) -> SearchField | None:
        """The field that filters what the page lists, None if it has none now."""
        fields = self.findChildren(SearchField)
        return next(
            (f for f in fields if f.window() is self.window() and f.isVisibleTo(self)), None
        )

    def close_down(self) -> None:
        """Stop timers and wait for what is being read: the window goes."""

    def command_line(self) -> str:
        """The shell command that does what the page's main button does; empty if there is none."""
        return ""

    def take_file(self, path: Path) -> None:
        """A file or folder that was dropped on the window and belongs to this station."""
