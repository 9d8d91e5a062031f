"""The Compare station: methods on the same axes, what a network costs on another device, and runs side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtCore import QThreadPool, QTimer
from PySide6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QScrollArea,
    QSizePolicy,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from nasstudio.engine.errors import StudioError
from nasstudio.engine.project.records import Snapshot
from nasstudio.ui.kit.buttons import tool_button
from nasstudio.ui.kit.card import Card
from nasstudio.ui.kit.empty import EmptyState
from nasstudio.ui.kit.fields import Combo
from nasstudio.ui.kit.header import PageHeader
from nasstudio.ui.kit.labels import label
from nasstudio.ui.kit.notice import ErrorNotice
from nasstudio.ui.kit.number import written
from nasstudio.ui.kit.table import DataTable
from nasstudio.ui.pages.compare import figures, run_table
from nasstudio.ui.pages.compare.figures import Searched
from nasstudio.ui.pages.compare.matrix_card import MatrixCard
from nasstudio.ui.pages.compare.methods_plot import (
    ALONE,
    FRONT,
    REFERENCES,
    VERIFIED,
    MethodsPlot,
)
from nasstudio.ui.pages.compare.run_table import RunTable
from nasstudio.ui.pages.compare.study_card import StudyCard
from nasstudio.ui.pages.page import Page
from nasstudio.ui.plots.curves import Series, SeriesMark
from nasstudio.ui.views.search_runs import shown_runs, sources
from nasstudio.ui.workbench import Workbench
from nasstudio.ui.workers.tasks import Task


class ComparePage(Page):
    """What came out, beside each other."""

    station = "compare"

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(workbench, parent)
        self.found: Searched | None = None
        self._key: object = None
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._soon = QTimer(self, singleShot=True, interval=400)
        self._soon.timeout.connect(self._load)
        self._build()
        self._connect()
        if workbench.snapshot is not None:
            self._changed(workbench.snapshot)
        self._refresh()

    # -- widgets ------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        self.header = PageHeader(
            self.tr("Compare"), self.tr("Same data, same split, the same device.")
        )
        outer.addWidget(self.header)
        self.stack = QStackedLayout()
        outer.addLayout(self.stack, 1)
        area = QScrollArea()
        self.stack.addWidget(area)
        self.empty = EmptyState(
            "compare",
            self.tr("No project is open"),
            self.tr("Open one, or make a new one."),
            self.tr("Go to Start"),
        )
        self.stack.addWidget(self.empty)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        inside = QFrame()
        inside.setProperty("ground", "window")
        column = QVBoxLayout(inside)
        column.setContentsMargins(16, 8, 16, 16)
        column.setSpacing(16)
        self.error = ErrorNotice()
        column.addWidget(self.error)
        upper = QWidget()
        upper.setMinimumHeight(600)
        across = QHBoxLayout(upper)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(16)
        left, right = QVBoxLayout(), QVBoxLayout()
        for side in (left, right):
            side.setSpacing(16)
        left.addWidget(self._methods_card(), 3)
        left.addWidget(self._runs_card(), 2)
        self.matrix_card = MatrixCard()
        right.addWidget(self.matrix_card, 1)
        right.addWidget(self._flops_card())
        across.addLayout(left, 3)
        across.addLayout(right, 2)
        column.addWidget(upper, 1)
        self.study = StudyCard(self.workbench)
        column.addWidget(self.study)
        area.setWidget(inside)

    def _methods_card(self) -> Card:
        self.device = Combo(name=self.tr("Device on the axis"), small=True)
        self.device.setToolTip(self.tr("Latency on this device"))
        card = Card(self.tr("Methods"), trailing=self.device)
        holder = QWidget()
        self.methods = QStackedLayout(holder)
        shown = QWidget()
        row = QHBoxLayout(shown)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(16)
        self.plot = MethodsPlot()
        self.plot.setMinimumHeight(200)
        self.plot.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        row.addWidget(self.plot, 1)
        row.addLayout(self._legend())
        self.methods.addWidget(shown)
        self.no_search = EmptyState(
            "search", self.tr("Nothing was searched yet"),
            self.tr("A search draws the front; verified networks and references are drawn beside it."),
            self.tr("Go to Search"),
        )  # fmt: skip
        self.methods.addWidget(self.no_search)
        card.body.setContentsMargins(8, 0, 16, 12)
        card.body.addWidget(holder, 1)
        self.later = label(
            self.tr(
                "ProxylessNAS, MnasNet and compound scaling will stand here, too, once this project has such a run."
            ),
            "caption", "muted", wrap=True,
        )  # fmt: skip
        self.later.setContentsMargins(8, 0, 0, 0)
        card.body.addWidget(self.later)
        return card

    def _legend(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setContentsMargins(0, 12, 0, 0)
        column.setSpacing(3)
        self.boxes: dict[str, QCheckBox] = {}
        self._notes = {}
        for key, title, token, symbol in (
            (FRONT, self.tr("Once-for-All"), "front", "o"),
            (VERIFIED, self.tr("Verified"), "pin", "s"),
            (ALONE, self.tr("Trained alone"), "star", "t1"),
            (REFERENCES, self.tr("References"), "reference", "d"),
        ):
            row = QHBoxLayout()
            row.setSpacing(8)
            box = QCheckBox()
            box.setChecked(True)
            box.setAccessibleName(title)
            box.setToolTip(self.tr("Show or hide"))
            box.toggled.connect(lambda on, key=key: self.plot.set_hidden(key, not on))
            self.boxes[key] = box
            row.addWidget(box)
            row.addWidget(SeriesMark(Series(key, title, token, symbol)))
            row.addWidget(label(title, "name"))
            row.addStretch(1)
            column.addLayout(row)
            note = label("", "secondary", "muted")
            note.setContentsMargins(26, 0, 0, 6)
            note.setMinimumWidth(170)
            self._notes[key] = note
            column.addWidget(note)
        column.addStretch(1)
        return column

    def _runs_card(self) -> Card:
        self.save = tool_button("export", self.tr("Save this table as CSV"), small=True)
        card = Card(self.tr("Runs side by side"), trailing=self.save, flush=True)
        self.runs = RunTable(self)
        self.table = DataTable(name=self.tr("Runs side by side"))
        self.table.setModel(self.runs)
        head = self.table.horizontalHeader()
        for column, width in (
            (run_table.NAME, 160), (run_table.BEGUN, 70), (run_table.DURATION, 100),
            (run_table.OUTCOME, 284),
        ):  # fmt: skip
            head.resizeSection(column, width)
        head.setSectionResizeMode(run_table.SETTINGS, QHeaderView.ResizeMode.Stretch)
        self.table.setMinimumHeight(120)
        self.table.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        card.body.addWidget(self.table, 1)
        return card

    def _flops_card(self) -> Card:
        card = Card(
            self.tr("FLOPs is not speed"),
            self.tr("rank correlation with measured latency, Kendall τ"),
        )
        self._ranks = QVBoxLayout()
        self._ranks.setSpacing(6)
        card.body.addLayout(self._ranks)
        self.flops = label("", "secondary", "muted", wrap=True)
        card.body.addStretch(1)
        card.body.addWidget(self.flops)
        return card

    def _connect(self) -> None:
        bench = self.workbench
        bench.opened.connect(self._opened)
        bench.closed.connect(self._closed)
        bench.changed.connect(self._changed)
        bench.run_ended.connect(lambda _: self._soon.start())
        self.device.chosen.connect(lambda _: self._show_methods())
        self.empty.clicked.connect(lambda: self.go_to.emit("start"))
        self.no_search.clicked.connect(lambda: self.go_to.emit("search"))
        self.save.clicked.connect(self._ask_csv)
        self.plot.failed.connect(self.error.set_error)
        self.study.found.connect(lambda _: self._show_methods())

    # -- the project --------------------------------------------------------------------------------------------

    def _opened(self, _: Snapshot) -> None:
        self._forget()

    def _closed(self) -> None:
        self._forget()
        self._refresh()

    def _forget(self) -> None:
        self._soon.stop()
        self.found = None
        self._key = None
        self.matrix_card.forget()
        self.study.forget()
        self.error.set_error(None)

    def _changed(self, snapshot: Snapshot) -> None:
        self.runs.show_runs(snapshot.runs)
        self.study.show_snapshot(snapshot)
        self._load()
        self._refresh()

    def _load(self) -> None:
        """Read the newest search off the thread, if something that it depends on has changed."""
        snapshot, space = self.workbench.snapshot, self.workbench.space
        if snapshot is None or space is None:
            self.found = None
            return
        runs = shown_runs(snapshot)
        key = (
            snapshot.path,
            space.hash,
            snapshot.table_sha256,
            sources(runs),
            tuple(r.state for r in runs),
        )
        if key == self._key:
            return
        self._key = key

        def arrived(found: Searched) -> None:
            if key == self._key:
                self.found = found
                self._refresh()

        def broken(problem: StudioError) -> None:
            self.found = None
            self.error.set_error(problem)
            self._refresh()

        Task(self, lambda: figures.searched(snapshot, space), arrived, broken).start(self._pool)

    # -- what is shown ------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        snapshot = self.workbench.snapshot
        self.stack.setCurrentIndex(0 if snapshot is not None else 1)
        if snapshot is None:
            return
        devices = self.found.devices if self.found is not None else ()
        names = [(d.id, self.tr("Latency, {0}").format(d.name)) for d in devices]
        if [self.device.itemData(i) for i in range(self.device.count())] != [
            key for key, _ in names
        ]:
            self.device.set_items(names)
        self.device.setVisible(bool(names))
        self._show_methods()
        self.matrix_card.show_searched(self.found)
        self._show_flops(snapshot)

    def _show_methods(self) -> None:
        snapshot, found = self.workbench.snapshot, self.found
        if snapshot is None:
            return
        device_id = str(self.device.key() or "")
        column = found.column(device_id) if found is not None else -1
        verified = figures.verified_points(snapshot, self.workbench.space, device_id)
        references = figures.reference_points(snapshot, device_id)
        alone = figures.alone_points(found, column, self.study.table, self.workbench.space)
        searched = found is not None and len(found) > 0 and column >= 0
        shown = searched or verified or references or alone
        self.methods.setCurrentIndex(0 if shown else 1)
        latency, accuracy = np.zeros(0), np.zeros(0)
        if searched and found is not None:
            latency, accuracy = found.front(column)
            name = found.devices[column].name
            self.plot.set_axes(self.tr("Latency on {0} (ms)").format(name), self.tr("Accuracy (%)"))
        self.plot.show_points(latency, accuracy, verified, references, alone)
        seen = written(len(found)) if found is not None else "0"
        self._notes[FRONT].setText(
            self.tr("predicted: {0} of {1}").format(len(latency), seen)
            if searched
            else self.tr("not searched yet")
        )
        self._notes[VERIFIED].setText(
            self.tr("measured: {0}").format(len(verified))
            if verified
            else self.tr("none on this device")
        )
        self._notes[ALONE].setText(
            self.tr("measured accuracy: {0}").format(len(alone))
            if alone
            else self.tr("no study yet")
        )
        unknown = sum(p.accuracy is None for p in references)
        text = (
            self.tr("measured: {0}").format(len(references))
            if references
            else self.tr("none on this device")
        )
        if unknown:
            text += self.tr(", {0} timed only").format(unknown)
        self._notes[REFERENCES].setText(text)

    def _show_flops(self, snapshot: Snapshot) -> None:
        while (item := self._ranks.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        ranks = figures.ranks(snapshot)
        for rank in ranks:
            row = QWidget()
            line = QHBoxLayout(row)
            line.setContentsMargins(0, 0, 0, 0)
            line.setSpacing(12)
            line.addWidget(label(rank.device.name, "name"), 1)
            line.addWidget(label(self.tr("MACs {0}").format(_tau(rank.macs)), "base", "muted"))
            line.addWidget(label(self.tr("table {0}").format(_tau(rank.table)), "name"))
            row.setToolTip(self.tr("{0} whole networks measured").format(rank.networks))
            self._ranks.addWidget(row)
        if ranks:
            self.flops.setText(
                self.tr(
                    "1 would be the same order. A count of operations does not know memory, kernels and the runtime."
                )
            )
        else:
            self.flops.setText(
                self.tr(
                    "Profile a device with whole networks: then MACs and table are judged by what was measured."
                )
            )

    # -- saving -------------------------------------------------------------------------------------------------

    def _ask_csv(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, self.tr("Save the table"), "runs.csv", self.tr("CSV table (*.csv)")
        )
        if name:
            self.save_csv(Path(name))

    def close_down(self) -> None:
        self.study.close_down()

    def command_line(self) -> str:
        """The command that starts the study."""
        return self.study.command_line()

    def save_csv(self, path: Path) -> None:
        """Write the table of runs as CSV."""
        try:
            self.table.export_csv(path)
        except StudioError as problem:
            self.error.set_error(problem)


def _tau(value: float) -> str:
    return "–" if value != value else written(value, 2)
