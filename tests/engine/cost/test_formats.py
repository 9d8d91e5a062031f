"""Tables on disk: what is written reads back, and what is wrong is named with its place."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasstudio.engine.cost import formats
from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device import calibration
from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import InvalidInput
from nasstudio.resources import resource

TIMES = st.floats(1e-6, 1e6, allow_nan=False)
FREE = st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=20).map(
    str.strip
)
LAYER = st.sampled_from(
    ["mbconv 24x56x56 -> 40 k5 s2 e6 se hswish", "conv 3x8x8 -> 8 k3 s1", "linear 8x1x1 -> 4 k1 s1"]
)
LABELS = st.lists(
    st.one_of(LAYER, FREE).filter(lambda label: label and label == formats._canonical(label)),
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
        table.cells.ms[at] = draw(TIMES)
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
    for name in ("ms", "p10", "p90", "n", "source"):
        a, b = getattr(left.cells, name), getattr(right.cells, name)
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


@given(tables())
def test_that_json_gives_back_the_whole_table(table):
    _same(formats.from_json(formats.to_json(table)), table)


@given(tables().filter(lambda t: t.devices))
def test_that_csv_gives_back_operations_devices_and_times(table):
    back = formats.from_csv(formats.to_csv(table))
    assert back.labels == table.labels
    assert [d.name for d in back.devices] == [d.name for d in table.devices]
    np.testing.assert_array_equal(back.cells.ms, table.cells.ms)
    assert set(back.cells.source.ravel().tolist()) <= {Source.MISSING, Source.IMPORTED}


def test_that_a_calibration_is_kept_with_its_device():
    device = Device("CPU", "onnxruntime", "1")
    fitted = calibration.fit([1, 2, 3, 4, 5], [2.1, 4.0, 6.2, 8.1, 9.9], [1, 2, 3, 4, 5])
    table = LatencyTable(devices=[device], cells=Cells.missing((0, 1)))
    table.calibrations[device.id] = fitted
    assert formats.from_json(formats.to_json(table)).calibrations == {device.id: fitted}


# -- malformed JSON ---------------------------------------------------------------------------------------------


def _document(**changes):
    cell = {"ms": 1.5, "source": "measured", "p10": 1.4, "p90": 1.7, "n": 20}
    whole = {
        "format": formats.FORMAT,
        "version": formats.VERSION,
        "devices": [
            {"hardware": "CPU", "runtime": "torch"},
            {"hardware": "GPU", "runtime": "torch-cuda"},
        ],
        "rows": [
            {"operation": "conv 3x8x8 -> 8 k3 s1", "cells": [dict(cell), None]},
            {"operation": "Conv 3x3, C=64", "cells": [dict(cell), dict(cell)]},
        ],
        "calibrations": {},
    }
    return whole | changes


def _with(row, column, **fields):
    document = _document()
    document["rows"][row]["cells"][column] |= fields
    return document


def _rows(*rows):
    return _document(rows=list(rows))


def test_that_the_example_of_these_tests_is_a_table():
    assert formats.from_json(json.dumps(_document()).encode()).shape == (2, 2)


CASES = {
    "negative": (_with(1, 1, ms=-1.0), ["row 2", "column 2", "-1 ms"]),
    "zero": (_with(0, 0, ms=0), ["row 1", "column 1", "0 ms"]),
    "text for a number": (_with(1, 0, ms="fast"), ["row 2", "column 1", "ms"]),
    "negative quantile": (_with(1, 0, p10=-0.5), ["row 2", "column 1", "p10"]),
    "crossed quantiles": (_with(1, 0, p10=2.0), ["row 2", "column 1", "p10 is above p90"]),
    "negative count": (_with(1, 0, n=-3), ["row 2", "column 1", "n is -3"]),
    "huge count": (_with(1, 0, n=2**40), ["row 2", "column 1", "n is"]),
    "fraction for a count": (_with(1, 0, n=1.5), ["row 2", "column 1", "n"]),
    "unknown source": (_with(1, 1, source="guessed"), ["row 2", "column 2", "guessed"]),
    "unknown field": (_with(1, 1, colour="red"), ["row 2", "column 2", "colour"]),
    "missing time": (
        _rows({"operation": "a", "cells": [{"source": "edited"}, None]}),
        ["row 1", "column 1", "ms"],
    ),
    "short row": (
        _rows({"operation": "a", "cells": [None]}),
        ["row 1", "1 cells for 2 devices"],
    ),
    "long row": (
        _rows({"operation": "a", "cells": [None] * 3}),
        ["row 1", "3 cells for 2 devices"],
    ),
    "nameless row": (_rows({"operation": " ", "cells": [None] * 2}), ["row 1", "no name"]),
    "duplicate row": (
        _rows(*[{"operation": "a", "cells": [None] * 2}] * 2),
        ["row 'a' is there twice", "row 1 and row 2"],
    ),
    "duplicate layer in other words": (
        _rows(
            {"operation": "conv 3x8x8 -> 8 k3 s1", "cells": [None] * 2},
            {"operation": "conv 3×8×8 → 8 s1 k3", "cells": [None] * 2},
        ),
        ["is there twice", "row 1 and row 2"],
    ),
    "duplicate device": (
        _document(devices=[{"hardware": "CPU", "runtime": "torch"}] * 2),
        ["device", "is there twice", "device 1 and device 2"],
    ),
    "device without hardware": (
        _document(devices=[{"runtime": "torch"}]),
        ["device 1", "hardware"],
    ),
    "unknown version": (_document(version=2), ["version 2", "reads version 1"]),
    "version as text": (_document(version="one"), ["version"]),
    "another format": (_document(format="shopping list"), ["shopping list"]),
    "rows as text": (_document(rows="many"), ["rows"]),
    "stray calibration": (
        _document(
            calibrations={
                "gone": {k: 1.0 for k in ("scale", "constant_ms", "mape", "mape_sum", "within10")}
                | {"tau": 1, "tau_macs": 1, "noise": None}
                | {"sums_ms": [], "measured_ms": [], "macs": []}
            }
        ),
        ["calibration of 'gone'", "no such device"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_that_a_malformed_table_names_place_and_remedy(case):
    document, words = CASES[case]
    with pytest.raises(InvalidInput) as caught:
        formats.from_json(json.dumps(document).encode(), "devices.json")
    assert "devices.json" in caught.value.where
    said = str(caught.value)
    for word in words:
        assert word in said
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not a latency table"),
        (b"[]", "not a latency table"),
        (b"\xff\xfe\x00", "not a latency table"),
        (json.dumps(_document()).encode()[:-40], "not a latency table"),
        (b'{\n "format": oops\n}', "line 2, column 12"),
        (json.dumps(_document()).replace("1.5", "NaN").encode(), "not a latency table"),
        (json.dumps(_document()).replace("1.5", "Infinity").encode(), "not a latency table"),
        (json.dumps(_document()).replace("1.5", "1e999").encode(), "row 1"),
        (b"[" * 100_000, "not a latency table"),
    ],
)
def test_that_what_is_not_json_or_no_number_is_refused(content, said):
    with pytest.raises(InvalidInput) as caught:
        formats.from_json(content, "t.json")
    assert said in str(caught.value)


@given(st.binary(max_size=200))
def test_that_any_bytes_are_refused_without_another_error(content):
    with pytest.raises(InvalidInput):
        formats.from_json(content)


@pytest.mark.parametrize("wrong", [0.0, -1.0, np.inf])
def test_that_a_table_that_could_not_be_read_is_not_written(wrong):
    table = LatencyTable(devices=[Device("CPU", "table")], cells=Cells.missing((0, 1)))
    table.add_rows(["a"])
    table.cells.ms[0, 0] = wrong
    with pytest.raises(InvalidInput, match=r"The time is") as caught:
        formats.to_json(table)
    assert "row 1 ('a'), column 1" in caught.value.where


# -- CSV --------------------------------------------------------------------------------------------------------


def test_that_the_lectures_table_is_shipped_and_reads():
    table = formats.read_table(resource("presets/tables/lecture.csv"))
    assert table.labels == ["Conv 3x3, C=64", "Conv 5x5, C=64", "DWConv 3x3, C=64"]
    assert [d.name for d in table.devices] == ["GPU", "CPU", "Mobile"]
    assert all(d.runtime == "table" for d in table.devices)
    expected = [[0.12, 2.1, 4.5], [0.28, 5.2, 9.8], [0.03, 0.4, 0.8]]
    np.testing.assert_array_equal(table.cells.ms, expected)


@pytest.mark.parametrize(
    "content",
    [
        "Operation,GPU (ms)\nconv,1.5\n",
        "\ufeffOperation;GPU (ms)\r\nconv;1,5\r\n",
        "Operation\tGPU [ms]\nconv\t1,5\n\n",
        'Operation,GPU (ms)\nconv,"1,5"\n',
        "Operation,GPU (us)\nconv,1500\n",
        "Operation;GPU (µs)\nconv;1.500,0\n",
        'Operation,GPU (us)\nconv,"1,500.0"\n',
        "Operation,GPU (s)\nconv,1.5e-3\n",
        "Operation,GPU\nconv, 1.5 \n",
    ],
)
def test_that_marks_units_and_decimals_of_any_locale_are_understood(content):
    table = formats.from_csv(content)
    assert table.devices[0].name == "GPU"
    assert table.cells.ms[0, 0] == pytest.approx(1.5)


def test_that_brackets_that_are_no_unit_belong_to_the_name():
    table = formats.from_csv("Operation,GPU (V100),NPU (x) (us)\nconv,1,2\n")
    assert [d.name for d in table.devices] == ["GPU (V100)", "NPU (x)"]
    np.testing.assert_allclose(table.cells.ms, [[1.0, 0.002]])


def test_that_labels_that_are_layers_become_layers_and_others_stay_text():
    table = formats.from_csv("Operation,GPU\nconv 3×8×8 → 8 s1 k3,1\nSomething else,\n")
    assert table.labels == ["conv 3x8x8 -> 8 k3 s1", "Something else"]
    assert table.specs[0] is not None
    assert table.specs[1] is None
    assert np.isnan(table.cells.ms[1, 0])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ["empty"]),
        ("Operation\nconv\n", ["line 1", "one column only"]),
        ("Operation,GPU\nconv,1,2\n", ["line 2", "3 fields, the header 2"]),
        ("Operation,GPU,CPU\nconv,1,2\npool,1\n", ["line 3", "2 fields, the header 3"]),
        ("Operation,GPU\nconv,quick\n", ["line 2", "column 2 (GPU)", "'quick' is not a number"]),
        ("Operation,GPU\nconv,-1\n", ["line 2", "column 2", "-1 ms"]),
        ("Operation,GPU\nconv,0\n", ["line 2", "column 2", "0 ms"]),
        ("Operation,GPU\nconv,NaN\n", ["line 2", "column 2", "nan ms"]),
        ("Operation,GPU\nconv,inf\n", ["line 2", "column 2", "inf ms"]),
        ("Operation,GPU\nconv,1\n\nconv,2\n", ["line 4", "'conv' is there already, in line 2"]),
        ("Operation,GPU (ms),GPU (us)\nconv,1,2\n", ["line 1", "column 3", "'GPU' is there twice"]),
        ("Operation,GPU,\nconv,1,2\n", ["line 1", "column 3", "no name"]),
        ("Operation,GPU\n,1\n", ["line 2", "no name"]),
        (
            'Operation,GPU\nconv,"1,234"\n',
            ["line 2", "column 2", "thousands mark", "1.234 or 1234"],
        ),
        ('Operation,GPU\n"conv,1\n', ["line 2", "not CSV"]),
    ],
)
def test_that_malformed_csv_names_line_column_and_remedy(content, words):
    with pytest.raises(InvalidInput) as caught:
        formats.from_csv(content, "lab.csv")
    assert caught.value.where.startswith("lab.csv")
    for word in words:
        assert word in str(caught.value)
    assert caught.value.remedy


@given(st.text(max_size=80))
def test_that_any_text_is_a_table_or_refused_with_a_reason(content):
    try:
        table = formats.from_csv(content)
    except InvalidInput as problem:
        table, remedy = None, problem.remedy
    assert remedy if table is None else table.cells.ms.shape == table.shape


# -- any file ---------------------------------------------------------------------------------------------------


def test_that_a_file_is_read_by_its_content_and_not_by_its_name(tmp_path):
    path = tmp_path / "table.txt"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(_document()).encode())
    assert formats.read_table(path).shape == (2, 2)
    path.write_text("Operation;GPU (ms)\nconv;0,12\n", encoding="utf-16")
    assert formats.read_table(path).cells.ms[0, 0] == 0.12
    path.write_text("Operation;GPU (µs)\nconv;12\n", encoding="cp1252")
    assert formats.read_table(path).cells.ms[0, 0] == pytest.approx(0.012)


def test_that_what_can_not_be_read_is_said(tmp_path):
    with pytest.raises(InvalidInput, match="not there"):
        formats.read_table(tmp_path / "none.csv")
    with pytest.raises(InvalidInput, match="can't be read"):
        formats.read_table(tmp_path)
    binary = tmp_path / "photo.csv"
    binary.write_bytes(bytes(range(256)) * 4)
    with pytest.raises(InvalidInput, match="neither JSON nor a text table"):
        formats.read_table(binary)
