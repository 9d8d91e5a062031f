"""Filling: as near as the physics allows, with an error that holds, and never from what was itself filled."""

import numpy as np
import pytest

from nasstudio.engine.cost import fill
from nasstudio.engine.cost.shapes import SIZES, chains, shapes
from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.layer import parse, text

MEASURED = (128, 160, 192, 224)
LAYER = "mbconv 80x14x14 -> 80 k5 s1 e4 res hswish"


def _four_resolutions(made):
    """Leave only what the four resolutions of the published tables need; the rows that are missing."""
    known = {made.table.row(label) for label in _labels(made.space.layers_at(MEASURED))}
    return [row for row in range(made.table.shape[0]) if row not in known]


def _labels(layers):
    return [text(layer) for layer in layers]


@pytest.mark.parametrize("column", [0, 2])
@pytest.mark.parametrize("noise", [0.0, 0.01, 0.02])
def test_that_25_resolutions_follow_from_the_four_that_were_measured(measured, noise, column):
    made = measured(noise)
    gone = _four_resolutions(made)
    made.blank(gone, column)
    assert len(gone) > 800
    filling = fill.interpolate(made.table, made.table.devices[column])
    assert sorted(filling.rows) == gone
    error = np.abs(filling.cells.ms / made.truth[filling.rows, column] - 1)
    assert error.mean() < 0.004 + 0.9 * noise
    assert filling.error < 0.005 + 1.3 * noise
    assert filling.held_back > 200
    assert set(filling.cells.source.tolist()) == {Source.INTERPOLATED}
    # Networks are sums of such rows: their errors cancel.
    population = made.space.sample(50, np.random.default_rng(0))
    times = made.table.cells.ms[:, column].copy()
    times[filling.rows] = filling.cells.ms
    place = np.array([made.table.row(label) for label in _labels(made.space.layers)])
    rows = made.space.rows(population)
    sums = [
        np.where(rows >= 0, values[place[rows]], 0).sum(1)
        for values in (times, made.truth[:, column])
    ]
    assert np.abs(sums[0] / sums[1] - 1).max() < 0.01 + noise


def test_that_the_error_shown_is_about_that_of_cells_that_are_really_missing(measured):
    made = measured(0.02)
    rows = np.random.default_rng(1).permutation(made.table.shape[0])[:300].tolist()
    made.blank(rows)
    filling = fill.interpolate(made.table, made.table.devices[0].id)
    error = np.abs(filling.cells.ms / made.truth[filling.rows, 0] - 1).mean()
    assert len(filling.rows) > 250
    assert error < filling.error  # the shown one holds the noise of the cell it is compared with
    assert filling.error < 3 * error


def test_that_filling_twice_fills_nothing_more_and_the_table_is_not_touched(measured):
    made = measured(0.01)
    row = made.table.row(LAYER)
    made.blank([row])
    filling = fill.interpolate(made.table, made.table.devices[0])
    assert filling.rows == [row]
    assert np.isnan(made.table.cells.ms[row, 0])
    made.table.put(filling.rows, filling.columns, filling.cells)
    assert fill.interpolate(made.table, made.table.devices[0]).rows == []


def test_that_what_was_filled_or_is_no_time_fills_nothing(measured):
    made = measured(0.0)
    made.table.cells.source[:, 0] = Source.INTERPOLATED
    row = made.table.row(LAYER)
    made.blank([row])
    filling = fill.interpolate(made.table, made.table.devices[0])
    assert filling.rows == []
    assert filling.error is None
    made.table.cells.ms[:, 1] = np.random.default_rng(0).choice(
        [0.0, -1.0, np.inf], made.table.shape[0]
    )
    assert fill.interpolate(made.table, made.table.devices[1]).rows == []


def test_that_a_cell_that_is_no_time_is_filled_like_a_missing_one(measured):
    made = measured(0.0)
    row = made.table.row(LAYER)
    made.table.cells.ms[row, 0] = -3.0
    filling = fill.interpolate(made.table, made.table.devices[0])
    assert filling.rows == [row]
    assert filling.cells.ms[0] == pytest.approx(made.truth[row, 0], rel=0.02)


