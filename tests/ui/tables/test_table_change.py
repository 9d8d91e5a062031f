"""Changes of the table: applied, and taken back to exactly what was there."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device.device import Device
from nasstudio.ui.tables.change import Block, TableChange, apply, inverse, whole

A, B, C = (Device(name, "table", title=name) for name in "ABC")


def table_of(times: list[list[float]], devices: tuple[Device, ...] = (A, B)) -> LatencyTable:
    table = LatencyTable()
    for device in devices:
        table.add_device(device)
    table.add_rows([f"row {i}" for i in range(len(times))])
    table.cells = Cells.of(np.array(times, dtype=float), Source.MEASURED)
    return table


def content(table: LatencyTable) -> dict[tuple[str, str], tuple[float, int]]:
    """Every time that is known, wherever it stands."""
    return {
        (label, device.id): (float(table.cells.ms[r, c]), int(table.cells.source[r, c]))
        for r, label in enumerate(table.labels)
        for c, device in enumerate(table.devices)
        if not np.isnan(table.cells.ms[r, c])
    }


blocks = st.lists(
    st.builds(
        lambda device, rows, ms: Block(
            device,
            tuple(f"row {i}" for i in sorted(rows)),
            Cells.of(np.full(len(rows), ms), Source.EDITED),
        ),
        st.sampled_from([A, B, C]),
        st.sets(st.integers(0, 5), min_size=1),
        st.floats(0.01, 100) | st.just(np.nan),
    ),
    max_size=3,
)


@settings(max_examples=60)
@given(blocks, st.lists(st.sampled_from([A.id, B.id]), max_size=2, unique=True))
def test_that_a_change_and_its_inverse_leave_what_was_there(
    calibrated, made: list[Block], removed: list[str]
) -> None:
    table = table_of([[1, 2], [np.nan, 4], [5, 6]])
    table.calibrations[A.id] = calibrated([1, 2, 3, 4], [1, 2, 3, 4])
    before, labels, calibrations = content(table), list(table.labels), dict(table.calibrations)
    devices = {d.id for d in table.devices}
    change = TableChange(tuple(made), tuple(removed))
    back = inverse(table, change)
    table = apply(apply(table, change), back)
    assert content(table) == before
    assert table.labels == labels
    assert {d.id for d in table.devices} == devices
    assert table.calibrations == calibrations


def test_that_a_removed_column_comes_back_with_its_spread_and_calibration(calibrated) -> None:
    table = table_of([[1, 2], [3, 4]])
    table.cells.p10[:] = 0.5
    table.cells.n[:] = 30
    table.calibrations[B.id] = calibrated([1, 2, 3, 4], [2, 3, 4, 5])
    change = TableChange(remove_devices=(B.id,))
    back = inverse(table, change)
    table = apply(table, change)
    assert [d.id for d in table.devices] == [A.id]
    assert not table.calibrations
    table = apply(table, back)
    column = table.column(B)
    assert table.cells.ms[:, column].tolist() == [2, 4]
    assert table.cells.n[:, column].tolist() == [30, 30]
    assert B.id in table.calibrations


def test_that_an_import_leaves_cells_that_the_file_does_not_have() -> None:
    table = table_of([[1, 2], [3, 4]])
    other = table_of([[9, np.nan]], (A, C))
    table = apply(table, whole(other, table))
    assert content(table)[("row 0", A.id)][0] == 9
    assert content(table)[("row 1", A.id)][0] == 3
    assert ("row 0", C.id) not in content(table)
