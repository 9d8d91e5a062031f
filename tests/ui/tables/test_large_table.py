"""A table that is too large for the window's thread: laid out, sorted, edited and undone by way of another one."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device.device import Device
from nasstudio.ui.tables.change import apply
from nasstudio.ui.tables.latency_model import AT_ONCE, LatencyModel
from nasstudio.ui.tables.latency_view import LatencyView
from nasstudio.ui.tables.shown import FIRST_DEVICE

DEVICES = [Device(f"D{i}", "table", title=f"D{i}") for i in range(4)]
ROWS = AT_ONCE // len(DEVICES) + 500


def large() -> LatencyTable:
    table = LatencyTable([f"operation {i}" for i in range(ROWS)], [None] * ROWS, list(DEVICES))
    table.cells = Cells.of(np.random.default_rng(0).uniform(0.1, 2, table.shape), Source.MEASURED)
    return table


@pytest.fixture
def project():
    """The table of a project, and what has been changed by a person."""
    return large(), []


@pytest.fixture
def model(qtbot, project):
    table, changes = project
    model = LatencyModel()
    model.changed_by_person.connect(changes.append)

    def make() -> LatencyTable:
        made = table.copy()
        for change in list(changes):
            made = apply(made, change)
        return made

    model.reload = lambda: model.show(make, None, cells=table.cells.ms.size)
    model.reload()
    assert not model.settled
    qtbot.waitUntil(lambda: model.settled)
    yield model
    model.pool.waitForDone()


@pytest.fixture
def view(qtbot, model):
    view = LatencyView(model)
    qtbot.addWidget(view)
    view.resize(900, 500)
    view.show()
    return view


def test_that_a_large_table_is_sorted_elsewhere_and_keeps_the_current_cell(
    qtbot, model, view
) -> None:
    row = model.shown_row(1234)
    view.setCurrentIndex(model.index(row, FIRST_DEVICE + 1))
    view.sort(FIRST_DEVICE, descending=True)
    assert not model.settled
    qtbot.waitUntil(lambda: model.settled)
    times = model.table.cells.ms[model.layout.rows, 0]
    assert (np.diff(times) <= 0).all()
    now = view.currentIndex()
    assert model.cell_at(now) == (1234, 1)
    assert view.viewport().rect().contains(view.visualRect(now).center())


def test_that_the_selection_survives_a_filter_that_keeps_it(qtbot, model, view) -> None:
    first = model.shown_row(100)
    view.select_block(first, first + 3, FIRST_DEVICE, FIRST_DEVICE + 1)
    model.set_query("operation 10")
    qtbot.waitUntil(lambda: model.settled)
    chosen = view.chosen
    assert sorted(set(chosen.rows.tolist())) == [100, 101, 102, 103]
    assert sorted(set(chosen.columns.tolist())) == [0, 1]


def test_that_an_edit_made_while_a_table_comes_in_is_not_lost(qtbot, model, project) -> None:
    table, _ = project
    table.cells.ms[5, 2] = 0.555
    model.reload()
    index = model.index(model.shown_row(7), FIRST_DEVICE)
    model.setData(index, "9.5")
    assert index.data() == "9.50"
    qtbot.waitUntil(lambda: model.settled and model.table.cells.ms[5, 2] == 0.555)
    assert model.table.cells.ms[7, 0] == 9.5
    model.undo_stack.undo()
    assert model.table.cells.ms[7, 0] == table.cells.ms[7, 0]


def test_that_only_rows_that_a_profile_changed_are_redrawn(qtbot, model, project) -> None:
    table, _ = project
    redrawn, resets = [], []
    model.dataChanged.connect(lambda a, b: redrawn.append((a.row(), b.row())))
    model.modelReset.connect(lambda: resets.append(1))
    table.cells.ms[40:42, 3] = 0.77
    model.reload()
    qtbot.waitUntil(lambda: bool(redrawn))
    assert redrawn == [(model.shown_row(40), model.shown_row(41))]
    assert not resets


def test_that_a_column_is_cleared_and_comes_back(qtbot, model, view) -> None:
    before = model.table.cells.copy()
    view.select_column(FIRST_DEVICE + 1)
    assert len(view.chosen) == ROWS
    view.actions_of.clear(view.chosen)
    qtbot.waitUntil(lambda: model.settled and model.undo_stack.index() == 1)
    qtbot.waitUntil(lambda: bool(np.isnan(model.table.cells.ms[:, 1]).all()))
    model.undo_stack.undo()
    qtbot.waitUntil(lambda: np.array_equal(model.table.cells.ms, before.ms))
    assert np.array_equal(model.table.cells.source, before.source)


def test_that_thousands_of_pasted_cells_are_one_step_of_undo(qtbot, model, view) -> None:
    before = model.table.cells.ms.copy()
    block = "\n".join(
        "\t".join(f"{row + column / 10:.1f}" for column in range(4)) for row in range(1, 1201)
    )
    QGuiApplication.clipboard().setText(block)
    first = model.shown_row(10)
    view.setCurrentIndex(model.index(first, FIRST_DEVICE))
    qtbot.keyClick(view, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: model.undo_stack.index() == 1)
    assert model.table.cells.ms[10].tolist() == [1.0, 1.1, 1.2, 1.3]
    assert model.undo_stack.undoText() == "paste 4,800 cells"
    assert len(view.chosen) == 4800
    model.undo_stack.undo()
    assert np.array_equal(model.table.cells.ms, before)


def test_that_a_filter_typed_on_is_the_one_that_stays(qtbot, model) -> None:
    for typed in ("o", "operation 1", "operation 12", "operation 123"):
        model.set_query(typed)
    qtbot.waitUntil(lambda: model.settled)
    rows = model.layout.rows[model.layout.rows >= 0]
    assert [model.table.labels[row] for row in rows[:2]] == ["operation 123", "operation 1230"]
