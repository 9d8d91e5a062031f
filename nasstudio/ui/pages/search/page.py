"""The Search station: limits are lines that one drags, and the best network follows the hand.

The page builds the parts, binds them to `SearchModel` and starts jobs. What follows a dragged limit is drawn at once;
panel, header and table follow a few times a second.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QUndoStack
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from nasstudio.engine.errors import StudioError
from nasstudio.engine.project import plan
from nasstudio.engine.search.limit import Algorithm, Limit
from nasstudio.ui.commands import Command
from nasstudio.ui.kit.buttons import ghost_button, primary_button
from nasstudio.ui.kit.empty import EmptyState
from nasstudio.ui.kit.header import PageHeader
from nasstudio.ui.kit.notice import ErrorNotice, InlineNotice
from nasstudio.ui.pages.page import Page
from nasstudio.ui.pages.search import words
from nasstudio.ui.pages.search.bottom import Bottom
from nasstudio.ui.pages.search.chart import Chart
from nasstudio.ui.pages.search.marks import marks_of
from nasstudio.ui.pages.search.panel import SearchPanel
from nasstudio.ui.pages.search.reference import AddReference
from nasstudio.ui.translatable import QT_TRANSLATE_NOOP
from nasstudio.ui.views.search_model import SearchModel
from nasstudio.ui.views.search_runs import searches
from nasstudio.ui.workbench import LiveRun, Workbench

_PANEL_MS, _TABLE_MS = 33, 110
_COMMANDS = (
    Command("search.fit", QT_TRANSLATE_NOOP("Commands", "Show everything in the plot"), icon="fit"),
    Command("search.brush", QT_TRANSLATE_NOOP("Commands", "Brush a rectangle"), icon="rect"),
    Command("search.reference", QT_TRANSLATE_NOOP("Commands", "Add a reference…"), icon="plus"),
    Command(
        "search.refine",
        QT_TRANSLATE_NOOP("Commands", "Refine the search under the limits"),
        icon="sparkle",
    ),
    Command("search.replay", QT_TRANSLATE_NOOP("Commands", "Replay the generations"), icon="play"),
)


class SearchPage(Page):
    """The page.

    Signals
    -------
    best_changed(genome or None) : the star, for the inspector.
    device_changed(device id) : the device on the x axis, for the inspector.
    """

    station = "search"
    best_changed = Signal(object)
    device_changed = Signal(str)

    def __init__(
        self,
        workbench: Workbench,
        undo_stack: QUndoStack | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(workbench, parent)
        self._best: tuple[int, ...] | None = None
        self._device = ""
        self.model = SearchModel(workbench, undo_stack, self)
        self._panel_timer = QTimer(self, singleShot=True, interval=_PANEL_MS)
        self._panel_timer.timeout.connect(self._refresh_panel)
        self._table_timer = QTimer(self, singleShot=True, interval=_TABLE_MS)
        self._table_timer.timeout.connect(self._refresh_table)
        self._build()
        self._connect()
        self._grounded()
        self._loaded()

    # -- building -----------------------------------------------------------------------------------------------

    def _build(self) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        self.header = PageHeader(self.tr("Search"))
        self.copy_button = ghost_button(self.tr("Copy as command"), "terminal")
        self.copy_button.setToolTip(self.tr("Copy the command line that starts the same search"))
        self.reference_button = ghost_button(self.tr("Add reference…"), "plus")
        self.reference_button.setToolTip(
            self.tr("Measure a network of your own and draw it in the same plot")
        )
        self.main_button = primary_button(self.tr("Start search"), "play")
        for button in (self.reference_button, self.copy_button, self.main_button):
            self.header.add_action(button)
        outer.addWidget(self.header)
        self.stack = QStackedWidget()
        outer.addWidget(self.stack, 1)
        self.empty = EmptyState("search", "", "", " ", primary=True)
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self._work())

    def _work(self) -> QWidget:
        work = QWidget()
        row = QHBoxLayout(work)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        self.panel = SearchPanel(self.model)
        row.addWidget(self.panel)
        right = QVBoxLayout()
        right.setContentsMargins(16, 0, 16, 8)
        right.setSpacing(8)
        self.error = ErrorNotice()
        self.notice = InlineNotice("warn")
        self.notice.clicked.connect(self._search_again)
        right.addWidget(self.error)
        right.addWidget(self.notice)
        self.chart = Chart(self.model)
        self.bottom = Bottom(self.model)
        self.plot_stack = QStackedWidget()
        self.first = EmptyState(
            "search",
            self.tr("No search yet"),
            self.tr(
                "A search evaluates thousands of networks with the latency table and the accuracy predictor. "
                "It takes seconds, and its answers follow every limit that you drag."
            ),
            self.tr("Start search"),
            button_icon="play",
        )
        self.plot_stack.addWidget(self.chart)
        self.plot_stack.addWidget(self.first)
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.setChildrenCollapsible(False)
        splitter.setHandleWidth(8)
        splitter.addWidget(self.plot_stack)
        splitter.addWidget(self.bottom)
        splitter.setStretchFactor(0, 2)
        splitter.setStretchFactor(1, 1)
        splitter.setSizes([500, 240])
        right.addWidget(splitter, 1)
        row.addLayout(right, 1)
        return work

    def _connect(self) -> None:
        model, bench = self.model, self.workbench
        model.grounded.connect(self._grounded)
        model.loaded.connect(self._loaded)
        model.answered.connect(self._answered)
        model.explained.connect(self.panel.show_reason)
        model.brushed.connect(self._table_timer.start)
        model.failed.connect(self._failed)
        bench.changed.connect(self._project_changed)
        bench.closed.connect(self._grounded)
        bench.runs_changed.connect(self._show_running)
        bench.selected.connect(self._selected)
        bench.run_ended.connect(self._run_ended)
        self.main_button.clicked.connect(self.start_or_pause)
        self.first.clicked.connect(lambda: self.start())
        self.copy_button.clicked.connect(self._copy)
        self.reference_button.clicked.connect(self.ask_reference)
        self.chart.reference_wanted.connect(self.ask_reference)
        self.empty.clicked.connect(self._get_what_is_missing)
        self.panel.refine_wanted.connect(lambda: self.start(refine=True))
        self.panel.objective_chosen.connect(self._objective)
        self.chart.genome_chosen.connect(bench.select)
        self.chart.plot.failed.connect(self._failed)
        self.bottom.failed.connect(self._failed)
        self.bottom.candidates.chosen.connect(bench.select)
        self.bottom.candidates.pin_wanted.connect(self.toggle_pin)
        self.bottom.history.chosen.connect(self._show_run)

    # -- what is missing ----------------------------------------------------------------------------------------

    def _grounded(self) -> None:
        """Metrics or what is missing changed."""
        need = self.model.needs
        states = {
            "project": (
                self.tr("Open a project to search"),
                self.tr("A project holds a space, latency tables and a trained supernet."),
                self.tr("Go to Start"),
                "start",
            ),
            "space": (
                self.tr("Choose what may be searched"),
                self.tr(
                    "A search needs a space of networks: its stages, depths, kernels and expand ratios."
                ),
                self.tr("Choose a space"),
                "space",
            ),
            "table": (
                self.tr("Measure a device first"),
                self.tr(
                    "A search needs the time of every layer of the space on at least one device."
                ),
                self.tr("Measure a device"),
                "devices",
            ),
            "predictor": (
                self.tr("Train first"),
                self.tr(
                    "A search needs an accuracy predictor, and that learns from subnets of a trained supernet."
                ),
                self.tr("Train a supernet"),
                "train",
            ),
        }
        if need:
            title, text, words_of_button, station = states[need]
            self.empty.set_text(title, text)
            self.empty.button.set_text(words_of_button)
            self.empty.button.setProperty("station", station)
        self.stack.setCurrentIndex(0 if need else 1)
        for button in (self.copy_button, self.reference_button, self.main_button):
            button.setVisible(not need)
        if not need:
            self.panel.show_metrics()
        self.header.set_subtitle(words.subtitle(self.model, self.tr))
        self._show_running()

    def _get_what_is_missing(self) -> None:
        self.go_to.emit(str(self.empty.button.property("station")))

    # -- following the model ------------------------------------------------------------------------------------

    def _loaded(self) -> None:
        model = self.model
        fresh = not model.seen_count and not self.workbench.running("search")
        self.plot_stack.setCurrentIndex(1 if fresh and not model.busy else 0)
        self.bottom.setVisible(not fresh or bool(model.shown))
        self.panel.show_curve()
        self.error.set_error(None)
        self._show_marks()
        self._show_outdated()
        self._tell_device()
        self._answered()
        if model.needs != self._need_shown():
            self._grounded()

    def _need_shown(self) -> str:
        return "" if self.stack.currentIndex() else self.model.needs

    def _answered(self) -> None:
        """Plot and star are drawn already; the rest follows on timers."""
        for timer in (self._panel_timer, self._table_timer):
            if not timer.isActive():
                timer.start()

    def _refresh_panel(self) -> None:
        self.panel.show_limits()
        self.header.set_subtitle(words.subtitle(self.model, self.tr))
        self._show_running()
        self._tell_best()
        self.chart.show_ring(self.workbench.selection)

    def _refresh_table(self) -> None:
        self.bottom.refresh(self.workbench.selection)

    def _tell_best(self) -> None:
        answer = self.model.answer
        best = self.model.genome(answer.best) if answer and answer.best is not None else None
        if best != self._best:
            self._best = best
            self.best_changed.emit(best)

    def _tell_device(self) -> None:
        quantity = self.model.quantities.get(self.model.x_key)
        if (
            quantity is not None
            and quantity.device is not None
            and quantity.device.id != self._device
        ):
            self._device = quantity.device.id
            self.device_changed.emit(self._device)

    def _selected(self, genome: tuple[int, ...] | None) -> None:
        self.chart.show_ring(genome)
        self.bottom.candidates.show_selection(genome)

    def _project_changed(self, _: object) -> None:
        self._show_marks()
        self._show_outdated()
        self._show_running()
        if bool(self.model.needs) == bool(self.stack.currentIndex()):
            self._grounded()

    def _show_marks(self) -> None:
        snapshot, model = self.workbench.snapshot, self.model
        if snapshot is None:
            return
        self.chart.plot.set_marks(marks_of(model, snapshot))
        space = model.space.hash if model.space else ""
        pins = {s.genome: s.pin for s in snapshot.subnets if s.space == space and s.pin is not None}
        self.bottom.candidates.rows.set_pins(pins)
        self.bottom.history.rows.set_runs(searches(snapshot), model.shown)

    def _show_outdated(self) -> None:
        outdated = self.model.outdated and bool(self.model.shown)
        self.notice.setVisible(outdated)
        if outdated:
            self.notice.set_notice(
                "warn",
                self.tr("The latency table has changed since this search."),
                self.tr(
                    "Latencies are shown as the table is now; a new search finds what fits it better."
                ),
            )

    # -- jobs ---------------------------------------------------------------------------------------------------

    def _running(self) -> LiveRun | None:
        runs = self.workbench.running("search")
        return runs[-1] if runs else None

    def _show_running(self) -> None:
        """The main button says what it would do."""
        run = self._running()
        writable = self.workbench.writable
        if run is None:
            self.main_button.set_text(self.tr("Start search"))
            self.main_button.set_icon("play")
        elif run.state == "paused":
            self.main_button.set_text(self.tr("Resume search"))
            self.main_button.set_icon("play")
        else:
            self.main_button.set_text(self.tr("Pause search"))
            self.main_button.set_icon("pause")
        self.main_button.setEnabled(writable)
        self.panel.show_running(can_refine=writable and run is None)

    def start_or_pause(self) -> None:
        """What the main button does."""
        run = self._running()
        if run is None:
            self.start()
        elif run.state == "paused":
            self.workbench.resume(run.id)
        else:
            self.workbench.pause(run.id)

    def start(self, *, refine: bool = False) -> None:
        """Search the whole front, or only under the limits."""
        model = self.model
        settings = words.search_settings(model)
        limits: tuple[Limit, ...] = ()
        if refine and model.answer is not None:
            limits = model.answer.limits
        objective = model.x_key_for_search
        self.error.set_error(None)
        model.show_run("")

        def make(project):
            return plan.search(
                project,
                objective,
                limits=limits,
                algorithm=Algorithm(str(settings["algorithm"])),
                budget=settings["budget"],
                population=settings["population"],
            )

        self.workbench.start(make, problem=self._failed)

    def _search_again(self) -> None:
        self.start()

    def _run_ended(self, run: LiveRun) -> None:
        if run.kind in ("search", "verify", "reference") and run.failure is not None:
            self.error.set_error(run.failure)

    def _failed(self, problem: StudioError) -> None:
        self.error.set_error(problem)

    def _show_run(self, run_id: str) -> None:
        self.chart.replay.reset()
        self.model.show_run(run_id)
        snapshot = self.workbench.snapshot
        if snapshot is not None:
            self.bottom.history.rows.set_runs(searches(snapshot), self.model.shown)

    def _objective(self, key: str) -> None:
        self.model.set_axes(key, "accuracy")

    def toggle_pin(self, genome: tuple[int, ...]) -> None:
        """Pin or unpin a network."""
        space, snapshot = self.model.space, self.workbench.snapshot
        if space is None or snapshot is None or not snapshot.writable:
            return
        record = snapshot.subnet(space.hash, genome)
        on, key = record is None or record.pin is None, space.hash
        self.workbench.do(lambda project: project.pin(key, genome, on=on), problem=self._failed)

    def ask_reference(self) -> None:
        """Ask which network is to be measured as a reference."""
        popover = AddReference(self)
        popover.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        popover.wanted.connect(self.add_reference)
        popover.show_beside(self.reference_button)
        popover.name.setFocus()

    def add_reference(self, source: str, model: str, resolution: int) -> None:
        """Measure a reference."""
        self.error.set_error(None)
        self.workbench.start(
            lambda project: plan.reference(project, source, model, resolution=resolution),
            problem=self._failed,
        )

    # -- the page's contract ------------------------------------------------------------------------------------

    def command_line(self) -> str:
        snapshot = self.workbench.snapshot
        if snapshot is None or self.model.needs:
            return ""
        return words.command_line(self.model, str(snapshot.path), refine=False)

    def _copy(self) -> None:
        line = self.command_line()
        if line:
            QGuiApplication.clipboard().setText(line)

    def commands(self) -> list[Command]:
        return list(_COMMANDS)

    def does(self, command_id: str) -> Callable[..., object] | None:
        return {
            "search.fit": self.chart.plot.show_all,
            "search.brush": self.chart.brush_tool.click,
            "search.reference": self.ask_reference,
            "search.refine": lambda: self.start(refine=True),
            "search.replay": self.chart.replay.toggle,
        }.get(command_id)

    def take_file(self, path: Path) -> None:
        """An ONNX file that was dropped becomes a reference."""
        if path.suffix.lower() == ".onnx" and self.workbench.writable:
            self.add_reference("onnx", str(path.resolve()), 224)

    def close_down(self) -> None:
        for timer in (self._panel_timer, self._table_timer):
            timer.stop()
        self.chart.replay.stop()
        self.chart.plot.cloud.stop()
        self.model.close()
