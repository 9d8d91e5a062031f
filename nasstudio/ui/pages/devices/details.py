"""What is known of one cell: its time, where that comes from, why it is flagged, and what can be done about it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, SignalInstance
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from nasstudio.engine.cost.table import Source
from nasstudio.ui.icons import pixmap
from nasstudio.ui.kit.buttons import Button, ghost_button, soft_button
from nasstudio.ui.kit.keyvalue import KeyValueList
from nasstudio.ui.kit.labels import label
from nasstudio.ui.kit.popover import Popover
from nasstudio.ui.pages.devices.flags import title_of
from nasstudio.ui.tables.captions import provenance, shown_label, source_text
from nasstudio.ui.tables.latency_model import LatencyModel
from nasstudio.ui.tables.pill import SOURCE_ICONS


class CellPopover(Popover):
    """About one cell. `measure_asked`, `keep_asked` and `edit_asked` carry row and column of the table."""

    measure_asked = Signal(int, int)
    keep_asked = Signal(int, int)
    edit_asked = Signal(int, int)

    def __init__(
        self,
        model: LatencyModel,
        at: tuple[int, int],
        *,
        measurable: bool,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent, width=340)
        self._at = at
        flag = model.flags_of.get(at)
        source = int(model.table.cells.source[at])
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(self._icon(source, flagged=flag is not None), 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout()
        column.setSpacing(4)
        layer = shown_label(model.table.labels[at[0]])
        device = model.table.devices[at[1]].name
        if flag is None:
            column.addWidget(label(layer, "name", wrap=True))
            column.addWidget(label(device, "secondary", "muted", wrap=True))
        else:
            column.addWidget(label(title_of(flag), "name", wrap=True))
            about = f"{layer} · {device}: {flag.reason}."
            column.addWidget(label(about, "secondary", "muted", wrap=True))
        facts = KeyValueList()
        rows = provenance(model.table, at)
        origin = model.origin_of(*at)
        facts.set_rows([*rows, (self.tr("From"), origin)] if origin else rows)
        column.addSpacing(4)
        column.addWidget(facts)
        column.addSpacing(4)
        column.addLayout(self._buttons(model, flagged=flag is not None, measurable=measurable))
        row.addLayout(column, 1)
        self.body.addLayout(row)
        self.setAccessibleName(f"{layer}, {device}: {source_text(source)}")

    def _icon(self, source: int, *, flagged: bool) -> QLabel:
        icon = QLabel(self)
        name = "warn" if flagged else SOURCE_ICONS.get(Source(source), "minus")
        icon.setPixmap(pixmap(name, 18, "bad" if flagged else "muted"))
        icon.setFixedSize(18, 24)
        icon.setAlignment(Qt.AlignmentFlag.AlignBottom)
        return icon

    def _buttons(self, model: LatencyModel, *, flagged: bool, measurable: bool) -> QHBoxLayout:
        buttons = QHBoxLayout()
        known = int(model.table.cells.source[self._at]) != Source.MISSING
        measure = self.tr("Measure again") if known else self.tr("Measure")
        self.measure = soft_button(measure, "gauge").set_small()
        self.measure.setEnabled(measurable)
        self.measure.setToolTip(
            self.tr("Measure this one row on this machine")
            if measurable
            else self.tr("Only rows of the space can be measured, on a device of this machine")
        )
        self.keep = ghost_button(self.tr("Keep"), None).set_small()
        self.keep.setToolTip(self.tr("The time is right: do not flag it again unless it changes"))
        self.keep.setVisible(flagged)
        self.edit = ghost_button(self.tr("Edit"), "pencil").set_small()
        self.edit.setToolTip(self.tr("Type another time"))
        self.edit.setEnabled(model.editable and model.mode == "ms")
        for button, act in (
            (self.measure, self.measure_asked),
            (self.keep, self.keep_asked),
            (self.edit, self.edit_asked),
        ):
            buttons.addWidget(button)
            self._bind(button, act)
        buttons.addStretch(1)
        return buttons

    def _bind(self, button: Button, act: SignalInstance) -> None:
        def clicked() -> None:
            self.hide()
            act.emit(*self._at)

        button.clicked.connect(clicked)
