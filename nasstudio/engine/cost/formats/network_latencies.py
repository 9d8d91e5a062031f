"""Latencies of whole networks as CSV: HAT's features, NAS-Bench's architectures, or our own genes and genomes.

Each column of latencies becomes a device without operations: an additive model of the other columns (see
`cost.additive`), with its error on networks held back. A string that names an architecture is cut into its choices.
What says nothing of the architecture (accuracy, parameters, spread, an index) is left out, and the notes say so.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.cost.additive import ABSENT, fit_additive, summary, written
from nasstudio.engine.cost.formats.delimited import Sheet
from nasstudio.engine.cost.formats.times import named_unit
from nasstudio.engine.cost.table import Cells, LatencyTable
from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import InvalidInput

_OPERATIONS = {"operation", "operations", "op", "layer", "key", "row", "kernel", "module"}
_NAMES = {
    "arch",
    "arch_str",
    "architecture",
    "arch_string",
    "child_arch",
    "network",
    "net",
    "config",
    "genome",
}
_TIME_WORDS = {"latency", "latencies", "lat"}
_NOT_CHOICES = {
    *(
        "std",
        "stdev",
        "var",
        "variance",
        "acc",
        "accuracy",
        "top1",
        "top5",
        "loss",
        "error",
        "params",
        "flops",
    ),
    *("macs", "energy", "memory", "index", "idx", "id", "uid", "hash", "seed", "bleu"),
}
_HAT = ("latency_mean_encoder", "latency_mean_decoder")
_LONGEST_WORD = 64


def is_networks(text: Sheet) -> bool:
    """Whether a sheet has whole networks, not operations, down its lines.

    It has if a column is called as architectures are, or if a column is called a latency and others say what it is
    the latency of: more than a name each.
    """
    words = [_words(title) for title in text.header]
    if text.header[0].lower() in _OPERATIONS:
        return False
    if any(title.lower() in _NAMES for title in text.header):
        return True
    times = [bool(word & _TIME_WORDS) and not word & _NOT_CHOICES for word in words]
    others = [i for i, timed in enumerate(times) if not timed]
    return any(times) and (len(others) > 1 or any(_numeric(text.column(i)) for i in others))


def _words(title: str) -> set[str]:
    return set(re.split(r"[^a-z0-9]+", title.lower()))


def _numeric(fields: list[str]) -> bool:
    try:
        return bool(fields) and all(np.isfinite(float(field)) for field in fields)
    except ValueError:
        return False


def from_networks(text: Sheet, device: str, where: str | Path = "latency table") -> LatencyTable:
    """A table of devices without operations, a fitted model each.

    Parameters
    ----------
    device : what a device is called whose column says no more than "latency".

    Raises
    ------
    InvalidInput
        A field is no number, architectures can't be cut into choices, or there are too few networks.
    """
    latencies, choices, left_out = _sorted_columns(text)
    columns = _choices(text, choices)
    notes = [f"left out: {', '.join(left_out[:6])}"] if left_out else []
    table = LatencyTable()
    for name, times in _latencies(text, latencies, device):
        model = fit_additive(columns, times, where=f"{where}, {name}")
        found = Device(name, "table", title=name)
        if found.id in table.fitted:
            raise InvalidInput(
                f"The device '{name[:60]}' is there twice.",
                where=text.where,
                remedy="Rename or remove one of the two columns.",
            )
        table.devices.append(found)
        table.fitted[found.id] = msgspec.structs.replace(
            model, left_out=(*left_out, *model.left_out)
        )
        notes.append(f"{name}: {summary(model)}")
    table.cells = Cells.missing((0, len(table.devices)))
    table.notes = tuple(notes)
    return table


def _sorted_columns(text: Sheet) -> tuple[list[int], list[int], list[str]]:
    """Columns of latencies, columns of choices, and names of the rest."""
    words = [_words(title) for title in text.header]
    rest = [i for i, word in enumerate(words) if not word & _NOT_CHOICES]
    left_out = [text.header[i] for i, word in enumerate(words) if word & _NOT_CHOICES]
    named = [i for i in rest if text.header[i].lower() in _NAMES]
    timed = [i for i in rest if words[i] & _TIME_WORDS and i not in named]
    if named:
        # Beside an architecture's name, what is a number is a device: NAS-Bench's files call a column after it.
        others = [i for i in rest if i not in named]
        latencies = timed or others
        genome = [i for i in named if text.header[i].lower() == "genome"]
        choices = genome or named[:1]
        unused = [i for i in (*others, *named) if i not in latencies and i not in choices]
        left_out += [text.header[i] for i in unused]
    else:
        latencies, choices = timed, [i for i in rest if i not in timed]
    if not latencies or not choices:
        raise InvalidInput(
            "There is no column of latencies." if choices else "There is no column of choices.",
            where=text.where,
            remedy="Name it like: GPU latency (ms).",
        )
    return latencies, choices, left_out


def _latencies(
    text: Sheet, latencies: list[int], device: str
) -> list[tuple[str, NDArray[np.float64]]]:
    """(device, times of each network in ms). HAT measures encoder and decoder apart; a network is both."""
    found = []
    for column in latencies:
        place = f"{text.where}, column {column + 1}"
        title, factor = named_unit(text.header[column], place)
        found.append((title, text.times(column)[0] * factor))
    titles = [title.lower() for title, _ in found]
    if all(part in titles for part in _HAT):
        total = sum(times for title, times in found if title.lower() in _HAT)
        rest = [(title, times) for title, times in found if title.lower() not in _HAT]
        found = [(device, np.asarray(total)), *rest]
    return [(_device_name(title, device), times) for title, times in found]


def _device_name(title: str, device: str) -> str:
    words = [
        w
        for w in re.split(r"[\s_]+", title)
        if w.lower() not in (*_TIME_WORDS, "mean", "median", "")
    ]
    return title if title == device else " ".join(words) or device


# -- choices --------------------------------------------------------------------------------------------------------


def _choices(text: Sheet, choices: list[int]) -> dict[str, list[str]]:
    """Values of each choice, by column name; blocks that the depth leaves out are absent."""
    columns: dict[str, list[str]] = {}
    for column in choices:
        title = text.header[column]
        if title.lower() in _NAMES:
            columns |= _cut(text, column)
        elif title in columns:
            raise InvalidInput(
                f"The column '{title[:60]}' is there twice.",
                where=text.where,
                remedy="Rename or remove one of the two.",
            )
        else:
            columns[title] = text.column(column)
    return _without_absent(columns)


_BLOCK = re.compile(r"stage(\d+)\.block(\d+)\.\w+")


def _without_absent(columns: dict[str, list[str]]) -> dict[str, list[str]]:
    """Genes of a block beyond its stage's depth say nothing (OFA keeps them): they are made absent."""
    found = dict(columns)
    for name, values in columns.items():
        block = _BLOCK.fullmatch(name)
        depth = columns.get(f"stage{block[1]}.depth") if block else None
        if block is not None and depth is not None and _numeric(depth):
            found[name] = [
                v if float(d) >= int(block[2]) else ABSENT
                for v, d in zip(values, depth, strict=True)
            ]
    return found


