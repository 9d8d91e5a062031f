"""The Start station: a guide to a first network, the sample, recent projects, and where to drop things."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QThreadPool
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from nasstudio.engine.errors import StudioError
from nasstudio.engine.project.project import Project
from nasstudio.engine.project.records import Snapshot
from nasstudio.engine.project.sample import own_sample, shipped_sample
from nasstudio.ui.kit.buttons import primary_button, secondary_button
from nasstudio.ui.kit.header import PageHeader
from nasstudio.ui.kit.notice import ErrorNotice, InlineNotice
from nasstudio.ui.opening import Opening
from nasstudio.ui.pages.page import Page
from nasstudio.ui.pages.start.glance import Glance, Sample, glance, sample_of
from nasstudio.ui.pages.start.guide import GuideCard
from nasstudio.ui.pages.start.recents import RecentRow, RecentsCard
from nasstudio.ui.pages.start.side import DropCard, LearnCard, SampleCard
from nasstudio.ui.workbench import Workbench
from nasstudio.ui.workers.tasks import Task

DEMO = "nasstudio demo"


class StartPage(Page):
    """Where a person begins. Works with and without an open project."""

    station = "start"

    def __init__(
        self, workbench: Workbench, parent: QWidget | None = None, *, opening: Opening
    ) -> None:
        super().__init__(workbench, parent)
        self.opening = opening
        self.sample: Sample | None = None
        self._glances: dict[str, Glance] = {}
        self._looking: set[str] = set()
        self._search_next = False
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._build()
        self._connect()
        self._look_for_sample()
        self._show_recents()

    # -- widgets ------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        self.header = PageHeader(
            self.tr("Find the best network for your device"),
            self.tr("Measure the device, train once, drag a limit, export what wins."),
        )
        self.open = secondary_button(self.tr("Open project"), "folder")
        self.new = primary_button(self.tr("New project"), "plus")
        for button in (self.open, self.new):
            self.header.add_action(button)
        outer.addWidget(self.header)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        inside = QFrame()
        inside.setProperty("ground", "window")
        column = QVBoxLayout(inside)
        column.setContentsMargins(16, 8, 16, 16)
        column.setSpacing(16)
        self.error = ErrorNotice()
        self.said = InlineNotice("soft", "", "", closable=True)
        self.said.hide()
        column.addWidget(self.error)
        column.addWidget(self.said)
        across = QHBoxLayout()
        across.setSpacing(16)
        left, right = QVBoxLayout(), QVBoxLayout()
        for side in (left, right):
            side.setSpacing(16)
        self.guide, self.recents = GuideCard(), RecentsCard()
        self.sample_card, self.drop, self.learn = SampleCard(), DropCard(), LearnCard()
        left.addWidget(self.guide, 4)
        left.addWidget(self.recents, 5)
        right.addWidget(self.sample_card, 4)
        right.addWidget(self.drop, 3)
        right.addWidget(self.learn)
        across.addLayout(left, 2)
        across.addLayout(right, 1)
        column.addLayout(across, 1)
        area.setWidget(inside)
        outer.addWidget(area, 1)

    def _connect(self) -> None:
        bench, opening = self.workbench, self.opening
        bench.opened.connect(self._opened)
        bench.closed.connect(self._closed)
        opening.recents_changed.connect(self._show_recents)
        self.open.clicked.connect(lambda: opening.ask())
        self.new.clicked.connect(lambda: opening.new())
        self.guide.find_asked.connect(self.find_network)
        self.guide.without.clicked.connect(opening.new)
        self.sample_card.open_asked.connect(self._open_sample)
        self.recents.open_asked.connect(self._open_recent)
        self.recents.forget_asked.connect(opening.forget)
        self.recents.locate_asked.connect(self._locate)
        self.drop.dropped.connect(self._dropped)
        self.drop.choose_asked.connect(self._choose)
        self.learn.asked.connect(self._learn)
        self.learn.set_open(bench.snapshot is not None)

    # -- projects -----------------------------------------------------------------------------------------------

    def _opened(self, snapshot: Snapshot) -> None:
        self.error.set_error(None)
        self.learn.set_open(True)
        self._glances.pop(str(snapshot.path), None)
        if self._search_next:
            self._search_next = False
            self.go_to.emit("search")

    def _closed(self) -> None:
        self.learn.set_open(False)
        self._glances.clear()
        self._show_recents()

    def _open_sample(self) -> None:
        self._search_next = True
        self.opening.sample()

    def _open_recent(self, path: str) -> None:
        self._search_next = False
        self.workbench.open(Path(path))

    def _locate(self, path: str) -> None:
        """Ask where a project has gone; the old place is forgotten."""
        name = QFileDialog.getExistingDirectory(
            self, self.tr("Where is the project now?"), str(Path(path).parent)
        )
        if name:
            self.opening.forget(path)
            self.workbench.open(Path(name))

    # -- the sample and the guide -------------------------------------------------------------------------------

    def _look_for_sample(self) -> None:
        Task(
            self, lambda: sample_of(shipped_sample()), self._sample_found, self._sample_missing
        ).start(self._pool)

    def _sample_found(self, sample: Sample) -> None:
        self.sample = sample
        self.guide.show_sample(sample, None)
        self.sample_card.show_sample(sample, None)

    def _sample_missing(self, problem: StudioError) -> None:
        self.guide.show_sample(None, problem)
        self.sample_card.show_sample(None, problem)

    def find_network(self, key: str, most: float) -> None:
        """Open the user's copy of the sample with a limit on a metric, at Search."""
        self.error.set_error(None)
        self.guide.find_button.setEnabled(False)
        open_now = self.workbench.snapshot

        def work() -> Path:
            path = own_sample()
            if open_now is None or open_now.path != path.resolve():
                remember_limit(path, key, most)
            return path

        def arrived(path: Path) -> None:
            self.guide.find_button.setEnabled(True)
            self._search_next = True
            if open_now is not None and open_now.path == path.resolve():
                # Search reads its limits when a project is opened: put them there, then open it again.
                self.workbench.do(
                    lambda project: put_limit(project, key, most),
                    lambda _: self.workbench.open(path),
                )
            else:
                self.workbench.open(path)

        def broken(problem: StudioError) -> None:
            self.guide.find_button.setEnabled(True)
            self.error.set_error(problem)

        Task(self, work, arrived, broken).start(self._pool)

    # -- recent projects ----------------------------------------------------------------------------------------

    def _show_recents(self) -> None:
        rows = []
        for entry in self.opening.recents():
            path = entry["path"]
            title = str(entry.get("title") or Path(path).stem)
            found = self._glances.get(path)
            rows.append(
                RecentRow(
                    path, found.title if found else title, _number(entry.get("opened")), found
                )
            )
            if found is None:
                self._look(path, title)
        self.recents.show_rows(rows)

    def _look(self, path: str, title: str) -> None:
        if path in self._looking:
            return
        self._looking.add(path)

        def arrived(found: Glance) -> None:
            self._looking.discard(path)
            self._glances[path] = found
            self._show_recents()

        def broken(problem: StudioError) -> None:
            arrived(Glance(Path(path), title, problem=problem.what))

        Task(self, lambda: glance(Path(path), title), arrived, broken).start(self._pool)

    # -- dropping and learning ----------------------------------------------------------------------------------

    def _dropped(self, path: Path) -> None:
        """The window knows which station a file belongs to."""
        take = getattr(self.window(), "drop", None)
        if callable(take):
            take(path)
        elif (path / "project.db").is_file():
            self.workbench.open(path)
        else:
            self.error.set_error(
                StudioError(
                    self.tr("Open a project first."),
                    where=path,
                    remedy=self.tr("Then drop it again."),
                )
            )

    def _choose(self) -> None:
        name, _ = QFileDialog.getOpenFileName(
            self,
            self.tr("Choose a file"),
            "",
            self.tr("Latency tables and networks (*.csv *.json *.onnx);;All files (*)"),
        )
        if name:
            self._dropped(Path(name))

    def _learn(self, key: str) -> None:
        if key == "flops":
            self.go_to.emit("devices")
        elif key == "matrix":
            self.go_to.emit("compare")
        elif key == "demo":
            QGuiApplication.clipboard().setText(DEMO)
            self.said.set_notice(
                "soft", self.tr("Copied: {0}").format(DEMO),
                self.tr("Paste it into a terminal: it measures, trains, searches and exports, in minutes."),
            )  # fmt: skip
            self.said.show()
        else:
            action = self.window().findChild(QAction, "help.shortcuts")
            if isinstance(action, QAction):
                action.trigger()

    def close_tasks(self) -> None:
        """Wait for what is being read."""
        self._pool.waitForDone()


def put_limit(project: Project, key: str, most: float) -> None:
    """Make `most` the only limit that Search holds in a project, on the axis of its metric."""
    choices = project.get("choices", dict[str, Any], {})
    search = dict(choices.get("search") or {})
    limits = {
        k: {**v, "on": False}
        for k, v in dict(search.get("limits") or {}).items()
        if isinstance(v, dict)
    }
    limits[key] = {"most": most, "on": True}
    project.put(
        "choices", {**choices, "search": {**search, "limits": limits, "x": key, "y": "accuracy"}}
    )


def remember_limit(path: Path, key: str, most: float) -> None:
    """Put a limit into a project that is not open.

    Raises
    ------
    ProjectLocked
        Somebody else holds it.
    """
    project = Project.open(path, write=True)
    try:
        put_limit(project, key, most)
    finally:
        project.close()


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
