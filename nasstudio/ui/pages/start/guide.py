"""Guide me: three answers that lead to a first network, from what the sample project has already measured."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QLabel,
    QRadioButton,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from nasstudio.engine.errors import StudioError
from nasstudio.ui import fonts
from nasstudio.ui.icons import pixmap
from nasstudio.ui.kit.buttons import Button, primary_button
from nasstudio.ui.kit.card import Card, Inset
from nasstudio.ui.kit.empty import EmptyState
from nasstudio.ui.kit.labels import label
from nasstudio.ui.kit.number import NumberField, written
from nasstudio.ui.kit.slider import STEPS, Slider
from nasstudio.ui.pages.start.glance import Sample
from nasstudio.ui.plots.front_preview import Front, FrontPreview
from nasstudio.ui.theme import theme

_MOST_DEVICES = 3


class _Number(QWidget):
    """The number of a step, in a disc."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number
        self.setFixedSize(26, 26)
        theme().changed.connect(self.update)

    def paintEvent(self, event) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(Qt.PenStyle.NoPen))
        painter.setBrush(theme().color("accent"))
        painter.drawEllipse(QRectF(1, 1, 24, 24))
        painter.setPen(theme().color("on_accent"))
        painter.setFont(fonts.font(13, fonts.SEMIBOLD))
        painter.drawText(QRectF(1, 1, 24, 24), Qt.AlignmentFlag.AlignCenter, str(self._number))


class _Arrow(QLabel):
    def __init__(self) -> None:
        super().__init__()
        self.setFixedWidth(16)
        theme().changed.connect(self._draw)
        self._draw()

    def _draw(self) -> None:
        self.setPixmap(pixmap("chevron-right", 16, "muted"))


