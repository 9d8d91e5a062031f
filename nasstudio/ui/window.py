"""The window: rail, pages, inspector, tray, and the actions that belong to no page.

It builds the frame, makes each page when it is first shown and connects the workbench to what shows it. What a page
does is the page's; what the project holds is the workbench's.
"""

from __future__ import annotations

import importlib
from functools import partial
from pathlib import Path

from PySide6.QtCore import QByteArray, QEvent, Qt, QThreadPool, QTimer, QUrl
from PySide6.QtGui import (
    QCloseEvent,
    QDesktopServices,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QKeyEvent,
    QUndoStack,
)
from PySide6.QtWidgets import (
    QDockWidget,
    QHBoxLayout,
    QMainWindow,
    QScrollArea,
    QStackedWidget,
    QStatusBar,
    QVBoxLayout,
    QWidget,
)

from nasstudio.engine.errors import StudioError
from nasstudio.engine.project.records import Snapshot
from nasstudio.ui.commands import Commands
from nasstudio.ui.frame.about import AboutDialog, ShortcutsDialog
from nasstudio.ui.frame.exchange import Exchange
from nasstudio.ui.frame.guide import Guide
from nasstudio.ui.frame.log_dialog import LogDialog
from nasstudio.ui.frame.notifications import Notifications
from nasstudio.ui.frame.page_commands import bind_page_commands
from nasstudio.ui.frame.palette import Palette
from nasstudio.ui.frame.rail import Rail
from nasstudio.ui.frame.report import ReportDialog
from nasstudio.ui.frame.runs import job_rows
from nasstudio.ui.frame.settings_dialog import SettingsDialog
from nasstudio.ui.frame.topbar import TopBar
from nasstudio.ui.frame.tray import Tray
from nasstudio.ui.opening import Opening
from nasstudio.ui.pages.page import Page
from nasstudio.ui.settings import (
    DATA_FOLDER,
    INTERPRETER,
    NOTIFY,
    REDUCE_MOTION,
    THEME,
    THREADS,
    Settings,
    use_data_folder,
)
from nasstudio.ui.theme import theme
from nasstudio.ui.views.inspector import Inspector
from nasstudio.ui.workbench import LiveRun, Workbench

# Station: module and class of its page, imported when it is first shown.
PAGES = {
    "start": ("nasstudio.ui.pages.start.page", "StartPage"),
    "data": ("nasstudio.ui.pages.data.page", "DataPage"),
    "space": ("nasstudio.ui.pages.space.page", "SpacePage"),
    "devices": ("nasstudio.ui.pages.devices.page", "DevicesPage"),
    "train": ("nasstudio.ui.pages.train.page", "TrainPage"),
    "search": ("nasstudio.ui.pages.search.page", "SearchPage"),
    "compare": ("nasstudio.ui.pages.compare.page", "ComparePage"),
    "export": ("nasstudio.ui.pages.export.page", "ExportPage"),
}
_LAYOUT = 1  # version of the saved layout


