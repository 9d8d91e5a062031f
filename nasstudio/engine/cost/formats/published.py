"""The key notation of published look-up tables: ``expanded_conv-input:56x56x24-output:28x28x40-expand:72-...``.

Read event by event, so that neither depth nor tags of a YAML file can do harm, and every error has its line. JSON with
the same keys is read too: it is YAML. What a key means as a layer is for the readers of each project's tables to say.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.layer import LayerSpec, text

SIGNS = ("-input:", "-output:")  # what tells such a file from another
NORMAL_P90 = 1.2816  # standard deviations from the mean to the 90 % quantile
_REMEDY = "Each entry reads like: Conv-input:224x224x3-output:112x112x24: {count: 50, mean: 1.2, std: 0.1}"


@dataclass(frozen=True)
class Key:
    """One key, taken apart.

    Attributes
    ----------
    text : as it stands.
    kind : ``Conv``, ``expanded_conv``, ``Conv_1``, ...
    input, output : height, width and channels; a vector has one number.
    fields : the rest: ``expand``, ``kernel``, ``stride``, ``idskip``, ``se``, ``hs``.
    """

    text: str
    kind: str
    input: tuple[int, ...]
    output: tuple[int, ...]
    fields: dict[str, int]


@dataclass(frozen=True)
class Entry:
    """One line of a table: mean and standard deviation in ms, and how many measurements; nan and 0 if not given."""

    key: Key | None
    label: str
    mean: float
    std: float = math.nan
    count: int = 0

    @property
    def good(self) -> bool:
        """Whether the mean is a time."""
        return self.mean > 0 and math.isfinite(self.mean)


def one_after_the_other(first: Entry, second: Entry) -> Entry:
    """Both operations as one row: the sum, with the deviation of independent times; if one is no time, that one."""
    for entry in (first, second):
        if not entry.good:
            return Entry(first.key, first.label, entry.mean)
    std = math.hypot(first.std, second.std)
    count = min(first.count, second.count)
    return Entry(first.key, first.label, first.mean + second.mean, std, count)


def measured_again(first: Entry, second: Entry) -> Entry:
    """Two measurements of one operation: their mean by count, and the deviation of all of them together."""
    if not second.good or not first.good:
        return first if first.good or not second.good else second
    weights = [max(entry.count, 1) for entry in (first, second)]
    total = sum(weights)
    mean = (weights[0] * first.mean + weights[1] * second.mean) / total
    square = sum(
        w * (e.std**2 + (e.mean - mean) ** 2) for w, e in zip(weights, (first, second), strict=True)
    )
    return Entry(
        first.key, first.label, mean, math.sqrt(square / total), first.count + second.count
    )


_SHAPE = r"\d{1,7}(?:x\d{1,7}){0,2}"
_KEY = re.compile(
    rf"(?P<kind>\w+)-input:(?P<i>{_SHAPE})-output:(?P<o>{_SHAPE})(?P<rest>(-[a-z_]+:\d{{1,7}})*)"
)


def key_of(label: str) -> Key | None:
    """A key taken apart; None if it is not one."""
    match = _KEY.fullmatch(label)
    if match is None:
        return None
    shapes = [tuple(int(n) for n in match[group].split("x")) for group in ("i", "o")]
    pairs = (pair.split(":") for pair in match["rest"].split("-") if pair)
    fields = {name: int(value) for name, value in pairs}
    return Key(label, match["kind"], shapes[0], shapes[1], fields)


# -- the file -------------------------------------------------------------------------------------------------------


def entries(content: str, where: str | Path, *, variance: bool = False) -> list[Entry]:
    """Every entry of a file, in order.

    Parameters
    ----------
    variance : the spread is ``var``, the square of a standard deviation, where it is not ``std``.

    Raises
    ------
    InvalidInput
        It is no mapping of keys to numbers, a key is there twice, or an entry has no mean; the line is named.
    """
    found: list[Entry] = []
    first: dict[str, int] = {}
    for label, line, fields in _mappings(content, where):
        place = f"{where}, line {line} ('{label[:80]}')"
        if label in first:
            raise InvalidInput(
                f"The key is there already, in line {first[label]}.",
                where=place,
                remedy="Remove one of the two entries.",
            )
        first[label] = line
        found.append(_entry(label, fields, place, variance))
    if not found:
        raise InvalidInput("The file has no entries.", where=where, remedy=_REMEDY)
    return found


def _entry(label: str, fields: dict[str, str], place: str, variance: bool) -> Entry:
    if "mean" not in fields:
        raise InvalidInput("The entry has no mean.", where=place, remedy=_REMEDY)
    mean = _number(fields["mean"], "mean", place)
    std = math.nan
    if "std" in fields:
        std = _number(fields["std"], "std", place)
    elif variance and "var" in fields:
        var = _number(fields["var"], "var", place)
        std = math.sqrt(var) if var >= 0 else math.nan
    count = _number(fields.get("count", "0"), "count", place)
    if not 0 <= count <= np.iinfo(np.int32).max:
        raise InvalidInput(f"The count is {count:g}.", where=place, remedy=_REMEDY)
    return Entry(key_of(label), label, mean, std, int(count))


_YAML_ODD = {".nan": math.nan, ".inf": math.inf, "-.inf": -math.inf, "+.inf": math.inf}


def _number(word: str, name: str, place: str) -> float:
    plain = word.strip().lower()
    if plain in _YAML_ODD:
        return _YAML_ODD[plain]
    try:
        return float(plain)
    except ValueError:
        raise InvalidInput(
            f"The {name} is '{word[:40]}', not a number.", where=place, remedy=_REMEDY
        ) from None


def _mappings(content: str, where: str | Path) -> Iterator[tuple[str, int, dict[str, str]]]:
    """(key, line, its fields as text) of each entry of a mapping of mappings."""
    events = _events(content, where)
    _expect(next(events), yaml.StreamStartEvent, where)
    start = next(events)
    if isinstance(start, yaml.StreamEndEvent):
        return
    _expect(start, yaml.DocumentStartEvent, where)
    _expect(next(events), yaml.MappingStartEvent, where)
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        label = _scalar(event, where)
        _expect(next(events), yaml.MappingStartEvent, where)
        fields = {}
        while not isinstance(inner := next(events), yaml.MappingEndEvent):
            fields[_scalar(inner, where)] = _scalar(next(events), where)
        yield label, event.start_mark.line + 1, fields
    _expect(next(events), yaml.DocumentEndEvent, where)
    _expect(next(events), yaml.StreamEndEvent, where)


def _events(content: str, where: str | Path) -> Iterator[Any]:
    try:
        yield from yaml.parse(content, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, UnicodeError) as problem:
        mark = getattr(problem, "problem_mark", None) or getattr(problem, "context_mark", None)
        place = f"{where}, line {mark.line + 1}, column {mark.column + 1}" if mark else str(where)
        said = getattr(problem, "problem", None) or str(problem).splitlines()[0]
        raise InvalidInput(
            f"This is not YAML: {said}.", where=place, remedy="Correct the line."
        ) from None


def _expect(event: Any, kind: type, where: str | Path) -> None:
    if not isinstance(event, kind):
        raise InvalidInput(
            "This is not a table of keys and their times.",
            where=f"{where}, line {event.start_mark.line + 1}",
            remedy=_REMEDY,
        )


def _scalar(event: Any, where: str | Path) -> str:
    _expect(event, yaml.ScalarEvent, where)
    return str(event.value)


# -- the table ------------------------------------------------------------------------------------------------------


def table_of(
    rows: list[tuple[LayerSpec | None, Entry]], device: str, notes: list[str]
) -> LatencyTable:
    """A table with one column. A row without a layer keeps its key as label.

    p10 and p90 are ``mean -+ 1.2816 std``, as if the times were normal; p10 never below 0.
    """
    labels = [entry.label if spec is None else text(spec) for spec, entry in rows]
    cells = Cells.missing((len(rows), 1))
    mean = np.array([entry.mean for _, entry in rows])
    std = np.array([entry.std for _, entry in rows])
    with np.errstate(invalid="ignore"):
        std = np.where((std >= 0) & np.isfinite(std) & (mean > 0) & np.isfinite(mean), std, np.nan)
    cells.ms[:, 0] = mean
    cells.p10[:, 0] = np.maximum(mean - NORMAL_P90 * std, 0.0)
    cells.p90[:, 0] = mean + NORMAL_P90 * std
    cells.n[:, 0] = [entry.count for _, entry in rows]
    cells.source[:, 0] = Source.IMPORTED
    said = list(notes)
    if not np.isnan(std).all():
        said.append("p10 and p90 are mean -+ 1.28 standard deviations, as if the times were normal")
    unknown = [label for (spec, _), label in zip(rows, labels, strict=True) if spec is None]
    if unknown:
        are = "1 row is" if len(unknown) == 1 else f"{len(unknown)} rows are"
        said.append(
            f"{are} no layer that a space knows and kept under the file's key: {unknown[0][:80]}"
        )
    specs = [spec for spec, _ in rows]
    return LatencyTable(
        labels, specs, [Device(device, "table", title=device)], cells, notes=tuple(said)
    )


def stride_of(key: Key) -> int:
    """Stride that takes the input to the output: ``out = (in - 1) // s + 1``; 0 if none does."""
    height, out = key.input[0], key.output[0]
    return next((s for s in (1, 2, 3, 4) if (height - 1) // s + 1 == out), 0)
