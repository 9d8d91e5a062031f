"""The card "Once-for-All against training alone": the newest study's table and costs, and the button of the next."""

from __future__ import annotations

import shlex

import msgspec
from PySide6.QtCore import QThreadPool, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QHeaderView,
    QSizePolicy,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from nasstudio.engine.errors import StudioError
from nasstudio.engine.job.specification import StudySpec
from nasstudio.engine.project import plan
from nasstudio.engine.project.project import Project
from nasstudio.engine.project.records import RunRecord, Snapshot
from nasstudio.engine.study.effort import StudyEffort
from nasstudio.engine.study.report import Routes, routes
from nasstudio.engine.study.result import Records, StudyTable, tabulate
from nasstudio.ui.kit.buttons import secondary_button
from nasstudio.ui.kit.card import Card
from nasstudio.ui.kit.empty import EmptyState
from nasstudio.ui.kit.labels import label
from nasstudio.ui.kit.notice import ErrorNotice
from nasstudio.ui.kit.progress import ProgressBar
from nasstudio.ui.kit.segmented import SegmentedControl
from nasstudio.ui.kit.table import DataTable
from nasstudio.ui.pages.compare import study_model
from nasstudio.ui.pages.compare.study_model import StudyRows
from nasstudio.ui.pages.compare.study_plot import SEARCHED, TRAINING, CostPlot
from nasstudio.ui.pages.train.follower import RunFollower
from nasstudio.ui.pages.train.words import duration_text
from nasstudio.ui.workbench import LiveRun, Workbench
from nasstudio.ui.workers.tasks import Task

_WIDTHS = {
    study_model.NETWORK: 104, study_model.TARGET: 168, study_model.ALONE: 74,
    study_model.SUBNET: 82, study_model.DIFFERENCE: 172, study_model.COST: 88,
    study_model.TAUGHT: 124, study_model.TUNED: 104,
}  # fmt: skip


