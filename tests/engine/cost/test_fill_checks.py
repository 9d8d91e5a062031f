"""Filling cells and flagging them: what is planted is found, and what is fine is left alone."""

import numpy as np
import pytest

from nasstudio.engine.cost import checks, counts, fill, formats
from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.layer import text
from nasstudio.resources import resource

DEVICES = [Device(name, "table") for name in ("A", "B", "C")]


def _space_table(factors=(1.0, 0.3, 4.0)):
    """Times that follow from the work of each layer, as a device's would."""
    space = build(preset("mbv3_28"))
    table = LatencyTable(
        devices=list(DEVICES[: len(factors)]), cells=Cells.missing((0, len(factors)))
    )
    table.add_rows(space.layers)
    work = np.array([counts.count(layer).macs / 1e9 + 0.002 for layer in space.layers])
    table.cells = Cells.of(work[:, None] * np.array(factors), Source.MEASURED)
    table.cells.p10[:], table.cells.p90[:] = table.cells.ms * 0.99, table.cells.ms * 1.01
    return table


def _blank(table, rows, column):
    table.put(rows, [column] * len(rows), Cells.missing((len(rows),)))


# -- checks -----------------------------------------------------------------------------------------------------


def test_that_a_sound_table_has_no_flags():
    assert checks.suspicious(_space_table()) == []
    assert checks.suspicious(formats.read_table(resource("presets/tables/lecture.csv"))) == []
    assert checks.suspicious(LatencyTable()) == []


@pytest.mark.parametrize("wrong", [0.0, -2.0, np.inf])
def test_that_a_cell_that_is_not_a_time_is_flagged(wrong):
    table = _space_table()
    table.cells.ms[7, 1] = wrong
    assert checks.Flag(7, 1, "not a time") in checks.suspicious(table)


@pytest.mark.parametrize("factor", [10.0, 0.1])
def test_that_a_slipped_decimal_point_is_flagged_among_similar_rows(factor):
    table = _space_table()
    row = table.row("mbconv 32x14x14 -> 32 k5 s1 e3 se res relu")
    table.cells.ms[row, 2] *= factor
    flags = checks.suspicious(table)
    assert any((f.row, f.column) == (row, 2) and "similar rows" in f.reason for f in flags)


@pytest.mark.parametrize("factor", [10.0, 0.1])
@pytest.mark.parametrize("column", [0, 1, 2])
def test_that_a_slipped_decimal_point_is_flagged_by_the_other_devices(factor, column):
    table = formats.read_table(resource("presets/tables/lecture.csv"))
    table.cells.ms[1, column] *= factor
    (flag,) = checks.suspicious(table)
    assert (flag.row, flag.column) == (1, column)
    assert "the other devices suggest" in flag.reason


@pytest.mark.parametrize(
    ("small", "large", "field"),
    [
        (
            "mbconv 32x14x14 -> 32 k3 s1 e3 se res relu",
            "mbconv 32x14x14 -> 32 k5 s1 e3 se res relu",
            "kernel",
        ),
        (
            "mbconv 32x14x14 -> 32 k5 s1 e2 se res relu",
            "mbconv 32x14x14 -> 32 k5 s1 e3 se res relu",
            "expand",
        ),
        (
            "mbconv 32x12x12 -> 32 k5 s1 e3 se res relu",
            "mbconv 32x14x14 -> 32 k5 s1 e3 se res relu",
            "resolution",
        ),
    ],
)
def test_that_a_larger_layer_that_is_faster_beyond_the_noise_is_flagged(small, large, field):
    table = _space_table()
    low, high = table.row(small), table.row(large)
    for name in ("ms", "p10", "p90"):
        getattr(table.cells, name)[high, 0] = getattr(table.cells, name)[low, 0] * 0.9
    found = [f for f in checks.suspicious(table) if f"smaller {field}" in f.reason]
    assert (high, 0) in {(f.row, f.column) for f in found}
    table.cells.p90[high, 0] = table.cells.ms[low, 0] * 1.2
    quiet = [f for f in checks.suspicious(table) if f.reason in {g.reason for g in found}]
    assert (high, 0) not in {(f.row, f.column) for f in quiet if small in f.reason}


