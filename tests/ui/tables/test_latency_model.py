"""The editor's model and view: editing with undo, paste, live times, groups."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtGui import QGuiApplication

from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.layer import text
from nasstudio.ui.tables.actions import TableActions
from nasstudio.ui.tables.chosen import Chosen
from nasstudio.ui.tables.latency_model import LatencyModel
from nasstudio.ui.tables.latency_view import LatencyView
from nasstudio.ui.tables.shown import FIRST_DEVICE

GPU, CPU = Device("GPU", "table", title="GPU"), Device("CPU", "table", title="CPU")


@pytest.fixture(scope="module")
def space():
    return build(preset("mbv3_28_fast"))


def filled(space) -> LatencyTable:
    table = LatencyTable()
    for device in (GPU, CPU):
        table.add_device(device)
    table.add_rows(space.layers)
    rng = np.random.default_rng(0)
    table.cells = Cells.of(rng.uniform(0.1, 2, table.shape), Source.MEASURED)
    return table


@pytest.fixture
def model(qtbot, space):
    model = LatencyModel()
    model.take(filled(space), space)
    return model


def first(model: LatencyModel, column: int = FIRST_DEVICE):
    row = next(r for r in range(model.rowCount()) if model.table_row(r) is not None)
    return model.index(row, column)


def picked(model: LatencyModel, *indexes) -> Chosen:
    cells = [model.cell_at(index) for index in indexes]
    rows, columns = zip(*[at for at in cells if at is not None], strict=True)
    return Chosen(np.array(rows), np.array(columns))


def written(block: list[list[str]]) -> str:
    return "\n".join("\t".join(line) for line in block)


@pytest.fixture
def actions(model):
    return TableActions(model)


def test_that_the_model_keeps_qts_rules(qtmodeltester, model) -> None:
    qtmodeltester.check(model, force_py=True)
    model.set_query("mbconv k5")
    model.toggle_group(0)
    qtmodeltester.check(model, force_py=True)


def test_that_typing_a_time_edits_the_cell_and_undo_brings_back_all_of_it(model) -> None:
    index = first(model)
    at = model.cell_at(index)
    model.table.cells.n[at] = 30
    before = float(model.table.cells.ms[at])
    changes = []
    model.changed_by_person.connect(changes.append)
    assert model.setData(index, "710 us")
    assert model.table.cells.ms[at] == pytest.approx(0.71)
    assert model.table.cells.source[at] == Source.EDITED
    assert model.table.cells.n[at] == 0
    model.undo_stack.undo()
    assert model.table.cells.ms[at] == before
    assert model.table.cells.source[at] == Source.MEASURED
    assert model.table.cells.n[at] == 30
    model.undo_stack.redo()
    assert model.table.cells.ms[at] == pytest.approx(0.71)
    assert len(changes) == 3


def test_that_what_is_no_time_changes_nothing_and_is_said(model) -> None:
    index, said = first(model), []
    model.rejected.connect(said.append)
    before = model.table.cells.ms.copy()
    assert not model.setData(index, "fast")
    assert (model.table.cells.ms == before).all()
    assert isinstance(said[0], InvalidInput)
    assert model.undo_stack.count() == 0


def test_that_leaving_a_cell_as_it_was_is_no_edit(model) -> None:
    index = first(model)
    model.setData(index, index.data(Qt.ItemDataRole.EditRole))
    assert model.undo_stack.count() == 0


def test_that_heads_of_groups_are_neither_selected_nor_edited(model) -> None:
    heads = [r for r in range(model.rowCount()) if model.group_at(r) is not None]
    assert heads
    for row in heads:
        for column in range(model.columnCount()):
            flags = model.flags(model.index(row, column))
            assert not flags & Qt.ItemFlag.ItemIsSelectable
            assert not flags & Qt.ItemFlag.ItemIsEditable


def test_that_a_live_time_comes_in_without_undo_and_without_moving_rows(model, space) -> None:
    order = model.layout.rows.copy()
    table = filled(space)
    table.cells.ms[4, 1] = 9.0
    resets = []
    model.modelReset.connect(lambda: resets.append(1))
    model.take(table, space)
    assert not resets
    assert (model.layout.rows == order).all()
    assert model.table.cells.ms[4, 1] == 9.0
    assert model.undo_stack.count() == 0


def test_that_rows_stay_where_they_are_whatever_is_measured_first(model, space) -> None:
    table = LatencyTable()
    table.add_device(GPU)
    table.add_device(CPU)
    table.add_rows([space.layers[-1], space.layers[3]])
    table.cells = Cells.of(np.ones((2, 2)), Source.MEASURED)
    labels = list(model.table.labels)
    model.take(table, space)
    assert model.table.labels == labels
    assert np.count_nonzero(~np.isnan(model.table.cells.ms)) == 4


def test_that_paste_puts_a_rectangle_over_heads_of_groups_and_undoes_at_once(
    model, actions
) -> None:
    index = first(model)
    rows = [r for r in model.layout.rows if r >= 0][:8]
    before = model.table.cells.ms.copy()
    block = [[f"{i + 1}", f"{i + 1},5"] for i in range(8)]
    actions.paste(written(block), picked(model, index))
    assert model.table.cells.ms[rows, 0].tolist() == [i + 1 for i in range(8)]
    assert model.table.cells.ms[rows, 1].tolist() == [i + 1.5 for i in range(8)]
    assert model.undo_stack.count() == 1
    model.undo_stack.undo()
    assert (model.table.cells.ms == before).all()


def test_that_a_paste_with_one_wrong_cell_changes_nothing_and_names_it(model, actions) -> None:
    said = []
    model.rejected.connect(said.append)
    before = model.table.cells.ms.copy()
    actions.paste("1\t2\n3\tsoon", picked(model, first(model)))
    assert isinstance(said[0], InvalidInput)
    assert "CPU" in said[0].where
    assert (model.table.cells.ms == before).all()


def test_that_a_paste_that_does_not_fit_is_refused(model, actions) -> None:
    said = []
    model.rejected.connect(said.append)
    actions.paste("1\t2", picked(model, first(model, FIRST_DEVICE + 1)))
    assert "do not fit" in said[0].what
    assert model.undo_stack.count() == 0


def test_that_one_copied_time_fills_the_whole_selection(model, actions) -> None:
    rows = [r for r in range(model.rowCount()) if model.table_row(r) is not None][:3]
    chosen = [model.index(r, FIRST_DEVICE) for r in rows]
    actions.paste("0.25", picked(model, *chosen))
    assert [model.table.cells.ms[model.cell_at(i)] for i in chosen] == [0.25] * 3


def test_that_delete_empties_cells_and_their_text(model, actions) -> None:
    index = first(model)
    actions.clear(picked(model, index, model.index(index.row(), 0)))
    assert np.isnan(model.table.cells.ms[model.cell_at(index)])
    assert index.data() == ""
    model.undo_stack.undo()
    assert index.data() != ""


def test_that_the_ratio_compares_the_slowest_with_the_fastest(model, actions) -> None:
    index = first(model)
    at = model.cell_at(index)
    model.setData(index, "1")
    model.setData(model.index(index.row(), FIRST_DEVICE + 1), "2.5")
    assert model.index(index.row(), model.ratio_column).data() == "2.5×"
    actions.clear(picked(model, index))
    assert model.index(index.row(), model.ratio_column).data() == ""
    assert at[1] == 0


def test_that_a_filter_counts_rows_and_heads_say_how_many(model, space) -> None:
    counts = []
    model.counted.connect(counts.append)
    model.set_query("mbconv k5")
    wanted = sum(" k5 " in text(layer) for layer in space.layers)
    assert counts[-1] == wanted
    head = model.index(0, 0).data()
    assert " of " in head


def test_that_a_thousand_rows_of_a_table_answer_from_arrays_only(qtbot) -> None:
    big = build(preset("ofa_mbv3"))
    table = LatencyTable()
    table.add_device(GPU)
    table.add_rows(big.layers)
    table.cells = Cells.of(np.ones(table.shape), Source.MEASURED)
    model = LatencyModel()
    model.take(table, big)
    assert len(big.layers) > 1000
    assert model.layout.matching == len(big.layers)
    assert isinstance(model.layout.rows, np.ndarray)
    assert model.index(model.rowCount() - 1, FIRST_DEVICE).data() == "1.00"


@pytest.fixture
def view(qtbot, model):
    view = LatencyView(model)
    qtbot.addWidget(view)
    view.resize(900, 500)
    view.show()
    return view


def test_that_copy_and_paste_speak_a_spreadsheets_language(view, model, qtbot) -> None:
    rows = [r for r in range(model.rowCount()) if model.table_row(r) is not None][:2]
    flag = QItemSelectionModel.SelectionFlag.Select
    for row in rows:
        for column in (FIRST_DEVICE, FIRST_DEVICE + 1):
            view.selectionModel().select(model.index(row, column), flag)
    qtbot.keyClick(view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    copied = QGuiApplication.clipboard().text()
    assert [len(line.split("\t")) for line in copied.splitlines()] == [2, 2]
    QGuiApplication.clipboard().setText("1\t2\n3\t4\n")
    qtbot.keyClick(view, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    cells = [model.table.cells.ms[model.cell_at(model.index(r, c))]
             for r in rows for c in (FIRST_DEVICE, FIRST_DEVICE + 1)]  # fmt: skip
    assert cells == [1, 2, 3, 4]
    qtbot.keyClick(view, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert view.selection_text() == copied or model.undo_stack.index() == 0


def test_that_a_selection_says_its_sum(view, model) -> None:
    said = []
    view.summarised.connect(said.append)
    rows = [r for r in range(model.rowCount()) if model.table_row(r) is not None][:2]
    chosen = [model.index(rows[0], FIRST_DEVICE), model.index(rows[1], FIRST_DEVICE + 1)]
    for index in chosen:
        view.selectionModel().select(index, QItemSelectionModel.SelectionFlag.Select)
    total = sum(float(model.table.cells.ms[model.cell_at(i)]) for i in chosen)
    assert said[-1] == f"2 cells · sum {total:.4g} ms"


def test_that_clicking_a_head_closes_and_opens_its_group(view, model, qtbot) -> None:
    shown = model.rowCount()
    view.clicked.emit(model.index(0, 0))
    assert model.rowCount() < shown
    view.clicked.emit(model.index(0, 0))
    assert model.rowCount() == shown


def test_that_a_columns_head_sorts_both_ways_and_then_shows_groups_again(view, model) -> None:
    head = view.horizontalHeader()
    seen = []
    for _ in range(3):
        head.sectionClicked.emit(FIRST_DEVICE)
        seen.append(model.sorting)
    assert seen == [(FIRST_DEVICE, True), (FIRST_DEVICE, False), None]


def test_that_a_wrong_text_keeps_the_editor_open(view, model, qtbot) -> None:
    index = first(model)
    before = index.data()
    view.setCurrentIndex(index)
    view.edit(index)
    editor = view.findChild(type(view.indexWidget(index) or object), "") or view.focusWidget()
    line = next(w for w in view.viewport().findChildren(type(editor)) if hasattr(w, "setText"))
    line.setText("fast")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert line.property("tone") == "bad"
    assert index.data() == before
    line.setText("0,5")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: index.data() == "0.50")