class GuideCard(Card):
    """Device, limit, network.

    Signals
    -------
    find_asked(key of the metric, most in ms) : open the sample with this limit.
    """

    find_asked = Signal(str, float)

    def __init__(self) -> None:
        super().__init__(
            self.tr("Guide me"),
            self.tr(
                "Three answers are enough for a first network. Everything can be changed later."
            ),
        )
        self._sample: Sample | None = None
        self._key = ""
        holder = QWidget()
        self._stack = QStackedLayout(holder)
        self._steps = QWidget()
        self.without = EmptyState("compass", " ", " ")
        self._stack.addWidget(self._steps)
        self._stack.addWidget(self.without)
        column = QVBoxLayout(self._steps)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(14)
        row = QHBoxLayout()
        row.setSpacing(8)
        for step, widget in enumerate((self._device(), self._limit(), self._network())):
            if step:
                row.addWidget(_Arrow())
            row.addWidget(widget, 1)
        column.addLayout(row, 1)
        foot = QHBoxLayout()
        foot.setSpacing(16)
        self.find_button: Button = primary_button(self.tr("Find the network"), "play")
        self.find_button.setFixedHeight(40)
        self.promise = label("", "secondary", "muted", wrap=True)
        foot.addWidget(self.find_button)
        foot.addWidget(self.promise, 1)
        column.addLayout(foot)
        self.body.addWidget(holder, 1)
        self.find_button.clicked.connect(lambda: self.find_asked.emit(self._key, self.most.value()))
        self.show_sample(None, None)

    def _step(self, number: int, title: str) -> Inset:
        made = Inset()
        made.body.setContentsMargins(16, 14, 16, 14)
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(_Number(number))
        head.addWidget(label(title, "name"))
        head.addStretch(1)
        made.body.addLayout(head)
        return made

    def _device(self) -> Inset:
        step = self._step(1, self.tr("Device"))
        self._choices = QVBoxLayout()
        self._choices.setSpacing(6)
        self._group = QButtonGroup(self)
        self._group.idClicked.connect(self._device_chosen)
        step.body.addLayout(self._choices)
        self.device_note = label(
            self.tr("Measured already. Your own device is measured on the Devices page."),
            "caption", "muted", wrap=True,
        )  # fmt: skip
        step.body.addWidget(self.device_note)
        step.body.addStretch(1)
        return step

    def _limit(self) -> Inset:
        step = self._step(2, self.tr("Limit"))
        step.body.addWidget(label(self.tr("It must answer within"), "secondary", "muted"))
        row = QHBoxLayout()
        row.setSpacing(10)
        self.most = NumberField(1.0, self.tr("ms"), 3, 0.0, 1e6, name=self.tr("Latency limit"))
        self.most.setToolTip(self.tr("Longest time for one image, ms"))
        self.most.set_tone("limit")
        self.most.setFixedWidth(110)
        row.addWidget(self.most)
        row.addWidget(label(self.tr("one image"), "secondary", "muted"))
        row.addStretch(1)
        step.body.addLayout(row)
        self.slider = Slider(tone="limit")
        self.slider.setAccessibleName(self.tr("Latency limit"))
        step.body.addSpacing(4)
        step.body.addWidget(self.slider)
        ends = QHBoxLayout()
        self.low, self.high = label("", "caption", "muted"), label("", "caption", "muted")
        ends.addWidget(self.low)
        ends.addStretch(1)
        ends.addWidget(self.high)
        step.body.addLayout(ends)
        step.body.addStretch(1)
        self.most.committed.connect(self._typed)
        self.slider.valueChanged.connect(self._slid)
        return step

    def _network(self) -> Inset:
        step = self._step(3, self.tr("Network"))
        row = QHBoxLayout()
        row.setSpacing(12)
        self.preview = FrontPreview(self.tr("Front of the sample"), least=QSize(96, 84))
        row.addWidget(self.preview, 3)
        words = QVBoxLayout()
        words.setSpacing(1)
        self.about = label(self.tr("about"), "secondary", "muted")
        self.accuracy = label("–", "number")
        self.at = label("", "secondary", "muted", wrap=True)
        self.latency = label("", "name")
        for widget in (self.about, self.accuracy, self.at, self.latency):
            words.addWidget(widget)
        words.addStretch(1)
        row.addLayout(words, 2)
        step.body.addLayout(row, 1)
        return step

    # -- state --------------------------------------------------------------------------------------------------

    def show_sample(self, sample: Sample | None, problem: StudioError | None) -> None:
        """Show what the sample offers; without one, `problem` says why."""
        self._sample = sample
        self._stack.setCurrentIndex(0 if sample is not None or problem is None else 1)
        self.find_button.setEnabled(sample is not None)
        if problem is not None:
            self.without.set_text(
                self.tr("The guide needs the sample project"),
                self.tr(
                    "{0} Make a new project instead: its stations lead through data, devices and training."
                ).format(problem.what),
            )
        while (item := self._choices.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                self._group.removeButton(widget)  # type: ignore[arg-type]
                widget.hide()
                widget.deleteLater()
        if sample is None:
            return
        for at, device in enumerate(sample.devices[:_MOST_DEVICES]):
            where = self.tr("this computer") if device.here else device.hardware
            button = QRadioButton(device.title or device.setting)
            button.setToolTip(f"{device.name}, {where}")
            button.setAccessibleName(f"{device.name}, {where}")
            self._group.addButton(button, at)
            self._choices.addWidget(button)
        self._group.button(0).setChecked(True)
        self._device_chosen(0)

    @property
    def front(self) -> Front | None:
        """The front on the chosen device."""
        return self._sample.fronts.get(self._key) if self._sample is not None else None

    def _device_chosen(self, at: int) -> None:
        assert self._sample is not None
        self._key = self._sample.key(self._sample.devices[at])
        front = self.front
        assert front is not None
        low, high = self._ends(front)
        places = 3 if high < 1 else 2 if high < 10 else 1
        self.most.setDecimals(places)
        self.most.setRange(low, high)
        self.low.setText(written(low, places))
        self.high.setText(self.tr("{0} ms").format(written(high, places)))
        self.set_most(low + 0.4 * (high - low))
        text = self.tr(
            "Opens your copy of the sample at this limit. Nothing is trained or measured:"
            " it chooses among {0} networks that a search has seen."
        )
        self.promise.setText(text.format(written(front.seen)))

    @staticmethod
    def _ends(front: Front) -> tuple[float, float]:
        low, high = front.ends
        return low, high if high > low else low * 1.1

    def set_most(self, most: float) -> None:
        """Set the limit, ms."""
        front = self.front
        if front is None:
            return
        low, high = self._ends(front)
        self.most.set_value(most)
        self.slider.blockSignals(True)
        self.slider.setValue(round(STEPS * (self.most.value() - low) / (high - low)))
        self.slider.blockSignals(False)
        self._show_answer(front)

    def _typed(self, value: float) -> None:
        self.set_most(value)

    def _slid(self, value: int) -> None:
        front = self.front
        if front is not None:
            low, high = self._ends(front)
            self.most.set_value(low + value / STEPS * (high - low))
            self._show_answer(front)

    def _show_answer(self, front: Front) -> None:
        # The field rounds: the cheapest network stays within a limit that was rounded down.
        found = front.best_under(self.most.value() + 0.5 * 10 ** -self.most.decimals())
        self.preview.show_front(front, self.most.value())
        if found is None:
            self.accuracy.setText("–")
            self.at.setText(self.tr("no network is as fast"))
            self.latency.setText("")
            return
        self.accuracy.setText(f"{written(100 * found[1], 1)} %")
        self.at.setText(self.tr("predicted accuracy at"))
        self.latency.setText(self.tr("{0} ms").format(written(found[0], self.most.decimals())))
