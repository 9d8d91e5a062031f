"""The table editor on the Devices page: files, comparisons, provenance, and what is measured of a selection."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication
from PySide6.QtWidgets import QLabel, QMenu

from nasstudio.engine.cost.formats.own_json import to_json
from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device.device import Device, processor
from nasstudio.engine.project.project import Project
from nasstudio.engine.space.families import preset
from nasstudio.engine.space.layer import text
from nasstudio.ui.pages.devices import cell_menus, menus
from nasstudio.ui.pages.devices.details import CellPopover
from nasstudio.ui.pages.devices.page import DevicesPage
from nasstudio.ui.tables.difference_model import RowState
from nasstudio.ui.tables.scale import BY_ROW
from nasstudio.ui.tables.shown import FIRST_DEVICE

HERE = Device(processor(), "onnxruntime", "1.0", 1)
PHONE = Device("Phone", "table", title="Phone")
PRESET = "mbv3_28_fast"
NETWORKS = "depth,width,latency_ms\n" + "\n".join(
    f"{2 + i % 2},{16 + 8 * (i % 3)},{1 + (i % 3) + 2 * (i % 2)}.{i % 10}" for i in range(60)
)


@pytest.fixture
def project_path(tmp_path, space) -> Path:
    """A space, a measured device here and an imported one with gaps and cells that are no times."""
    project = Project.create(tmp_path / "Phones", "Phones")
    project.put("space", preset(PRESET))
    project.put("devices", [HERE])
    labels = [text(layer) for layer in space.layers]
    ms = np.array([float(layer.middle + 9) for layer in space.layers]) / 50
    cells = Cells.of(ms, Source.MEASURED)
    cells.p10[:], cells.p90[:], cells.n[:] = ms * 0.98, ms * 1.02, 30
    project.put_cells(labels, HERE, cells)
    phone = Cells.of(2 * ms, Source.IMPORTED)
    phone.ms[3], phone.ms[7] = 0.0, np.nan
    phone.source[7] = Source.MISSING
    project.put_cells(labels, PHONE, phone)
    project.close()
    return project.path


def entry(made: QMenu, beginning: str):
    return next(a for a in made.actions() if a.text().startswith(beginning))


def index_of(page: DevicesPage, row: int, device: Device):
    return page.model.index(
        page.model.shown_row(row), page.model.table.column(device) + FIRST_DEVICE
    )


def other_table(tmp_path, space) -> Path:
    """The phone measured again: a tenth slower, one row far off, one more."""
    ms = 2.2 * np.array([float(layer.middle + 9) for layer in space.layers]) / 50
    ms[5] *= 4
    labels = [text(layer) for layer in space.layers]
    table = LatencyTable([*labels, "Extra"], [*space.layers, None], [PHONE])
    table.cells = Cells.of(np.append(ms, 1.0)[:, None], Source.MEASURED)
    path = tmp_path / "again.json"
    path.write_bytes(to_json(table))
    return path


def test_that_a_value_that_is_no_time_is_shown_flagged_and_counts_as_missing(
    qtbot, project_path, shown
) -> None:
    with shown(project_path) as (page, _):
        assert index_of(page, 3, PHONE).data() == "0"
        assert "2 are still to be measured" in page.header.subtitle_label.whole_text() or (
            "2 cells are still" in page.header.subtitle_label.whole_text()
        )
        column = page.model.table.column(PHONE)
        qtbot.waitUntil(lambda: (3, column) in page.model.flags_of)
        assert "not a time" in page.model.flags_of[3, column].reason
        page.card.filter.set_text("device:phone missing")
        qtbot.waitUntil(lambda: page.model.layout.matching == 2)


def test_that_details_say_where_a_time_comes_from(qtbot, project_path, shown) -> None:
    with shown(project_path) as (page, _):
        page.model.origin_of = lambda row, column: "Profile, today, 09:41"
        at = (11, page.model.table.column(HERE))
        popover = CellPopover(page.model, at, measurable=True, parent=page)
        qtbot.addWidget(popover)
        said = " ".join(label.text() for label in popover.findChildren(QLabel))
        for word in ("measured", "10 to 90 %", "30", "Profile, today, 09:41", "Spread"):
            assert word in said
        assert not popover.keep.isVisibleTo(popover)
        tip = index_of(page, 11, HERE).data(Qt.ItemDataRole.ToolTipRole)
        assert "Source: measured" in tip
        assert "Profile, today" in tip
        asked = []
        popover.edit_asked.connect(lambda *where: asked.append(where))
        popover.edit.click()
        assert asked == [at]


def test_that_f8_steps_through_flags_and_shows_hidden_ones(qtbot, project_path, shown) -> None:
    with shown(project_path) as (page, _):
        qtbot.waitUntil(lambda: bool(page.model.flags_of))
        page.card.filter.set_text("linear")
        flags = sorted(page.model.flags_of)
        step = page.does("devices.next_flag")
        step()
        qtbot.waitUntil(lambda: page.model.cell_at(page.card.view.currentIndex()) == flags[0])
        assert page.model.query == ""
        page.does("devices.previous_flag")()
        assert page.model.cell_at(page.card.view.currentIndex()) == flags[-1]
        for popover in page.card.findChildren(CellPopover):
            popover.close()


def test_that_every_command_of_the_page_does_something(qtbot, project_path, shown) -> None:
    with shown(project_path) as (page, _):
        assert page.commands()
        assert all(page.does(command.id) is not None for command in page.commands())


def test_that_only_gaps_of_the_selection_are_interpolated(
    qtbot, project_path, space, shown
) -> None:
    with shown(project_path) as (page, _):
        view, column = page.card.view, page.model.table.column(PHONE)
        gap = next(r for r in (3, 7))
        view.setCurrentIndex(index_of(page, gap, PHONE))
        made = cell_menus.cells(page)
        action = entry(made, "Interpolate here")
        assert "(1 without a time)" in action.text()
        action.trigger()
        qtbot.waitUntil(lambda: page.card.notice.title_label.text() != "")
        cells = page.model.table.cells
        filled = cells.source[:, column] == Source.INTERPOLATED
        assert filled.sum() == page.undo_stack.count()
        assert not filled[7]
        view.setCurrentIndex(index_of(page, 20, PHONE))
        assert not entry(cell_menus.cells(page), "Interpolate here").isEnabled()


def test_that_just_the_selected_rows_are_measured(qtbot, project_path, shown) -> None:
    with shown(project_path) as (page, bench):
        view, first = page.card.view, index_of(page, 10, HERE)
        view.select_block(first.row(), first.row() + 1, first.column(), first.column())
        labels = {page.model.table.labels[row] for row in view.chosen.rows}
        entry(cell_menus.cells(page), "Measure just these 2 rows").trigger()
        qtbot.waitUntil(lambda: bool(bench.made))
        assert set(bench.made[0].layers) == labels
        assert bench.made[0].networks == 0
        assert bench.made[0].device == HERE
        view.setCurrentIndex(index_of(page, 10, PHONE))
        assert not entry(cell_menus.cells(page), "Measure just these").isEnabled()


def test_that_a_table_pasted_with_nothing_selected_comes_in(qtbot, project_path, shown) -> None:
    with shown(project_path) as (page, _):
        QGuiApplication.clipboard().setText("Operation\tBoard (us)\nConv 3x3, C=64\t700\nFC\t\n")
        page.card.view.setFocus()
        page.card.view.clearSelection()
        qtbot.keyClick(page.card.view, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
        qtbot.waitUntil(lambda: page.undo_stack.count() == 1)
        table = page.model.table
        assert table.devices[-1].name == "Board"
        assert table.cells.ms[table.row("Conv 3x3, C=64"), -1] == pytest.approx(0.7)
        page.undo_stack.undo()
        assert "Board" not in [device.name for device in page.model.table.devices]


def test_that_several_dropped_files_come_in_and_a_bad_one_says_why(
    qtbot, project_path, tmp_path, shown
) -> None:
    files = {
        "a.csv": "Operation,A (ms)\nx,1\n",
        "b.csv": "Operation,B (ms)\nx,2\n",
        "c.yaml": "a: 1\n",
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with shown(project_path) as (page, _):
        mime = QMimeData()
        mime.setUrls([QUrl.fromLocalFile(str(tmp_path / name)) for name in files])
        page.dropEvent(
            QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton,
                       Qt.KeyboardModifier.NoModifier)
        )  # fmt: skip
        qtbot.waitUntil(lambda: page.undo_stack.count() == 2 and page.card.error.error is not None)
        assert "c.yaml" in page.card.error.error.where
        assert {"A", "B"} <= {device.name for device in page.model.table.devices}


def test_that_whole_networks_become_a_device_with_its_error_and_no_column(
    qtbot, project_path, tmp_path, shown
) -> None:
    path = tmp_path / "networks.csv"
    path.write_text(NETWORKS)
    with shown(project_path) as (page, bench):
        page.files.take_in(path)
        qtbot.waitUntil(lambda: len(bench.snapshot.table.fitted) == 1)
        qtbot.waitUntil(lambda: page.model.settled and len(page.model.table.fitted) == 1)
        device_id = next(iter(bench.snapshot.table.fitted))
        card = page.panel.card(device_id)
        assert "60 whole networks, error" in card._count.text()
        assert "off on networks held back" in card.accessibleName()
        column = page.model.table.column(device_id) + FIRST_DEVICE
        assert page.card.view.isColumnHidden(column)
        page.choose(device_id)
        assert ("Whole networks", "60") in page.panel._rows.rows()
        page.undo_stack.undo()
        qtbot.waitUntil(lambda: not bench.snapshot.table.fitted)


def test_that_two_columns_are_compared_in_the_tables_place(qtbot, project_path, shown) -> None:
    with shown(project_path) as (page, _):
        page.choose(PHONE.id)
        entry(cell_menus.compare(page), HERE.name).trigger()
        panel = page.card.difference
        assert page.card._stack.currentWidget() is panel
        assert not page.card.filter.isEnabled()
        assert panel.factor.text() == "factor ▼ 0.50×"
        panel.swap.click()
        assert panel.factor.text() == "factor ▲ 2.00×"
        assert "in one only" in panel.lone.text()
        panel.leave()
        assert page.card._stack.currentWidget() is page.card.view
        assert page.card.filter.isEnabled()


def test_that_times_of_a_compared_file_are_taken_over_and_taken_back(
    qtbot, project_path, tmp_path, space, shown
) -> None:
    with shown(project_path) as (page, _):
        page.compare_file(other_table(tmp_path, space), PHONE.id)
        panel = page.card.difference
        qtbot.waitUntil(lambda: len(panel.rows.rows) > 0)
        assert panel.rows.rows.labels[0] == text(space.layers[5])
        assert panel.rows.rows.state[0] == RowState.BEYOND
        assert "1.10×" in panel.factor.text()
        before = page.model.table.cells.ms.copy()
        column = page.model.table.column(PHONE)
        panel.view.selectRow(0)
        panel.take.click()
        assert page.model.table.cells.ms[5, column] == pytest.approx(4 * 1.1 * before[5, column])
        assert page.model.table.cells.source[5, column] == Source.IMPORTED
        assert page.undo_stack.undoText() == "take over 1 cell from again.json"
        panel.take_all.click()
        qtbot.waitUntil(lambda: page.model.table.row("Extra") is not None)
        assert not np.isnan(page.model.table.cells.ms[7, column])
        page.undo_stack.undo()
        page.undo_stack.undo()
        qtbot.waitUntil(lambda: page.saver.idle and page.model.settled)
        assert np.array_equal(page.model.table.cells.ms, before, equal_nan=True)


def test_that_a_file_that_does_not_read_is_said_and_the_table_stays(
    qtbot, project_path, tmp_path, shown
) -> None:
    (tmp_path / "bad.csv").write_text("nothing")
    with shown(project_path) as (page, _):
        page.compare_file(tmp_path / "bad.csv")
        qtbot.waitUntil(lambda: page.card.error.error is not None)
        assert page.card._stack.currentWidget() is page.card.view


def test_that_heat_is_by_column_or_by_row(qtbot, project_path, shown) -> None:
    with shown(project_path) as (page, _):
        at = (20, page.model.table.column(PHONE))
        assert 0 <= page.model.heat_at(at) <= 1
        page.card.legend.by.button(BY_ROW).click()
        assert page.model.heat_at(at) == 1.0
        assert page.model.heat_at((20, page.model.table.column(HERE))) == 0.0


def test_that_the_menus_work_for_a_project_without_a_table(qtbot, tmp_path, shown) -> None:
    project = Project.create(tmp_path / "Empty")
    project.close()
    with shown(project.path) as (page, _):
        assert not entry(cell_menus.compare(page), "There is no column").isEnabled()
        assert cell_menus.cells(page).actions()
        assert menus.export(page).actions()
        page.card.show_details(page.model.index(0, 0))
        page.card.view.customContextMenuRequested.emit(QPoint(1, 1))
        assert page.card._stack.currentIndex() == 1
