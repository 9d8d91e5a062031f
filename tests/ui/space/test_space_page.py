"""The Space page over a real project: local edits, undo, and what "Use this space" does."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from PySide6.QtCore import Qt

from nasstudio.engine.cost.table import Cells, Source
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.device.device import Device, processor
from nasstudio.engine.job.specification import ProfileSpec
from nasstudio.engine.project.project import Project
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.layer import text
from nasstudio.ui.pages.space import model
from nasstudio.ui.pages.space.page import SpacePage

PRESET = "mbv3_28_fast"
HERE = Device(processor(), "onnxruntime", "1.0", 1)


@pytest.fixture
def project_path(tmp_path):
    """A project whose device knows the space but for seven layers."""
    project = Project.create(tmp_path / "Pixel launch", "Pixel launch")
    project.put("space", preset(PRESET))
    project.put("data", DataDocument("fashion_mnist_small"))
    labels = [text(layer) for layer in build(preset(PRESET)).layers][7:]
    project.put_cells(labels, HERE, Cells.of(np.full(len(labels), 0.1), Source.MEASURED))
    project.close()
    return project.path


@pytest.fixture
def shown(qtbot, noting_workbench):
    return contextlib.contextmanager(lambda path: _shown(qtbot, noting_workbench(), path))


def _shown(qtbot, bench, path):
    page = SpacePage(bench)
    qtbot.addWidget(page)
    page.resize(1364, 780)
    page.show()
    if path is not None:
        bench.open(path)
        qtbot.waitUntil(lambda: bench.snapshot is not None)
    try:
        yield page, bench
    finally:
        page._timer.stop()
        page._pool.waitForDone()
        page._data_pool.waitForDone()
        bench.close()
        page._timer.stop()
        page._pool.waitForDone()
        page.close()


def surveyed(page: SpacePage) -> bool:
    survey = page.survey_panel.survey
    return survey is not None and survey.document == page.draft


def test_that_the_page_shows_the_projects_space_and_what_it_means(
    qtbot, project_path, shown
) -> None:
    with shown(project_path) as (page, _):
        qtbot.waitUntil(lambda: surveyed(page))
        assert page.draft == preset(PRESET)
        assert not page.use.isEnabled()
        size = build(preset(PRESET)).size()
        assert page.survey_panel.size_label.text() == model.scientific(size)
        rows = len(build(preset(PRESET)).layers)
        qtbot.waitUntil(lambda: page.survey_panel.known.text() == f"{rows - 7} of {rows} known")
        said = page.survey_panel.smallest.list.accessibleName()
        assert "7 rows missing" in said


def test_that_a_click_is_local_until_the_space_is_used(qtbot, project_path, shown) -> None:
    with shown(project_path) as (page, bench):
        page.stages.rows[1].chips["kernel"].chip(7).click()
        assert page.edited
        assert bench.snapshot.space == preset(PRESET)
        assert page.use.isEnabled()
        assert "Edited" in page.header.subtitle_label.whole_text()
        qtbot.waitUntil(lambda: surveyed(page))
        assert page.survey_panel.survey.size == build(page.draft).size()
        qtbot.mouseClick(page.use, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: bench.snapshot.space == page.draft)
        qtbot.waitUntil(lambda: not page.use.isEnabled())
        assert not page.news.isHidden()


def test_that_edits_are_undone_chip_by_chip(qtbot, project_path, shown) -> None:
    with shown(project_path) as (page, _):
        chip = page.stages.rows[0].chips["expand"].chip(6)
        chip.click()
        page.stages.rows[2].chips["depth"].chip(1).click()
        assert page.undo_stack.count() == 2
        page.undo_stack.undo()
        assert page.stages.rows[2].chips["depth"].chip(1).isChecked()
        page.undo_stack.undo()
        assert not chip.isChecked()
        assert page.draft == preset(PRESET)
        assert not page.edited


def test_that_the_last_option_of_a_gene_can_not_be_taken_away(qtbot, project_path, shown) -> None:
    with shown(project_path) as (page, _):
        chips = page.stages.rows[0].chips["kernel"]
        for kernel in (3, 5, 7):
            chips.chip(kernel).click()
        assert chips.chip(7).isChecked()
        assert page.undo_stack.count() == 2
        assert "at least one" in chips.chip(7).toolTip()


def test_that_reset_goes_back_to_the_projects_space(qtbot, project_path, shown) -> None:
    with shown(project_path) as (page, _):
        page.stages.resolution.chip(28).click()
        assert page.edited
        page.reset.click()
        assert not page.edited
        page.undo_stack.undo()
        assert page.edited


def test_that_a_preset_takes_the_data_sets_channels_and_classes(qtbot, project_path, shown) -> None:
    with shown(project_path) as (page, _):
        qtbot.waitUntil(lambda: page._input is not None)
        page.take_preset("mbv3_32")
        assert preset("mbv3_32").options["channels"] == 3
        assert page.draft.options["channels"] == 1
        assert not page.panel.channels.isEnabled()


@pytest.mark.parametrize("name", ["mbv3_28_width", "proxyless_28", "ofa_proxyless_w13"])
def test_that_every_kind_of_preset_is_shown_and_edited(qtbot, tmp_path, shown, name) -> None:
    project = Project.create(tmp_path / "New")
    project.close()
    with shown(project.path) as (page, _):
        page.take_preset(name)
        qtbot.waitUntil(lambda: surveyed(page), timeout=20_000)
        assert page.survey_panel.survey.size == build(page.draft).size()
        chips = page.stages.rows[1].chips["width"]
        before = model.allowed(page.draft, 1, "width")
        chips.chip(0.5).click()
        assert set(model.allowed(page.draft, 1, "width")) == set(before) ^ {0.5}
        page.undo_stack.undo()
        assert page.draft == preset(name)


def test_that_a_stage_and_the_head_say_their_channels(qtbot, shown) -> None:
    with shown(None) as (page, _):
        page.take_preset("mbv3_28_width")
        assert page.stages.rows[1]._about.text() == "16–32 ch., 7 px"
        assert "192 and 256 channels" in page.stages._head.text()
        page.take_preset("ofa_proxyless_w13")
        assert page.stages.rows[0]._about.text() == "32 channels, 56 px"
        assert "1,664 channels, then" in page.stages._head.text()


def test_that_missing_rows_are_measured_from_here(qtbot, project_path, shown) -> None:
    with shown(project_path) as (page, bench):
        qtbot.waitUntil(lambda: not page.gap.isHidden())
        qtbot.waitUntil(lambda: page.gap.button.isEnabled())
        assert page.gap.button.accessibleName() == "Measure 7 rows"
        with qtbot.waitSignal(page.go_to) as went:
            page.gap.button.click()
        assert went.args == ["devices"]
        qtbot.waitUntil(lambda: len(bench.made) == 1)
        assert isinstance(bench.made[0], ProfileSpec)
        assert len(bench.made[0].layers) == 7


def test_that_an_edited_space_is_used_before_its_rows_are_measured(
    qtbot, project_path, shown
) -> None:
    with shown(project_path) as (page, _):
        page.stages.rows[0].chips["expand"].chip(6).click()
        qtbot.waitUntil(lambda: surveyed(page))
        qtbot.waitUntil(lambda: not page.gap.isHidden())
        assert not page.gap.button.isEnabled()


def test_that_families_of_later_versions_say_so(qtbot, shown) -> None:
    with shown(None) as (page, _):
        assert page.panel.families["mobilenetv3"].isEnabled()
        assert not page.panel.families["vit"].isEnabled()
        assert "not in this version" in page.panel.families["vit"].accessibleName()
        assert not page.use.isEnabled()


def test_that_a_project_without_a_space_can_use_the_draft_at_once(qtbot, tmp_path, shown) -> None:
    project = Project.create(tmp_path / "New")
    project.close()
    with shown(project.path) as (page, bench):
        assert page.use.isEnabled()
        page.use.click()
        qtbot.waitUntil(lambda: bench.snapshot.space is not None)
        assert bench.snapshot.space == page.draft


def test_that_sampling_again_draws_other_members(qtbot, project_path, shown) -> None:
    with shown(project_path) as (page, _):
        qtbot.waitUntil(lambda: surveyed(page) and page.survey_panel.survey.known > 0)
        before = page.survey_panel.survey.members["macs"]
        page.survey_panel.again.click()
        qtbot.waitUntil(
            lambda: not np.array_equal(page.survey_panel.survey.members["macs"], before)
        )
