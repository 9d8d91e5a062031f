"""The Train station: train a supernet by a schedule, watch it, and fit the accuracy predictor of Search to it."""

from __future__ import annotations

import shlex
from pathlib import Path

from PySide6.QtCore import Qt, QThreadPool, QTimer
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QMessageBox, QStackedLayout, QVBoxLayout, QWidget

from nasstudio.engine.job.specification import AnySpec, Reference, TrainSpec
from nasstudio.engine.project import plan
from nasstudio.engine.project.project import Project
from nasstudio.engine.project.records import RunRecord, Snapshot
from nasstudio.engine.train.recipe import Recipe
from nasstudio.engine.train.schedule import Schedule, schedule_names, schedule_preset
from nasstudio.ui.kit.buttons import ghost_button, primary_button, secondary_button
from nasstudio.ui.kit.empty import EmptyState
from nasstudio.ui.kit.header import PageHeader
from nasstudio.ui.kit.notice import ErrorNotice
from nasstudio.ui.pages.page import Page
from nasstudio.ui.pages.train.board import Board
from nasstudio.ui.pages.train.checkpoint_model import (
    Checkpoint,
    checkpoints,
    file_size,
    pair_count,
    predictor,
    used_supernet,
)
from nasstudio.ui.pages.train.course import Course
from nasstudio.ui.pages.train.estimator import Estimator
from nasstudio.ui.pages.train.follower import RunFollower
from nasstudio.ui.pages.train.importer import Importer, dropped
from nasstudio.ui.pages.train.pace import Measured, comparable, trainings
from nasstudio.ui.pages.train.words import clock, needed, percent
from nasstudio.ui.workbench import LiveRun, Make, Workbench
from nasstudio.ui.workers.tasks import Task

DEFAULT_SCHEDULE = "progressive"


