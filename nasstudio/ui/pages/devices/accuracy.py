"""Under the table: does the sum of the rows tell the latency of whole networks, do MACs, and what follows from it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from nasstudio.engine.device import verdict
from nasstudio.engine.device.calibration import Calibration
from nasstudio.ui.kit.badge import Badge
from nasstudio.ui.kit.card import Card
from nasstudio.ui.kit.empty import EmptyState
from nasstudio.ui.kit.labels import ElidedLabel, label
from nasstudio.ui.plots.calibration import CalibrationPlot
from nasstudio.ui.plots.macs_latency import MacsLatencyPlot
from nasstudio.ui.plots.plot import Plot

GOOD_ERROR = 0.05
WORSE_TAU = (
    0.03  # MACs rank worse than the table by more than two rounds of measuring usually differ
)


class _PlotCard(Card):
    """A card with badges, a plot and a line of numbers, or the reason why there is none."""

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
        filled = QWidget()
        column = QVBoxLayout(filled)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(plot, 1)
        self.numbers = ElidedLabel("", "secondary", "muted")
        self.numbers.setContentsMargins(8, 0, 8, 0)
        column.addWidget(self.numbers)
        self._stack.addWidget(filled)
        self.body.addLayout(self._stack, 1)
        self.setMinimumHeight(208)
        self.setMaximumHeight(300)

    def set_filled(self, filled: bool) -> None:
        """Show the plot, or why there is none."""
        self._stack.setCurrentIndex(1 if filled else 0)
        self._badges.setVisible(filled)

    def set_numbers(self, words: str) -> None:
        """The line under the plot."""
        self.numbers.setText(words)
        self.numbers.setToolTip(words)


class AccuracyCards(QWidget):
    """Predicted against measured, and MACs against measured, of one device; under them the verdict in words."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        row = QHBoxLayout()
        row.setSpacing(16)
        column.addLayout(row, 1)
        self.tau, self.error = Badge(), Badge(tone="good")
        self.tau_macs, self.lesson = Badge(), Badge(tone="muted")
        self.tau.setToolTip(
            self.tr("Kendall rank correlation of prediction and measurement, held back")
        )
        self.error.setToolTip(
            self.tr("Mean absolute error of networks that neither the fit nor its choice has seen")
        )
        self.tau_macs.setToolTip(self.tr("Kendall rank correlation of MACs and measured latency"))
        hint = self.tr("Profile a device: it measures whole networks after the rows.")
        self.predicted = _PlotCard(
            self.tr("Predicted against measured"), CalibrationPlot(), (self.tau, self.error), hint
        )
        self.macs = _PlotCard(
            self.tr("MACs against measured"),
            MacsLatencyPlot(),
            (self.tau_macs, self.lesson),
            hint,
        )
        row.addWidget(self.predicted, 1)
        row.addWidget(self.macs, 1)
        self.verdict = label("", "secondary", "muted", wrap=True)
        self.verdict.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.warnings = label("", "secondary", "warn", wrap=True)
        for words in (self.verdict, self.warnings):
            words.setContentsMargins(2, 0, 2, 0)
            column.addWidget(words)
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
        shown = calibration if filled else None
        facts = [*verdict.facts(shown), *verdict.causes(shown)] if shown is not None else []
        doubts = verdict.warnings(shown) if shown is not None else []
        for words, sentences in ((self.verdict, facts), (self.warnings, doubts)):
            words.setText(" ".join(sentences))
            words.setVisible(bool(sentences))
        if shown is None:
            return
        self.tau.set(f"τ = {shown.tau:.2f}")
        good = shown.mape <= GOOD_ERROR and not verdict.above_noise(shown)
        self.error.set(
            self.tr("error {0}").format(verdict.percent(shown.mape)), "good" if good else "warn"
        )
        worse = shown.tau_macs < shown.tau - WORSE_TAU
        self.tau_macs.set(f"τ = {shown.tau_macs:.2f}", "warn" if worse else "muted")
        self.lesson.set(
            self.tr("FLOPs is not speed") if worse else self.tr("MACs rank as well here"), "muted"
        )
        self.predicted.plot.show_calibration(shown, names)
        self.predicted.set_numbers(self._numbers(shown))
        self.macs.plot.show_calibration(shown)
        self.macs.set_numbers(self.tr("Rank correlation τ: {0}").format(self._ranks(shown)))

    def _numbers(self, calibration: Calibration) -> str:
        percent = verdict.percent
        words = [
            self.tr("within 5 %: {0}").format(percent(calibration.within5)),
            self.tr("within 10 %: {0}").format(percent(calibration.within10)),
        ]
        if calibration.noise is not None:
            words.append(self.tr("noise {0}").format(percent(calibration.noise)))
        guess = percent(calibration.mape_constant)
        words.append(self.tr("constant guess {0} off").format(guess))
        return " · ".join(words)

    def _ranks(self, calibration: Calibration) -> str:
        words = [
            self.tr("MACs {0}").format(f"{calibration.tau_macs:.2f}"),
            self.tr("table {0}").format(f"{calibration.tau:.2f}"),
        ]
        if calibration.tau_noise is not None:
            again = f"{calibration.tau_noise:.2f}"
            words.append(self.tr("two rounds of measuring {0}").format(again))
        return ", ".join(words)
