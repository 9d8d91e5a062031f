"""Text tables: any locale's numbers and units, and the line and column of what is wrong."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasstudio.engine.cost.formats.delimited import from_csv
from nasstudio.engine.cost.formats.reader import read_table
from nasstudio.engine.cost.table import Source
from nasstudio.engine.errors import InvalidInput
from nasstudio.resources import resource

TABLES = Path(__file__).parent / "tables"


def test_that_the_lectures_table_is_shipped_and_reads():
    table = read_table(resource("presets/tables/lecture.csv"))
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
    table = from_csv(content)
    assert table.devices[0].name == "GPU"
    assert table.cells.ms[0, 0] == pytest.approx(1.5)


def test_that_brackets_that_are_no_unit_belong_to_the_name():
    table = from_csv("Operation,GPU (V100),NPU (x) (us)\nconv,1,2\n")
    assert [d.name for d in table.devices] == ["GPU (V100)", "NPU (x)"]
    np.testing.assert_allclose(table.cells.ms, [[1.0, 0.002]])


def test_that_labels_that_are_layers_become_layers_and_others_stay_text():
    table = from_csv("Operation,GPU\nconv 3×8×8 → 8 s1 k3,1\nSomething else,\n")
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
        ("Operation,GPU\nconv,1\n\nconv,2\n", ["line 4", "'conv' is there already, in line 2"]),
        ("Operation,GPU (ms),GPU (us)\nconv,1,2\n", ["line 1", "column 3", "'GPU' is there twice"]),
        ("Operation,GPU,\nconv,1,2\n", ["line 1", "column 3", "no name"]),
        ("Operation,GPU\n,1\n", ["line 2", "no name"]),
        (
            'Operation,GPU\nconv,"1,234"\n',
            ["line 2", "column 2", "thousands mark", "1.234 or 1234"],
        ),
        (
            "Operation,GPU (kg)\nconv,1\n",
            ["line 1", "column 2", "kg is no unit of time", "GPU (ms)"],
        ),
        ("Operation,GPU\nconv,1_0\n", ["line 2", "'1_0' is not a number"]),
        ('Operation,GPU\n"conv,1\n', ["line 2", "not CSV"]),
    ],
)
def test_that_malformed_csv_names_line_column_and_remedy(content, words):
    with pytest.raises(InvalidInput) as caught:
        from_csv(content, "lab.csv")
    assert caught.value.where.startswith("lab.csv")
    for word in words:
        assert word in str(caught.value)
    assert caught.value.remedy


@given(st.text(max_size=80))
def test_that_any_text_is_a_table_or_refused_with_a_reason(content):
    try:
        table = from_csv(content)
    except InvalidInput as problem:
        table, remedy = None, problem.remedy
    assert remedy if table is None else table.cells.ms.shape == table.shape


@pytest.mark.parametrize(
    ("written", "value"),
    [("-1", -1.0), ("0", 0.0), ("NaN", np.nan), ("inf", np.inf), ("-Infinity", -np.inf)],
)
def test_that_a_number_that_is_no_time_is_kept_as_it_came_and_is_no_time(written, value):
    table = from_csv(f"Operation,GPU (us)\nconv,{written}\npool,2\n")
    np.testing.assert_array_equal(table.cells.ms[0, 0], value * 1e-3)
    assert table.cells.source[0, 0] == Source.IMPORTED
    assert table.cells.flawed[:, 0].tolist() == [True, False]
    assert table.cells.known[:, 0].tolist() == [False, True]


@pytest.mark.parametrize(
    "name",
    ["Pixel 4 (big core)", "GPU (V100)", "Phone (A)", "NPU (int8)", "Jetson [MAXN]", "iPhone (S)"],
)
def test_that_a_bracket_that_is_no_unit_of_measurement_is_part_of_the_name(name):
    assert from_csv(f"Operation,{name}\nconv,1\n").devices[0].name == name
    assert from_csv(f"Operation,{name} (us)\nconv,1\n").devices[0].name == name


@pytest.mark.parametrize("unit", ["kg", "mJ", "fps", "MB", "%", "g", "W", "min", "GFLOPs"])
def test_that_a_bracket_with_another_unit_is_refused_with_place_and_remedy(unit):
    with pytest.raises(InvalidInput, match="no unit of time") as caught:
        from_csv(f"Operation,CPU (ms),GPU ({unit})\nconv,1,2\n", "lab.csv")
    assert caught.value.where == "lab.csv, line 1, column 3"
    assert "ms, us, ns or s" in caught.value.remedy


def test_that_a_copied_range_and_a_broken_sheet_are_read_and_refused():
    table = read_table(TABLES / "operations.tsv")
    assert [d.name for d in table.devices] == ["Pixel 4 (big core)", "NPU"]
    np.testing.assert_allclose(table.cells.ms, [[0.12, 0.08], [np.nan, 0.0]])
    assert table.cells.flawed.tolist() == [[False, False], [False, True]]
    with pytest.raises(InvalidInput, match="Mass"):
        read_table(TABLES / "operations_broken.csv")
