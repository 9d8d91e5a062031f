"""The commands that do what the page that is shown does: its main button, its filter, its command line."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt

from nasstudio.ui.commands import Commands
from nasstudio.ui.pages.page import Page

Current = Callable[[], Page | None]


def bind_page_commands(
    commands: Commands, current: Current, copy_command: Callable[[], None]
) -> None:
    """Bind "run.start", "edit.filter" and "edit.copy_command" to the page that `current` gives."""

    def can_start() -> bool:
        page = current()
        button = page.primary() if page is not None else None
        return button is not None and button.isEnabled()

    def start() -> None:
        page = current()
        button = page.primary() if page is not None else None
        if button is not None:
            button.click()

    def can_filter() -> bool:
        page = current()
        return page is not None and page.filter_field() is not None

    def focus_filter() -> None:
        page = current()
        field = page.filter_field() if page is not None else None
        if field is not None:
            field.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def can_copy() -> bool:
        page = current()
        return page is not None and bool(page.command_line())

    commands.bind("run.start", start, can_start)
    commands.bind("edit.filter", focus_filter, can_filter)
    commands.bind("edit.copy_command", copy_command, can_copy)
