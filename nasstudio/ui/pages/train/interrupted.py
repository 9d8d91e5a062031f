"""The notice of a training that ended before its time, and can go on."""

from __future__ import annotations

from PySide6.QtCore import Signal

from nasstudio.engine.project.records import RunRecord, Snapshot
from nasstudio.ui.kit.notice import InlineNotice
from nasstudio.ui.kit.number import written
from nasstudio.ui.pages.train.course import Course
from nasstudio.ui.pages.train.pace import trainings


class InterruptedNotice(InlineNotice):
    """Offers to resume the newest training. `resume_asked(run id)`."""

    resume_asked = Signal(str)

    def __init__(self) -> None:
        super().__init__("warn", "", "", self.tr("Resume"), button_icon="play", closable=True)
        self.run_id = ""
        self._dismissed: set[str] = set()
        self.clicked.connect(lambda: self.resume_asked.emit(self.run_id))
        self.closed.connect(lambda: self._dismissed.add(self.run_id))
        self.hide()

    def show_newest(self, snapshot: Snapshot, course: Course | None, *, live: bool) -> None:
        """Show the notice if the newest training has not ended; `course` is that of this training."""
        run = None if live else unfinished(snapshot)
        shown = run is not None and snapshot.writable and run.id not in self._dismissed
        self.setVisible(shown)
        if not shown or run is None:
            return
        self.run_id = run.id
        where = ""
        if course is not None and course.epoch > 0:
            places = 0 if course.epoch == int(course.epoch) else 1
            where = self.tr(" at epoch {0} of {1}").format(
                written(course.epoch, places), written(course.schedule.epochs)
            )
        what = self.tr("stopped") if run.state == "stopped" else self.tr("interrupted")
        self.set_notice(
            "warn",
            self.tr("{0} was {1}{2}.").format(run.name, what, where),
            self.tr("It goes on from its last checkpoint, as if nothing had happened."),
        )


def unfinished(snapshot: Snapshot) -> RunRecord | None:
    """The newest training, if it was stopped or interrupted."""
    runs = trainings(snapshot)
    return runs[0] if runs and runs[0].state in ("interrupted", "stopped") else None