class Window(QMainWindow):
    """The main window."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.workbench = Workbench(
            self, interpreter=settings.get(INTERPRETER), threads=settings.get(THREADS)
        )
        self.opening = Opening(self.workbench, settings, self)
        self.exchange = Exchange(self.workbench, self, self.drop)
        self.guide = Guide(self)
        self.undo = QUndoStack(self)
        self.commands = Commands(self)
        self._pages: dict[str, Page] = {}
        self._visited: str = "start"
        self._build()
        self._bind()
        self._connect()
        self._restore()
        self.show_station("start")
        # Not to undo, nor to the palette: the arrow keys walk through the stations.
        self.rail.setFocus(Qt.FocusReason.OtherFocusReason)

    # -- building -----------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.setWindowTitle("NAS Studio")
        self.resize(1440, 900)
        self.setMinimumSize(1024, 640)
        self.setAcceptDrops(True)
        self.topbar = TopBar(self)
        self.setMenuWidget(self.topbar)
        self.rail = Rail(self)
        self.stack = QStackedWidget()
        middle = QWidget()
        row = QHBoxLayout(middle)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.rail)
        row.addWidget(self.stack, 1)
        self.setCentralWidget(middle)
        self.inspector = Inspector(self.workbench)
        _let_tab_pass(self.inspector)
        self.dock = QDockWidget(self.tr("Inspector"), self)
        self.dock.setObjectName("inspector")
        self.dock.setTitleBarWidget(QWidget(self.dock))
        self.dock.setFeatures(QDockWidget.DockWidgetFeature.DockWidgetClosable)
        self.dock.setWidget(self.inspector)
        self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.dock)
        self.tray = Tray(self)
        bottom = QWidget()
        column = QVBoxLayout(bottom)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.tray)
        bar = QStatusBar(self)
        bar.setSizeGripEnabled(False)
        bar.setContentsMargins(0, 0, 0, 0)
        bar.addWidget(bottom, 1)
        layout = bar.layout()
        if layout is not None:
            layout.setContentsMargins(0, 0, 0, 0)
        self.setStatusBar(bar)
        self.palette_popup = Palette(self.commands, self)
        self.notifications = Notifications(self)
        self.notifications.desktop_wanted = self.settings.get(NOTIFY)

    def _bind(self) -> None:
        opened = self._has_project
        bind = self.commands.bind
        self.topbar.bind(self.commands)
        self.rail.bind(self.commands)
        self.tray.bind(self.commands)
        bind("file.new", self.opening.new)
        bind("file.open", self.opening.ask)
        bind("file.sample", self.opening.sample)
        bind("file.import", self.exchange.import_file, opened)
        bind("file.save_copy", self.exchange.save_copy, opened)
        bind("file.close", self.workbench.close, opened)
        bind("file.settings", self.show_settings)
        bind("file.quit", self.close)
        bind("edit.undo", self.undo.undo, self.undo.canUndo)
        bind("edit.redo", self.undo.redo, self.undo.canRedo)
        bind_page_commands(self.commands, lambda: self._pages.get(self._visited), self.copy_command)
        self.guide.bind(self.commands)
        bind("view.inspector", self._show_inspector, self._can_inspect)
        bind("view.reset", self._reset_layout)
        bind("view.fullscreen", self._fullscreen)
        bind("run.folder", self._open_run_folder, lambda: self.tray.current() is not None)
        bind("help.shortcuts", lambda: ShortcutsDialog(self.commands, self).open())
        bind("help.about", lambda: AboutDialog(self).open())
        bind("help.report", self._report)

    def _connect(self) -> None:
        bench = self.workbench
        self.rail.station_chosen.connect(self.show_station)
        self.topbar.palette_wanted.connect(lambda: self.palette_popup.open_over(self))
        self.topbar.theme_toggled.connect(self._toggle_theme)
        self.topbar.notifications_wanted.connect(
            lambda: self.notifications.open_list(self.topbar.bell)
        )
        self.notifications.unread_changed.connect(self.topbar.bell.set_unread)
        for index_changed in (self.undo.indexChanged, self.undo.cleanChanged):
            index_changed.connect(self.commands.refresh)
        self.inspector.go_to.connect(self.show_station)
        bench.opened.connect(self._opened)
        bench.closed.connect(self._closed)
        bench.changed.connect(self._changed)
        bench.runs_changed.connect(self._show_jobs)
        bench.run_ended.connect(self._say_ended)
        bench.problem.connect(self.show_problem)
        self.opening.problem.connect(self.show_problem)
        self.exchange.problem.connect(self.show_problem)
        self.exchange.copied.connect(self._say_copied)
        self.tray.opened.connect(self._keep_toasts_off_the_tray)
        self.tray.pause.connect(bench.pause)
        self.tray.resume.connect(self._resume)
        self.tray.stop.connect(bench.stop)
        self.tray.log.connect(self.show_log)
        self.tray.delete.connect(lambda run: bench.do(lambda project: project.delete_run(run)))
        self.settings.changed.connect(self._setting_changed)

    # -- stations -----------------------------------------------------------------------------------------------

    @property
    def page(self) -> Page:
        """The page that is shown."""
        return self._pages[self._visited]

    def page_of(self, station: str) -> Page:
        """The page of a station, made when it is first asked for."""
        if station not in self._pages:
            module, name = PAGES[station]
            kind = getattr(importlib.import_module(module), name)
            page: Page = kind(self.workbench, **self._extras(station))
            page.go_to.connect(self.show_station)
            for command in page.commands():
                self.commands.register(command, page.does(command.id))
            if station == "search":
                page.best_changed.connect(self.inspector.set_best)  # type: ignore[attr-defined]
                page.device_changed.connect(self.inspector.set_device)  # type: ignore[attr-defined]
            _let_tab_pass(page)
            self._pages[station] = page
            self.stack.addWidget(page)
        return self._pages[station]

    def _extras(self, station: str) -> dict[str, object]:
        if station in ("devices", "space", "search"):
            return {"undo_stack": self.undo}
        if station == "start":
            return {"opening": self.opening}
        return {}

    def show_station(self, station: str) -> None:
        """Show a page."""
        page = self.page_of(station)
        if station != self._visited:
            self.guide.tour.end()
        self._visited = station
        self.stack.setCurrentWidget(page)
        self.rail.set_station(station)
        self._place_inspector()
        self.commands.refresh()

    def _place_inspector(self) -> None:
        """The inspector stands beside the pages that show networks."""
        wanted = self.settings.recall("inspector", True)
        self.dock.setVisible(bool(wanted) and self._can_inspect())
        self.commands.action("view.inspector").setChecked(bool(wanted))

    def _can_inspect(self) -> bool:
        return self._visited == "search" and self._has_project()

    def _show_inspector(self, shown: bool) -> None:
        self.settings.remember("inspector", {"shown": shown} if shown else {})
        self._place_inspector()

    # -- what happens ---------------------------------------------------------------------------------------------

    def _has_project(self) -> bool:
        return self.workbench.snapshot is not None

    def _opened(self, snapshot: Snapshot) -> None:
        self.undo.clear()
        if not snapshot.writable:
            self.notifications.notify(
                self.tr("Open for reading only"),
                self.tr("The project is held by {0}.").format(snapshot.holder)
                if snapshot.holder
                else self.tr("Its folder can't be written."),
                "warn",
            )
        interrupted = [run for run in snapshot.runs if run.state == "interrupted"]
        for run in interrupted[-3:]:
            self.notifications.notify(
                self.tr("{0} was interrupted").format(run.name),
                self.tr("It goes on from its last checkpoint."),
                "warn",
                self.tr("Resume"),
                partial(self.workbench.resume_run, run.id),
            )
        if self._visited == "start":
            self.show_station(self._first_station())
        self.guide.greet()

    def _first_station(self) -> str:
        """Where a person would go on: the first station that is not done, Search at the latest."""
        states = self.workbench.stations
        order = ("data", "space", "devices", "train")
        return next((s for s in order if states[s] in ("empty", "stale")), "search")

    def _closed(self) -> None:
        self.undo.clear()
        self.topbar.set_project("")
        self._show_states()
        self.show_station("start")

    def _changed(self, snapshot: Snapshot) -> None:
        note = "" if snapshot.writable else self.tr("read-only")
        self.topbar.set_project(snapshot.title, note=note)
        self._show_states()
        self._show_jobs()
        self._place_inspector()
        self.commands.refresh()

    def _show_states(self) -> None:
        for station, state in self.workbench.stations.items():
            self.rail.set_state(station, state)

    def _show_jobs(self) -> None:
        self.tray.set_jobs(job_rows(self.workbench.snapshot, self.workbench.live))

    def _resume(self, run_id: str) -> None:
        live = self.workbench.live.get(run_id)
        if live is not None and live.state == "paused":
            self.workbench.resume(run_id)
        else:
            self.workbench.resume_run(run_id)

    def _say_ended(self, run: LiveRun) -> None:
        def log() -> None:
            self.show_log(run.id)

        if run.state == "done":
            self.notifications.notify(self.tr("{0} is done").format(run.name), "", "good")
        elif run.state == "failed":
            self._say_failed(run, log)
        elif run.state == "interrupted":
            self.notifications.notify(
                self.tr("{0} was interrupted").format(run.name),
                self.tr("Its process ended without a word. It goes on from its last checkpoint."),
                "warn",
                self.tr("Resume"),
                lambda: self.workbench.resume_run(run.id),
            )

    def _say_failed(self, run: LiveRun, log: object) -> None:
        failure = run.failure or StudioError(self.tr("It ended without its result."))
        text = " ".join(filter(None, (failure.what, failure.where, failure.remedy)))
        title = self.tr("{0} failed").format(run.name)
        self.notifications.notify(title, text, "bad", self.tr("Show log"), log)  # type: ignore[arg-type]

    def show_problem(self, problem: StudioError) -> None:
        """Say what went wrong, where no page asked about it."""
        text = "\n".join(filter(None, (problem.where, problem.remedy)))
        self.notifications.notify(problem.what, text, "bad")

    # -- actions ------------------------------------------------------------------------------------------------

    def copy_command(self) -> None:
        """Put the shell command of the page's job on the clipboard."""
        line = self.page.command_line()
        if line:
            QGuiApplication.clipboard().setText(line)
            self.notifications.notify(self.tr("Command copied"), line)

    def show_settings(self) -> None:
        """Open the settings."""
        SettingsDialog(self.settings, self).open()

    def _say_copied(self, path: Path) -> None:
        self.notifications.notify(
            self.tr("The copy is complete"),
            str(path),
            "good",
            self.tr("Open it"),
            partial(self.workbench.open, path),
        )

    def _keep_toasts_off_the_tray(self) -> None:
        self.notifications.set_bottom_margin(self.tray.sizeHint().height())

    def show_log(self, run_id: str) -> None:
        """Open the log of a run."""
        run = self.workbench.snapshot.run(run_id) if self.workbench.snapshot else None
        if run is not None:
            LogDialog(run.path, run.name, self).show()

    def _open_run_folder(self) -> None:
        current = self.tray.current()
        run = (
            self.workbench.snapshot.run(current.id) if current and self.workbench.snapshot else None
        )
        if run is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(run.path)))

    def _report(self) -> None:
        ReportDialog(self.settings, self._log_files(), parent=self).open()

    def _log_files(self) -> list[Path]:
        runs = self.workbench.snapshot.runs if self.workbench.snapshot else ()
        return [run.path / name for run in runs[-3:] for name in ("run.log", "events.jsonl")]

    def _toggle_theme(self) -> None:
        self.settings.set(THEME, "light" if theme().is_dark else "dark")

    def _setting_changed(self, key: str, value: object) -> None:
        if key == THEME.key:
            theme().set_mode(str(value))
        elif key == REDUCE_MOTION.key:
            theme().set_reduced_motion(bool(value))
        elif key == INTERPRETER.key:
            self.workbench.interpreter = str(value)
        elif key == THREADS.key:
            self.workbench.set_threads(int(str(value)))
        elif key == DATA_FOLDER.key:
            use_data_folder(str(value))
        elif key == NOTIFY.key:
            self.notifications.desktop_wanted = bool(value)

    def _fullscreen(self, on: bool) -> None:
        self.setWindowState(Qt.WindowState.WindowFullScreen if on else Qt.WindowState.WindowNoState)

    # -- geometry, dropping, closing ----------------------------------------------------------------------------

    def _restore(self) -> None:
        geometry = self.settings.recall_bytes("geometry")
        state = self.settings.recall_bytes("state")
        if geometry:
            self.restoreGeometry(QByteArray(geometry))
        if state:
            self.restoreState(QByteArray(state), _LAYOUT)

    def _reset_layout(self) -> None:
        self.resize(1440, 900)
        self.settings.remember("inspector", {"shown": True})
        self._place_inspector()

    def event(self, event: QEvent) -> bool:
        # What can be done depends on pages that tell nobody: it is asked before a shortcut is looked up.
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            control = Qt.KeyboardModifier.ControlModifier
            if event.modifiers() & control and event.key() != Qt.Key.Key_Control:
                self.commands.refresh()
        return super().event(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            QTimer.singleShot(0, lambda: self.drop(paths[0]))

    def drop(self, path: Path) -> None:
        """Take what was dropped: a project, or something that a page knows."""
        if (path / "project.db").is_file():
            self.workbench.open(path)
            return
        table = dict.fromkeys((".csv", ".tsv", ".json", ".yaml", ".yml"), "devices")
        weights = dict.fromkeys((".pth", ".pt"), "train")
        station = {**table, **weights, ".onnx": "search"}.get(path.suffix.lower(), "data")
        if not self._has_project():
            self.show_problem(
                StudioError(
                    self.tr("Open a project first."),
                    where=path,
                    remedy=self.tr("Then drop the file on it again."),
                )
            )
            return
        self.show_station(station)
        self.page.take_file(path)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Jobs go on without the window; the next one finds them."""
        self.settings.remember("geometry", bytes(self.saveGeometry().data()))
        self.settings.remember("state", bytes(self.saveState(_LAYOUT).data()))
        self.settings.sync()
        self.guide.tour.end()
        self.workbench.close()
        self.inspector.close_down()
        for page in self._pages.values():
            page.close_down()
        # A pool waits for its threads when it is deleted, but holds Python's lock, which they need to come to an end.
        for pool in self.findChildren(QThreadPool):
            pool.waitForDone()
        super().closeEvent(event)


def _let_tab_pass(widget: QWidget) -> None:
    """Tab goes to the controls in a scroll area, which it then scrolls to, and not to the area, which says nothing."""
    for area in widget.findChildren(QScrollArea):
        if not area.accessibleName():
            area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
