"""The card under the plot: candidates, parallel coordinates, history."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QStackedWidget, QWidget

from nasstudio.engine.errors import StudioError
from nasstudio.ui.kit.buttons import link_button, tool_button
from nasstudio.ui.kit.card import Card
from nasstudio.ui.kit.labels import Divider, label
from nasstudio.ui.kit.number import written
from nasstudio.ui.kit.segmented import Tabs
from nasstudio.ui.pages.search.candidates import CandidatesTable
from nasstudio.ui.pages.search.history import HistoryTable
from nasstudio.ui.plots.parallel import ParallelPlot
from nasstudio.ui.views.quantity import Quantity
from nasstudio.ui.views.search_model import SearchModel

_MOST_PARALLEL = 1500


class Bottom(Card):
    """The card. `failed(StudioError)` when a table could not be saved."""

    failed = Signal(object)

    def __init__(self, model: SearchModel, parent: QWidget | None = None) -> None:
        super().__init__(flush=True, parent=parent)
        self._model = model
        self.body.setSpacing(0)
        row = QHBoxLayout()
        row.setContentsMargins(16, 0, 10, 0)
        row.setSpacing(10)
        self.tabs = Tabs(
            [
                ("candidates", self.tr("Candidates")),
                ("parallel", self.tr("Parallel")),
                ("history", self.tr("History")),
            ],
            self.tr("Below the plot"),
        )
        self.caption = label("", "secondary", "muted")
        self.clear_brush = link_button(self.tr("Clear the brush"))
        self.clear_brush.clicked.connect(lambda: model.set_ranges({}))
        self.save = tool_button("upload", self.tr("Save this table as CSV"), small=True)
        self.save.clicked.connect(self._ask)
        row.addWidget(self.tabs)
        row.addStretch(1)
        row.addWidget(self.clear_brush)
        row.addWidget(self.caption)
        row.addWidget(self.save)
        self.body.addLayout(row)
        self.body.addWidget(Divider())
        self.candidates = CandidatesTable(model)
        self.parallel = ParallelPlot()
        self.history = HistoryTable()
        self.stack = QStackedWidget()
        for page in (self.candidates, self.parallel, self.history):
            self.stack.addWidget(page)
        self.body.addWidget(self.stack, 1)
        self.tabs.changed.connect(self._tab)
        self.parallel.brushed.connect(self._brushed)

    def _tab(self, key: str) -> None:
        self.stack.setCurrentIndex(["candidates", "parallel", "history"].index(key))
        self.save.setVisible(key != "parallel")
        self.refresh(self._model.workbench.selection)

    def refresh(self, selection: tuple[int, ...] | None) -> None:
        """Show what the model holds now; only what is in sight is made."""
        self._caption()
        if self.stack.currentWidget() is self.candidates:
            self.candidates.refresh(selection)
        elif self.stack.currentWidget() is self.parallel:
            self._show_parallel()

    def _caption(self) -> None:
        model = self._model
        self.clear_brush.setVisible(model.brush is not None)
        if model.brush is not None:
            text = self.tr("{0} in the brush").format(written(len(model.brush)))
        elif model.answer is not None and "accuracy" not in (model.x_key, model.y_key):
            text = self.tr("{0} meet every limit").format(written(model.answer.count))
        elif model.answer is not None:
            text = self.tr("{0} on the feasible front").format(written(len(model.answer.front)))
        else:
            text = ""
        self.caption.setText(text)

    # -- parallel coordinates -----------------------------------------------------------------------------------

    def _axes(self) -> list[Quantity]:
        seen = self._model.seen
        return [
            q
            for key, q in self._model.quantities.items()
            if seen is not None and key in seen.values
        ]

    def _show_parallel(self) -> None:
        model, seen, answer = self._model, self._model.seen, self._model.answer
        axes = self._axes()
        self.parallel.set_axes(
            [f"{q.short} ({q.unit})" if q.unit else q.short for q in axes],
            [q.decimals for q in axes],
        )
        if seen is None or answer is None or not len(seen):
            self.parallel.set_networks(np.zeros((0, 0)), np.zeros(0, bool), np.zeros(0, bool), None)
            return
        chosen = model.rows()
        some = np.linspace(0, len(seen) - 1, min(len(seen), _MOST_PARALLEL)).astype(np.intp)
        some = np.union1d(some, chosen)
        columns = [seen.values[q.key] * q.factor for q in axes]
        values = np.stack([column[some] for column in columns], axis=1)
        star = None
        if answer.best is not None:
            star = np.array([column[answer.best] for column in columns])
        self.parallel.set_networks(values, np.isin(some, chosen), ~answer.mask[some], star)
        self.parallel.set_ranges(
            {
                number: (model.ranges[q.key][0] * q.factor, model.ranges[q.key][1] * q.factor)
                for number, q in enumerate(axes)
                if q.key in model.ranges
            }
        )

    def _brushed(self, axis: int, ends: tuple[float, float] | None) -> None:
        quantity = self._axes()[axis]
        ranges = dict(self._model.ranges)
        ranges.pop(quantity.key, None)
        if ends is not None:
            ranges[quantity.key] = (ends[0] / quantity.factor, ends[1] / quantity.factor)
        self._model.set_ranges(ranges)

    # -- saving -------------------------------------------------------------------------------------------------

    def _ask(self) -> None:
        table = self.history if self.tabs.key() == "history" else self.candidates
        dialog = QFileDialog(self, self.tr("Save the table"))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter(self.tr("CSV table (*.csv)"))
        dialog.setDefaultSuffix("csv")
        dialog.selectFile(f"{self.tabs.key()}.csv")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

        def write(name: str) -> None:
            try:
                table.export_csv(Path(name))
            except StudioError as problem:
                self.failed.emit(problem)

        dialog.fileSelected.connect(write)
        dialog.open()
