"""Our own table file: JSON that keeps everything, one operation a line.

A file that is not right in every cell is refused, with the row and column (or line) that is wrong: a table decides
which network is chosen, and half a table would decide it silently. A number that is no time is right in this sense: it
may have been imported, and the checks flag it. What JSON has no number for is written as a word: "nan", "inf", "-inf".
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.collection import built, uncollected
from nasstudio.engine.cost.additive import AdditiveModel
from nasstudio.engine.cost.formats.times import canonical
from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device.calibration import Calibration
from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import InvalidInput

FORMAT, VERSION = "nasstudio-latency-table", 1
_SOURCES = {source.name.lower(): source for source in Source if source != Source.MISSING}
_NAMES = {int(source): name for name, source in _SOURCES.items()}
_MOST_REPEATS = 2**31 - 1
_REMEDY = "Correct the file, or export the table again."
_ROW_BYTES = 200  # of a row with few devices
_ROWS, _END = b'"rows":[\n', b"\n],\n"
_NOT_NUMBERS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


class _Cell(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    ms: float | Literal["nan", "inf", "-inf"]
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
    fitted: dict[str, AdditiveModel] = {}


class _Head(msgspec.Struct, frozen=True):
    format: str
    version: int


# -- writing --------------------------------------------------------------------------------------------------------


def to_json(table: LatencyTable) -> bytes:
    """The whole table; a missing cell is null.

    Raises
    ------
    InvalidInput
        `from_json` would refuse it: a spread that is none, or two rows or devices that are the same.
    """
    with uncollected(len(table.labels)):
        return _written(table)


def fingerprint(table: LatencyTable) -> bytes:
    """A digest of what `to_json` writes, at a fiftieth of the cost: two tables with the same one are the same file."""
    found = hashlib.blake2b(digest_size=16)
    about = (table.labels, table.devices, table.calibrations, table.fitted)
    found.update(msgspec.json.encode((table.shape, *about)))
    for name in ("ms", "p10", "p90", "n", "source"):
        found.update(np.ascontiguousarray(getattr(table.cells, name)).data)
    return found.digest()


def _written(table: LatencyTable) -> bytes:
    where = "latency table"
    _check_distinct([device.id for device in table.devices], "device", where)
    _check_distinct([canonical(label)[0] for label in table.labels], "row", where)
    _check_numbers(table.cells, table.labels, where)
    _check_models(table.devices, table.calibrations, table.fitted, where)
    head = {"format": FORMAT, "version": VERSION, "devices": table.devices}
    tail = {
        "calibrations": table.calibrations,
        "fitted": table.fitted,
    }
    encode = msgspec.json.Encoder().encode
    rows = [encode(row) for row in map(_Row, table.labels, _rows_of(table))] or [b""]
    # Put together once: each copy of a large table holds all threads.
    rows[0] = b'%s,\n"rows":[\n%s' % (encode(head)[:-1], rows[0])
    rows[-1] = b"%s\n],\n%s\n" % (rows[-1], encode(tail)[1:])
    return b",\n".join(rows)


def _rows_of(table: LatencyTable) -> Iterator[tuple[_Cell | None, ...]]:
    """The cells of each row."""
    cells = table.cells
    rows, columns = table.shape
    if not columns:
        return iter([()] * rows)
    gap = (np.isnan(cells.ms) & (cells.source == Source.MISSING)).ravel().tolist()
    ms = [m if math.isfinite(m) else str(m) for m in cells.ms.ravel().tolist()]
    source = np.where(cells.source == Source.MISSING, Source.EDITED, cells.source)
    p10, p90 = _optional(cells.p10), _optional(cells.p90)
    made = (
        None if missing else _Cell(m, _NAMES[s], low, high, n)
        for missing, m, s, low, high, n in zip(
            gap, ms, source.ravel().tolist(), p10, p90, cells.n.ravel().tolist(), strict=True
        )
    )
    return zip(*[made] * columns, strict=True)


def _optional(values: NDArray[np.float64]) -> list[float | None]:
    flat = values.ravel()
    found: list[float | None] = [*flat.tolist()]
    for index in np.flatnonzero(np.isnan(flat)).tolist():
        found[index] = None
    return found


# -- reading --------------------------------------------------------------------------------------------------------


def from_json(content: bytes, where: str | Path = "latency table") -> LatencyTable:
    """The table that `to_json` wrote.

    Raises
    ------
    InvalidInput
        It is not one, is of another version, or a cell is not right; row and column are named.
    """
    with built(len(content) // _ROW_BYTES):
        document = _by_lines(content)
        return _table(document, where) if document is not None else _whole(content, where)


def _whole(content: bytes, where: str | Path) -> LatencyTable:
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
        return _table(msgspec.json.decode(content, type=_Document), where)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise InvalidInput(
            f"This is not a latency table: {_sentence(content, problem)}.",
            where=where,
            remedy=_REMEDY,
        ) from None


def _by_lines(content: bytes) -> _Document | None:
    """The document where it is laid out as `to_json` does, one row a line; None if it is not, or is wrong somewhere.

    Decoding a large document in one go would hold all threads for a third of a second.
    """
    start, end = content.find(_ROWS), content.rfind(_END)
    if not 0 < start < end:
        return None
    decode = msgspec.json.Decoder(_Row).decode
    try:
        rest = msgspec.json.decode(
            content[:start] + b'"rows":[' + content[end + 1 :], type=_Document
        )
        rows = tuple([decode(line) for line in _lines(content, start + len(_ROWS), end)])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    found = (rest.format, rest.version) == (FORMAT, VERSION)
    return msgspec.structs.replace(rest, rows=rows) if found else None


def _lines(content: bytes, start: int, end: int) -> Iterator[bytes]:
    """The rows between two places, without the commas after them; other threads get their turn in between."""
    while (stop := content.find(b",\n", start, end)) >= 0:
        yield content[start:stop]
        start = stop + 2
    yield content[start:end]


def _table(document: _Document, where: str | Path) -> LatencyTable:
    found = [canonical(row.operation) for row in document.rows]
    labels = [label for label, _ in found]
    _check_distinct([device.id for device in document.devices], "device", where)
    _check_distinct(labels, "row", where)
    for number, row in enumerate(document.rows, start=1):
        if len(row.cells) != len(document.devices):
            raise InvalidInput(
                f"It has {len(row.cells)} cells for {len(document.devices)} devices.",
                where=f"{where}, row {number} ('{row.operation[:60]}')",
                remedy="Give each row one cell a device; a missing time is null.",
            )
    if "" in labels:
        raise InvalidInput(
            "The operation has no name.",
            where=f"{where}, row {labels.index('') + 1}",
            remedy="Name it.",
        )
    cells = _cells(document, where)
    _check_numbers(cells, labels, where)
    _check_models(document.devices, document.calibrations, document.fitted, where)
    return LatencyTable(
        labels,
        [spec for _, spec in found],
        list(document.devices),
        cells,
        dict(document.calibrations),
        dict(document.fitted),
    )


def _cells(document: _Document, where: str | Path) -> Cells:
    """All cells as arrays."""
    shape = (len(document.rows), len(document.devices))
    cells = Cells.missing(shape)
    flat = list(chain.from_iterable(row.cells for row in document.rows))
    index = np.flatnonzero([cell is not None for cell in flat])
    there = [cell for cell in flat if cell is not None]
    for cell, at in zip(there, index, strict=True):
        if cell.source not in _SOURCES or not 0 <= cell.n <= _MOST_REPEATS:
            _refuse_cell(cell, _place(int(at), document, where))
    cells.ms.ravel()[index] = [
        _NOT_NUMBERS[cell.ms] if isinstance(cell.ms, str) else cell.ms for cell in there
    ]
    cells.p10.ravel()[index] = np.array([cell.p10 for cell in there], dtype=float)
    cells.p90.ravel()[index] = np.array([cell.p90 for cell in there], dtype=float)
    cells.n.ravel()[index] = [cell.n for cell in there]
    cells.source.ravel()[index] = [_SOURCES[cell.source] for cell in there]
    return cells


def _place(index: int, document: _Document, where: str | Path) -> str:
    row, column = divmod(index, len(document.devices))
    return f"{where}, row {row + 1} ('{document.rows[row].operation[:60]}'), column {column + 1}"


_PATH = re.compile(r"\$(?:\.rows\[(\d+)\](?:\.cells\[(\d+)\])?|\.devices\[(\d+)\])?([^`]*)")
_ENUM = re.compile(r"Invalid enum value ('.*?')")
_BYTE = re.compile(r"\(byte (\d+)\)")


def _sentence(content: bytes, problem: Exception) -> str:
    """Words of msgspec with row and column, or line and column, counted from 1."""
    said = _ENUM.sub(r"\1 is not a number", str(problem))  # the only words that a value may be
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


# -- what the types do not say --------------------------------------------------------------------------------------


def _check_distinct(names: list[str], kind: str, where: str | Path) -> None:
    if len(set(names)) == len(names):
        return
    first: dict[str, int] = {}
    for number, name in enumerate(names, start=1):
        if name in first:
            raise InvalidInput(
                f"The {kind} '{name[:80]}' is there twice, as {kind} {first[name]} and {kind} {number}.",
                where=where,
                remedy="Remove one of the two.",
            )
        first[name] = number


def _refuse_cell(cell: _Cell, place: str) -> None:
    if cell.source not in _SOURCES:
        raise InvalidInput(
            f"'{cell.source[:40]}' is not a source of times.",
            where=place,
            remedy=f"Known: {', '.join(_SOURCES)}.",
        )
    raise InvalidInput(f"n is {cell.n}.", where=place, remedy="Give a count, or leave it out.")


def _check_numbers(cells: Cells, labels: list[str], where: str | Path) -> None:
    """Spreads are finite and in order; whether a time is one is for the checks to say."""
    for name, values in (("p10", cells.p10), ("p90", cells.p90)):
        with np.errstate(invalid="ignore"):
            wrong = np.argwhere(np.isinf(values) | (values < 0))
        for row, column in wrong[:1]:
            raise InvalidInput(
                f"The {name} is {values[row, column]:g} ms.",
                where=f"{where}, row {row + 1} ('{labels[row][:60]}'), column {column + 1}",
                remedy="A quantile is a finite number, not below 0; leave it out if there is none.",
            )
    with np.errstate(invalid="ignore"):
        crossed = np.argwhere(cells.p10 > cells.p90)
    for row, column in crossed[:1]:
        raise InvalidInput(
            "p10 is above p90.",
            where=f"{where}, row {row + 1} ('{labels[row][:60]}'), column {column + 1}",
            remedy="Exchange them.",
        )


def _check_models(
    devices: list[Device] | tuple[Device, ...],
    calibrations: dict[str, Calibration],
    fitted: dict[str, AdditiveModel],
    where: str | Path,
) -> None:
    known = {device.id for device in devices}
    for kind, models in (("calibration", calibrations), ("model", fitted)):
        for key, model in models.items():
            if key not in known:
                raise InvalidInput(
                    f"There is a {kind} of '{key[:60]}', and no such device.",
                    where=where,
                    remedy=f"Remove the {kind}, or restore the device's column.",
                )
            problem = model.problem()
            if problem:
                raise InvalidInput(
                    f"The {kind} of '{key[:60]}' has {problem}.",
                    where=where,
                    remedy=f"Remove the {kind} and measure whole networks again.",
                )
