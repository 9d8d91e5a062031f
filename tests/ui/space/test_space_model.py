"""The space as it is edited: options, counts, and what a document means."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device.device import Device
from nasstudio.engine.space.families import build, preset, preset_names
from nasstudio.engine.space.layer import text
from nasstudio.engine.space.mobilenet import MobileNetSpace
from nasstudio.ui.pages.space import model

FAST = preset("mbv3_28_fast")
DEVICE = Device("Board", "table", title="Board")


def table_with(layers, ms=1.0) -> LatencyTable:
    table = LatencyTable()
    table.add_device(DEVICE)
    table.add_rows(layers)
    table.cells = Cells.of(np.full(table.shape, ms), Source.IMPORTED)
    return table


places = st.one_of(
    st.tuples(st.none(), st.just("resolution")),
    st.tuples(st.integers(0, 2), st.sampled_from(["depth", "kernel", "expand", "width"])),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(places, st.integers(0, 20)), max_size=8))
def test_that_any_row_of_clicks_leaves_a_space_that_builds(clicks) -> None:
    document = FAST
    for (stage, kind), number in clicks:
        offered = model.offered(document, stage, kind)
        after = model.toggled(document, stage, kind, offered[number % len(offered)])
        document = after or document
        assert model.allowed(document, stage, kind)
    space = build(document)
    choices = [model.stage_choices(document, s) for s in range(len(model.stages(document)))]
    assert space.size() == len(model.allowed(document, None, "resolution")) * int(np.prod(choices))


def test_that_a_second_click_takes_the_first_one_back() -> None:
    there = model.toggled(FAST, 1, "kernel", 7)
    assert there is not None
    assert 7 not in model.allowed(there, 1, "kernel")
    back = model.toggled(there, 1, "kernel", 7)
    assert back is not None
    assert build(back).hash == build(FAST).hash


def test_that_the_last_option_stays() -> None:
    document = FAST
    for kernel in (3, 5):
        document = model.toggled(document, 0, "kernel", kernel)
        assert document is not None
    assert model.toggled(document, 0, "kernel", 7) is None


def test_that_a_stage_may_have_several_widths() -> None:
    document = model.toggled(FAST, 1, "width", 0.5)
    assert document is not None
    assert model.allowed(document, 1, "width") == (0.5, 1.0)
    assert model.stage_channels(document) == [(16,), (16, 32), (64,)]
    assert build(document).size() == 2 * build(FAST).size()
    back = model.toggled(document, 1, "width", 1.0)
    assert back is not None
    assert model.allowed(back, 1, "width") == (0.5,)
    assert model.toggled(back, 1, "width", 0.5) is None


def test_that_a_width_takes_the_place_of_one_of_as_many_channels() -> None:
    # 0.75 of 16 channels is rounded to 16.
    document = model.toggled(FAST, 0, "width", 0.75)
    assert document is not None
    assert model.allowed(document, 0, "width") == (0.75,)
    build(document)


def test_that_channels_are_those_of_the_built_space() -> None:
    for name in ("ofa_mbv3_w12", "ofa_proxyless_w13", "mbv3_28_width"):
        space = build(preset(name))
        assert isinstance(space, MobileNetSpace)
        assert tuple(model.stage_channels(preset(name))) == space.stage_channels
        assert model.head(preset(name)) == space.head_channels


def test_that_apply_to_all_copies_what_is_searched_and_not_the_channels() -> None:
    document = model.toggled(FAST, 1, "kernel", 7)
    document = model.applied_to_all(document, 1)
    assert [model.allowed(document, s, "kernel") for s in range(3)] == [(3, 5)] * 3
    before = [s["channels"] for s in model.stages(FAST)]
    assert [s["channels"] for s in model.stages(document)] == before


@pytest.mark.parametrize("name", preset_names())
def test_that_stage_sizes_are_those_of_the_built_space(name: str) -> None:
    document = preset(name)
    space = build(document)
    sizes = {}
    for block in space.blocks(space.largest()):
        if block.stage.isdigit():
            sizes[int(block.stage)] = block.layer.height_out
    assert model.stage_sizes(document) == [sizes[i + 1] for i in range(len(sizes))]


@pytest.mark.parametrize(
    ("size", "written"),
    [(1, "1"), (1944, "1,944"), (999_999, "999,999"), (1_000_000, "1.0 × 10⁶"),
     (58 * 10**24, "5.8 × 10²⁵"), (9_990_000, "1.0 × 10⁷"), (10**120, "1.0 × 10¹²⁰")],
)  # fmt: skip
def test_that_large_sizes_are_written_with_a_power_of_ten(size: int, written: str) -> None:
    assert model.scientific(size) == written


def test_that_a_survey_knows_size_extremes_and_members() -> None:
    space = build(FAST)
    survey = model.survey(FAST, table_with(space.layers))
    key = f"latency:{DEVICE.id}"
    assert survey.size == space.size()
    assert survey.rows == survey.known == len(space.layers)
    assert not survey.gaps
    assert survey.smallest.values["macs"] < survey.largest.values["macs"]
    assert survey.smallest.resolution == 20
    # Every layer takes 1 ms, so that latency counts the layers: five fixed ones and the blocks.
    assert survey.smallest.values[key] == survey.smallest.blocks + 5
    members = survey.members[key]
    assert members.shape == (model.MEMBERS,)
    assert members.min() >= survey.smallest.values[key]
    assert members.max() <= survey.largest.values[key]


def test_that_another_seed_gives_other_members() -> None:
    table = LatencyTable()
    first, second = (model.survey(FAST, table, seed).members["macs"] for seed in (0, 1))
    assert not np.array_equal(first, second)


def test_that_a_gap_names_what_the_missing_rows_have_in_common() -> None:
    space = build(FAST)
    where = model.places(space)
    asked = [
        layer for layer in space.layers if not (layer.kernel == 7 and where[text(layer)][1] == "3")
    ]
    survey = model.survey(FAST, table_with(asked))
    assert [gap.about for gap in survey.gaps] == ["kernel 7 in stage 3"]
    assert survey.rows - survey.known == len(survey.gaps[0].missing) > 0
    assert not any(m.key.startswith("latency") for m in survey.metrics)


def test_that_a_table_of_other_operations_is_no_gap() -> None:
    survey = model.survey(FAST, table_with(["Conv 3x3, C=64"]))
    assert not survey.gaps
    assert survey.known == 0
