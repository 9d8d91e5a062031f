"""Our own file: kept whole, one operation a line, and refused with the place where it is not right."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasstudio.engine.cost.additive import fit_additive
from nasstudio.engine.cost.formats import own_json
from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import InvalidInput


def test_that_a_calibration_is_kept_with_its_device(calibrated):
    device = Device("CPU", "onnxruntime", "1")
    fitted = calibrated([1, 2, 3, 4, 5], [2.1, 4.0, 6.2, 8.1, 9.9])
    table = LatencyTable(devices=[device], cells=Cells.missing((0, 1)))
    table.calibrations[device.id] = fitted
    assert own_json.from_json(own_json.to_json(table)).calibrations == {device.id: fitted}


# -- malformed JSON ---------------------------------------------------------------------------------------------


def _document(**changes):
    cell = {"ms": 1.5, "source": "measured", "p10": 1.4, "p90": 1.7, "n": 20}
    whole = {
        "format": own_json.FORMAT,
        "version": own_json.VERSION,
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
    assert own_json.from_json(json.dumps(_document()).encode()).shape == (2, 2)


CASES = {
    "word for a number": (_with(1, 0, ms="nought"), ["row 2", "column 1", "ms"]),
    "text for a number": (_with(1, 0, ms="fast"), ["row 2", "column 1", "'fast' is not a number"]),
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
                "gone": {"correction": {}, "errors": {}}
                | {k: 0.0 for k in ("mape", "mape_sum", "mape_constant", "within5", "within10")}
                | {k: 0.0 for k in ("interval", "tau", "tau_macs")}
                | {k: None for k in ("tau_noise", "noise", "floor")}
                | {k: [] for k in ("sums_ms", "predicted_ms", "measured_ms", "macs")}
            }
        ),
        ["calibration of 'gone'", "no such device"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_that_a_malformed_table_names_place_and_remedy(case):
    document, words = CASES[case]
    with pytest.raises(InvalidInput) as caught:
        own_json.from_json(json.dumps(document).encode(), "devices.json")
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
        (json.dumps(_document()).replace("1.5", "1e999").encode(), "not a latency table"),
        (b"[" * 100_000, "not a latency table"),
    ],
)
def test_that_what_is_not_json_or_no_number_is_refused(content, said):
    with pytest.raises(InvalidInput) as caught:
        own_json.from_json(content, "t.json")
    assert said in str(caught.value)


@given(st.binary(max_size=200))
def test_that_any_bytes_are_refused_without_another_error(content):
    with pytest.raises(InvalidInput):
        own_json.from_json(content)


def _fitted():
    device = Device("Phone", "table")
    model = fit_additive({"a": ["1", "2"] * 20, "b": ["x", "y", "x", "z"] * 10}, [1, 2, 1, 3] * 10)
    table = LatencyTable(devices=[device], cells=Cells.missing((0, 1)), fitted={device.id: model})
    return device, table


def test_that_a_fitted_model_is_kept_with_its_device_and_goes_with_it():
    device, table = _fitted()
    back = own_json.from_json(own_json.to_json(table))
    assert back.fitted == table.fitted
    assert back.copy().fitted == table.fitted
    back.remove_device(device.id)
    assert back.fitted == {}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"coefficients":[', '"coefficients":[0.5,', "coefficients for the column"),
        ('"options":["1","2"]', '"options":["1"]', "coefficients for the column 'a'"),
        ('"fitted":{"', '"fitted":{"x', "no such device"),
    ],
)
def test_that_a_model_that_does_not_hold_together_is_refused(old, new, said):
    content = own_json.to_json(_fitted()[1]).decode()
    assert old in content
    with pytest.raises(InvalidInput, match=said):
        own_json.from_json(content.replace(old, new, 1).encode())


def test_that_an_operation_is_a_line_so_that_files_can_be_compared():
    table = LatencyTable(devices=[Device("CPU", "table")], cells=Cells.missing((0, 1)))
    table.add_rows(["first", "second"])
    table.cells.ms[:, 0], table.cells.source[:, 0] = [1.0, np.inf], Source.IMPORTED
    lines = own_json.to_json(table).decode().splitlines()
    assert [line for line in lines if "first" in line] == [
        '{"operation":"first","cells":[{"ms":1.0,"source":"imported"}]},'
    ]
    assert '{"operation":"second","cells":[{"ms":"inf","source":"imported"}]}' in lines


def test_that_a_table_that_could_not_be_read_is_not_written():
    table = LatencyTable(devices=[Device("CPU", "table")], cells=Cells.missing((0, 1)))
    table.add_rows(["a"])
    table.cells.ms[0, 0], table.cells.p10[0, 0], table.cells.p90[0, 0] = 1.0, 2.0, 1.0
    with pytest.raises(InvalidInput, match="p10 is above p90") as caught:
        own_json.to_json(table)
    assert "row 1 ('a'), column 1" in caught.value.where
