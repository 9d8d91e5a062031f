"""The inspector: the selected network with its metrics and its layers, and what can be done with it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from nasstudio.engine.errors import StudioError
from nasstudio.engine.project import plan
from nasstudio.ui import fonts
from nasstudio.ui.icons import pixmap
from nasstudio.ui.kit import metrics
from nasstudio.ui.kit.badge import Badge
from nasstudio.ui.kit.buttons import secondary_button, tool_button
from nasstudio.ui.kit.empty import EmptyState
from nasstudio.ui.kit.fields import Combo
from nasstudio.ui.kit.keyvalue import KeyValueList
from nasstudio.ui.kit.labels import Divider, ElidedLabel, SectionCaption, label
from nasstudio.ui.kit.notice import ErrorNotice
from nasstudio.ui.theme import theme
from nasstudio.ui.views.diagram import Diagram, KernelLegend
from nasstudio.ui.views.inspector_model import InspectorModel, MetricRow
from nasstudio.ui.views.layer_dialog import LayerDialog
from nasstudio.ui.workbench import Workbench


class MetricsTable(QWidget):
    """Metrics, predicted and verified side by side."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(0)
        self._grid.setColumnStretch(0, 1)
        self._cells: list[tuple[ElidedLabel, QLabel, QLabel, QLabel]] = []
        self._lines: list[QWidget] = []
        heads = (self.tr("Metrics"), self.tr("Predicted"), self.tr("Verified"))
        for column, head in enumerate(heads):
            caption = SectionCaption(head)
            side = Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft
            self._grid.addWidget(caption, 0, column, side | Qt.AlignmentFlag.AlignVCenter)
        self._grid.setRowMinimumHeight(0, metrics.ROW_HEIGHT_INSPECTOR)

    def set_rows(self, rows: list[MetricRow]) -> None:
        """Show these."""
        while len(self._cells) < len(rows):
            self._add()
        for number, cells in enumerate(self._cells):
            shown = number < len(rows)
            for cell in cells:
                cell.setVisible(shown)
            height = metrics.ROW_HEIGHT_INSPECTOR if shown else 0
            self._grid.setRowMinimumHeight(2 * number + 2, height)
            self._lines[number].setVisible(shown)
        for cells, row in zip(self._cells, rows, strict=False):
            self._fill(cells, row)

    def _fill(self, cells: tuple[ElidedLabel, QLabel, QLabel, QLabel], row: MetricRow) -> None:
        name, predicted, verified, note = cells
        name.setText(row.name)
        predicted.setText(row.predicted)
        predicted.setAccessibleName(f"{row.name}: {row.predicted}")
        verified.setText(row.verified)
        verified.setAccessibleName(f"{row.name}, {self.tr('Verified')}: {row.verified}")
        note.setText(self.tr("exact") if row.exact else self.tr("not yet"))
        note.setAccessibleName(f"{row.name}, {self.tr('Verified')}: {note.text()}")
        verified.setVisible(bool(row.verified))
        note.setVisible(not row.verified)

    def _add(self) -> None:
        at = 2 * len(self._cells) + 2
        name, note = ElidedLabel("", "secondary"), label("", "secondary", "muted")
        predicted, verified = label("", "name"), label("", "name")
        for cell in (predicted, verified):
            cell.setFont(fonts.font(12, fonts.SEMIBOLD))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        self._lines.append(Divider())
        self._grid.addWidget(self._lines[-1], at - 1, 0, 1, 3)
        self._grid.addWidget(name, at, 0)
        self._grid.addWidget(predicted, at, 1, right)
        self._grid.addWidget(verified, at, 2, right)
        self._grid.addWidget(note, at, 2, right)
        self._cells.append((name, predicted, verified, note))

    def texts(self) -> list[tuple[str, str, str]]:
        """What is shown."""
        shown = [cells for cells in self._cells if not cells[0].isHidden()]
        return [
            (name.whole_text(), predicted.text(), verified.text() or note.text())
            for name, predicted, verified, note in shown
        ]


