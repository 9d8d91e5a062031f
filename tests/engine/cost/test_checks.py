"""Flags: noise is left alone, what is planted is found, and each says why in numbers."""

from dataclasses import replace

import numpy as np
import pytest

from nasstudio.engine.cost import checks
from nasstudio.engine.cost.formats.reader import read_table
from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device.device import Device
from nasstudio.engine.space.layer import parse
from nasstudio.resources import resource

LAYER = "mbconv 80x14x14 -> 80 k5 s1 e4 res hswish"


def _lecture():
    return read_table(resource("presets/tables/lecture.csv"))


def test_that_sound_tables_have_no_flags(measured):
    assert checks.suspicious(measured(0.0).table) == []
    assert checks.suspicious(_lecture()) == []
    assert checks.suspicious(LatencyTable()) == []


@pytest.mark.parametrize("noise", [0.01, 0.02])
@pytest.mark.parametrize("spread", [True, False])
def test_that_noise_as_it_is_measured_flags_fewer_than_one_cell_in_two_hundred(
    measured, noise, spread
):
    flags = sum(
        len(checks.suspicious(measured(noise, seed=seed, spread=spread).table)) for seed in range(3)
    )
    assert flags / (3 * measured(noise).truth.size) < 0.005


def _planted(kind, made, rng):
    """Plant a fault in about 60 cells; where they are."""
    table = made.table
    cells = {(int(rng.integers(table.shape[0])), int(rng.integers(3))) for _ in range(60)}
    pairs = checks._pairs(checks.shapes(table.specs))
    done = set()
    for row, column in sorted(cells):
        small = pairs.small[pairs.large == row]
        if kind == "not a time":
            table.cells.ms[row, column] = rng.choice([0.0, -1.0, np.inf, np.nan])
        elif kind == "decimal point":
            made.scale(row, column, rng.choice([10.0, 0.1]))
        elif kind == "another device's":
            made.scale(row, column, rng.choice([3.5, 1 / 3.5]))
        elif len(small):
            slowest = table.cells.ms[small, column].max()
            made.scale(row, column, 0.8 * slowest / table.cells.ms[row, column])
        else:
            continue
        done.add((row, column))
    return done


@pytest.mark.parametrize("kind", ["not a time", "decimal point", "another device's", "too fast"])
def test_that_planted_faults_are_found_and_hardly_anything_else(measured, kind):
    found = planted = extra = 0
    for seed in range(3):
        made = measured(0.015, seed=seed)
        wrong = _planted(kind, made, np.random.default_rng(seed))
        got = {(f.row, f.column) for f in checks.suspicious(made.table)}
        found += len(got & wrong)
        planted += len(wrong)
        extra += len(got - wrong)
    assert found / planted >= 0.95
    assert extra / planted < 0.1


@pytest.mark.parametrize("wrong", [0.0, -2.0, np.inf, np.nan])
def test_that_a_cell_that_is_not_a_time_is_flagged_once(measured, wrong):
    made = measured(0.01)
    made.table.cells.ms[7, 1] = wrong
    flags = [f for f in checks.suspicious(made.table) if (f.row, f.column) == (7, 1)]
    assert [f.reason.split(":")[0] for f in flags] == ["not a time"]


def test_that_missing_cells_are_not_flagged(measured):
    made = measured(0.01)
    made.blank(range(0, 1200, 3), 1)
    assert [f for f in checks.suspicious(made.table) if f.column == 1 and f.row % 3 == 0] == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kernel": 3}, "with the smaller kernel (k3) with 2 ms"),
        ({"middle": 240}, "with the smaller expand ratio (e3) with 2 ms"),
        ({"height": 7, "width": 7}, "at the smaller input (7x7) with 2 ms"),
        ({"channels_out": 40}, "with fewer output channels (40) with 2 ms"),
    ],
)
def test_that_a_larger_layer_that_is_faster_says_than_which_and_by_how_much(change, words):
    large = replace(parse(LAYER), residual=False)
    table = LatencyTable(devices=[Device("A", "table")], cells=Cells.missing((0, 1)))
    table.add_rows([large, replace(large, **change)])
    table.cells = Cells.of(np.array([[1.5], [2.0]]), Source.MEASURED)
    (flag,) = checks.suspicious(table)
    assert flag.row == 0
    assert flag.reason.startswith("1.5 ms, faster than the same layer")
    assert words in flag.reason


def _two(ms, spread, n):
    table = LatencyTable(devices=[Device("A", "table")], cells=Cells.missing((0, 1)))
    table.add_rows([LAYER.replace("k5", "k3"), LAYER])
    table.cells = Cells.of(np.array(ms)[:, None], Source.MEASURED)
    for name, sign in (("p10", -1), ("p90", 1)):
        getattr(table.cells, name)[:] = table.cells.ms * (1 + sign * 1.2816 * spread)
    table.cells.n[:] = n
    return checks.suspicious(table)


def test_that_a_difference_counts_only_beyond_both_spread_and_standard_error():
    assert _two([1.0, 0.96], 0.0, 1000) == []  # under 5 %
    assert _two([1.0, 0.90], 0.01, 20)  # clear
    assert _two([1.0, 0.90], 0.01, 20)[0].row == 1
    assert _two([1.0, 0.90], 0.10, 4) == []  # the medians are not that sure
    assert _two([1.0, 0.80], 0.10, 1) == []
    assert _two([1.0, 0.50], 0.10, 20)
    assert _two([1.0, 0.90], 0.30, 1000) == []  # well within the spread of single runs


@pytest.mark.parametrize("factor", [10.0, 0.1])
@pytest.mark.parametrize("column", [0, 1, 2])
def test_that_a_slipped_decimal_point_is_flagged_by_the_other_devices(factor, column):
    table = _lecture()
    table.cells.ms[1, column] *= factor
    (flag,) = checks.suspicious(table)
    assert (flag.row, flag.column) == (1, column)
    assert "the other devices suggest" in flag.reason


def test_that_a_far_off_cell_says_what_is_expected_and_its_neighbours_are_not_blamed(measured):
    made = measured(0.01)
    row = made.table.row(LAYER)
    made.scale(row, 2, 10.0)
    flags = [f for f in checks.suspicious(made.table) if f.column == 2]
    assert (row, 2) in {(f.row, f.column) for f in flags}
    (flag,) = (f for f in flags if f.row == row)
    assert "above the" in flag.reason
    assert "ms that similar layers suggest" in flag.reason
    assert len(flags) == 1
