"""The widgets of the Train page under its header, and where they stand."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QStackedLayout, QVBoxLayout, QWidget

from nasstudio.engine.space.space import SearchSpace
from nasstudio.engine.train.schedule import Schedule
from nasstudio.ui.kit.card import Card
from nasstudio.ui.kit.empty import EmptyState
from nasstudio.ui.kit.labels import Divider
from nasstudio.ui.kit.number import written
from nasstudio.ui.kit.segmented import Tabs
from nasstudio.ui.pages.train.cards import Curves, Numbers, TimelineCard
from nasstudio.ui.pages.train.checkpoint_card import CheckpointPanel
from nasstudio.ui.pages.train.course import Course
from nasstudio.ui.pages.train.interrupted import InterruptedNotice
from nasstudio.ui.pages.train.predictor_card import PredictorPanel
from nasstudio.ui.pages.train.schedule_card import ScheduleCard
from nasstudio.ui.pages.train.timeline import Span, Timeline
from nasstudio.ui.pages.train.words import duration_text, phase_note

CHECKPOINTS, PREDICTOR = "checkpoints", "predictor"


class Board(QScrollArea):
    """Timeline, numbers, curves and schedule at the left; checkpoints and predictor at the right."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        inside = QFrame()
        inside.setProperty("ground", "window")
        column = QVBoxLayout(inside)
        column.setContentsMargins(16, 8, 16, 16)
        column.setSpacing(16)
        self.notice = InterruptedNotice()
        self.timeline = Timeline()
        self.timeline_card = TimelineCard(self.timeline)
        for widget in (self.notice, self.timeline_card):
            column.addWidget(widget)
        across = QHBoxLayout()
        across.setSpacing(16)
        left = QVBoxLayout()
        left.setSpacing(16)
        self.numbers, self.curves, self.schedule = Numbers(), Curves(), ScheduleCard()
        self.not_yet = Card()
        self.not_yet.body.addWidget(
            EmptyState(
                "train",
                self.tr("Not trained yet"),
                self.tr(
                    "While it trains, the accuracy of the largest, the smallest and of random networks is drawn"
                    " here. After every phase a supernet is kept: Search works from the first one on."
                ),
            )
        )
        left.addWidget(self.numbers)
        left.addWidget(self.curves, 1)
        left.addWidget(self.not_yet, 1)
        left.addWidget(self.schedule)
        across.addLayout(left, 1)
        across.addWidget(self._right())
        column.addLayout(across, 1)
        self.setWidget(inside)

    def _right(self) -> Card:
        card = Card(flush=True)
        card.setFixedWidth(316)
        card.setAccessibleName(self.tr("What has been trained"))
        self.tabs = Tabs(
            [(CHECKPOINTS, self.tr("Checkpoints")), (PREDICTOR, self.tr("Accuracy predictor"))],
            self.tr("What has been trained"),
        )
        top = QHBoxLayout()
        top.setContentsMargins(16, 6, 16, 0)
        top.addWidget(self.tabs)
        top.addStretch(1)
        self.checkpoints, self.predictor = CheckpointPanel(), PredictorPanel()
        holder = QWidget()
        self._stack = QStackedLayout(holder)
        self._stack.addWidget(self.checkpoints)
        self._stack.addWidget(self.predictor)
        card.body.setContentsMargins(0, 0, 0, 0)
        card.body.setSpacing(0)
        card.body.addLayout(top)
        card.body.addWidget(Divider())
        card.body.addWidget(holder, 1)
        self.tabs.changed.connect(self.show_tab)
        return card

    def show_tab(self, key: str) -> None:
        """Show the checkpoints or the predictor."""
        self.tabs.set_key(key)
        self._stack.setCurrentIndex(0 if key == CHECKPOINTS else 1)

    # -- what a training looks like -----------------------------------------------------------------------------

    def show_course(
        self,
        course: Course | None,
        planned: Schedule,
        space: SearchSpace | None,
        *,
        live: bool,
        writable: bool,
    ) -> None:
        """Show a training, or what is planned if there is none.

        Parameters
        ----------
        planned : schedule of the next training.
        live : the training runs now; its schedule is then shown and fixed.
        """
        for widget in (self.numbers, self.curves):
            widget.setVisible(course is not None)
        self.not_yet.setVisible(course is None)
        self.numbers.show_course(course, live=live)
        self.curves.show_course(course, live=live)
        self._show_timeline(course, planned, space, live)
        if live and course is not None:
            states = [phase.state for phase in course.phases()]
            self.schedule.show_schedule(course.schedule, space, states, editable=False)
        else:
            self.schedule.show_schedule(planned, space, [], editable=writable)

    def _show_timeline(
        self, course: Course | None, planned: Schedule, space: SearchSpace | None, live: bool
    ) -> None:
        schedule = course.schedule if course else planned
        phases = schedule.phases
        states = [p.state for p in course.phases(live=live)] if course else ["empty"] * len(phases)
        spans = [
            Span(phase.name, phase_note(space, phase, before), phase.epochs, state)
            for phase, before, state in zip(phases, [None, *phases[:-1]], states, strict=True)
        ]
        done = course is None or course.state == "done"
        self.timeline.show_phases(spans, None if done or course is None else course.epoch)
        self.timeline_card.set_title(schedule.title)
        summary = self.tr("{0} epochs").format(written(schedule.epochs))
        if course is None:
            summary = self.tr("{0}, not begun").format(summary)
        elif course.state == "done":
            taken = duration_text(course.seconds)
            summary = self.tr("{0}, {1} of work").format(summary, taken)
        self.timeline_card.summary.setText(summary)
