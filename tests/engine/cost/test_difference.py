"""Two tables compared: noise is no difference, a factor is one factor, and what stands out is named."""

import numpy as np
import pytest

from nasstudio.engine.cost.difference import compare
from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import InvalidInput


def test_that_the_same_table_measured_again_is_the_same_but_for_noise(measured):
    left, right = measured(0.01, seed=1).table, measured(0.01, seed=2).table
    found = compare(left, right)
    assert len(found.columns) == 3
    beyond = sum(len(column.beyond) for column in found.columns)
    assert beyond / measured(0.01).truth.size < 0.002
    assert all(abs(column.factor - 1) < 0.005 for column in found.columns)
    assert compare(left, left).same
    assert "equal in the median; none differs beyond the noise" in compare(left, left).summary


def test_that_what_was_changed_is_found_the_largest_first(measured):
    left, changed = measured(0.01, seed=1).table, measured(0.01, seed=2)
    changed.scale(30, 0, 2.0)
    changed.scale(40, 0, 1 / 3)
    column = compare(left, changed.table).columns[0]
    assert column.beyond[:2].tolist() == [40, 30]
    assert column.ratio[30] == pytest.approx(2.0, rel=0.05)
    assert left.labels[40] in column.summary
    assert not compare(left, changed.table).same


def test_that_a_factor_throughout_is_told_from_rows_that_stand_out(measured):
    left, slower = measured(0.01, seed=1).table, measured(0.01, seed=2)
    slower.table.cells.ms[:, 0] *= 1.4
    slower.scale(7, 0, 2.0)
    column = compare(left, slower.table).columns[0]
    assert column.factor == pytest.approx(1.4, rel=0.01)
    assert len(column.beyond) > 0.99 * len(column.labels)
    assert column.apart[0] == 7
    assert len(column.apart) < 10
    assert "the second 1.40 times the first in the median" in column.summary
    assert "With the factor taken out" in column.summary


def test_that_rows_and_times_of_one_side_only_are_listed():
    left = LatencyTable(devices=[Device("A", "table")], cells=Cells.missing((0, 1)))
    left.add_rows(["a", "b", "c", "d"])
    left.cells = Cells.of(np.array([[1.0], [2.0], [np.nan], [4.0]]), Source.EDITED)
    right = LatencyTable(devices=[Device("A", "table")], cells=Cells.missing((0, 1)))
    right.add_rows(["d", "c", "b", "e"])
    right.cells = Cells.of(np.array([[4.0], [3.0], [-1.0], [5.0]]), Source.EDITED)
    found = compare(left, right)
    assert (found.only_left, found.only_right, found.both) == (["a"], ["e"], ["b", "c", "d"])
    (column,) = found.columns
    assert column.labels == ["d"]
    assert column.only_left == ["a", "b"]
    assert column.only_right == ["c", "e"]
    assert found.summary.startswith("3 operations in both tables, 1 only in the first, 1 only")


def test_that_columns_are_matched_by_identity_then_by_name_or_as_asked():
    old = Device("cpu", "onnxruntime", "1.31", title="Laptop")
    new = Device("cpu", "onnxruntime", "1.32", title="Laptop")
    other = Device("phone", "table")
    left = LatencyTable(devices=[old], cells=Cells.missing((0, 1)))
    right = LatencyTable(devices=[other, new], cells=Cells.missing((0, 2)))
    for table in (left, right):
        table.add_rows(["a"])
        table.cells.ms[:] = 1.0
    assert [(c.left, c.right) for c in compare(left, right).columns] == [(old, new)]
    pairs = [(old, other.id)]
    assert [(c.left, c.right) for c in compare(left, right, pairs).columns] == [(old, other)]
    right.remove_device(new.id)
    with pytest.raises(InvalidInput, match="no device in common") as caught:
        compare(left, right)
    assert "Laptop" in caught.value.remedy
    with pytest.raises(InvalidInput, match="no device 'gone'"):
        compare(left, right, [(old, "gone")])


def test_that_columns_without_common_times_say_so():
    left = LatencyTable(devices=[Device("A", "table")], cells=Cells.missing((0, 1)))
    found = compare(left, left.copy())
    assert "no operation has a time in both" in found.summary
    assert found.same
