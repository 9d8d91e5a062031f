"""What a spreadsheet copied, and where it goes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import InvalidInput
from nasstudio.ui.tables.change import apply, inverse
from nasstudio.ui.tables.editing import copied_across, copied_down
from nasstudio.ui.tables.paste import pasted, read_clip, target
from nasstudio.ui.tables.values import parse_ms, parse_times

A, B, C = (Device(name, "table", title=name) for name in ("A", "B", "C"))
CONV = "conv 3x28x28 -> 16 k3 s2 hswish"


@pytest.fixture
def table() -> LatencyTable:
    made = LatencyTable(devices=[A, B, C])
    made.cells = Cells.missing((0, 3))
    made.add_rows([CONV, "row 1", "row 2", "row 3"])
    made.cells = Cells.of(np.arange(1.0, 13.0).reshape(4, 3), Source.MEASURED)
    return made


def put(table: LatencyTable, text: str, corner=(0, 0)) -> LatencyTable:
    clip = read_clip(text, table)
    below = lambda count: np.arange(corner[0], min(corner[0] + count, 4))  # noqa: E731
    return apply(table, pasted(clip, target(clip, table, below, corner), table))


def test_that_plain_numbers_go_to_the_corner_and_right_and_down(table) -> None:
    put(table, "0.5\t40 us\n1,5\t\n", (1, 1))
    assert table.cells.ms[1:3, 1].tolist() == [0.5, 1.5]
    assert table.cells.ms[1, 2] == pytest.approx(0.04)
    assert np.isnan(table.cells.ms[2, 2])
    assert table.cells.source[1, 1] == Source.EDITED
    assert table.cells.source[2, 2] == Source.MISSING


def test_that_lines_with_operations_find_their_rows_in_any_order(table) -> None:
    put(table, "row 3\t0.3\nrow 1\t0.1\nconv 3×28×28 → 16  k3 s2 hswish\t0.9", (2, 1))
    assert table.cells.ms[:, 1].tolist() == [0.9, 0.1, 8.0, 0.3]


def test_that_heads_find_their_columns_and_give_their_unit(table) -> None:
    put(table, "C (us)\tA (ms)\n500\t2\n250\t3", (1, 0))
    assert table.cells.ms[1].tolist() == [2.0, 5.0, 0.5]
    assert table.cells.ms[2].tolist() == [3.0, 8.0, 0.25]


def test_that_operations_and_heads_need_no_selected_cell(table) -> None:
    clip = read_clip("Operation\tB\nrow 2\t7\nrow 9\t8", table)
    place = target(clip, table, lambda count: np.zeros(0, np.intp), None)
    assert place.unknown == ("row 9",)
    apply(table, pasted(clip, place, table))
    assert table.cells.ms[2].tolist() == [7.0, 7.0, 9.0]


def test_that_an_unknown_column_and_a_wrong_text_are_named(table) -> None:
    with pytest.raises(InvalidInput, match="no column 'D'"):
        put(table, "D\n1")
    with pytest.raises(InvalidInput) as caught:
        put(table, "1\t2\n3\tsoon")
    assert caught.value.where == "row 1, B"
    with pytest.raises(InvalidInput, match="do not fit"):
        put(table, "1\t2\t3", (0, 1))
    clip = read_clip("1\t2", table)
    with pytest.raises(InvalidInput, match="no time to paste over"):
        target(clip, table, lambda count: np.zeros(count, np.intp), None)


def test_that_zero_is_refused_as_a_time_and_not_taken_for_a_head(table) -> None:
    assert read_clip("0\n1", table).heads is None
    with pytest.raises(InvalidInput, match="no time of an operation"):
        put(table, "0\n1")


texts = st.one_of(
    st.floats(1e-6, 1e6).map(repr),
    st.floats(1e-3, 1e3).map(lambda v: f"{v:.3f}".replace(".", ",")),
    st.sampled_from(["", "-", "12 us", "0.4ms", "1,5", "n/a", "2s", "0", "-1", "nan", "1_0", "x"]),
)


@given(st.lists(texts, max_size=12))
def test_that_many_times_are_read_as_one_by_one(cells) -> None:
    try:
        expected = [parse_ms(cell) for cell in cells]
    except InvalidInput:
        with pytest.raises(InvalidInput):
            parse_times(cells, str)
        return
    assert parse_times(cells, str) == pytest.approx(expected, nan_ok=True)


def test_that_copying_down_repeats_the_pattern_and_copying_up_ends_on_it(table) -> None:
    rows = np.array([0, 1])
    apply(table, copied_down(table, rows, np.array([2, 3]), np.array([0, 2])))
    assert table.cells.ms[2:, 0].tolist() == [1.0, 4.0]
    assert table.cells.ms[2:, 2].tolist() == [3.0, 6.0]
    assert table.cells.ms[2:, 1].tolist() == [8.0, 11.0]
    change = copied_down(table, np.array([2, 3]), np.array([1]), np.array([1]), up=True)
    apply(table, change)
    assert table.cells.ms[1, 1] == 11.0


def test_that_copying_across_repeats_columns_and_is_taken_back_whole(table) -> None:
    before = table.cells.copy()
    change = copied_across(table, np.array([1, 3]), np.array([0]), np.array([1, 2]))
    back = inverse(table, change)
    apply(table, change)
    assert table.cells.ms[[1, 3]].tolist() == [[4.0] * 3, [10.0] * 3]
    apply(table, back)
    assert np.array_equal(table.cells.ms, before.ms)
    assert np.array_equal(table.cells.source, before.source)