class StudyCard(Card):
    """The newest study of the project.

    Signals
    -------
    found(StudyTable or None) : its table has changed.
    """

    found = Signal(object)

    def __init__(self, workbench: Workbench) -> None:
        self.begin = secondary_button(self.tr("Study again"), "play").set_small()
        self.taught = QCheckBox(self.tr("with a teacher, too"))
        self.taught.setToolTip(
            self.tr(
                "Train each network a second time with the supernet's largest subnet as teacher"
            )
        )
        super().__init__(self.tr("Once-for-All against training alone"), trailing=self.taught)
        self.add_trailing(self.begin)
        self.workbench = workbench
        self.table: StudyTable | None = None
        self.routes: Routes | None = None
        self._run: RunRecord | None = None
        self._records = Records()
        self._prospect: tuple[StudySpec, StudyEffort] | None = None
        self._key: object = None
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self.follower = RunFollower(self)
        self._build()
        self._connect()

    # -- widgets ------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.error = ErrorNotice()
        self.body.addWidget(self.error)
        self.working = self._progress_row()
        self.body.addWidget(self.working)
        holder = QWidget()
        self.stack = QStackedLayout(holder)
        self.empty = EmptyState("compare", " ", " ", self.tr("Start the study"), button_icon="play")
        self.empty.button.hide()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self._content())
        self.body.addWidget(holder, 1)
        holder.setMinimumHeight(250)

    def _progress_row(self) -> QWidget:
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(12)
        self.bar = ProgressBar()
        self.said = label("", "secondary", "muted")
        line.addWidget(self.bar, 1)
        line.addWidget(self.said)
        return row

    def _content(self) -> QWidget:
        shown = QWidget()
        across = QHBoxLayout(shown)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(16)
        left = QVBoxLayout()
        left.setSpacing(8)
        self.rows = StudyRows(self)
        self.view = DataTable(name=self.tr("Networks trained alone and as subnets"))
        self.view.setModel(self.rows)
        head = self.view.horizontalHeader()
        for column, width in _WIDTHS.items():
            head.resizeSection(column, width)
        head.setSectionResizeMode(study_model.TARGET, QHeaderView.ResizeMode.Stretch)
        left.addWidget(self.view, 1)
        self.accuracy = label("", "secondary", "muted", wrap=True)
        self.cost = label("", "secondary", "muted", wrap=True)
        left.addWidget(self.accuracy)
        left.addWidget(self.cost)
        across.addLayout(left, 3)
        right = QVBoxLayout()
        right.setSpacing(4)
        self.kind = SegmentedControl(
            [(TRAINING, self.tr("training only")), (SEARCHED, self.tr("with search"))],
            self.tr("Cost"),
        )
        right.addWidget(self.kind)
        self.plot = CostPlot()
        self.plot.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        right.addWidget(self.plot, 1)
        across.addLayout(right, 2)
        return shown

    def _connect(self) -> None:
        self.empty.clicked.connect(self.start_study)
        self.begin.clicked.connect(self._begin_pressed)
        self.taught.toggled.connect(lambda _: self._look_ahead())
        self.kind.changed.connect(lambda _: self._show_plot())
        self.follower.grown.connect(self._take)
        self.follower.failed.connect(self.error.set_error)
        self.plot.failed.connect(self.error.set_error)
        bench = self.workbench
        bench.runs_changed.connect(self._show_progress)
        bench.run_events.connect(self._nudge)
        bench.run_ended.connect(self._ended)

    # -- the project --------------------------------------------------------------------------------------------

    def forget(self) -> None:
        """Another project, or none."""
        self.follower.follow(None)
        self._run, self._records, self._prospect, self._key = None, Records(), None, None
        self.error.set_error(None)
        self._tabulate()

    def close_down(self) -> None:
        """Wait for what is being read."""
        self.follower.close()
        self._pool.waitForDone()

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """The project has changed."""
        run = study_model.newest_study(snapshot)
        known = self._run
        self._run = run
        if (run.id if run else None) != (known.id if known else None):
            self._records = Records()
            self.follower.follow(run.path if run else None)
            self._tabulate()
        self._look_ahead()
        self._show_progress()

    def _nudge(self, run_id: str, _: object) -> None:
        if self._run is not None and run_id == self._run.id:
            self.follower.nudge()

    def _take(self, events: list) -> None:
        try:
            self._records.take(events)
        except msgspec.ValidationError as problem:
            self.error.set_error(
                StudioError(
                    self.tr("A result of the study does not read: {0}.").format(problem),
                    where=str(self.follower.path or ""),
                    remedy=self.tr("It was written by another version; run the study again."),
                )
            )
        self._tabulate()

    def _tabulate(self) -> None:
        spec = self._run.spec if self._run is not None else None
        self.table = self.routes = None
        if isinstance(spec, StudySpec) and self._records.subnets:
            self.table = tabulate(spec, self._records)
            self.routes = routes(spec, self.table)
        self._show_table()
        self.found.emit(self.table)

    def _look_ahead(self) -> None:
        """Work out off the thread what a study would do, if what it depends on has changed."""
        snapshot = self.workbench.snapshot
        if snapshot is None:
            return
        taught = self.taught.isChecked()
        key = (
            snapshot.path,
            snapshot.space,
            snapshot.supernet,
            taught,
            tuple(a.sha256 for a in snapshot.artefacts if a.kind == "supernet"),
            tuple((s.genome, s.pin) for s in snapshot.subnets if s.pin is not None),
            tuple((r.id, r.state) for r in snapshot.runs if r.kind in ("search", "collect", "fit")),
        )
        if key == self._key:
            return
        self._key = key

        def arrived(made: tuple[StudySpec, StudyEffort]) -> None:
            if key == self._key:
                self._prospect = made
                self._show_empty(study_model.effort_text(made[1]))

        def lacks(problem: StudioError) -> None:
            if key == self._key:
                self._prospect = None
                self._show_empty(f"{problem.what} {problem.remedy}")

        Task(self, lambda: study_model.prospect(snapshot, taught=taught), arrived, lacks).start(
            self._pool
        )

    # -- starting and stopping ----------------------------------------------------------------------------------

    @property
    def live(self) -> LiveRun | None:
        """The study that runs."""
        running = self.workbench.running("study")
        return running[0] if running else None

    @property
    def unfinished(self) -> bool:
        """Whether the shown study was stopped or interrupted and can go on."""
        return self._run is not None and self._run.state in ("stopped", "interrupted")

    def start_study(self) -> None:
        """Start a study of the networks that were announced."""
        if self._prospect is None:
            return
        targets, taught = self._prospect[0].targets, self.taught.isChecked()
        threads = self.workbench.threads
        self.error.set_error(None)

        def make(project: Project) -> StudySpec:
            return plan.study(project, targets, taught=taught, threads=threads)

        self.workbench.start(make, problem=self.error.set_error)

    def _begin_pressed(self) -> None:
        live = self.live
        if live is not None:
            self.workbench.stop(live.id)
        elif self.unfinished and self._run is not None:
            self.error.set_error(None)
            self.workbench.resume_run(self._run.id)
        else:
            self.start_study()

    def _ended(self, run: LiveRun) -> None:
        if run.kind == "study" and run.failure is not None:
            self.error.set_error(run.failure)

    def command_line(self) -> str:
        """The command that starts the study."""
        snapshot = self.workbench.snapshot
        if snapshot is None or self._prospect is None:
            return ""
        words = ["nasstudio", "study", str(snapshot.path)]
        words += ["--taught"] if self.taught.isChecked() else []
        return shlex.join([*words, "--threads", str(self.workbench.threads)])

    # -- what is shown ------------------------------------------------------------------------------------------

    def _show_empty(self, text: str) -> None:
        ready = self._prospect is not None and self.workbench.writable
        self.empty.set_text(
            self.tr("Does one network for all pay?")
            if ready
            else self.tr("Nothing to compare yet"),
            self.tr(
                "Trains each network by itself with the supernet's recipe, at two rates. {0}."
            ).format(text)
            if ready
            else text,
        )
        self.empty.button.setVisible(ready)
        self.begin.setToolTip(text)
        self._show_progress()

    def _show_table(self) -> None:
        table, snapshot = self.table, self.workbench.snapshot
        self.stack.setCurrentIndex(0 if table is None else 1)
        self._show_progress()
        if table is None or snapshot is None:
            return
        self.rows.show_rows(table.rows, self.workbench.space, snapshot.table.devices)
        ways = {way for row in table.rows for way in row.ways}
        self.view.setColumnHidden(study_model.TAUGHT, "taught" not in ways)
        self.view.setColumnHidden(study_model.TUNED, "tuned" not in ways)
        self.view.setColumnHidden(
            study_model.TARGET, not any(row.target.device for row in table.rows)
        )
        self.accuracy.setText(study_model.accuracy_sentence(table))
        self.cost.setText(study_model.cost_sentence(self.routes))
        self._show_plot()

    def _show_plot(self) -> None:
        measured: list[float] = []
        if self.table is not None and self.routes is not None:
            alone = [row.ways["alone"].cost for row in self.table.rows if "alone" in row.ways]
            seconds = self.routes.unit == "seconds"
            measured = [float((c.seconds or 0.0) if seconds else c.passes) for c in alone]
        self.plot.show_routes(self.routes, measured, self.kind.key())

    def _show_progress(self) -> None:
        live = self.live
        writable = self.workbench.writable
        self.working.setVisible(live is not None)
        shown = live is not None or (self.table is not None and writable) or self.unfinished
        self.begin.setVisible(shown)
        self.taught.setVisible(live is None and not self.unfinished and self._prospect is not None)
        self.begin.setEnabled(live is not None or self.unfinished or self._prospect is not None)
        self.begin.set_icon("stop" if live is not None else "play")
        if live is None:
            again = self.tr("Resume") if self.unfinished else self.tr("Study again")
            self.begin.set_text(again)
            return
        self.begin.set_text(self.tr("Stop"))
        self.bar.set_progress(live.done, live.total)
        parts = [live.said or live.label]
        if live.left_s is not None:
            parts.append(self.tr("{0} left").format(duration_text(live.left_s)))
        self.said.setText(" · ".join(part for part in parts if part))
        if self.table is None:
            self.empty.set_text(
                self.tr("The study is running"),
                self.tr("The first row comes when a network has been trained at every rate."),
            )
            self.empty.button.setVisible(False)
