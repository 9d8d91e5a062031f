"""The editor's view: keys, the handle that copies, rows and columns as wholes, the column that stays."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QFontMetrics, QGuiApplication
from PySide6.QtWidgets import QLineEdit

from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device.device import Device
from nasstudio.ui import fonts
from nasstudio.ui.kit.heads import in_lines
from nasstudio.ui.tables import marquee
from nasstudio.ui.tables.latency_model import LatencyModel
from nasstudio.ui.tables.latency_view import LatencyView
from nasstudio.ui.tables.pill import STEPS, ground, ink, pill
from nasstudio.ui.tables.shown import FIRST_DEVICE, OPERATION
from nasstudio.ui.theme import contrast, theme

DEVICES = [Device(f"Device {i}", "table", title=f"Device {i}") for i in range(12)]
CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def model():
    model = LatencyModel()
    table = LatencyTable([f"op {i:02}" for i in range(20)], [None] * 20, list(DEVICES))
    ms = np.arange(1.0, 241.0).reshape(20, 12)
    table.cells = Cells.of(ms, Source.MEASURED)
    model.take(table, None)
    return model


@pytest.fixture
def view(qtbot, model):
    view = LatencyView(model)
    qtbot.addWidget(view)
    view.resize(1000, 600)
    view.show()
    view.setFocus()
    return view


def at(model: LatencyModel, row: int, column: int):
    return model.index(model.shown_row(row), column + FIRST_DEVICE)


def drag(qtbot, view: LatencyView, start: QPoint, end: QPoint) -> None:
    port = view.viewport()
    qtbot.mousePress(port, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(port, (start + end) / 2)
    qtbot.mouseMove(port, end)
    qtbot.mouseRelease(port, Qt.MouseButton.LeftButton, pos=end)


def test_that_the_handle_copies_a_value_down_and_takes_it_back(qtbot, view, model) -> None:
    view.setCurrentIndex(at(model, 2, 1))
    before = model.table.cells.ms.copy()
    handle = marquee.handle_rect(marquee.block_rect(view, view.chosen.block)).center()
    drag(qtbot, view, handle, view.visualRect(at(model, 5, 1)).center())
    assert model.table.cells.ms[2:6, 1].tolist() == [before[2, 1]] * 4
    assert (model.table.cells.source[3:6, 1] == Source.EDITED).all()
    assert model.undo_stack.undoText() == "copy to 3 cells"
    assert view.chosen.block == (3, 6, 1, 1)
    model.undo_stack.undo()
    assert np.array_equal(model.table.cells.ms, before)


def test_that_the_handle_copies_to_the_right_too_and_escape_lets_go(qtbot, view, model) -> None:
    view.select_block(model.shown_row(0), model.shown_row(1), FIRST_DEVICE, FIRST_DEVICE)
    handle = marquee.handle_rect(marquee.block_rect(view, view.chosen.block)).center()
    far = view.visualRect(at(model, 1, 2)).center()
    qtbot.mousePress(view.viewport(), Qt.MouseButton.LeftButton, pos=handle)
    qtbot.mouseMove(view.viewport(), far)
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    qtbot.mouseRelease(view.viewport(), Qt.MouseButton.LeftButton, pos=far)
    assert model.undo_stack.count() == 0
    view.select_block(model.shown_row(0), model.shown_row(1), FIRST_DEVICE, FIRST_DEVICE)
    drag(qtbot, view, handle, far)
    assert model.table.cells.ms[0, :3].tolist() == [1.0] * 3
    assert model.table.cells.ms[1, :3].tolist() == [13.0] * 3


def test_that_a_read_only_table_has_no_handle(view, model) -> None:
    view.setCurrentIndex(at(model, 2, 1))
    model.editable = False
    assert not view.fillable


def test_that_cut_copies_and_empties_in_one_step(qtbot, view, model) -> None:
    view.select_block(model.shown_row(1), model.shown_row(2), FIRST_DEVICE, FIRST_DEVICE + 1)
    qtbot.keyClick(view, Qt.Key.Key_X, CONTROL)
    assert QGuiApplication.clipboard().text() == "13\t14\n25\t26\n"
    assert np.isnan(model.table.cells.ms[1:3, :2]).all()
    assert model.undo_stack.undoText() == "cut 4 cells"


def test_that_a_copy_with_heads_pastes_by_name_wherever_the_selection_is(
    qtbot, view, model
) -> None:
    view.select_block(model.shown_row(4), model.shown_row(6), FIRST_DEVICE + 1, FIRST_DEVICE + 2)
    view.copy(heads=True)
    text = QGuiApplication.clipboard().text()
    assert text.splitlines()[0] == "Operation\tDevice 1 (ms)\tDevice 2 (ms)"
    model.undo_stack.clear()
    view.actions_of.clear(view.chosen)
    view.sort(FIRST_DEVICE, descending=True)
    view.setCurrentIndex(at(model, 15, 9))
    qtbot.keyClick(view, Qt.Key.Key_V, CONTROL)
    assert model.table.cells.ms[4:7, 1:3].tolist() == [[50, 51], [62, 63], [74, 75]]
    assert not np.isnan(model.table.cells.ms[15]).any()


def test_that_ctrl_d_copies_the_first_row_down(qtbot, view, model) -> None:
    view.select_block(model.shown_row(0), model.shown_row(2), FIRST_DEVICE, FIRST_DEVICE + 1)
    qtbot.keyClick(view, Qt.Key.Key_D, CONTROL)
    assert model.table.cells.ms[:3, :2].tolist() == [[1, 2]] * 3


def test_that_keys_select_rows_and_columns_and_escape_nothing(qtbot, view, model) -> None:
    view.setCurrentIndex(at(model, 3, 4))
    qtbot.keyClick(view, Qt.Key.Key_Space, Qt.KeyboardModifier.ShiftModifier)
    assert set(view.chosen.rows.tolist()) == {3}
    assert len(view.chosen) == 12
    view.setCurrentIndex(at(model, 3, 4))
    qtbot.keyClick(view, Qt.Key.Key_Space, CONTROL)
    assert set(view.chosen.columns.tolist()) == {4}
    assert len(view.chosen) == 20
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert len(view.chosen) == 0


def test_that_pointing_at_an_operation_selects_its_row(qtbot, view, model) -> None:
    place = view.visualRect(model.index(model.shown_row(6), OPERATION)).center()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert set(view.chosen.rows.tolist()) == {6}
    assert len(view.chosen) == 12


def test_that_ctrl_and_a_click_on_a_head_select_the_column(qtbot, view, model) -> None:
    head = view.horizontalHeader()
    x = head.sectionViewportPosition(FIRST_DEVICE + 1) + 20
    qtbot.mouseClick(head.viewport(), Qt.MouseButton.LeftButton, CONTROL, QPoint(x, 10))
    assert set(view.chosen.columns.tolist()) == {1}
    assert model.sorting is None
    qtbot.mouseClick(head.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(x, 10))
    assert model.sorting == (FIRST_DEVICE + 1, True)


def test_that_enter_edits_and_goes_on_below(qtbot, view, model) -> None:
    view.setCurrentIndex(at(model, 3, 0))
    qtbot.keyClick(view, Qt.Key.Key_Return)
    editor = view.viewport().findChild(QLineEdit)
    editor.setText("0,4 ms")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: model.table.cells.ms[3, 0] == 0.4)
    assert model.cell_at(view.currentIndex()) == (4, 0)
    assert model.undo_stack.undoText() == "edit op 03"


def test_that_ctrl_and_arrows_go_to_the_ends(qtbot, view, model) -> None:
    view.setCurrentIndex(at(model, 3, 4))
    qtbot.keyClick(view, Qt.Key.Key_Down, CONTROL)
    assert model.cell_at(view.currentIndex()) == (19, 4)
    qtbot.keyClick(view, Qt.Key.Key_Left, CONTROL)
    assert view.currentIndex().column() == OPERATION


def test_that_operations_stay_when_devices_are_scrolled_and_cover_no_current_cell(
    view, model
) -> None:
    bar = view.horizontalScrollBar()
    assert bar.maximum() > 0
    bar.setValue(bar.maximum())
    width = view.columnWidth(OPERATION)
    place = QPoint(width // 2, view.visualRect(at(model, 2, 0)).center().y())
    assert view.indexAt(place).column() == OPERATION
    view.setCurrentIndex(at(model, 2, 1))
    assert view.visualRect(view.currentIndex()).left() >= width - 1


def test_that_a_width_that_a_person_gave_stays_over_a_sort(view) -> None:
    view.setColumnWidth(OPERATION, 431)
    view.sort(FIRST_DEVICE, descending=True)
    assert view.columnWidth(OPERATION) == 431


def test_that_a_device_without_operations_has_no_column(view, model) -> None:
    table = model.table.copy()
    table.cells.put((np.arange(20), np.full(20, 5)), Cells.missing((20,)))
    table.fitted[DEVICES[5].id] = object()
    model.take(table, None)
    model.beginResetModel()
    model.endResetModel()
    hidden = [c for c in range(model.columnCount()) if view.isColumnHidden(c)]
    assert hidden == [5 + FIRST_DEVICE]


def test_that_a_long_head_keeps_what_tells_it_apart_and_its_unit(qtbot) -> None:
    metrics = QFontMetrics(fonts.font(11, fonts.SEMIBOLD))
    heads = [in_lines(f"Laptop, {n} threads (ms)", metrics, 90) for n in (2, 4)]
    assert heads[0] != heads[1]
    assert all(head.endswith("(ms)") and "…" not in head for head in heads)
    assert heads[0] == "Laptop\n2 threads (ms)"
    assert in_lines("GPU (ms)", metrics, 90) == "GPU (ms)"
    endless = in_lines("A" * 60 + " (ms)", metrics, 90)
    assert all(metrics.horizontalAdvance(line) <= 90 for line in endless.splitlines())


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_that_numbers_are_readable_on_every_heat_selected_or_not(qtbot, mode) -> None:
    before = theme().mode
    theme().set_mode(mode)
    try:
        for step in range(-1, STEPS + 1):
            assert contrast(ink(step), ground(step)) >= 4.5
            image = pill(60, 22, step, Source.MISSING, flagged=True, chosen=True).toImage()
            assert contrast(ink(step), QColor(image.pixel(40, 11))) >= 4.5
    finally:
        theme().set_mode(before)