class TrainPage(Page):
    """Training, its checkpoints, and the accuracy predictor."""

    station = "train"

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(workbench, parent)
        self.course: Course | None = None
        self.run_id = ""
        self._chosen = ""
        self._sizes: dict[str, int] = {}
        self.setAcceptDrops(True)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self.follower = RunFollower(self)
        self.estimator = Estimator(self)
        self.importer = Importer(workbench, self)
        self._draw = QTimer(self, singleShot=True, interval=100)
        self._build()
        self._connect()
        if workbench.snapshot is not None:
            self._opened(workbench.snapshot)
        self._refresh()

    # -- widgets ------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        self.header = PageHeader(self.tr("Train"))
        self.copy = ghost_button(self.tr("Copy as command"), "terminal")
        self.bring = ghost_button(self.tr("Import..."), "import")
        self.bring.setToolTip(
            self.tr("A published Once-for-All supernet, or its accuracy predictor")
        )
        self.chain = secondary_button(self.tr("Train, then search"), "search")
        self.chain.setToolTip(
            self.tr("One after the other: train, collect accuracy pairs, fit the predictor, search")
        )
        self.stop = secondary_button(self.tr("Stop"), "stop")
        self.stop.setToolTip(self.tr("It can be resumed from its last checkpoint"))
        self.main = primary_button(self.tr("Start training"), "play")
        for widget in (self.bring, self.copy, self.chain, self.stop, self.main):
            self.header.add_action(widget)
        outer.addWidget(self.header)
        self.error = ErrorNotice()
        beneath = QVBoxLayout()
        beneath.setContentsMargins(16, 0, 16, 0)
        beneath.addWidget(self.error)
        outer.addLayout(beneath)
        self.stack = QStackedLayout()
        self.board = Board()
        self.empty = EmptyState("train", self.tr("Nothing to train yet"), "", self.tr("Go on"))
        outer.addLayout(self.stack, 1)
        self.stack.addWidget(self.board)
        self.stack.addWidget(self.empty)

    def _connect(self) -> None:
        bench, board = self.workbench, self.board
        bench.opened.connect(self._opened)
        bench.closed.connect(self._closed)
        bench.changed.connect(self._changed)
        bench.runs_changed.connect(self._soon)
        bench.run_events.connect(self._nudge)
        bench.run_ended.connect(self._ended)
        self.follower.grown.connect(self._grown)
        self.follower.failed.connect(self.error.set_error)
        self.estimator.estimated.connect(self._estimated)
        self.estimator.failed.connect(self.error.set_error)
        self._draw.timeout.connect(self._refresh)
        self.importer.failed.connect(self.error.set_error)
        self.bring.clicked.connect(self.importer.ask)
        self.main.clicked.connect(self.start)
        self.chain.clicked.connect(self.start_chain)
        self.stop.clicked.connect(self.stop_training)
        self.copy.clicked.connect(self._copy_command)
        self.empty.clicked.connect(self._go_on)
        board.notice.resume_asked.connect(bench.resume_run)
        board.schedule.changed.connect(self._keep_schedule)
        board.schedule.recipe_changed.connect(self._keep_recipe)
        board.checkpoints.use_asked.connect(self.use)
        board.checkpoints.continue_asked.connect(self.train_on)
        board.checkpoints.delete_asked.connect(self._ask_delete)
        board.predictor.collect_asked.connect(self.collect)
        board.predictor.fit_asked.connect(self.fit)

    # -- the project --------------------------------------------------------------------------------------------

    def _opened(self, snapshot: Snapshot) -> None:
        self._forget()
        self._know_chosen(snapshot.supernet)
        self._changed(snapshot)

    def _know_chosen(self, sha256: str) -> None:
        self._chosen = sha256
        self._refresh()

    def _closed(self) -> None:
        self._forget()
        self._refresh()

    def _forget(self) -> None:
        self.follower.close()
        self.estimator.forget()
        self._draw.stop()
        self.course, self.run_id, self._chosen = None, "", ""
        self._sizes = {}
        self.error.set_error(None)
        self.board.predictor.error.set_error(None)

    def _changed(self, snapshot: Snapshot) -> None:
        runs = trainings(snapshot)
        newest = runs[0] if runs else None
        if (newest.id if newest else "") != self.run_id:
            self._follow(newest)
        self._look_up_sizes(snapshot)
        self._refresh()

    def _follow(self, run: RunRecord | None) -> None:
        self.run_id = run.id if run else ""
        self.course = Course(run.spec.schedule) if run and isinstance(run.spec, TrainSpec) else None
        self.follower.follow(run.path if run and self.course else None)

    def _nudge(self, run_id: str, _: object = None) -> None:
        if run_id == self.run_id:
            self.follower.nudge()

    def _ended(self, run: LiveRun) -> None:
        self._nudge(run.id)
        if run.failure is not None and run.kind in ("train", "importing", "collect", "fit"):
            of_supernet = run.kind in ("train", "importing")
            place = self.error if of_supernet else self.board.predictor.error
            place.set_error(run.failure)

    def _grown(self, events: list) -> None:
        if self.course is not None:
            self.course.take(events)
            self._soon()

    def _soon(self) -> None:
        if not self._draw.isActive():
            self._draw.start()

    def _look_up_sizes(self, snapshot: Snapshot) -> None:
        nets = [a.path for a in snapshot.artefacts if a.kind == "supernet"]
        wanted = [path for path in nets if path not in self._sizes]
        root = snapshot.path
        if not wanted:
            return

        def arrived(found: dict[str, int]) -> None:
            self._sizes.update(found)
            self._soon()

        Task(
            self,
            lambda: {path: file_size(root / path) for path in wanted},
            arrived,
            self.error.set_error,
        ).start(self._pool)

    # -- what is shown ------------------------------------------------------------------------------------------

    @property
    def live(self) -> LiveRun | None:
        """The training that runs."""
        found = self.workbench.running("train")
        return found[0] if found else None

    def _leaving(self) -> bool:
        """Whether the shown training has said its last word and its process is still going."""
        run = self.workbench.live.get(self.run_id)
        return run is not None and run.watcher is not None

    @property
    def needs(self) -> str:
        """Station that has to come first; ``start`` without a project, empty if one can train."""
        snapshot = self.workbench.snapshot
        if snapshot is None:
            return "start"
        if snapshot.data is None:
            return "data"
        return "space" if self.workbench.space is None else ""

    def next_schedule(self) -> Schedule:
        """What the next training would follow."""
        snapshot = self.workbench.snapshot
        return (snapshot.schedule if snapshot else None) or schedule_preset(DEFAULT_SCHEDULE)

    def _refresh(self) -> None:
        needs, snapshot = self.needs, self.workbench.snapshot
        self.stack.setCurrentIndex(1 if needs else 0)
        self._show_actions(needs)
        if needs or snapshot is None:
            title, text, button = needed(needs)
            self.empty.set_text(title, text)
            self.empty.button.set_text(button)
            return
        live = self.live
        follows = live is not None and live.id == self.run_id
        if follows and live is not None and self.course is not None and live.left_s is not None:
            self.course.left_s = live.left_s
        busy = live is not None or self._leaving()
        self.board.notice.show_newest(snapshot, self.course, live=busy)
        self.board.show_course(
            self.course, self.next_schedule(), self.workbench.space,
            live=follows, writable=snapshot.writable,
        )  # fmt: skip
        self.board.schedule.recipe.show_recipe(snapshot.recipe, editable=snapshot.writable)
        self._ask_times(snapshot)
        self._show_lists(snapshot, live)

    def _show_actions(self, needs: str) -> None:
        live, writable = self.live, self.workbench.writable
        for widget in (self.copy, self.main):
            widget.setVisible(not needs)
        self.bring.setVisible(self.workbench.snapshot is not None)
        self.bring.setEnabled(writable and not self.workbench.running("importing"))
        self.stop.setVisible(live is not None)
        self.chain.setVisible(live is None and not needs)
        self.chain.setEnabled(writable and not self.workbench.running("collect", "fit"))
        if live is None:
            words = self.tr("Start training"), "play", self.tr("By the schedule below")
        elif live.state == "paused":
            words = self.tr("Resume training"), "play", self.tr("Nothing was lost")
        else:
            words = self.tr("Pause training"), "pause", self.tr("It holds still; nothing is lost")
        text, icon, tip = words
        self.main.set_icon(icon)
        self.main.set_text(text)
        self.main.setToolTip(tip)
        self.main.setEnabled(writable)
        self.header.set_subtitle(self._subtitle(live))

    def _subtitle(self, live: LiveRun | None) -> str:
        snapshot = self.workbench.snapshot
        if snapshot is None:
            return self.tr("Train once; search as often as you like.")
        used = used_supernet(snapshot, self.workbench.space, self._chosen)
        if live is not None and (live.state == "waiting" or live.rests_for):
            return live.said or self.tr("The training waits.")
        if live is not None:
            course = self.course
            phase = course.schedule.phases[course.phase].name if course else live.label
            text = self.tr("{0} is in phase {1}.").format(live.name, phase)
            if used is not None:
                ready = self.tr(" Search works already, with the supernet of {0}.")
                text += ready.format(clock(used.created))
            return text
        if used is not None:
            return self.tr(
                "Search uses the supernet of {0}: largest {1} %, smallest {2} %."
            ).format(
                clock(used.created),
                percent(used.about.get("largest")),
                percent(used.about.get("smallest")),
            )
        return self.tr("Every network of the space is a part of one supernet: train it once.")

    def _show_lists(self, snapshot: Snapshot, live: LiveRun | None) -> None:
        space = self.workbench.space
        used = used_supernet(snapshot, space, self._chosen)
        self.board.checkpoints.show_checkpoints(
            checkpoints(snapshot, space, self._chosen, self._sizes),
            busy=live is not None,
            writable=snapshot.writable,
            live=live.id if live else "",
        )
        runs = self.workbench.running("collect", "fit")
        sha256 = used.sha256 if used else ""
        self.board.predictor.show_state(
            pair_count(snapshot, space, sha256),
            predictor(snapshot, space, sha256),
            runs[0] if runs else None,
            supernet=used is not None,
            writable=snapshot.writable,
        )

    # -- how long it takes --------------------------------------------------------------------------------------

    def _ask_times(self, snapshot: Snapshot) -> None:
        space, schedule = self.workbench.space, self.board.schedule.model.schedule
        run, course = snapshot.run(self.run_id), self.course
        if space is None or schedule is None:
            return
        seconds = tuple(p.seconds for p in course.phases()) if course else ()
        known = run is not None and comparable(run, snapshot) and any(seconds)
        measured = Measured(course.schedule, seconds) if known and course else None
        self.estimator.ask(space, schedule, measured)

    def _estimated(self, found: list[float | None]) -> None:
        live, course = self.live, self.course
        follows = live is not None and live.id == self.run_id and course is not None
        own = [p.seconds for p in course.phases()] if follows and course else [None] * len(found)
        if len(own) == len(found):
            times = [o or f for o, f in zip(own, found, strict=True)]
            self.board.schedule.set_times(times, [o is not None for o in own])

    # -- what a person asks for ---------------------------------------------------------------------------------

    def _go_on(self) -> None:
        self.go_to.emit(self.needs or "start")

    def _copy_command(self) -> None:
        QGuiApplication.clipboard().setText(self.command_line())

    def start(self) -> None:
        """Start a training, or pause or resume the one that runs."""
        live = self.live
        if live is not None:
            (self.workbench.resume if live.state == "paused" else self.workbench.pause)(live.id)
            return
        self._begin(self._train_make())

    def start_chain(self) -> None:
        """Train, collect pairs, fit the predictor, search."""
        networks = int(self.board.predictor.networks.value())
        self._chosen = ""
        self._begin(
            self._train_make(use_newest=True),
            lambda project: plan.collect(project, networks, threads=self.workbench.threads),
            plan.fit,
            plan.search,
        )

    def _begin(self, *makes: Make) -> None:
        self.error.set_error(None)
        self.workbench.start(*makes, problem=self.error.set_error)

    def _train_make(self, start: Checkpoint | None = None, *, use_newest: bool = False) -> Make:
        schedule = self.next_schedule()

        def make(project: Project) -> AnySpec:
            reference = Reference(start.path, start.sha256) if start else None
            if use_newest:
                project.put("supernet", "")
            return plan.train(project, schedule, start=reference, threads=self.workbench.threads)

        return make

    def train_on(self, checkpoint: Checkpoint) -> None:
        """A new training that begins with the weights of a checkpoint."""
        self._begin(self._train_make(checkpoint))

    def stop_training(self) -> None:
        """Stop the training; it can be resumed."""
        if self.live is not None:
            self.workbench.stop(self.live.id)

    def use(self, checkpoint: Checkpoint) -> None:
        """Let Search, pairs and exports use this supernet."""
        sha256 = checkpoint.sha256

        def keep(project: Project) -> str:
            project.put("supernet", sha256)
            return sha256

        self.workbench.do(keep, self._know_chosen, self.error.set_error)

    def collect(self, networks: int) -> None:
        """Measure the accuracy of subnets for the predictor."""
        self.board.predictor.error.set_error(None)
        self.workbench.start(
            lambda project: plan.collect(project, networks, threads=self.workbench.threads),
            problem=self.board.predictor.error.set_error,
        )

    def fit(self) -> None:
        """Fit the accuracy predictor."""
        self.board.predictor.error.set_error(None)
        self.workbench.start(plan.fit, problem=self.board.predictor.error.set_error)

    # -- files dropped onto the page ----------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self.workbench.writable and dropped(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        self.importer.take_in(dropped(event))
        event.acceptProposedAction()

    def take_file(self, path: Path) -> None:
        """A checkpoint that was dropped on the window."""
        self.importer.take_in([path])

    # -- what is kept -------------------------------------------------------------------------------------------

    def _keep_schedule(self, schedule: Schedule) -> None:
        self.workbench.do(
            lambda project: project.put("schedule", schedule), problem=self.error.set_error
        )

    def _keep_recipe(self, recipe: Recipe) -> None:
        self.workbench.do(
            lambda project: project.put("recipe", recipe), problem=self.error.set_error
        )

    def _ask_delete(self, run_id: str) -> None:
        snapshot = self.workbench.snapshot
        run = snapshot.run(run_id) if snapshot else None
        if run is None:
            return
        box = QMessageBox(self)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setWindowTitle(self.tr("Delete a training"))
        box.setText(self.tr("Delete {0} of {1}?").format(run.name, clock(run.created)))
        box.setInformativeText(
            self.tr("Its curves and all its checkpoints leave the disk. This can't be undone.")
        )
        delete = box.addButton(self.tr("Delete"), QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        delete.clicked.connect(lambda: self.delete(run_id))
        box.open()

    def delete(self, run_id: str) -> None:
        """Delete a training with all its files."""
        self.workbench.do(lambda project: project.delete_run(run_id), problem=self.error.set_error)

    def command_line(self) -> str:
        """The command that starts this training."""
        snapshot = self.workbench.snapshot
        if snapshot is None or self.needs:
            return ""
        schedule = self.next_schedule()
        names = (n for n in schedule_names() if schedule_preset(n).phases == schedule.phases)
        named = next(names, "")
        parts = ["nasstudio", "train", str(snapshot.path)]
        # Without --schedule the command follows the one that the project holds, and its recipe in any case.
        parts += ["--schedule", named] if named else []
        return shlex.join([*parts, "--threads", str(self.workbench.threads)])
