"""The card with the latency table: filter, fill, import, export, view mode, the profile's strip and the legend."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QModelIndex, QPoint, Signal
from PySide6.QtWidgets import QHBoxLayout, QStackedLayout, QWidget

from nasstudio.engine.errors import StudioError
from nasstudio.ui.kit.buttons import ghost_button, secondary_button
from nasstudio.ui.kit.card import Card
from nasstudio.ui.kit.empty import EmptyState
from nasstudio.ui.kit.fields import SearchField
from nasstudio.ui.kit.labels import Divider
from nasstudio.ui.kit.notice import ErrorNotice, InlineNotice
from nasstudio.ui.kit.segmented import SegmentedControl
from nasstudio.ui.pages.devices.flags import FlagPopover
from nasstudio.ui.pages.devices.legend import Legend
from nasstudio.ui.pages.devices.strip import ProfilingStrip
from nasstudio.ui.tables.latency_model import LatencyModel
from nasstudio.ui.tables.latency_view import LatencyView


class TableCard(Card):
    """The editor.

    Signals
    -------
    fill_asked(button), import_asked(), export_asked(button), sample_asked() : what the toolbar is asked for.
    device_menu(column, QPoint) : of the model.
    measure_asked(row, column), keep_asked(row, column) : about a flagged cell.
    """

    fill_asked = Signal(object)
    import_asked = Signal()
    export_asked = Signal(object)
    sample_asked = Signal()
    device_menu = Signal(int, object)
    measure_asked = Signal(int, int)
    keep_asked = Signal(int, int)

    def __init__(self, model: LatencyModel, parent: QWidget | None = None) -> None:
        super().__init__(flush=True, parent=parent)
        self.body.setSpacing(0)
        self.model = model
        self.can_measure: Callable[[int, int], bool] = lambda row, column: False
        self._flag = -1
        self.body.addWidget(self._toolbar())
        self.strip = ProfilingStrip()
        self.body.addWidget(self.strip)
        self._notices()
        self.body.addWidget(Divider())
        self.view = LatencyView(model)
        self.empty = EmptyState(
            "table",
            self.tr("No operation yet"),
            self.tr(
                "Choose a space: its layers become the rows. Or bring a table of your own; "
                "the lecture's sample shows what one looks like."
            ),
            self.tr("Add the lecture's sample"),
            button_icon="import",
        )
        self.empty.clicked.connect(self.sample_asked)
        holder = QWidget()
        self._stack = QStackedLayout(holder)
        self._stack.addWidget(self.view)
        self._stack.addWidget(self.empty)
        self.body.addWidget(holder, 1)
        self.body.addWidget(Divider())
        self.legend = Legend()
        self.body.addWidget(self.legend)
        self.view.summarised.connect(self.legend.set_selection)
        self.view.flag_clicked.connect(self._flag_clicked)
        self.view.device_menu.connect(self.device_menu)
        model.counted.connect(self._counted)
        model.modelReset.connect(self._filled)
        model.rejected.connect(self.show_error)
        self._filled()
        self.show_flags(0)

    def _toolbar(self) -> QWidget:
        bar = QWidget()
        row = QHBoxLayout(bar)
        row.setContentsMargins(16, 8, 8, 8)
        row.setSpacing(8)
        self.filter = SearchField(self.tr("Filter, e.g. mbconv k5"), "filter")
        self.filter.setMinimumWidth(170)
        self.filter.setMaximumWidth(300)
        self.filter.edit.setToolTip(
            self.tr(
                "Words that a row must match: kind, shape or flag (mbconv, 24x56, k5, s2, se), "
                "source:measured, missing, flagged; -word turns it round"
            )
        )
        self.fill = secondary_button(self.tr("Fill missing"), "fill")
        self.fill.setToolTip(self.tr("Estimate or measure the chosen device's missing rows"))
        self.take_in = secondary_button(self.tr("Import"), "import")
        self.take_in.setToolTip(
            self.tr("Add the times of a CSV or JSON table; a file can be dropped, too")
        )
        self.hand_out = secondary_button(self.tr("Export"), "export")
        self.hand_out.setToolTip(self.tr("Write the table as CSV or JSON"))
        self.flags = ghost_button("", "warn")
        self.mode = SegmentedControl(
            [("ms", "ms"), ("spread", self.tr("spread")), ("n", "n")], self.tr("Show")
        )
        for key, tip in (
            ("ms", self.tr("Median time of each cell, ms")),
            ("spread", self.tr("From the 10 to the 90 % quantile, as a share of the median")),
            ("n", self.tr("Number of measurements behind each cell")),
        ):
            self.mode.button(key).setToolTip(tip)
        row.addWidget(self.filter, 1)
        for button in (self.fill, self.take_in, self.hand_out, self.flags):
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(self.mode)
        self.filter.changed.connect(self.model.set_query)
        self.mode.changed.connect(self._set_mode)
        self.fill.clicked.connect(lambda: self.fill_asked.emit(self.fill))
        self.take_in.clicked.connect(self.import_asked)
        self.hand_out.clicked.connect(lambda: self.export_asked.emit(self.hand_out))
        self.flags.clicked.connect(self.next_flag)
        return bar

    def _notices(self) -> None:
        box = QWidget()
        column = QHBoxLayout(box)
        column.setContentsMargins(16, 8, 16, 8)
        self.notice = InlineNotice("soft", closable=True)
        self.error = ErrorNotice()
        column.addWidget(self.notice)
        column.addWidget(self.error)
        self.notice.hide()
        self.notice.closed.connect(box.hide)
        self.error.closed.connect(box.hide)
        box.hide()
        self._notice_box = box
        self.body.addWidget(box)

    def say(self, tone: str, title: str, text: str = "") -> None:
        """Say what has been done."""
        self.error.set_error(None)
        self.notice.set_notice(tone, title, text)
        self.notice.show()
        self._notice_box.show()

    def show_error(self, problem: StudioError | None) -> None:
        """Show what could not be done, or nothing (None)."""
        self.notice.hide()
        self.error.set_error(problem)
        self._notice_box.setVisible(problem is not None)

    def show_flags(self, count: int) -> None:
        """How many cells look wrong."""
        word = self.tr("flag") if count == 1 else self.tr("flags")
        self.flags.set_text(f"{count} {word}")
        self.flags.setVisible(count > 0)
        self.flags.setToolTip(self.tr("Show the next cell that looks wrong"))
        self._flag = -1

    def next_flag(self) -> None:
        """Go to the next flagged cell and say why it is flagged."""
        places = sorted(self.model.flags_of)
        if not places:
            return
        self._flag = (self._flag + 1) % len(places)
        if self.model.query:
            self.filter.set_text("")
        index = self.view.show_cell(*places[self._flag])
        if index.isValid():
            self._flag_clicked(index)

    def _flag_clicked(self, index: QModelIndex) -> None:
        at = self.model.cell_at(index)
        flag = self.model.flags_of.get(at) if at is not None else None
        if flag is None:
            return
        popover = FlagPopover(
            self.model, flag, measurable=self.can_measure(flag.row, flag.column), parent=self
        )
        popover.measure_asked.connect(self.measure_asked)
        popover.keep_asked.connect(self.keep_asked)
        popover.closed.connect(popover.deleteLater)
        box = self.view.visualRect(index)
        place = self.view.viewport().mapToGlobal(QPoint(box.left(), box.center().y()))
        popover.adjustSize()
        popover.show_at(place - QPoint(popover.sizeHint().width() - 10, 44))

    def _counted(self, count: int) -> None:
        self.filter.set_count(count if self.model.query else None)

    def _filled(self) -> None:
        self._stack.setCurrentIndex(0 if self.model.table.labels else 1)

    def _set_mode(self, mode: str) -> None:
        self.model.set_mode(mode)
        self.legend.set_mode(mode)