def test_that_nothing_is_guessed_beyond_the_ends(measured):
    made = measured(0.0)
    found = shapes(made.table.specs)
    inside = set()
    for size in SIZES:
        along = chains(found, size)
        same = along.chain[1:] == along.chain[:-1]
        middle = np.flatnonzero(same[1:] & same[:-1]) + 1
        inside |= set(found.rows[along.order[middle]].tolist())
    ends = sorted(set(range(made.table.shape[0])) - inside)
    assert ends
    made.blank(ends)
    assert set(fill.interpolate(made.table, made.table.devices[0]).rows).isdisjoint(ends)


def test_that_channels_are_interpolated_too():
    layers = [parse(f"conv 32x28x28 -> {out} k3 s1 relu") for out in (32, 48, 64, 96)]
    table = LatencyTable(devices=[Device("A", "table")], cells=Cells.missing((0, 1)))
    table.add_rows(layers)
    table.cells = Cells.of(np.array([[1.0], [np.nan], [2.0], [3.0]]), Source.MEASURED)
    filling = fill.interpolate(table, table.devices[0])
    assert filling.rows == [1]
    assert filling.cells.ms[0] == pytest.approx(1.5, rel=0.02)
    assert filling.held_back == 1


# -- from another device --------------------------------------------------------------------------------------------


def test_that_a_power_law_between_two_devices_is_recovered(measured):
    made = measured(0.0)
    truth = 3.0 * made.table.cells.ms[:, 0] ** 0.8
    made.table.cells.ms[:, 1] = truth
    rows = list(range(5, 900, 2))
    made.blank(rows, 1)
    filling = fill.scale_from(made.table, *made.table.devices[:2])
    assert filling.rows == rows
    np.testing.assert_allclose(filling.cells.ms, truth[rows], rtol=1e-9)
    assert filling.error < 1e-9


def test_that_kinds_with_enough_common_rows_have_a_line_of_their_own():
    rng = np.random.default_rng(0)
    convs = [parse(f"conv 8x{h}x{h} -> {o} k3 s1") for h in range(4, 24, 2) for o in (8, 16, 24)]
    deep = [parse(f"dwconv 8x{h}x{h} -> 8 k{k} s1 g8") for h in range(4, 24) for k in (3, 5)]
    table = LatencyTable(devices=[Device(n, "table") for n in "AB"], cells=Cells.missing((0, 2)))
    table.add_rows([*convs, *deep, "Something else"])
    source = rng.uniform(0.1, 2, table.shape[0])
    factor = np.array([2.0] * len(convs) + [9.0] * len(deep) + [np.nan])
    table.cells = Cells.of(np.stack([source, source * factor], axis=1), Source.MEASURED)
    gone = [3, 40]
    table.put(gone, [1, 1], Cells.missing((2,)))
    filling = fill.scale_from(table, *table.devices)
    assert filling.rows == [3, 40, table.shape[0] - 1]
    np.testing.assert_allclose(filling.cells.ms[:2], source[gone] * factor[gone], rtol=1e-6)
    assert filling.error < 1e-6
    assert filling.held_back == len(convs) + len(deep) - 2
    assert (
        2 * source[-1] < filling.cells.ms[2] < 9 * source[-1]
    )  # too few of its kind: the line of all


def test_that_the_error_of_scaling_is_that_of_rows_held_back(measured):
    made = measured(0.0)
    rng = np.random.default_rng(0)
    made.table.cells.ms[:, 1] = made.table.cells.ms[:, 0] * rng.lognormal(
        0.0, 0.2, made.table.shape[0]
    )
    filling = fill.scale_from(made.table, *made.table.devices[:2])
    assert filling.rows == []
    assert 0.12 < filling.error < 0.2
    assert filling.held_back == made.table.shape[0]


def test_that_scaling_needs_common_rows_and_two_devices(measured):
    made = measured(0.0)
    made.blank(range(3, made.table.shape[0]), 1)
    first, second = made.table.devices[:2]
    with pytest.raises(InvalidInput, match="only 3 rows in common") as caught:
        fill.scale_from(made.table, first, second)
    assert "at least 4" in caught.value.remedy
    with pytest.raises(InvalidInput, match="from itself"):
        fill.scale_from(made.table, first, first)
    with pytest.raises(InvalidInput, match="has no device 'gone'"):
        fill.interpolate(made.table, "gone")
