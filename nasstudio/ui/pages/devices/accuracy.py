"""Two cards under the table: does the sum of the rows tell the latency of whole networks, and do MACs?"""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QStackedLayout, QWidget

from nasstudio.engine.device.calibration import Calibration
from nasstudio.ui.kit.badge import Badge
from nasstudio.ui.kit.card import Card
from nasstudio.ui.kit.empty import EmptyState
from nasstudio.ui.plots.calibration import CalibrationPlot
from nasstudio.ui.plots.macs_latency import MacsLatencyPlot
from nasstudio.ui.plots.plot import Plot


class _PlotCard(Card):
    """A card with badges and a plot, or the reason why there is none."""

    def __init__(self, title: str, plot: Plot, badges: tuple[Badge, ...], empty: str) -> None:
        trailing = QWidget()
        row = QHBoxLayout(trailing)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for badge in badges:
            row.addWidget(badge)
        super().__init__(title, trailing=trailing)
        self._badges = trailing
        self.plot = plot
        self.body.setContentsMargins(8, 0, 8, 8)
        self._stack = QStackedLayout()
        self.empty = EmptyState("chart", self.tr("Nothing measured yet"), empty)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(plot)
        self.body.addLayout(self._stack, 1)
        self.setMinimumHeight(224)

    def set_filled(self, filled: bool) -> None:
        """Show the plot, or why there is none."""
        self._stack.setCurrentIndex(1 if filled else 0)
        self._badges.setVisible(filled)


class AccuracyCards(QWidget):
    """Predicted against measured, and MACs against measured, of one device."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(16)
        self.tau, self.error = Badge(), Badge(tone="good")
        self.tau_macs = Badge(tone="warn")
        self.tau.setToolTip(
            self.tr("Kendall rank correlation of prediction and measurement, held back")
        )
        self.error.setToolTip(self.tr("Mean absolute error of networks that the fit did not see"))
        self.tau_macs.setToolTip(self.tr("Kendall rank correlation of MACs and measured latency"))
        hint = self.tr("Profile a device: it measures whole networks after the rows.")
        self.predicted = _PlotCard(
            self.tr("Predicted against measured"), CalibrationPlot(), (self.tau, self.error), hint
        )
        self.macs = _PlotCard(
            self.tr("MACs against measured"),
            MacsLatencyPlot(),
            (self.tau_macs, Badge(self.tr("FLOPs is not speed"), "muted")),
            hint,
        )
        row.addWidget(self.predicted, 1)
        row.addWidget(self.macs, 1)
        self._shown: Calibration | None = None
        self.show_calibration(None)

    def show_calibration(
        self, calibration: Calibration | None, names: tuple[str, ...] = ()
    ) -> None:
        """Show a device's calibration, or that there is none."""
        if calibration is not None and calibration is self._shown:
            return
        self._shown = calibration
        filled = calibration is not None and len(calibration.measured_ms) > 1
        self.predicted.set_filled(filled)
        self.macs.set_filled(filled)
        if calibration is None or not filled:
            return
        self.tau.set(f"τ = {calibration.tau:.2f}")
        tone = "good" if calibration.mape <= 0.05 else "warn"
        self.error.set(self.tr("error {0} %").format(f"{100 * calibration.mape:.1f}"), tone)
        self.tau_macs.set(f"τ = {calibration.tau_macs:.2f}")
        self.predicted.plot.show_calibration(calibration, names)
        self.macs.plot.show_calibration(calibration)
