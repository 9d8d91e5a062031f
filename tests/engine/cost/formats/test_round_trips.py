"""What is written reads back: any table, also one with cells that are no times."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nasstudio.engine.cost.formats.delimited import from_csv, to_csv
from nasstudio.engine.cost.formats.own_json import from_json, to_json
from nasstudio.engine.cost.formats.times import canonical
from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device.device import Device

NOT_TIMES = (0.0, -1.5, np.inf, -np.inf, np.nan)
TIMES = st.floats(1e-6, 1e6, allow_nan=False)
FREE = st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=20).map(
    str.strip
)
LAYER = st.sampled_from(
    ["mbconv 24x56x56 -> 40 k5 s2 e6 se hswish", "conv 3x8x8 -> 8 k3 s1", "linear 8x1x1 -> 4 k1 s1"]
)
LABELS = st.lists(
    st.one_of(LAYER, FREE).filter(lambda label: label and label == canonical(label)[0]),
    max_size=6,
    unique=True,
)


@st.composite
def tables(draw):
    labels = draw(LABELS)
    names = draw(st.lists(FREE.filter(bool), max_size=4, unique=True))
    devices = [
        Device(name, draw(st.sampled_from(["onnxruntime", "torch", "table"])), title=name)
        for name in names
    ]
    table = LatencyTable(devices=devices, cells=Cells.missing((0, len(devices))))
    table.add_rows(labels)
    for at in np.ndindex(*table.shape):
        if draw(st.booleans()):
            continue
        table.cells.ms[at] = draw(st.one_of(TIMES, st.sampled_from(NOT_TIMES)))
        table.cells.source[at] = draw(st.sampled_from([1, 2, 3, 4]))
        if draw(st.booleans()):
            table.cells.p10[at], table.cells.p90[at] = sorted([draw(TIMES), draw(TIMES)])
            table.cells.n[at] = draw(st.integers(0, 1000))
    return table


def _same(left, right):
    assert left.labels == right.labels
    assert left.specs == right.specs
    assert left.devices == right.devices
    assert left.calibrations == right.calibrations
    assert left.fitted == right.fitted
    for name in ("ms", "p10", "p90", "n", "source"):
        a, b = getattr(left.cells, name), getattr(right.cells, name)
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


@given(tables())
def test_that_json_gives_back_the_whole_table(table):
    _same(from_json(to_json(table)), table)


@given(tables().filter(lambda t: t.devices))
def test_that_csv_gives_back_operations_devices_and_times(table):
    back = from_csv(to_csv(table))
    assert back.labels == table.labels
    assert [d.name for d in back.devices] == [d.name for d in table.devices]
    np.testing.assert_array_equal(back.cells.ms, table.cells.ms)
    assert set(back.cells.source.ravel().tolist()) <= {Source.MISSING, Source.IMPORTED}


@given(tables())
def test_that_what_is_no_time_counts_as_missing(table):
    ms = table.cells.ms
    assert (table.cells.known == (np.nan_to_num(ms, nan=-1.0, posinf=-1.0) > 0)).all()
    filled = table.cells.source != Source.MISSING
    assert (table.cells.flawed == (filled & ~table.cells.known)).all()
