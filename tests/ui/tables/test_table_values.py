"""Times as people write them, and rectangles of them on the clipboard."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasstudio.engine.errors import InvalidInput
from nasstudio.ui.tables.values import parse_block, parse_ms, written_block, written_ms


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("0.71", 0.71),
        ("0,71", 0.71),
        ("710 us", 0.71),
        ("710µs", 0.71),
        (" 2 ms ", 2.0),
        ("1.5e-2", 0.015),
        (".5", 0.5),
        ("3 s", 3000.0),
        ("850 ns", 0.00085),
    ],
)
def test_that_a_time_is_read_with_point_comma_and_unit(text: str, ms: float) -> None:
    assert parse_ms(text) == pytest.approx(ms)


@pytest.mark.parametrize("text", ["", "  ", "-", "–", "n/a"])
def test_that_an_empty_cell_is_no_time(text: str) -> None:
    assert math.isnan(parse_ms(text))


@pytest.mark.parametrize("text", ["0", "-1", "fast", "1.2.3", "3 h", "1,2,3", "nan", "inf", "1e30"])
def test_that_what_is_no_positive_time_is_refused_with_a_remedy(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_ms(text)
    assert caught.value.remedy


@given(st.floats(1e-4, 1e5))
def test_that_a_written_time_reads_back_within_two_figures(ms: float) -> None:
    assert parse_ms(written_ms(ms)) == pytest.approx(ms, rel=0.06)


@given(
    st.integers(1, 4).flatmap(
        lambda width: st.lists(
            st.lists(
                st.text(
                    st.characters(
                        exclude_categories=("Cc", "Cs"), exclude_characters="\u2028\u2029"
                    )
                ),
                min_size=width,
                max_size=width,
            ),
            min_size=1,
            max_size=5,
        )
    )
)
def test_that_a_block_survives_the_clipboard(block: list[list[str]]) -> None:
    if all(text == "" for row in block for text in row) and len(block[0]) == 1:
        return  # a spreadsheet writes empty lines for it, and so do we
    found = parse_block(written_block(block))
    assert [[t for t in row] for row in found] == [row for row in block]


def test_that_a_ragged_block_is_padded_with_empty_cells() -> None:
    assert parse_block("1\t2\r\n3\r\n") == [["1", "2"], ["3", ""]]
