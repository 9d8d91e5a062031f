"""The filter's language over rows and cells."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device.device import Device
from nasstudio.engine.space.layer import LayerSpec, text
from nasstudio.ui.tables.facts import row_facts
from nasstudio.ui.tables.query import filtered
from nasstudio.ui.tables.words import WordIndex

PHONE, SERVER = (Device(name, "table", title=name) for name in ("Big phone", "Server GPU"))
SPECS = [
    LayerSpec("conv", 3, 28, 28, 16, kernel=3, act="relu"),
    LayerSpec("mbconv", 16, 28, 28, 24, kernel=5, middle=96, se=True, act="hswish"),
    LayerSpec("mbconv", 24, 14, 14, 40, kernel=3, middle=72, act="relu"),
    LayerSpec("linear", 160, 1, 1, 10),
]
LABELS = [*(text(spec) for spec in SPECS), "Conv 3x3, C=64"]


@pytest.fixture
def table() -> LatencyTable:
    made = LatencyTable(list(LABELS), [*SPECS, None], [PHONE, SERVER])
    ms = np.array([[1.0, 0.1], [2.5, 0.2], [0.04, np.nan], [0.5, 0.0], [3.0, 0.3]])
    made.cells = Cells.of(ms, Source.MEASURED)
    made.cells.source[4, 1] = Source.EDITED
    return made


def found(table: LatencyTable, typed: str, flagged=None) -> list[int]:
    facts = row_facts(table.labels, table.specs, None)
    keep = filtered(facts, table.cells, table.devices, flagged, typed)
    return np.flatnonzero(keep).tolist()


@pytest.mark.parametrize(
    ("typed", "rows"),
    [
        ("", [0, 1, 2, 3, 4]),
        ("kind:mbconv", [1, 2]),
        ("kind:conv", [0]),
        ("conv", [0, 4]),
        ("28px", [0, 1]),
        ("14×14", []),
        ("24×14", [2]),
        (">2ms", [1, 4]),
        ("> 2 ms", [1, 4]),
        (">2", [1, 4]),
        ("<=40us", [2]),
        ("device:server >150us", [1, 4]),
        ("device:servergpu missing", [2, 3]),
        ("missing", [2, 3]),
        ("-missing mbconv", [1]),
        ("source:ed", [4]),
        ("device:phone source:edited", []),
        ("-kind:mbconv -linear", [0, 4]),
        (">", [0, 1, 2, 3, 4]),
        (">fast", [0, 1, 2, 3, 4]),
        ("-", [0, 1, 2, 3, 4]),
        ("nothinglikeit", []),
    ],
)
def test_that_what_is_typed_finds_its_rows(table, typed, rows) -> None:
    assert found(table, typed) == rows


def test_that_flagged_looks_at_the_named_device_only(table) -> None:
    flagged = np.zeros(table.shape, bool)
    flagged[1, 0] = flagged[3, 1] = True
    assert found(table, "flagged", flagged) == [1, 3]
    assert found(table, "device:server flagged", flagged) == [3]
    assert found(table, "flagged") == []


def test_that_a_value_that_is_no_time_is_missing_and_in_no_range(table) -> None:
    table.cells.ms[:, 0] = [-1.0, 0.0, np.inf, np.nan, 1.0]
    table.cells.ms[:, 1] = np.nan
    assert found(table, "missing") == [0, 1, 2, 3, 4]
    assert found(table, "<1s") == [4]
    assert found(table, ">1ns") == [4]


@given(
    st.lists(st.text("ab c3x", max_size=12), max_size=20), st.text("abc3x", min_size=1, max_size=3)
)
def test_that_the_index_finds_what_a_look_at_each_label_finds(labels, beginning) -> None:
    index = WordIndex.of(labels, [None] * len(labels))
    expected = [any(word.startswith(beginning) for word in label.split()) for label in labels]
    assert index.starting(beginning).tolist() == expected
