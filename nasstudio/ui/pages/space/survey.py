"""The right column of the Space page: size, extremes and a thousand random members; it follows every click."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from nasstudio.engine.device.device import Device
from nasstudio.ui import fonts
from nasstudio.ui.kit import metrics
from nasstudio.ui.kit.buttons import secondary_button
from nasstudio.ui.kit.card import Inset, Panel
from nasstudio.ui.kit.fields import Combo
from nasstudio.ui.kit.labels import Divider, SectionCaption, label, set_tone
from nasstudio.ui.kit.number import written
from nasstudio.ui.kit.sparkline import Sparkline
from nasstudio.ui.pages.space.model import Extreme, MetricTitle, Survey, scientific
from nasstudio.ui.pages.space.rows import Shape, ValueRows
from nasstudio.ui.plots.histogram import HistogramPlot

HISTORY = 10


def figure(value: float) -> str:
    """A number with three figures."""
    if value >= 1000:
        return written(value)
    return written(value, 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 0.1 else 3)


class ExtremeCard(Inset):
    """The smallest or the largest network of a space."""

    def __init__(self, title: str, shape: str, tone: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.body.setContentsMargins(12, 8, 12, 6)
        self.body.setSpacing(4)
        top = QHBoxLayout()
        self._about = label("", "secondary", "muted")
        top.addWidget(Shape(shape, tone))
        top.addWidget(label(title, "name"))
        top.addStretch(1)
        top.addWidget(self._about)
        self.body.addLayout(top)
        self.list = ValueRows()
        self.body.addWidget(self.list)
        self.setAccessibleName(title)

    def show_extreme(self, extreme: Extreme, survey: Survey) -> None:
        """Show a network's values, and which devices can't tell."""
        self._about.setText(
            self.tr("{0} blocks, {1} px").format(extreme.blocks, extreme.resolution)
        )
        latencies = [m for m in survey.metrics if m.device is not None]
        counts = [m for m in survey.metrics if m.device is None]
        rows = [(heading(m), figure(extreme.values[m.key]), "") for m in (*counts, *latencies)]
        for gap in survey.gaps:
            count = len(gap.missing)
            word = self.tr("row") if count == 1 else self.tr("rows")
            said = self.tr("{0} {1} missing").format(written(count), word)
            rows.append((f"{short(gap.device)} (ms)", said, "warn"))
        self.list.set_rows(rows)


def short(device: Device) -> str:
    """A device's name for a narrow column: its title, or runtime and threads, as in ``ONNX Runtime 1t``."""
    if device.title:
        return device.title
    return device.setting.replace(" threads", "t").replace(" thread", "t").replace(",", "")


def heading(metric: MetricTitle) -> str:
    """A metric's title and unit for a narrow column."""
    title = metric.title if metric.device is None else short(metric.device)
    return f"{title} ({metric.unit})"