def _cut(text: Sheet, column: int) -> dict[str, list[str]]:
    """An architecture's string as one column a choice."""
    title, fields = text.header[column], text.column(column)
    if fields and fields[0].startswith("{"):
        return _once_for_all(text, column)
    parts = [_tokens(field) for field in fields]
    lengths = {len(part) for part in parts}
    if (
        lengths == {1}
        and len({len(field) for field in fields}) == 1
        and len(fields[0]) <= _LONGEST_WORD
    ):
        parts = [list(field) for field in fields]
        lengths = {len(fields[0])}
    if len(lengths) != 1 or lengths == {1}:
        line = next((i for i, part in enumerate(parts) if len(part) != len(parts[0])), 0)
        raise InvalidInput(
            f"The architectures of '{title}' are not all cut into the same number of choices.",
            where=text.place(line, column) if fields else text.where,
            remedy="Give one column a choice, with the value of each network.",
        )
    return {f"{title.lower()}[{i}]": [part[i] for part in parts] for i in range(lengths.pop())}


def _tokens(field: str) -> list[str]:
    """Choices of a string: ``|nor_conv_3x3~0|+|...|`` (NAS-Bench-201), ``[0, 2, 1]`` (a genome), ``k3-e6-d2``."""
    edges = re.findall(r"([^|+~]+)~\d+", field)
    return edges or [token for token in re.split(r"[\s,;|+/()\[\]-]+", field) if token]


def _once_for_all(text: Sheet, column: int) -> dict[str, list[str]]:
    """``{'ks': [...20], 'e': [...20], 'd': [...5], 'r': [224]}`` of the OFA code, as genes of our MobileNetV3 space."""
    columns: dict[str, list[str]] = {}
    for line, field in enumerate(text.column(column)):
        try:
            genes = _genes(ast.literal_eval(field[:4000]))
        except (
            ValueError,
            SyntaxError,
            TypeError,
            KeyError,
            MemoryError,
            RecursionError,
            ZeroDivisionError,
        ):
            genes = None
        if genes is None or (columns and set(columns) != set(genes)):
            raise InvalidInput(
                f"'{field[:60]}' is not an architecture of Once-for-All.",
                where=text.place(line, column),
                remedy="It reads like: {'ks': [3, ...], 'e': [4, ...], 'd': [2, ...], 'r': [224]}",
            )
        for name, value in genes.items():
            columns.setdefault(name, []).append(value)
    return columns


def _genes(arch: dict[str, list[float]]) -> dict[str, str]:
    kernels, expands, depths = arch["ks"], arch["e"], arch["d"]
    blocks = len(kernels) // len(depths)
    if len(kernels) != len(expands) or blocks * len(depths) != len(kernels):
        raise ValueError
    size = arch.get("r", arch.get("image_size", []))
    sizes = size if isinstance(size, list) else [size]
    genes = {"resolution": written(sizes[0])} if sizes else {}
    for s, depth in enumerate(depths):
        genes[f"stage{s + 1}.depth"] = written(depth)
        for b in range(blocks):
            gene = f"stage{s + 1}.block{b + 1}"
            genes[f"{gene}.kernel"] = written(kernels[s * blocks + b])
            genes[f"{gene}.expand"] = written(expands[s * blocks + b])
    return genes
