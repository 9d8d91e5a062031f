"""Latency tables on disk: our own JSON, which keeps everything, and CSV in the lecture's shape, which all have.

A file that is not right in every cell is refused, with the row and column (or line) that is wrong: a table decides
which network is chosen, and half a table would decide it silently. Nothing wrong is written either.
"""

from __future__ import annotations

import csv
import io
import math
import re
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device.calibration import Calibration
from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.layer import parse, text

FORMAT, VERSION = "nasstudio-latency-table", 1
_SOURCES = {source.name.lower(): source for source in Source if source != Source.MISSING}
_REMEDY = "Correct the file, or export the table again."


class _Cell(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    ms: float
    source: str
    p10: float | None = None
    p90: float | None = None
    n: int = 0


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    operation: str
    cells: tuple[_Cell | None, ...]


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: str
    version: int
    devices: tuple[Device, ...]
    rows: tuple[_Row, ...]
    calibrations: dict[str, Calibration] = {}


class _Head(msgspec.Struct, frozen=True):
    format: str
    version: int


# -- our own JSON -----------------------------------------------------------------------------------------------


def to_json(table: LatencyTable) -> bytes:
    """The whole table as indented JSON; a missing cell is null.

    Raises
    ------
    InvalidInput
        A cell is not a time, or two rows or devices are the same: `from_json` would refuse it.
    """
    document = _Document(
        FORMAT,
        VERSION,
        tuple(table.devices),
        tuple(
            _Row(label, tuple(_cell_of(table, row, column) for column in range(table.shape[1])))
            for row, label in enumerate(table.labels)
        ),
        {key: _without_nan(value) for key, value in table.calibrations.items()},
    )
    _check(document, "latency table")
    return msgspec.json.format(msgspec.json.encode(document), indent=1)


def _cell_of(table: LatencyTable, row: int, column: int) -> _Cell | None:
    cells, at = table.cells, (row, column)
    ms = float(cells.ms[at])
    if math.isnan(ms):
        return None
    source = Source(int(cells.source[at])) or Source.EDITED
    p10, p90 = (None if np.isnan(a[at]) else float(a[at]) for a in (cells.p10, cells.p90))
    return _Cell(ms, source.name.lower(), p10, p90, int(cells.n[at]))


def _without_nan(calibration: Calibration) -> Calibration:
    """JSON has no nan: a rank correlation that can't be told is written as none, 0."""
    broken = {k: 0.0 for k in ("tau", "tau_macs") if math.isnan(getattr(calibration, k))}
    return msgspec.structs.replace(calibration, **broken)


def from_json(content: bytes, where: str | Path = "latency table") -> LatencyTable:
    """The table that `to_json` wrote.

    Raises
    ------
    InvalidInput
        It is not one, is of another version, or a cell is not a time; row and column are named.
    """
    try:
        head = msgspec.json.decode(content, type=_Head)
        if head.format != FORMAT:
            raise InvalidInput(
                f"This is '{head.format[:60]}', not a latency table.", where=where, remedy=_REMEDY
            )
        if head.version != VERSION:
            raise InvalidInput(
                f"The table is of version {head.version}; this program reads version {VERSION}.",
                where=where,
                remedy="Open it with the version of NAS Studio that wrote it, or update this one.",
            )
        document = msgspec.json.decode(content, type=_Document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise InvalidInput(
            f"This is not a latency table: {_sentence(content, problem)}.",
            where=where,
            remedy=_REMEDY,
        ) from None
    _check(document, where)
    return _table(document)


_PATH = re.compile(r"\$(?:\.rows\[(\d+)\](?:\.cells\[(\d+)\])?|\.devices\[(\d+)\])?([^`]*)")
_BYTE = re.compile(r"\(byte (\d+)\)")


def _sentence(content: bytes, problem: Exception) -> str:
    """Words of msgspec with row and column, or line and column, counted from 1."""
    said = str(problem)
    byte = _BYTE.search(said)
    if byte is not None:
        before = content[: int(byte[1])]
        line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
        return said.replace(byte[0], f"(line {line}, column {column})")
    head, found, rest = said.partition(" - at `")
    path = _PATH.match(rest) if found else None
    if path is None:
        return said
    row, column_index, device, field = path.groups()
    place = [f"row {int(row) + 1}"] if row else []
    place += [f"column {int(column_index) + 1}"] if column_index else []
    place += [f"device {int(device) + 1}"] if device else []
    place += [f"'{field.lstrip('.')}'"] if field.lstrip(".") else []
    return f"{', '.join(place)}: {head[:1].lower()}{head[1:]}" if place else head


def _check(document: _Document, where: str | Path) -> None:
    """Everything that the types do not say."""
    _check_distinct([device.id for device in document.devices], "device", where)
    _check_distinct([_canonical(row.operation) for row in document.rows], "row", where)
    for number, row in enumerate(document.rows, start=1):
        place = f"{where}, row {number} ('{row.operation[:60]}')"
        if not row.operation.strip():
            raise InvalidInput("The operation has no name.", where=place, remedy="Name it.")
        if len(row.cells) != len(document.devices):
            raise InvalidInput(
                f"It has {len(row.cells)} cells for {len(document.devices)} devices.",
                where=place,
                remedy="Give each row one cell a device; a missing time is null.",
            )
        for column, cell in enumerate(row.cells, start=1):
            if cell is not None:
                _check_cell(cell, f"{place}, column {column}")
    for key, calibration in document.calibrations.items():
        _check_calibration(key, calibration, document.devices, where)


def _check_calibration(
    key: str, calibration: Calibration, devices: tuple[Device, ...], where: str | Path
) -> None:
    if key not in {device.id for device in devices}:
        raise InvalidInput(
            f"There is a calibration of '{key[:60]}', and no such device.",
            where=where,
            remedy="Remove the calibration, or restore the device's column.",
        )
    numbers = (calibration.scale, calibration.constant_ms, calibration.mape, calibration.mape_sum)
    if not all(math.isfinite(number) for number in numbers) or calibration.scale <= 0:
        raise InvalidInput(
            f"The calibration of '{key}' has a scale of {calibration.scale:g} and a constant of "
            f"{calibration.constant_ms:g} ms.",
            where=where,
            remedy="Remove the calibration and measure whole networks again.",
        )


def _check_distinct(names: list[str], kind: str, where: str | Path) -> None:
    first: dict[str, int] = {}
    for number, name in enumerate(names, start=1):
        if name in first:
            raise InvalidInput(
                f"The {kind} '{name[:80]}' is there twice, as {kind} {first[name]} and {kind} {number}.",
                where=where,
                remedy="Remove one of the two.",
            )
        first[name] = number


def _check_cell(cell: _Cell, place: str) -> None:
    _check_time(cell.ms, "time", place)
    for name, value in (("p10", cell.p10), ("p90", cell.p90)):
        if value is not None:
            _check_time(value, name, place)
    if cell.p10 is not None and cell.p90 is not None and cell.p10 > cell.p90:
        raise InvalidInput("p10 is above p90.", where=place, remedy="Exchange them.")
    if not 0 <= cell.n <= np.iinfo(np.int32).max:
        raise InvalidInput(f"n is {cell.n}.", where=place, remedy="Give a count, or leave it out.")
    if cell.source not in _SOURCES:
        raise InvalidInput(
            f"'{cell.source[:40]}' is not a source of times.",
            where=place,
            remedy=f"Known: {', '.join(_SOURCES)}.",
        )


def _check_time(ms: float, name: str, place: str) -> None:
    if not (math.isfinite(ms) and ms > 0):
        raise InvalidInput(
            f"The {name} is {ms:g} ms.",
            where=place,
            remedy="A time is a finite number above 0; leave the cell out (null, empty) if there is none.",
        )


def _canonical(label: str) -> str:
    """A label as the table keeps it: a layer's own text where it is a layer."""
    try:
        return text(parse(label))
    except InvalidInput:
        return label.strip()


def _table(document: _Document) -> LatencyTable:
    table = LatencyTable(devices=list(document.devices), calibrations=dict(document.calibrations))
    table.cells = Cells.missing((0, len(document.devices)))
    table.add_rows([_canonical(row.operation) for row in document.rows])
    cells = table.cells
    for number, row in enumerate(document.rows):
        for column, cell in enumerate(row.cells):
            if cell is None:
                continue
            at = (number, column)
            cells.ms[at], cells.n[at], cells.source[at] = cell.ms, cell.n, _SOURCES[cell.source]
            cells.p10[at] = np.nan if cell.p10 is None else cell.p10
            cells.p90[at] = np.nan if cell.p90 is None else cell.p90
    return table


# -- CSV in the lecture's shape -----------------------------------------------------------------------------------

_UNITS = {"ms": 1.0, "us": 1e-3, "µs": 1e-3, "μs": 1e-3, "s": 1e3, "ns": 1e-6}
_HEADER = re.compile(r"(?P<name>.*?)\s*[(\[]\s*(?P<unit>[a-zµμ]{1,2})\s*[)\]]", re.IGNORECASE)
_MISSING = {"", "-", "–", "—", "n/a", "na"}
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def to_csv(table: LatencyTable) -> str:
    """Operations and times, ``Operation,GPU (ms),CPU (ms)``; a missing cell is empty.

    Spread, source and calibration are not kept.
    """
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    header = ["Operation", *(f"{device.name} (ms)" for device in table.devices)]
    # A name that holds another file's separator must not be taken for one.
    if any(set(";\t") & set(name) for name in header):
        csv.writer(lines, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow(header)
    else:
        writer.writerow(header)
    for label, times in zip(table.labels, table.cells.ms.tolist(), strict=True):
        writer.writerow([label, *("" if math.isnan(ms) else repr(ms) for ms in times)])
    return lines.getvalue()


def from_csv(content: str, where: str | Path = "latency table") -> LatencyTable:
    """A table from CSV: commas, semicolons or tabs; decimal point or comma; ms, us, ns or s in the header's brackets.

    Header names become devices that are known by this table only.

    Raises
    ------
    InvalidInput
        A line is not right; line and column are named.
    """
    content = content.removeprefix("\ufeff")
    delimiter = _delimiter(content, where)
    lines = _csv_lines(content, delimiter, where)
    if not lines:
        raise InvalidInput("The file is empty.", where=where, remedy="Choose another file.")
    number, header = lines[0]
    devices, factors = _columns(header, f"{where}, line {number}")
    first: dict[str, int] = {}
    times: list[list[float]] = []
    for number, fields in lines[1:]:
        place = f"{where}, line {number}"
        if len(fields) != len(header):
            raise InvalidInput(
                f"The line has {len(fields)} fields, the header {len(header)}.",
                where=place,
                remedy="Give each line as many fields as the header; a missing time is empty.",
            )
        label = _canonical(fields[0])
        if not label:
            raise InvalidInput("The operation has no name.", where=place, remedy="Name it.")
        if label in first:
            raise InvalidInput(
                f"'{label[:80]}' is there already, in line {first[label]}.",
                where=place,
                remedy="Remove one of the two lines.",
            )
        first[label] = number
        times.append(
            [
                _time(field, delimiter, f"{place}, column {column} ({header[column - 1]})") * factor
                for column, (field, factor) in enumerate(
                    zip(fields[1:], factors, strict=True), start=2
                )
            ]
        )
    table = LatencyTable(devices=devices, cells=Cells.missing((0, len(devices))))
    table.add_rows(list(first))
    if times:
        table.cells = Cells.of(np.array(times), Source.IMPORTED)
    return table


def _delimiter(content: str, where: str | Path) -> str:
    """The one of comma, semicolon and tab that cuts the first line into the most fields."""
    head = next((line for line in content.splitlines() if line.strip()), "")
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


def _csv_lines(content: str, delimiter: str, where: str | Path) -> list[tuple[int, list[str]]]:
    """(line number, fields) of each line that is not empty."""
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
    lines = []
    try:
        for fields in reader:
            if any(field.strip() for field in fields):
                lines.append((reader.line_num, [field.strip() for field in fields]))
    except csv.Error as problem:
        raise InvalidInput(
            f"This is not CSV: {problem}.",
            where=f"{where}, line {reader.line_num}",
            remedy="Check the quotation marks.",
        ) from None
    return lines


def _columns(header: list[str], place: str) -> tuple[list[Device], list[float]]:
    devices: list[Device] = []
    factors: list[float] = []
    for column, title in enumerate(header[1:], start=2):
        match = _HEADER.fullmatch(title)
        unit = match["unit"].lower() if match else ""
        name = match["name"] if match and unit in _UNITS else title
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
        factors.append(_UNITS.get(unit, 1.0))
    return devices, factors


def _time(field: str, delimiter: str, place: str) -> float:
    """A cell as a number in the column's unit; nan if it is empty."""
    if field.lower() in _MISSING:
        return math.nan
    number = field.replace("\u00a0", "").replace(" ", "")
    if "," in number:
        number = _with_point(number, delimiter, field, place)
    if _PLAIN.fullmatch(number) is None and number.lower().lstrip("+-") not in (
        "nan",
        "inf",
        "infinity",
    ):
        raise InvalidInput(
            f"'{field[:40]}' is not a number.",
            where=place,
            remedy="Write a time like 0.12; leave the cell empty if there is none.",
        )
    value = float(number)
    _check_time(value, "time", place)
    return value


def _with_point(number: str, delimiter: str, field: str, place: str) -> str:
    """A number with a decimal comma as one with a point."""
    groups = re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?", number)
    if groups and (delimiter == "," or "." in number or number.count(",") > 1):
        if number.count(",") == 1 and "." not in number:
            raise InvalidInput(
                f"'{field[:40]}' may be a decimal comma or a thousands mark.",
                where=place,
                remedy=f"Write {number.replace(',', '.')} or {number.replace(',', '')}.",
            )
        return number.replace(",", "")
    return number.replace(".", "").replace(",", ".", 1)


# -- any file ---------------------------------------------------------------------------------------------------


def read_table(path: Path) -> LatencyTable:
    """A table from a file, by its content: JSON if it starts with a brace, else CSV.

    Raises
    ------
    InvalidInput
        The file is not there, is no text, or is not a table; the place in it is named.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise InvalidInput("The file is not there.", where=path, remedy="Check the path.") from None
    except OSError as problem:
        raise InvalidInput(
            f"The file can't be read: {problem.strerror or problem}.",
            where=path,
            remedy="Check the path and the file's rights.",
        ) from None
    if content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{":
        return from_json(content.removeprefix(b"\xef\xbb\xbf"), path)
    return from_csv(_decoded(content, path), path)


def _decoded(content: bytes, path: Path) -> str:
    """Text in UTF-8, in UTF-16 with its mark, or in the Windows encoding that spreadsheets write."""
    encodings: Any = ("utf-8-sig", "cp1252")
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings = ("utf-16",)
    elif b"\0" in content:
        encodings = ()
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InvalidInput(
        "This is neither JSON nor a text table.",
        where=path,
        remedy="Export the table as CSV (UTF-8) and choose that file.",
    )