def test_that_missing_cells_are_not_flagged():
    table = _space_table()
    _blank(table, list(range(0, 200, 3)), 1)
    assert checks.suspicious(table) == []


# -- fill -------------------------------------------------------------------------------------------------------


def test_that_a_gap_between_neighbours_is_filled_where_time_follows_work():
    table = _space_table()
    row = table.row("mbconv 32x14x14 -> 32 k5 s1 e3 se res relu")
    truth = table.cells.ms[row, 0]
    _blank(table, [row], 0)
    filling = fill.interpolate(table, DEVICES[0])
    assert filling.rows == [row]
    assert filling.columns == [0]
    assert filling.cells.ms[0] == pytest.approx(truth, rel=0.05)
    assert filling.cells.source[0] == Source.INTERPOLATED
    assert filling.held_back > 20
    assert filling.error < 0.05
    assert np.isnan(table.cells.ms[row, 0])
    table.put(filling.rows, filling.columns, filling.cells)
    assert fill.interpolate(table, DEVICES[0]).rows == []


def test_that_filled_cells_are_not_used_to_fill_others():
    table = _space_table(factors=(1.0,))
    known = table.cells.source[:, 0] > 0
    table.cells.source[known, 0] = Source.INTERPOLATED
    row = table.row("mbconv 32x14x14 -> 32 k5 s1 e3 se res relu")
    _blank(table, [row], 0)
    filling = fill.interpolate(table, DEVICES[0])
    assert filling.rows == []
    assert filling.error is None


def test_that_nothing_is_guessed_beyond_the_ends():
    space = build(preset("mbv3_28"))
    table = _space_table()
    ends = [
        row
        for row, layer in enumerate(space.layers)
        if layer.kernel == 3 and layer.expand_ratio == 2 and layer.height < 12
    ]
    ends = [
        r
        for r in ends
        if not any(
            a < p < b
            for field in ("resolution", "expand", "kernel")
            for group in checks.neighbours(table.specs, field)
            if r in group
            for p, a, b in [(group.index(r), 0, len(group) - 1)]
        )
    ]
    assert ends
    _blank(table, ends, 0)
    assert set(fill.interpolate(table, DEVICES[0]).rows).isdisjoint(ends)


def test_that_a_power_law_between_two_devices_is_recovered():
    table = _space_table()
    source = table.cells.ms[:, 0]
    truth = 3.0 * source**0.8
    table.cells.ms[:, 1] = truth
    rows = list(range(5, 200, 2))
    _blank(table, rows, 1)
    filling = fill.scale_from(table, DEVICES[0], DEVICES[1])
    assert filling.rows == rows
    np.testing.assert_allclose(filling.cells.ms, truth[rows], rtol=1e-9)
    assert filling.error < 1e-9
    assert set(filling.cells.source.tolist()) == {Source.INTERPOLATED}


def test_that_the_error_of_scaling_is_that_of_rows_held_back():
    table = _space_table()
    noise = np.random.default_rng(0).lognormal(0.0, 0.2, table.shape[0])
    table.cells.ms[:, 1] = table.cells.ms[:, 0] * noise
    filling = fill.scale_from(table, DEVICES[0], DEVICES[1])
    assert filling.rows == []
    assert 0.1 < filling.error < 0.25
    assert filling.held_back == table.shape[0]


def test_that_scaling_needs_common_rows_and_two_devices():
    table = _space_table()
    _blank(table, list(range(3, table.shape[0])), 1)
    with pytest.raises(InvalidInput, match="only 3 rows in common") as caught:
        fill.scale_from(table, DEVICES[0], DEVICES[1])
    assert "at least 4" in caught.value.remedy
    with pytest.raises(InvalidInput, match="from itself"):
        fill.scale_from(table, DEVICES[0], DEVICES[0])
    with pytest.raises(InvalidInput, match="has no device 'gone'"):
        fill.interpolate(table, "gone")


def test_that_rows_of_the_test_are_layers_of_the_space():
    space = build(preset("mbv3_28"))
    labels = {text(layer) for layer in space.layers}
    assert "mbconv 32x14x14 -> 32 k5 s1 e3 se res relu" in labels
    assert "mbconv 32x12x12 -> 32 k5 s1 e3 se res relu" in labels