class SurveyPanel(Panel):
    """Shows a `Survey`. `sample_asked()`, `measure_asked(device id)`."""

    sample_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("right", 292, parent)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(0)
        self._survey: Survey | None = None
        self._limits: dict[str, float] = {}
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inside = QWidget()
        inside.setProperty("ground", "none")
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._size_part())
        column.addWidget(Divider())
        column.addWidget(self._extremes_part())
        column.addWidget(Divider())
        column.addWidget(self._members_part(), 1)
        scroll.setWidget(inside)
        self.body.addWidget(scroll, 1)
        self.body.addWidget(Divider())
        self.body.addWidget(self._foot())

    def _size_part(self) -> QWidget:
        box, column = _part()
        row = QHBoxLayout()
        left = QVBoxLayout()
        left.setSpacing(2)
        left.addWidget(SectionCaption(self.tr("Size of the space")))
        self.size_label = label("–", "number")
        self.size_label.setFont(fonts.font(26, fonts.SEMIBOLD))
        left.addWidget(self.size_label)
        row.addLayout(left, 1)
        right = QVBoxLayout()
        right.setSpacing(2)
        self.history = Sparkline(low=None, points=HISTORY, size=QSize(88, 34))
        self.history.setAccessibleName(self.tr("Size after each of the last edits, logarithmic"))
        self.history.setToolTip(self.history.accessibleName())
        self._edits = label("", "caption", "muted")
        right.addWidget(self.history, 0, Qt.AlignmentFlag.AlignRight)
        right.addWidget(self._edits, 0, Qt.AlignmentFlag.AlignRight)
        row.addLayout(right)
        column.addLayout(row)
        self.about = label("", "secondary", "muted", wrap=True)
        column.addWidget(self.about)
        return box

    def _extremes_part(self) -> QWidget:
        box, column = _part()
        column.setSpacing(12)
        self.smallest = ExtremeCard(self.tr("Smallest"), "triangle", "star")
        self.largest = ExtremeCard(self.tr("Largest"), "circle", "front")
        column.addWidget(self.smallest)
        column.addWidget(self.largest)
        return box

    def _members_part(self) -> QWidget:
        box, column = _part()
        column.addWidget(SectionCaption(self.tr("1,000 random members")))
        self.metric_choice = Combo(name=self.tr("Metric of the histogram"))
        self.metric_choice.setToolTip(
            self.tr("What the histogram shows; drag its line to move the limit")
        )
        self.metric_choice.setMinimumContentsLength(10)
        self.metric_choice.setSizeAdjustPolicy(
            Combo.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.metric_choice.chosen.connect(lambda _: self._show_members())
        self.plot = HistogramPlot()
        self.plot.setFixedHeight(172)
        self.plot.limit_moved.connect(self._limit_moved)
        column.addWidget(self.metric_choice)
        column.addWidget(self.plot)
        column.addStretch(1)
        return box

    def _foot(self) -> QWidget:
        box, column = _part()
        row = QHBoxLayout()
        row.addWidget(label(self.tr("Rows to measure"), "secondary", "muted"))
        row.addStretch(1)
        self.known = label("–", "name")
        self.known.setToolTip(self.tr("Layers that every device with times knows"))
        row.addWidget(self.known)
        column.addLayout(row)
        self.again = secondary_button(self.tr("Sample again"), "refresh")
        self.again.setToolTip(self.tr("Draw another 1,000 members"))
        self.again.clicked.connect(self.sample_asked)
        column.addWidget(self.again)
        return box

    @property
    def survey(self) -> Survey | None:
        """What is shown."""
        return self._survey

    def show_survey(self, survey: Survey | None, sizes: Sequence[float] = ()) -> None:
        """Show a survey; `sizes` are decimal logarithms of the size after the last edits."""
        self._survey = survey
        self.history.set_values(sizes)
        self._edits.setText(
            self.tr("last {0} edits").format(len(sizes) - 1) if len(sizes) > 2 else ""
        )
        self.again.setEnabled(survey is not None)
        if survey is None:
            self.size_label.setText("–")
            self.about.setText("")
            return
        self.size_label.setText(scientific(survey.size))
        self.size_label.setAccessibleName(self.tr("{0} networks").format(scientific(survey.size)))
        self.size_label.setToolTip(f"{survey.size:,}" if survey.size < 10**30 else "")
        resolutions = len(survey.document.options.get("resolution", ())) or 1
        word = self.tr("resolution") if resolutions == 1 else self.tr("resolutions")
        self.about.setText(self.tr("networks, {0} {1} included").format(resolutions, word))
        self.smallest.show_extreme(survey.smallest, survey)
        self.largest.show_extreme(survey.largest, survey)
        self.metric_choice.set_items(
            [
                (m.key, self.tr("Latency, {0}").format(heading(m)) if m.device else heading(m))
                for m in survey.metrics
            ]
        )
        self.known.setText(
            self.tr("{0} of {1} known").format(written(survey.known), written(survey.rows))
        )
        set_tone(self.known, "" if survey.known == survey.rows else "warn")
        self._show_members()

    def _show_members(self) -> None:
        survey = self._survey
        metric = next(
            (m for m in survey.metrics if m.key == self.metric_choice.key()), None
        ) if survey is not None else None  # fmt: skip
        if survey is None or metric is None:
            return
        title = self.tr("Latency") if metric.device is not None else metric.title
        limit = self._limits.get(metric.key)
        self.plot.show_values(survey.members[metric.key], title, metric.unit, limit)

    def _limit_moved(self, value: float) -> None:
        self._limits[str(self.metric_choice.key())] = value


def _part() -> tuple[QWidget, QVBoxLayout]:
    box = QWidget()
    column = QVBoxLayout(box)
    column.setContentsMargins(metrics.GAP, 12, metrics.GAP, 12)
    column.setSpacing(metrics.GAP_SMALL)
    return box, column
