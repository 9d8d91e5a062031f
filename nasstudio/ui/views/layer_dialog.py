"""A window beside the inspector: the selected network's latency, layer by layer, on all devices at once."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QScrollArea,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from nasstudio.ui.kit.empty import EmptyState
from nasstudio.ui.kit.labels import label
from nasstudio.ui.kit.number import written
from nasstudio.ui.kit.segmented import SegmentedControl
from nasstudio.ui.plots.layer_latency import DeviceMark, LayerLatencyPlot
from nasstudio.ui.plots.layer_times import MOST_DEVICES, LayerTimes
from nasstudio.ui.views.inspector_model import InspectorModel

MS, SHARE = "ms", "share"
_ACROSS = 3


class LayerDialog(QDialog):
    """Follows the selection. Not modal."""

    def __init__(self, model: InspectorModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = model
        self.setWindowTitle(self.tr("Layer by layer"))
        self.resize(960, 680)
        self._build()
        model.changed.connect(self.refresh)
        self.refresh()

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(10)
        row = QHBoxLayout()
        self.name_label = label("", "title")
        self.name_label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.unit = SegmentedControl(
            [(MS, self.tr("ms")), (SHARE, self.tr("% of the network"))], self.tr("Unit")
        )
        self.unit.changed.connect(lambda _: self.refresh())
        row.addWidget(self.name_label)
        row.addStretch(1)
        row.addWidget(self.unit)
        column.addLayout(row)
        self._legend = QWidget()
        self._marks = QGridLayout(self._legend)
        self._marks.setContentsMargins(0, 0, 0, 0)
        self._marks.setHorizontalSpacing(24)
        self._marks.setVerticalSpacing(4)
        self._marks.setColumnStretch(_ACROSS, 1)
        column.addWidget(self._legend)
        holder = QWidget()
        self._stack = QStackedLayout(holder)
        self.plot = LayerLatencyPlot()
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidget(self.plot)
        self._stack.addWidget(scroll)
        self.empty = EmptyState(
            "layers",
            self.tr("Nothing to compare"),
            self.tr("Select a network, and measure or import a time for every layer on a device."),
        )
        self._stack.addWidget(self.empty)
        column.addWidget(holder, 1)
        self.note = label("", "caption", "muted", wrap=True)
        column.addWidget(self.note)

    def refresh(self) -> None:
        """Show the selected network."""
        times = self.model.layer_times()
        filled = times is not None and bool(times.devices)
        self._stack.setCurrentIndex(0 if filled else 1)
        for widget in (self._legend, self.unit, self.note):
            widget.setVisible(filled)
        self.name_label.setText(self.model.name())
        self.plot.show_times(times if filled else None, shares=self.unit.key() == SHARE)
        if times is not None and filled:
            self._show_legend(times)
            words = self.tr(
                "What each layer counts for in the network, after the device's correction. Beside a name: the whole."
            )
            if times.left_out:
                words += " " + self.tr("Shown are {0} of {1} devices.").format(
                    MOST_DEVICES, MOST_DEVICES + times.left_out
                )
            self.note.setText(words)

    def _show_legend(self, times: LayerTimes) -> None:
        while (item := self._marks.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for number, (name, total) in enumerate(zip(times.names, times.totals_ms, strict=True)):
            entry = QWidget()
            row = QHBoxLayout(entry)
            row.setContentsMargins(0, 0, 0, 0)
            row.setSpacing(6)
            row.addWidget(DeviceMark(number))
            row.addWidget(label(name, "secondary"))
            row.addWidget(label(f"{written(float(total), 3)} ms", "secondary", "muted"))
            row.addStretch(1)
            self._marks.addWidget(entry, number // _ACROSS, number % _ACROSS)
