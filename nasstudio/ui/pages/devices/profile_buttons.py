"""The page's main button: profile, pause or go on, and the button beside it with more ways."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from nasstudio.engine.project.effort import ProfileEffort
from nasstudio.engine.space.space import SearchSpace
from nasstudio.ui.kit.buttons import primary_button, tool_button
from nasstudio.ui.pages.devices.state import DeviceState
from nasstudio.ui.workbench import LiveRun


class ProfileButtons(QObject):
    """Says on the buttons what they would do now."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.more = tool_button("down", self.tr("More ways to profile"))
        self.main = primary_button(self.tr("Profile"), "gauge")

    def show_state(
        self,
        run: LiveRun | None,
        state: DeviceState | None,
        *,
        writable: bool,
        space: SearchSpace | None,
        effort: ProfileEffort | None,
    ) -> None:
        """A profile that runs, or what can be measured of the chosen device."""
        if run is not None:
            paused = run.state == "paused"
            self._label(
                self.tr("Go on profiling") if paused else self.tr("Pause profiling"),
                "play" if paused else "pause",
                self.tr("Nothing that is measured is lost"),
                enabled=True,
            )
            return
        if space is None:
            tip = self.tr("Choose a space first: its layers are what is measured")
        elif state is None or not state.found or effort is None:
            tip = self.tr("Choose a device of this machine at the left")
        elif effort.rows:
            tip = self.tr("Measure on {0}: {1}").format(state.device.name, effort.say())
        else:
            tip = self.tr("Every row is known. Measure again: {0}").format(effort.say())
        can = writable and state is not None and state.found and space is not None
        self._label(self.tr("Profile"), "gauge", tip, enabled=can)

    def _label(self, text: str, icon: str, tip: str, *, enabled: bool) -> None:
        self.main.set_icon(icon)
        self.main.set_text(text)
        self.main.setToolTip(tip)
        self.main.setEnabled(enabled)
        self.more.setEnabled(enabled)
