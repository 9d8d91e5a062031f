"""The Devices page over a real project: what it shows, what it saves, what it starts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QLabel, QMenu

from nasstudio.engine.cost.formats.reader import read_table
from nasstudio.engine.cost.table import Cells, Source
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.device.device import Device, processor
from nasstudio.engine.job.specification import ProbeSpec, ProfileSpec
from nasstudio.engine.project.project import Project
from nasstudio.engine.space.families import preset
from nasstudio.engine.space.layer import text
from nasstudio.resources import resource
from nasstudio.ui.pages.devices import menus
from nasstudio.ui.pages.devices.details import CellPopover
from nasstudio.ui.pages.devices.page import DevicesPage
from nasstudio.ui.tables.shown import FIRST_DEVICE
from nasstudio.ui.workbench import LiveRun

HERE = Device(processor(), "onnxruntime", "1.0", 1)
OTHER = Device(processor(), "torch", "2.0", 2)
FOREIGN = Device("Cortex-X3", "onnxruntime", "1.0", 1, title="Pixel-class CPU")
PRESET = "mbv3_28_fast"


@pytest.fixture
def project_path(tmp_path, space) -> Path:
    """A project with a space and two devices found; one is measured but for ten rows."""
    project = Project.create(tmp_path / "Pixel launch", "Pixel launch")
    project.put("space", preset(PRESET))
    project.put("data", DataDocument("fashion_mnist_small"))
    project.put("devices", [HERE, OTHER])
    labels = [text(layer) for layer in space.layers]
    ms = np.array([float(sum(divmod(layer.middle + 9, 7))) for layer in space.layers]) / 50
    cells = Cells.of(ms, Source.MEASURED)
    cells.n[:] = 30
    cells.p10[:], cells.p90[:] = ms * 0.9, ms * 1.1
    project.put_cells(labels[10:], HERE, cells.at((slice(10, None),)))
    project.put_cells(labels, FOREIGN, Cells.of(ms * 2, Source.MEASURED))
    project.close()
    return project.path


def cell(page: DevicesPage, label: str, device: Device):
    model = page.model
    row = model.shown_row(model.table.row(label))
    return model.index(row, model.table.column(device) + FIRST_DEVICE)


def entries(made: QMenu) -> dict[str, bool]:
    return {a.text(): a.isEnabled() for a in made.actions() if not a.isSeparator()}


def test_that_the_page_says_what_is_known_and_what_is_missing(
    qtbot, project_path, space, shown
) -> None:
    with shown(project_path) as (page, _):
        said = page.header.subtitle_label.whole_text()
        assert said.startswith(f"2 devices, {len(space.layers)} operations.")
        assert "10 cells are still to be measured" in said
        card = page.panel.card(HERE.id)
        assert f"{len(space.layers) - 10} of {len(space.layers)}" in card.accessibleName()
        assert "measured on Cortex-X3" in page.panel.card(FOREIGN.id)._where.whole_text()
        assert not page.panel.card(FOREIGN.id)._where.isHidden()
        assert page.panel.card(HERE.id)._where.isHidden()


def test_that_a_project_without_devices_is_probed_once(qtbot, tmp_path, shown) -> None:
    project = Project.create(tmp_path / "New")
    project.close()
    with shown(project.path) as (page, bench):
        qtbot.waitUntil(lambda: len(bench.made) == 1)
        assert isinstance(bench.made[0], ProbeSpec)
        assert page.main.isEnabled() is False
        assert page.card._stack.currentIndex() == 1


def test_that_an_edited_cell_is_saved_and_its_undo_too(qtbot, project_path, space, shown) -> None:
    label = text(space.layers[20])
    with shown(project_path) as (page, bench):
        index = cell(page, label, HERE)
        page.model.setData(index, "0,71")
        saved = lambda: bench.snapshot.table.cells.ms[  # noqa: E731
            bench.snapshot.table.row(label), bench.snapshot.table.column(HERE)
        ]
        before = saved()
        qtbot.waitUntil(lambda: saved() == pytest.approx(0.71))
        page.undo_stack.undo()
        qtbot.waitUntil(lambda: saved() == pytest.approx(before))
        qtbot.waitUntil(lambda: page.saver.idle)
    assert read_table(project_path / "tables" / "latency.json").cells.n.max() == 30


def test_that_quick_edits_are_all_saved_in_order(qtbot, project_path, space, shown) -> None:
    label = text(space.layers[20])
    with shown(project_path) as (page, bench):
        for step in range(1, 9):
            page.model.setData(cell(page, label, HERE), f"{step}")
        assert page.model.table.cells.ms[page.model.table.row(label), 0] == 8
        qtbot.waitUntil(lambda: page.saver.idle)
        table = bench.snapshot.table
        assert table.cells.ms[table.row(label), table.column(HERE)] == 8
        assert page.model.table.cells.ms[page.model.table.row(label), 0] == 8


def test_that_profile_measures_the_missing_rows_of_the_chosen_device(
    qtbot, project_path, space, shown
) -> None:
    with shown(project_path) as (page, bench):
        assert page.chosen_device == HERE
        assert "10" in page.main.toolTip()
        qtbot.mouseClick(page.main, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: len(bench.made) == 1)
        spec = bench.made[0]
        assert isinstance(spec, ProfileSpec)
        assert spec.device == HERE
        assert set(spec.layers) == {text(layer) for layer in space.layers[:10]}


def test_that_all_devices_here_are_profiled_one_after_another(qtbot, project_path, shown) -> None:
    with shown(project_path) as (page, bench):
        made = menus.profile(page)
        action = next(a for a in made.actions() if "one after another" in a.text())
        assert "2" in action.text()
        action.trigger()
        qtbot.waitUntil(lambda: len(bench.made) == 2)
        assert [spec.device for spec in bench.made] == [HERE, OTHER]


def test_that_a_device_of_another_machine_is_not_offered_for_measuring(
    qtbot, project_path, shown
) -> None:
    with shown(project_path) as (page, _):
        page.choose(FOREIGN.id)
        assert not page.main.isEnabled()
        measure = next(k for k in entries(menus.fill(page)) if k.startswith("Measure just"))
        assert entries(menus.fill(page))[measure] is False


def test_that_a_running_profile_shows_its_strip_and_the_cell_being_measured(
    qtbot, project_path, space, shown
) -> None:
    label = text(space.layers[3])
    with shown(project_path) as (page, bench):
        ids: list[str] = []
        spec = ProfileSpec(space=preset(PRESET), device=HERE)
        bench.do(lambda p: p.new_run(spec).id, ids.append)
        qtbot.waitUntil(lambda: bool(ids))
        live = LiveRun(ids[0], "Profile", "profile", "running", done=3, total=10, unit="layers",
                       label=label, left_s=120)  # fmt: skip
        bench.live[ids[0]] = live
        bench.runs_changed.emit()
        assert page.card.strip.isVisible()
        assert page.card.strip.text() == "Profiling 3 of 10 rows · 2 min left"
        assert page.model.measuring == (HERE.id, page.model.table.row(label))
        assert page.main.accessibleName() == "Pause profiling"
        live.state = "paused"
        bench.runs_changed.emit()
        assert page.main.accessibleName() == "Go on profiling"
        assert page.model.measuring is None
        bench.live.clear()
        bench.runs_changed.emit()
        assert not page.card.strip.isVisible()


def test_that_the_lectures_sample_comes_in_and_goes_out_again(qtbot, project_path, shown) -> None:
    with shown(project_path) as (page, bench):
        page.files.take_sample()
        qtbot.waitUntil(lambda: page.undo_stack.count() == 1)
        sample = read_table(resource("presets/tables/lecture.csv"))
        row = page.model.table.row(sample.labels[0])
        column = page.model.table.column(sample.devices[0])
        assert page.model.table.cells.ms[row, column] == sample.cells.ms[0, 0]
        qtbot.waitUntil(lambda: len(bench.snapshot.table.devices) == 5)
        page.undo_stack.undo()
        qtbot.waitUntil(lambda: len(bench.snapshot.table.devices) == 2)
        assert page.model.table.row(sample.labels[0]) is None
        assert bench.snapshot.table.row(sample.labels[0]) is None


def test_that_a_file_dropped_onto_the_page_is_imported_and_a_bad_one_is_explained(
    qtbot, project_path, tmp_path, shown
) -> None:
    good, bad = tmp_path / "mine.csv", tmp_path / "bad.csv"
    good.write_text("Operation,Board (ms)\nConv,1.5\n")
    bad.write_text("Operation,Board (ms)\nConv,soon\n")
    with shown(project_path) as (page, _):
        for path in (good, bad):
            data = QMimeData()
            data.setUrls([QUrl.fromLocalFile(str(path))])
            page.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data,
                                      Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier))  # fmt: skip
        qtbot.waitUntil(lambda: page.card.error.error is not None)
        assert "bad.csv" in page.card.error.error.where
        assert page.model.table.row("Conv") is not None


def test_that_a_table_goes_out_and_reads_back(qtbot, project_path, tmp_path, shown) -> None:
    with shown(project_path) as (page, bench):
        for name in ("out.json", "out.csv"):
            page.files.hand_out(page.table_to_export(), tmp_path / name)
            qtbot.waitUntil(lambda n=name: page.card.notice.title_label.text().endswith(n))
            again = read_table(tmp_path / name)
            assert np.array_equal(again.cells.ms, bench.snapshot.table.cells.ms, equal_nan=True)


def test_that_missing_cells_are_scaled_from_another_device_and_say_their_error(
    qtbot, project_path, space, shown
) -> None:
    with shown(project_path) as (page, _):
        page.files.scale(FOREIGN, HERE)
        qtbot.waitUntil(lambda: page.undo_stack.count() == 1)
        column = page.model.table.column(HERE)
        sources = page.model.table.cells.source[:10, column]
        assert (sources == Source.INTERPOLATED).all()
        assert "held back" in page.card.notice.text_label.text()
        page.undo_stack.undo()
        assert np.isnan(page.model.table.cells.ms[:10, column]).all()


def test_that_a_removed_column_can_be_brought_back(qtbot, project_path, shown) -> None:
    with shown(project_path) as (page, bench):
        page.remove_device(FOREIGN.id)
        qtbot.waitUntil(lambda: len(bench.snapshot.table.devices) == 1)
        page.undo_stack.undo()
        qtbot.waitUntil(lambda: len(bench.snapshot.table.devices) == 2)
        assert not np.isnan(bench.snapshot.table.cells.ms[:, 1]).any()


def test_that_an_empty_column_is_added_once(qtbot, project_path, shown) -> None:
    with shown(project_path) as (page, bench):
        page.add_column("Board")
        qtbot.waitUntil(lambda: len(bench.snapshot.table.devices) == 3)
        page.add_column("Board")
        assert page.card.error.error is not None
        assert page.undo_stack.count() == 1


def test_that_a_flag_that_is_kept_comes_back_when_the_time_changes(
    qtbot, project_path, space, shown
) -> None:
    label = text(space.layers[40])
    with shown(project_path) as (page, _):
        page.model.setData(cell(page, label, HERE), "900")
        row, column = page.model.table.row(label), page.model.table.column(HERE)
        qtbot.waitUntil(lambda: (row, column) in page.model.flags_of)
        assert not page.card.flags.isHidden()
        popover = CellPopover(page.model, (row, column), measurable=True, parent=page)
        qtbot.addWidget(popover)
        popover.keep_asked.connect(page.card.keep_asked)
        popover.keep.click()
        qtbot.waitUntil(lambda: (row, column) not in page.model.flags_of)
        page.model.setData(cell(page, label, HERE), "950")
        qtbot.waitUntil(lambda: (row, column) in page.model.flags_of)


def test_that_a_flagged_row_can_be_measured_alone(qtbot, project_path, space, shown) -> None:
    label = text(space.layers[40])
    with shown(project_path) as (page, bench):
        row, column = page.model.table.row(label), page.model.table.column(HERE)
        assert page.measuring.possible(row, column)
        assert not page.measuring.possible(row, page.model.table.column(FOREIGN))
        page.card.measure_asked.emit(row, column)
        qtbot.waitUntil(lambda: len(bench.made) == 1)
        assert bench.made[0].layers == (label,)
        assert bench.made[0].networks == 0


def test_that_the_command_names_project_and_device(qtbot, project_path, shown) -> None:
    with shown(project_path) as (page, _):
        command = page.command_line()
        assert command.startswith("nasstudio profile ")
        assert command.endswith(HERE.id)


def test_that_every_control_has_a_name_and_says_what_it_does(qtbot, project_path, shown) -> None:
    with shown(project_path) as (page, _):
        for control in (page.add, page.more, page.main, page.card.fill, page.card.take_in,
                        page.card.hand_out):  # fmt: skip
            assert control.accessibleName()
            assert control.toolTip()
        assert page.card.view.accessibleName()


def test_that_what_a_profile_will_do_and_how_long_is_said_before(
    project_path, space, shown
) -> None:
    with shown(project_path) as (page, _):
        page.choose(HERE.id)
        assert "10 rows and 40 whole networks, twice: about" in page.main.toolTip()
        page.choose(OTHER.id)
        assert f"{len(space.layers)} rows" in page.main.toolTip()


def test_that_a_device_without_any_time_takes_one_line(project_path, shown) -> None:
    with shown(project_path) as (page, _):
        measured, bare = page.panel.card(HERE.id), page.panel.card(OTHER.id)
        assert bare.sizeHint().height() < measured.sizeHint().height() / 1.5
        said = {part.text() for part in bare.findChildren(QLabel) if part.isVisibleTo(bare)}
        assert "2 threads" in said
