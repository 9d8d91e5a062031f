"""The filter's language: which rows of a table match what was typed.

Words narrow down, all of them must hold, and a leading ``-`` turns one round:

``mbconv k5 24x56``     words of the operation, from their start; also ``kind:conv``, ``28px``, ``c24``
``source:edited``       a cell of that source (measured, imported, edited, interpolated)
``missing  flagged``    a cell without a time, a cell that looks wrong
``>2ms  <=40us``        a time in that range
``device:gpu``          the conditions above look at the columns whose name holds this only
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.cost.table import Cells, Source
from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import InvalidInput
from nasstudio.ui.tables.facts import RowFacts
from nasstudio.ui.tables.scale import is_time
from nasstudio.ui.tables.values import parse_ms
from nasstudio.ui.tables.words import plain

_SOURCES = {source.name.lower(): source for source in Source}
_COMPARES: dict[str, Callable[[Any, float], Any]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
_APART = re.compile(r"([<>]=?)\s*([\d.,]+)(?:\s+(ms|us|µs|μs|ns|s)\b)?")
_RANGE = re.compile(r"(>=|<=|>|<)(.*)")


def filtered(
    facts: RowFacts,
    cells: Cells,
    devices: Sequence[Device],
    flagged: NDArray[np.bool_] | None,
    query: str,
) -> NDArray[np.bool_]:
    """Which rows match. `(rows,)`; a range that is not a time (yet) matches all."""
    rows = len(cells.ms)
    keep = np.ones(rows, dtype=bool)
    words = _APART.sub(r"\1\2\3", plain(query)).split()
    columns = _columns(devices, [word[7:] for word in words if word.startswith("device:")])
    for word in words:
        if word.startswith("device:") or word == "-":
            continue
        turned = word.startswith("-") and word != "->"
        found = _matches(facts, cells, flagged, columns, word[1:] if turned else word)
        if found is not None:
            keep &= ~found if turned else found
    return keep


def _columns(devices: Sequence[Device], names: list[str]) -> NDArray[np.intp]:
    """Columns whose name holds one of the names; all if none was given."""
    chosen = [
        column
        for column, device in enumerate(devices)
        if not names or any(name in device.name.lower().replace(" ", "") for name in names)
    ]
    return np.array(chosen, dtype=np.intp)


def _matches(
    facts: RowFacts,
    cells: Cells,
    flagged: NDArray[np.bool_] | None,
    columns: NDArray[np.intp],
    word: str,
) -> NDArray[np.bool_] | None:
    if word.startswith("source:"):
        wanted = [s for name, s in _SOURCES.items() if name.startswith(word[7:])]
        return _any(np.isin(cells.source[:, columns], wanted))
    if word == "missing":
        return _any(~cells.known[:, columns])
    if word == "flagged":
        return _any(flagged[:, columns]) if flagged is not None else np.zeros(len(cells.ms), bool)
    ranged = _RANGE.fullmatch(word)
    if ranged is not None:
        try:
            limit = parse_ms(ranged[2])
        except InvalidInput:
            return None
        if math.isnan(limit):
            return None
        ms = cells.ms[:, columns]
        return _any(_COMPARES[ranged[1]](np.where(is_time(ms), ms, np.nan), limit))
    return facts.words.starting(word)


def _any(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = np.asarray(cells.any(axis=1), dtype=bool)
    return found
