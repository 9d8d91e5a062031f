"""The card with the latency table: filter, fill, import, export, view mode, the profile's strip and the legend."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
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
from nasstudio.ui.kit.number import written
from nasstudio.ui.kit.segmented import SegmentedControl
from nasstudio.ui.pages.devices.details import CellPopover
from nasstudio.ui.pages.devices.difference import DifferencePanel
from nasstudio.ui.pages.devices.legend import Legend
from nasstudio.ui.pages.devices.strip import ProfilingStrip
from nasstudio.ui.tables.latency_model import LatencyModel
from nasstudio.ui.tables.latency_view import LatencyView
from nasstudio.ui.translatable import QT_TRANSLATE_NOOP

FILTER_HELP: str = QT_TRANSLATE_NOOP(
    "TableCard",
    "Words that a row must match, from their start:\n"
    "mbconv  24x56  k5  s2  se  28px  kind:conv\n"
    "source:measured, imported, edited or interpolated\n"
    "missing   flagged   >2ms   <=40us\n"
    "device:gpu, for what is asked of cells; -word turns it round",
)


class TableCard(Card):
    """The editor.

    Signals
    -------
    fill_asked(button), import_asked(), export_asked(button), sample_asked() : what the toolbar is asked for.
    device_menu(column, QPoint) : of the model.
    measure_asked(row, column), keep_asked(row, column) : about one cell.
    cells_menu(QPoint) : the menu of the selected cells.
    compare_asked(button), table_pasted(str) : of the toolbar, and of Ctrl+V with nothing selected.
    """

    fill_asked = Signal(object)
    import_asked = Signal()
    export_asked = Signal(object)
    sample_asked = Signal()
    device_menu = Signal(int, object)
    measure_asked = Signal(int, int)
    keep_asked = Signal(int, int)
    cells_menu = Signal(object)
    compare_asked = Signal(object)
    table_pasted = Signal(str)

    def __init__(self, model: LatencyModel, parent: QWidget | None = None) -> None:
        super().__init__(flush=True, parent=parent)
        self.body.setSpacing(0)
        self.model = model
        self.can_measure: Callable[[int, int], bool] = lambda row, column: False
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
        self.waiting = EmptyState(
            "table",
            self.tr("Laying out the table"),
            self.tr("It has many rows; this takes a moment."),
        )
        self._stack.addWidget(self.waiting)
        self.difference = DifferencePanel(model)
        self._stack.addWidget(self.difference)
        self.difference.opened.connect(self._show_difference)
        self.difference.closed.connect(self._filled)
        self.difference.failed.connect(self.show_error)
        self.difference.take_over_asked.connect(
            lambda make, command, cells: self.view.actions_of.change(make, command, cells=cells)
        )
        self.body.addWidget(holder, 1)
        self.body.addWidget(Divider())
        self.legend = Legend()
        self.body.addWidget(self.legend)
        self.view.summarised.connect(self.legend.set_selection)
        self.legend.heat_by.connect(model.set_heat_by)
        self.view.details_asked.connect(self.show_details)
        self.view.cells_menu.connect(self.cells_menu)
        self.view.actions_of.said.connect(self.say)
        self.view.actions_of.table_pasted.connect(self.table_pasted)
        self.view.device_menu.connect(self.device_menu)
        model.counted.connect(self._counted)
        model.modelReset.connect(self._filled)
        model.rejected.connect(self.show_error)
        model.busy.connect(self._show_waiting)
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
        self.filter.edit.setToolTip(self.tr(FILTER_HELP))
        self.filter.submitted.connect(self.view_focus)
        self.fill = secondary_button(self.tr("Fill missing"), "fill")
        self.fill.setToolTip(self.tr("Estimate or measure the chosen device's missing rows"))
        self.take_in = secondary_button(self.tr("Import"), "import")
        self.take_in.setToolTip(
            self.tr(
                "Add the times of a table (CSV, JSON, YAML); files can be dropped or pasted, too"
            )
        )
        self.hand_out = secondary_button(self.tr("Export"), "export")
        self.hand_out.setToolTip(self.tr("Write the table as CSV or JSON"))
        self.compare = secondary_button(self.tr("Compare"), "diff")
        self.compare.setToolTip(
            self.tr("Compare a column with another device's, or with a table file")
        )
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
        row.addWidget(self.filter, 3)
        for button in (self.fill, self.take_in, self.hand_out, self.compare, self.flags):
            row.addWidget(button)
        row.addStretch(0)
        row.addWidget(self.mode)
        self.filter.changed.connect(self.model.set_query)
        self.mode.changed.connect(self._set_mode)
        self.fill.clicked.connect(lambda: self.fill_asked.emit(self.fill))
        self.take_in.clicked.connect(self.import_asked)
        self.hand_out.clicked.connect(lambda: self.export_asked.emit(self.hand_out))
        self.compare.clicked.connect(lambda: self.compare_asked.emit(self.compare))
        self.flags.clicked.connect(lambda: self.step_flag(1))
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
        self.flags.set_text(f"{written(count)} {word}")
        self.flags.setVisible(count > 0)
        self.flags.setToolTip(self.tr("Show the next cell that looks wrong (F8)"))

    def step_flag(self, step: int) -> None:
        """Go to the next (1) or previous (-1) flagged cell and say why it is flagged."""
        places = sorted(self.model.flags_of)
        if not places:
            return
        now = self.model.cell_at(self.view.currentIndex())
        if now is None:
            number = 0 if step > 0 else -1
        else:
            found = bisect_right(places, now) if step > 0 else bisect_left(places, now) - 1
            number = found % len(places)
        self.reveal(*places[number], then=self.show_details)

    def reveal(
        self, row: int, column: int, then: Callable[[QModelIndex], None] = lambda index: None
    ) -> None:
        """Go to a cell of the table, without the filter if that hides it and with its group open."""
        model = self.model
        if self._stack.currentWidget() is self.difference:
            self._filled()
        hidden = model.shown_row(row) is None
        if hidden and model.query:
            self.filter.set_text("")
        model.open_group_of(row)

        def go() -> None:
            index = self.view.show_cell(row, column)
            if index.isValid():
                then(index)

        model.when_settled(go)

    def show_details(self, index: QModelIndex) -> None:
        """What is known of a cell, beside it."""
        at = self.model.cell_at(index)
        if at is None:
            return
        measurable = self.can_measure(*at)
        popover = CellPopover(self.model, at, measurable=measurable, parent=self)
        popover.measure_asked.connect(self.measure_asked)
        popover.keep_asked.connect(self.keep_asked)
        popover.edit_asked.connect(self._edit)
        popover.closed.connect(popover.deleteLater)
        box = self.view.visualRect(index)
        place = self.view.viewport().mapToGlobal(QPoint(box.left(), box.center().y()))
        popover.adjustSize()
        popover.show_at(place - QPoint(popover.sizeHint().width() - 10, 44))

    def _edit(self, row: int, column: int) -> None:
        index = self.view.show_cell(row, column)
        if index.isValid():
            self.view.setFocus()
            self.view.edit(index)

    def view_focus(self) -> None:
        """The keyboard goes to the table."""
        self.view.setFocus()
        if not self.view.currentIndex().isValid() and self.model.rowCount() > 1:
            self.view.setCurrentIndex(self.model.index(1, 2))

    def _show_difference(self) -> None:
        self._stack.setCurrentWidget(self.difference)
        self._fit_bars()

    def _fit_bars(self) -> None:
        """What is about the table's cells makes no sense beside a comparison."""
        table = self._stack.currentWidget() is self.view
        self.legend.setVisible(table)
        for widget in (self.filter, self.mode):
            widget.setEnabled(table)

    def _show_waiting(self, waiting: bool) -> None:
        if waiting:
            self._stack.setCurrentWidget(self.waiting)
        elif self._stack.currentWidget() is self.waiting:
            self._filled()

    def _counted(self, count: int) -> None:
        self.filter.set_count(count if self.model.query else None)

    def _filled(self) -> None:
        if self._stack.currentWidget() is not self.difference or not self.difference.active:
            self._stack.setCurrentIndex(0 if self.model.table.labels else 1)
            self._fit_bars()

    def _set_mode(self, mode: str) -> None:
        self.model.set_mode(mode)
        self.legend.set_mode(mode)
