"""Help: the manual at the page of the station, and the tour, which is shown once by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from nasstudio.ui.commands import Commands
from nasstudio.ui.frame.manual import ManualDialog
from nasstudio.ui.frame.tour import Tour, search_steps

if TYPE_CHECKING:
    from nasstudio.ui.window import Window

SHOWN = "tour"  # under this name the settings remember that the tour was shown


class Guide(QObject):
    """Manual and tour of a window."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._window = window
        self._manual: ManualDialog | None = None
        self.tour = Tour(window)

    def bind(self, commands: Commands) -> None:
        """Let the commands of the Help menu open them."""
        commands.bind("help.manual", self.show_manual)
        commands.bind("help.tour", self.show_tour)

    def show_manual(self) -> ManualDialog:
        """Open the manual at the page of the station that is shown. Returns it."""
        if self._manual is None:
            self._manual = ManualDialog(self._window)
        self._manual.open_at(self._window.page.station)
        return self._manual

    def show_tour(self) -> None:
        """Begin the tour: at the Search station if a project is open, else along the rail."""
        window = self._window
        window.settings.remember(SHOWN, {"shown": True})
        if window.workbench.snapshot is not None:
            window.show_station("search")
        self.tour.start(search_steps(window))

    def greet(self) -> None:
        """Begin the tour if it was never shown and there is something to search in."""
        searched = self._window.workbench.stations["search"] in ("done", "stale")
        if searched and not self._window.settings.recall(SHOWN):
            self.show_tour()
