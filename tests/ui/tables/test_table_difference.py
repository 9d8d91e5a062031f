"""Two columns side by side: order, words and what stands out."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt

from nasstudio.engine.cost.difference import compare
from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device.device import Device
from nasstudio.ui.tables.difference_model import (
    APART,
    OPERATION,
    RATIO,
    STATE,
    DifferenceModel,
    DifferenceRows,
    RowState,
    factor_text,
)

A = Device("A", "table", title="A")


def of(times: dict[str, float]) -> LatencyTable:
    table = LatencyTable(list(times), [None] * len(times), [A])
    table.cells = Cells.of(np.array(list(times.values()))[:, None], Source.MEASURED)
    return table


@pytest.fixture
def rows() -> DifferenceRows:
    left = {f"row {i}": 1.0 + i for i in range(8)}
    right = {label: 2 * ms for label, ms in left.items()}
    right["row 3"] *= 3
    right["row 5"] /= 2
    del right["row 7"]
    right["extra"] = 1.0
    return DifferenceRows.of(compare(of(left), of(right)).columns[0])


def test_that_rows_beyond_the_noise_come_first_and_lone_ones_last(rows) -> None:
    assert rows.labels[:2] == ["row 3", "row 5"]
    assert rows.labels[-2:] == ["row 7", "extra"]
    assert rows.state.tolist() == [0, 0, 1, 1, 1, 1, 1, 2, 3]
    assert rows.ratio[0] == pytest.approx(6)
    assert rows.apart[0] == pytest.approx(3)
    assert rows.apart[1] == pytest.approx(0.5)
    assert np.isnan(rows.left_ms[-1])
    assert np.isnan(rows.right_ms[-2])


def test_that_tables_without_a_common_row_have_lone_rows_only() -> None:
    found = compare(of({"a": 1.0}), of({"b": 2.0}), [(A, A)]).columns[0]
    rows = DifferenceRows.of(found)
    assert rows.state.tolist() == [RowState.ONLY_LEFT, RowState.ONLY_RIGHT]


def test_that_the_model_keeps_qts_rules_and_says_everything_in_words(qtmodeltester, rows) -> None:
    model = DifferenceModel()
    model.set_rows(rows, "left", "right")
    qtmodeltester.check(model, force_py=True)
    assert model.index(0, RATIO).data() == "▲ 6.00×"
    assert model.index(1, APART).data() == "▼ 0.50×"
    assert model.index(0, STATE).data() == "beyond the noise"
    assert model.index(8, STATE).data() == "only in the second"
    assert model.index(8, RATIO).data() == ""
    assert model.index(0, OPERATION).data(Qt.ItemDataRole.EditRole) == "row 3"
    assert "left (ms)" in [model.headerData(c, Qt.Orientation.Horizontal) for c in range(6)]


@pytest.mark.parametrize(
    ("value", "said"),
    [(1.0, "= 1.00×"), (2.5, "▲ 2.50×"), (0.25, "▼ 0.25×"), (12.34, "▲ 12.3×"), (float("nan"), "")],
)
def test_that_a_factor_has_an_arrow(value, said) -> None:
    assert factor_text(value) == said
