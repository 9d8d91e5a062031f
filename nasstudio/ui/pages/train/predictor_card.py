"""The accuracy predictor: measured pairs, the fit, and how far it can be trusted on networks it has not seen."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from nasstudio.ui.kit.buttons import secondary_button, soft_button
from nasstudio.ui.kit.keyvalue import KeyValueList
from nasstudio.ui.kit.labels import label
from nasstudio.ui.kit.notice import ErrorNotice
from nasstudio.ui.kit.number import NumberField, written
from nasstudio.ui.kit.progress import ProgressBar
from nasstudio.ui.pages.train.checkpoint_model import Predictor
from nasstudio.ui.plots.plot import Plot
from nasstudio.ui.theme import theme
from nasstudio.ui.workbench import LiveRun

_LEAST, _MOST = 20, 5000


class PairsPlot(Plot):
    """Predicted against measured accuracy of the networks that were held back from the fit."""

    def __init__(self) -> None:
        super().__init__(
            self.tr("Predicted (%)"),
            self.tr("Measured (%)"),
            name=self.tr("Predicted against measured accuracy"),
        )
        self._line = pg.PlotDataItem()
        self._points = pg.ScatterPlotItem(size=6)
        self.addItem(self._line)
        self.addItem(self._points)
        self.setMouseEnabled(x=False, y=False)
        self.restyled.connect(self.restyle_items)
        self.restyle_items()

    def show_predictor(self, predictor: Predictor | None) -> None:
        """Show the held-back networks of a fit, or nothing."""
        x = 100 * np.asarray(predictor.predicted if predictor else ())
        y = 100 * np.asarray(predictor.actual if predictor else ())
        self._points.setData(x=x, y=y)
        self._line.setVisible(len(x) > 0)
        if len(x):
            low, high = float(min(x.min(), y.min())), float(max(x.max(), y.max()))
            room = 0.08 * (high - low) or 1.0
            self._line.setData([low - room, high + room], [low - room, high + room])
            self.setXRange(low - room, high + room, padding=0)
            self.setYRange(low - room, high + room, padding=0)

    def restyle_items(self) -> None:
        """Pens and brushes in the theme's colours."""
        self._line.setPen(self.pen("muted", 1.2, Qt.PenStyle.DashLine))
        self._points.setBrush(pg.mkBrush(theme().color("front")))
        self._points.setPen(pg.mkPen(theme().color("surface"), width=1))


class PredictorPanel(QWidget):
    """Pairs and predictor.

    Signals
    -------
    collect_asked(int) : evaluate so many networks.
    fit_asked() : fit to all pairs of the supernet.
    """

    collect_asked = Signal(int)
    fit_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(16, 12, 16, 16)
        self.note = label("", "secondary", "muted", wrap=True)
        self.body.addWidget(self.note)
        self.error = ErrorNotice()
        self.body.addWidget(self.error)
        self.plot = PairsPlot()
        self.plot.setMinimumHeight(130)
        self.plot.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self.body.addWidget(self.plot, 1)
        self.facts = KeyValueList(lines=False)
        self.body.addWidget(self.facts)
        self.progress_text = label("", "caption", "muted")
        self.bar = ProgressBar()
        self.body.addStretch(0)
        self.body.addWidget(self.progress_text)
        self.body.addWidget(self.bar)
        row = QHBoxLayout()
        row.setSpacing(8)
        self.networks = NumberField(
            200,
            self.tr("networks"),
            0,
            _LEAST,
            _MOST,
            name=self.tr("Networks to evaluate"),
            step=20,
        )
        self.networks.setToolTip(
            self.tr(
                "Subnets whose accuracy is measured: most cover the space, the others lie where a search goes;"
                " more rank better and take longer"
            )
        )
        self.collect = secondary_button(self.tr("Collect"), "plus")
        self.collect.setToolTip(
            self.tr("Measure the accuracy of subnets on the first half of the validation images")
        )
        self.fit = soft_button(self.tr("Fit"), "chart")
        self.fit.setToolTip(
            self.tr("Fit the predictor to every pair of this supernet; takes seconds")
        )
        row.addWidget(self.networks, 1)
        row.addWidget(self.collect)
        row.addWidget(self.fit)
        self.body.addLayout(row)
        self.collect.clicked.connect(lambda: self.collect_asked.emit(int(self.networks.value())))
        self.fit.clicked.connect(self.fit_asked)
        self.body.setSpacing(8)

    def show_state(
        self,
        pairs: int,
        predictor: Predictor | None,
        run: LiveRun | None,
        *,
        supernet: bool,
        writable: bool,
    ) -> None:
        """Show pairs of the used supernet, the predictor, and the `collect` or `fit` that runs."""
        if not supernet:
            self.note.setText(
                self.tr("It learns from the measured accuracy of subnets: train a supernet first.")
            )
        elif predictor is None:
            self.note.setText(
                self.tr(
                    "Search asks it instead of measuring each network. Collect pairs, then fit."
                )
            )
        elif predictor.note:
            self.note.setText(predictor.note)
        elif not predictor.fresh:
            self.note.setText(
                self.tr("Fitted to pairs of another supernet: collect and fit again.")
            )
        else:
            self.note.setText(self.tr("Networks that were held back from the fit:"))
        self.plot.setVisible(predictor is not None and len(predictor.predicted) > 0)
        self.plot.show_predictor(predictor)
        rows = [(self.tr("Pairs of this supernet"), written(pairs))]
        if predictor is not None:
            best = self.tr("τ among the best {0}").format(predictor.n_top)
            rmse = "–" if predictor.rmse_points is None else f"{predictor.rmse_points:.2f}"
            rows += [
                (self.tr("Rank correlation, Kendall τ"), _two_places(predictor.tau)),
                *([(best, _two_places(predictor.tau_top))] if predictor.n_top else []),
                (self.tr("Error, RMSE (points)"), rmse),
            ]
            if predictor.holding is not None:
                share = f"{100 * predictor.holding:.0f} %"
                rows.append((self.tr("Differences that hold on other images"), share))
        self.facts.set_rows(rows)
        self._show_run(run)
        free = supernet and writable and run is None
        self.collect.setEnabled(free)
        self.networks.setEnabled(free)
        self.fit.setEnabled(free and pairs > 0)

    def _show_run(self, run: LiveRun | None) -> None:
        for widget in (self.progress_text, self.bar):
            widget.setVisible(run is not None)
        if run is None:
            return
        self.bar.set_progress(run.done, run.total)
        done = f"{written(run.done)} of {written(run.total)}" if run.total else run.said
        self.progress_text.setText(f"{run.name} · {done}")


def _two_places(tau: float | None) -> str:
    return "–" if tau is None else f"{tau:.2f}".replace("-", "\u2212")
