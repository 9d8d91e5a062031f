"""Tables as text: CSV, TSV and what a spreadsheet puts on the clipboard, in the lecture's shape.

Operations down, devices across. A text that is no number is refused with its line and column; a number that is no time
is kept as it came, and the checks flag it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import starmap
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.cost.formats.times import (
    PLAIN_MARKS,
    canonical,
    is_missing,
    named_unit,
    number,
)
from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import InvalidInput


@dataclass(frozen=True)
class Sheet:
    """A text table, cut into fields.

    Attributes
    ----------
    header : names of the columns.
    lines : fields of each line that is not empty, as many as the header has.
    numbers : line of the file of each, from 1.
    delimiter : what separates them.
    where : file and line of the header.
    """

    header: list[str]
    lines: list[list[str]]
    numbers: list[int]
    delimiter: str
    where: str

    def place(self, line: int, column: int) -> str:
        """Where a field is, for an error. Both count from 0."""
        file = self.where.rpartition(", line ")[0]
        title = self.header[column]
        return f"{file}, line {self.numbers[line]}, column {column + 1} ({title})"

    def column(self, column: int) -> list[str]:
        """The fields of a column."""
        return [line[column] for line in self.lines]

    def times(self, column: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Numbers of a column in its own unit, nan where missing; and where there was one. Both `(lines,)`.

        Raises
        ------
        InvalidInput
            A field is no number.
        """
        fields = self.column(column)
        there = np.array([not is_missing(field) for field in fields], dtype=bool)
        plain = [field or "nan" for field in fields]
        if set("".join(fields)) <= PLAIN_MARKS:
            try:
                return np.array(plain, dtype=str).astype(float), there
            except ValueError:
                pass  # the slow way says which field it is
        found = [number(f, self.delimiter, self.place(i, column)) for i, f in enumerate(fields)]
        return np.array(found, dtype=float), there


def sheet(content: str, where: str | Path = "latency table") -> Sheet:
    """A text as fields: commas, semicolons or tabs between them, whichever cuts the first line into the most.

    Raises
    ------
    InvalidInput
        It is empty, has one column, or a line has another number of fields than the header.
    """
    content = content.removeprefix("\ufeff")
    delimiter = _delimiter(content, where)
    lines = _lines(content, delimiter, where)
    if not lines:
        raise InvalidInput("The file is empty.", where=where, remedy="Choose another file.")
    number_of, header = lines[0]
    for line, fields in lines[1:]:
        if len(fields) != len(header):
            raise InvalidInput(
                f"The line has {len(fields)} fields, the header {len(header)}.",
                where=f"{where}, line {line}",
                remedy="Give each line as many fields as the header; a missing time is empty.",
            )
    return Sheet(
        header,
        [fields for _, fields in lines[1:]],
        [line for line, _ in lines[1:]],
        delimiter,
        f"{where}, line {number_of}",
    )


def _delimiter(content: str, where: str | Path) -> str:
    head = next((line for line in io.StringIO(content) if line.strip()), "").rstrip("\r\n")
    counts = {mark: _fields(head, mark) for mark in "\t;,"}
    best = max(counts, key=lambda mark: counts[mark])
    if head and counts[best] < 2:
        raise InvalidInput(
            "The first line has one column only.",
            where=f"{where}, line 1",
            remedy="A table starts like: Operation,GPU (ms),CPU (ms)",
        )
    return best


def _fields(line: str, mark: str) -> int:
    try:
        return len(next(csv.reader([line], delimiter=mark, strict=True)))
    except (csv.Error, StopIteration):
        return 0


def _lines(content: str, delimiter: str, where: str | Path) -> list[tuple[int, list[str]]]:
    """(line number, fields) of each line that is not empty."""
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
    lines = []
    try:
        for fields in reader:
            stripped = [field.strip() for field in fields]
            if any(stripped):
                lines.append((reader.line_num, stripped))
    except csv.Error as problem:
        raise InvalidInput(
            f"This is not CSV: {problem}.",
            where=f"{where}, line {reader.line_num}",
            remedy="Check the quotation marks.",
        ) from None
    return lines


# -- operations -----------------------------------------------------------------------------------------------------


def to_csv(table: LatencyTable) -> str:
    """Operations and times, ``Operation,GPU (ms),CPU (ms)``; a missing cell is empty.

    Spread, source, calibration and fitted models are not kept.
    """
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    header = ["Operation", *(f"{device.name} (ms)" for device in table.devices)]
    # A name that holds another file's separator must not be taken for one.
    if any(set(";\t") & set(name) for name in header):
        csv.writer(lines, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow(header)
    else:
        writer.writerow(header)
    empty = (np.isnan(table.cells.ms) & (table.cells.source == Source.MISSING)).tolist()
    rows = zip(table.labels, table.cells.ms.tolist(), empty, strict=True)
    writer.writerows(starmap(_fields_of, rows))
    return lines.getvalue()


def _fields_of(label: str, times: list[float], empty: list[bool]) -> list[str]:
    return [label, *("" if gap else repr(ms) for ms, gap in zip(times, empty, strict=True))]


def from_csv(content: str, where: str | Path = "latency table") -> LatencyTable:
    """A table of operations from text; decimal point or comma; a unit of time in the header's brackets.

    Header names become devices that are known by this table only.

    Raises
    ------
    InvalidInput
        A line is not right; line and column are named.
    """
    return operations(sheet(content, where))


def operations(text: Sheet) -> LatencyTable:
    """The table of a sheet with one operation a line. Errors as `from_csv`."""
    devices, factors = _devices(text.header, text.where)
    found = [canonical(line[0]) for line in text.lines]
    _check_labels([label for label, _ in found], text)
    cells = Cells.missing((len(found), len(devices)))
    for column, factor in enumerate(factors):
        ms, there = text.times(column + 1)
        cells.ms[:, column] = ms * factor
        cells.source[there, column] = Source.IMPORTED
    return LatencyTable([label for label, _ in found], [spec for _, spec in found], devices, cells)


def _check_labels(labels: list[str], text: Sheet) -> None:
    file = text.where.rpartition(", line ")[0]
    first: dict[str, int] = {}
    for label, line in zip(labels, text.numbers, strict=True):
        place = f"{file}, line {line}"
        if not label:
            raise InvalidInput("The operation has no name.", where=place, remedy="Name it.")
        if label in first:
            raise InvalidInput(
                f"'{label[:80]}' is there already, in line {first[label]}.",
                where=place,
                remedy="Remove one of the two lines.",
            )
        first[label] = line


def _devices(header: Sequence[str], place: str) -> tuple[list[Device], list[float]]:
    devices: list[Device] = []
    factors: list[float] = []
    for column, title in enumerate(header[1:], start=2):
        name, factor = named_unit(title, f"{place}, column {column}")
        if not name:
            raise InvalidInput(
                "The device has no name.",
                where=f"{place}, column {column}",
                remedy="Write it like: GPU (ms)",
            )
        if name in {device.hardware for device in devices}:
            raise InvalidInput(
                f"The device '{name[:60]}' is there twice.",
                where=f"{place}, column {column}",
                remedy="Rename or remove one of the two columns.",
            )
        devices.append(Device(name, "table", title=name))
        factors.append(factor)
    return devices, factors
