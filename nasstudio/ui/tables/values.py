"""Times as people write them: ``0.71``, ``0,71``, ``710 us``; and rectangles of them as a spreadsheet copies them."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.errors import InvalidInput

_UNITS = {"": 1.0, "ms": 1.0, "us": 1e-3, "µs": 1e-3, "μs": 1e-3, "ns": 1e-6, "s": 1e3}
_TIME = re.compile(
    r"(?P<number>\d+(?:[.,]\d*)?|[.,]\d+)(?P<exp>[eE][+-]?\d{1,2})?\s*(?P<unit>[a-zA-Zµμ]*)"
)
_EMPTY = {"", "-", "–", "—", "n/a"}
LONGEST_MS = 1e7


def parse_ms(text: str) -> float:
    """A time in ms; nan for an empty cell.

    Raises
    ------
    InvalidInput
        It is not a positive time.
    """
    plain = text.replace("\u00a0", " ").strip()
    if plain.lower() in _EMPTY:
        return math.nan
    match = _TIME.fullmatch(plain)
    if match is None:
        raise InvalidInput(
            f"'{plain[:40]}' is not a time.", remedy="Write a time like 0.71, 0,71 or 710 us."
        )
    unit = match["unit"].lower()
    if unit not in _UNITS:
        raise InvalidInput(
            f"'{match['unit'][:20]}' is not a unit of time.", remedy="Use ms, us, ns or s."
        )
    value = float(match["number"].replace(",", ".") + (match["exp"] or "")) * _UNITS[unit]
    if not 0 < value <= LONGEST_MS:
        raise InvalidInput(
            f"{value:g} ms is no time of an operation.",
            remedy="Give a time above 0 and below three hours.",
        )
    return value


def parse_times(texts: Sequence[str], place: Callable[[int], str]) -> NDArray[np.float64]:
    """Many times in ms, nan for empty cells. `(texts,)`.

    Plain numbers, which is what spreadsheets copy, are read by numpy; the rest one by one.

    Parameters
    ----------
    place : names the cell of a text by its number, for an error.

    Raises
    ------
    InvalidInput
        A text is not a positive time.
    """
    try:
        if any("_" in text for text in texts):
            raise ValueError
        numbers = np.array([text.replace(",", ".") for text in texts], dtype=np.float64)
        if ((numbers > 0) & (numbers <= LONGEST_MS)).all():
            return numbers
    except ValueError:
        pass
    times = np.empty(len(texts))
    for number, text in enumerate(texts):
        try:
            times[number] = parse_ms(text)
        except InvalidInput as problem:
            raise InvalidInput(problem.what, where=place(number), remedy=problem.remedy) from None
    return times


def written_ms(ms: float) -> str:
    """A time with three figures: ``1.62``, ``0.041``, ``0.00074``, ``123``; empty for nan."""
    if ms != ms:
        return ""
    if ms >= 99.95:
        return f"{ms:.0f}"
    if ms >= 9.995:
        return f"{ms:.1f}"
    if ms >= 0.0995:
        return f"{ms:.2f}"
    if ms >= 0.00995:
        return f"{ms:.3f}"
    return f"{ms:.2g}" if ms >= 1e-4 else f"{ms:.1e}"


def parse_block(text: str) -> list[list[str]]:
    """The rectangle that a spreadsheet put on the clipboard (tab-separated lines), padded with empty cells."""
    content = text.replace("\r\n", "\n").replace("\r", "\n")
    content = content[:-1] if content.endswith("\n") else content
    rows = list(csv.reader(io.StringIO(content), delimiter="\t"))
    widest = max((len(row) for row in rows), default=0)
    return [row + [""] * (widest - len(row)) for row in rows]


def written_block(rows: Sequence[Sequence[str]]) -> str:
    """The same for the clipboard."""
    out = io.StringIO()
    csv.writer(out, delimiter="\t", lineterminator="\n").writerows(rows)
    return out.getvalue()