class Inspector(QFrame):
    """320 px for the dock. `go_to(station)` asks the window to show another station.

    The Search page tells it which network is the best (`set_best`) and which device is on the x axis (`set_device`).
    """

    go_to = Signal(str)

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "panel-right")
        self.setMinimumWidth(metrics.INSPECTOR_WIDTH)
        self.setAccessibleName(self.tr("Inspector"))
        self.workbench = workbench
        self.model = InspectorModel(workbench, self)
        self.set_best, self.set_device = self.model.set_best, self.model.set_device
        self.dialog: LayerDialog | None = None
        self._build()
        self.model.changed.connect(self.refresh)
        self.model.failed.connect(self.error.set_error)
        workbench.runs_changed.connect(self._update_buttons)
        theme().changed.connect(self._recolor)
        self.refresh()

    def _build(self) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        self.stack = QStackedWidget(self)
        outer.addWidget(self.stack)
        self.empty = EmptyState(
            "layers",
            self.tr("No network is selected"),
            self.tr(
                "Click a point in the plot or a row of a table: its layers and metrics are shown here."
            ),
        )
        self.stack.addWidget(self.empty)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._head())
        column.addWidget(Divider())
        column.addWidget(self._body(), 1)
        column.addWidget(Divider())
        column.addWidget(self._foot())
        self.stack.addWidget(page)

    def _head(self) -> QWidget:
        head = QWidget()
        column = QVBoxLayout(head)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(4)
        row = QHBoxLayout()
        row.setSpacing(8)
        self._mark = QLabel()
        self.name_label = label("", "title")
        self.name_label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.badge = Badge()
        row.addWidget(self._mark)
        row.addWidget(self.name_label)
        row.addStretch(1)
        row.addWidget(self.badge)
        column.addLayout(row)
        self.subtitle = ElidedLabel("", "secondary", "muted")
        column.addWidget(self.subtitle)
        return head

    def _body(self) -> QWidget:
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        body = QFrame()
        body.setProperty("ground", "surface")
        column = QVBoxLayout(body)
        column.setContentsMargins(16, 6, 16, 8)
        column.setSpacing(8)
        self.metrics = MetricsTable()
        column.addWidget(self.metrics)
        column.addWidget(Divider())
        caption = QHBoxLayout()
        caption.addWidget(SectionCaption(self.tr("Architecture")))
        caption.addStretch(1)
        self.device = Combo(name=self.tr("Device of the latencies (ms)"), small=True)
        self.device.setToolTip(self.tr("Latency of each layer on this device, ms"))
        self.device.setMaximumWidth(190)
        self.device.chosen.connect(self.model.set_device)
        self._latency_caption = SectionCaption(self.tr("Latency (ms)"))
        caption.addWidget(self.device)
        caption.addWidget(self._latency_caption)
        self.devices_button = tool_button(
            "chart", self.tr("Layer by layer on all devices, side by side"), small=True
        )
        self.devices_button.clicked.connect(self.compare_devices)
        caption.addWidget(self.devices_button)
        column.addLayout(caption)
        self.diagram = Diagram()
        column.addWidget(self.diagram)
        self.sums = KeyValueList()
        column.addWidget(Divider())
        column.addWidget(self.sums)
        column.addWidget(KernelLegend())
        column.addStretch(1)
        scroll.setWidget(body)
        return scroll

    def _foot(self) -> QWidget:
        foot = QWidget()
        column = QVBoxLayout(foot)
        column.setContentsMargins(16, 12, 16, 12)
        self.error = ErrorNotice()
        column.addWidget(self.error)
        row = QHBoxLayout()
        row.setSpacing(8)
        self.verify_button = secondary_button(self.tr("Verify"), "gauge")
        self.verify_button.setToolTip(
            self.tr("Measure the network's real accuracy and its real latency on the devices here")
        )
        self.pin_button = secondary_button(self.tr("Pin"), "pin")
        self.pin_button.setToolTip(self.tr("Keep the network in view, under a number"))
        self.export_button = secondary_button(self.tr("Export"), "upload")
        self.export_button.setToolTip(self.tr("Write the network as ONNX and PyTorch, with checks"))
        for button, does in (
            (self.verify_button, self.verify),
            (self.pin_button, self.toggle_pin),
            (self.export_button, self.export),
        ):
            button.clicked.connect(does)
            row.addWidget(button, 1)
        column.addLayout(row)
        return foot

    # -- showing ------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show the selected network as it is known now."""
        model = self.model
        chosen = model.genome is not None
        self.stack.setCurrentIndex(1 if chosen else 0)
        if not chosen:
            return
        self.name_label.setText(model.name())
        words, tone = model.badge()
        self.badge.set(words, tone)
        self.badge.setVisible(bool(words))
        self.subtitle.setText(model.subtitle())
        self.metrics.set_rows(model.metric_rows())
        self._show_devices()
        self.diagram.set_rows(model.layers(), model.most_channels())
        self.sums.set_rows(model.sums())
        self._recolor()
        self._update_buttons()

    def _show_devices(self) -> None:
        model = self.model
        items = [(m.device.id, model.quantities[m.key].short) for m in model.latencies]
        if [self.device.itemData(i) for i in range(self.device.count())] != [k for k, _ in items]:
            self.device.set_items(items)
        self.device.set_key(model.device)
        self.device.setVisible(len(items) > 1)
        self._latency_caption.setVisible(len(items) == 1)
        self.devices_button.setVisible(bool(items))

    def _recolor(self) -> None:
        best = self.model.genome is not None and self.model.genome == self.model.best
        name, token = ("star-filled", "star") if best else ("layers", "muted")
        self._mark.setPixmap(pixmap(name, 18, token))

    def _update_buttons(self) -> None:
        can = self.workbench.writable and self.model.genome is not None
        measuring = bool(self.workbench.running("verify"))
        self.verify_button.setEnabled(can and not measuring)
        self.verify_button.set_text(self.tr("Verifying…") if measuring else self.tr("Verify"))
        self.pin_button.setEnabled(can)
        pinned = self.model.pin is not None
        self.pin_button.set_icon("pin-filled" if pinned else "pin")
        self.pin_button.set_text(self.tr("Unpin") if pinned else self.tr("Pin"))
        self.export_button.setEnabled(can)

    def close_down(self) -> None:
        """Wait for what is being read: the window goes."""
        self.model.close()

    # -- doing --------------------------------------------------------------------------------------------------

    def verify(self) -> None:
        """Measure the network for real."""
        genome = self.model.genome
        if genome is not None:
            self.error.set_error(None)
            self.workbench.start(lambda p: plan.verify(p, [genome]), problem=self._failed)

    def compare_devices(self) -> LayerDialog:
        """Show the network's layers on all devices side by side."""
        if self.dialog is None:
            self.dialog = LayerDialog(self.model, self)
        self.dialog.show()
        self.dialog.raise_()
        return self.dialog

    def toggle_pin(self) -> None:
        """Pin or unpin the network."""
        genome, space = self.model.genome, self.model.space
        if genome is not None and space is not None:
            on, key = self.model.pin is None, space.hash
            self.workbench.do(lambda p: p.pin(key, genome, on=on), problem=self._failed)

    def export(self) -> None:
        """Write the network for use elsewhere, and show the Export station."""
        genome = self.model.genome
        if genome is not None:
            self.error.set_error(None)
            self.workbench.start(lambda p: plan.export(p, genome), problem=self._failed)
            self.go_to.emit("export")

    def _failed(self, problem: StudioError) -> None:
        self.error.set_error(problem)
