"""Filter, groups, sort and heat, as arrays."""

from __future__ import annotations

import numpy as np
import pytest

from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device.device import Device
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.layer import text
from nasstudio.ui.tables import layout, query
from nasstudio.ui.tables.facts import over_space, places, row_facts
from nasstudio.ui.tables.scale import HeatScale, place_in_row

DEVICE = Device("X", "table", title="X")


@pytest.fixture(scope="module")
def space():
    return build(preset("mbv3_28_fast"))


def table_for(space, extra: tuple[str, ...] = ()) -> LatencyTable:
    table = LatencyTable()
    table.add_device(DEVICE)
    table.add_rows([*extra, *reversed(space.layers)])
    table.cells = Cells.of(np.arange(1.0, 1 + len(table.labels))[:, None], Source.MEASURED)
    return table


def test_that_the_rows_of_the_space_come_first_and_in_its_order(space) -> None:
    table = over_space(table_for(space, ("Conv 3x3, C=64",)), space)
    assert table.labels == [*(text(layer) for layer in space.layers), "Conv 3x3, C=64"]
    assert table.cells.ms[-1, 0] == 1.0
    assert table.cells.ms[0, 0] == len(space.layers) + 1


def test_that_every_layer_of_the_space_has_its_place(space) -> None:
    found = places(space)
    assert set(found) == {text(layer) for layer in space.layers}
    population = space.sample(200, np.random.default_rng(7))
    rows = space.rows(population)
    stages = {
        (text(space.layers[row]), space.positions[position])
        for member in rows
        for position, row in enumerate(member)
        if row >= 0
    }
    first = {label: stage for label, (_, stage) in found.items()}
    assert all(stage in {s for name, s in stages if name == label} for label, stage in first.items()
               if any(name == label for name, _ in stages))  # fmt: skip


def test_that_groups_hold_every_row_once_under_their_heads(space) -> None:
    table = over_space(table_for(space, ("Conv 3x3, C=64",)), space)
    facts = row_facts(table.labels, table.specs, space)
    made = layout.grouped(facts, np.ones(len(table.labels), bool), ())
    rows = made.rows[made.rows >= 0]
    assert sorted(rows.tolist()) == list(range(len(table.labels)))
    heads = np.flatnonzero(made.rows < 0)
    for start, end in zip(heads, [*heads[1:], len(made.rows)], strict=True):
        group = -int(made.rows[start]) - 1
        inside = made.rows[start + 1 : end]
        assert len(inside) == made.group_total[group]
        assert (facts.group[inside] == group).all()


def test_that_a_collapsed_group_keeps_its_head_only(space) -> None:
    table = over_space(table_for(space), space)
    facts = row_facts(table.labels, table.specs, space)
    keep = np.ones(len(table.labels), bool)
    closed = facts.groups[1]
    made = layout.grouped(facts, keep, {closed})
    assert -2 in made.rows
    assert not (facts.group[made.rows[made.rows >= 0]] == 1).any()
    assert made.matching == len(table.labels)


@pytest.mark.parametrize(
    ("typed", "means"),
    [
        ("mbconv k5", lambda label: label.startswith("mbconv") and " k5 " in label),
        ("k7 e4", lambda label: " k7 " in label and " e4" in label),
        ("16x14", lambda label: "16x14x" in label),
        ("linear", lambda label: label.startswith("linear")),
        ("mbconv -k3", lambda label: label.startswith("mbconv") and " k3 " not in label),
    ],
)
def test_that_words_of_the_filter_match_kind_shape_and_flags(space, typed, means) -> None:
    table = over_space(table_for(space), space)
    facts = row_facts(table.labels, table.specs, space)
    keep = query.filtered(facts, table.cells, table.devices, None, typed)
    assert [label for label, on in zip(table.labels, keep, strict=True) if on] == [
        label for label in table.labels if means(label)
    ]
    assert keep.any()


def test_that_the_filter_finds_sources_gaps_and_flags(space) -> None:
    table = over_space(table_for(space), space)
    table.cells.source[3, 0] = Source.EDITED
    table.cells.ms[5, 0] = np.nan
    flagged = np.zeros(table.shape, bool)
    flagged[8] = True
    facts = row_facts(table.labels, table.specs, space)
    for typed, row in (("source:edited", 3), ("missing", 5), ("flagged", 8)):
        keep = query.filtered(facts, table.cells, table.devices, flagged, typed)
        assert np.flatnonzero(keep).tolist() == [row]


def test_that_rows_without_a_number_come_last_in_either_order(space) -> None:
    table = over_space(table_for(space), space)
    facts = row_facts(table.labels, table.specs, space)
    values = np.arange(len(table.labels), dtype=float)
    values[4] = np.nan
    keep = np.ones(len(values), bool)
    for descending in (False, True):
        made = layout.sorted_by(facts, keep, values, descending=descending)
        assert made.rows[-1] == 4
        shown = values[made.rows[:-1]]
        assert (np.diff(shown) < 0).all() if descending else (np.diff(shown) > 0).all()


def test_that_heat_is_within_its_column_and_missing_stays_missing() -> None:
    values = np.array([[1.0, 100.0], [10.0, 200.0], [np.nan, 400.0], [100.0, np.nan]])
    scale = HeatScale.of(values)
    heat = np.array([[scale.place(v, c) for c, v in enumerate(row)] for row in values.tolist()])
    assert np.isnan(heat[2, 0])
    assert np.isnan(heat[3, 1])
    assert heat[0].tolist() == [0.0, 0.0]
    assert heat[3, 0] == 1.0
    assert 0.4 < heat[1, 0] < 0.6


def test_that_what_is_no_time_has_no_heat_and_moves_nobody_elses() -> None:
    good = HeatScale.of(np.array([[1.0], [10.0]]))
    bad = HeatScale.of(np.array([[1.0], [10.0], [0.0], [-5.0], [np.inf]]))
    assert bad.near(good)
    assert all(np.isnan(bad.place(v, 0)) for v in (0.0, -5.0, np.inf, np.nan))


def test_that_heat_by_row_compares_the_devices_of_that_row() -> None:
    row = np.array([1.0, 10.0, 100.0, np.nan, 0.0])
    assert [place_in_row(v, row) for v in (1.0, 10.0, 100.0)] == [0.0, 0.5, 1.0]
    assert np.isnan(place_in_row(0.0, row))
    assert np.isnan(place_in_row(1.0, np.array([1.0, np.nan])))
