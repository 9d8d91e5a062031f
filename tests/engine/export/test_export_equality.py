"""Equality is judged by the spread of the logits, and what is too far off is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasstudio.engine.errors import StudioError
from nasstudio.engine.export.equality import OnnxNetwork, compare, difference, ensure

LOGITS = np.array([[0.0, 4.0, 1.0], [2.0, -6.0, 3.0]], np.float32)


@given(st.floats(0.001, 1000), st.floats(0, 0.5))
def test_that_the_difference_does_not_depend_on_the_scale_of_the_logits(
    scale: float, share: float
) -> None:
    moved = LOGITS.copy()
    moved[1, 2] += 10 * share
    scaled = difference(LOGITS * np.float32(scale), moved * np.float32(scale))
    assert scaled == pytest.approx(share, abs=1e-5)


def test_that_a_wrong_shape_or_a_value_that_is_not_finite_is_no_equality() -> None:
    broken = LOGITS.copy()
    broken[0, 0] = np.nan
    for found in (broken, LOGITS[:1], LOGITS[:, :2]):
        check = compare("x", LOGITS, found, batch=1, tolerance=1e9)
        assert not check.passed


def test_that_constant_logits_are_equal_only_to_themselves() -> None:
    flat = np.full((2, 3), 0.5, np.float32)
    assert difference(flat, flat) == 0.0
    assert difference(flat, flat + 1e-6) == float("inf")


def test_that_a_failed_check_names_both_numbers() -> None:
    moved = LOGITS.copy()
    moved[0, 0] += 1
    good = compare("good", LOGITS, LOGITS, batch=1, tolerance=0.01)
    bad = compare("ONNX Runtime 1", LOGITS, moved, batch=8, tolerance=0.01)
    ensure([good], "x.onnx")
    with pytest.raises(StudioError) as problem:
        ensure([good, bad], "x.onnx")
    assert "ONNX Runtime 1 at batch 8" in problem.value.what
    assert "0.1 of the spread" in problem.value.what
    assert "0.01" in problem.value.what
    assert bad.same_class == 1.0


def test_that_a_file_that_is_no_network_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.onnx"
    path.write_bytes(b"nothing")
    with pytest.raises(StudioError) as problem:
        OnnxNetwork(path)
    assert problem.value.where == str(path)
