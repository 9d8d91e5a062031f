"""Damaged inputs: what disks, downloads, editors, other programs and ill will make of a file.

Every function takes a random generator, so that an input is known by its seed and number. The payload of a disguised
pickle opens a file for writing when it is unpickled: if that file appears, something was.
"""

from __future__ import annotations

import copy
import io
import json
import os
import pickle
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

Generator = np.random.Generator
Mutation = Callable[[bytes, Generator], bytes]


class Payload:
    """Unpickling it makes a file."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch '{self._marker}'",)


def pickled(marker: Path) -> bytes:
    """A pickle with the payload."""
    return pickle.dumps({"weights": Payload(marker)})


def pickled_npz(marker: Path) -> bytes:
    """An npz file whose arrays hold the payload."""
    content = io.BytesIO()
    array = np.array([Payload(marker)], dtype=object)
    np.savez(content, header=array, counts=array)
    return content.getvalue()


def pickled_torch(marker: Path) -> bytes:
    """What `torch.save` writes: a zip archive with a pickle in it."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("archive/data.pkl", pickled(marker))
        archive.writestr("archive/version", "3\n")
    return content.getvalue()


def disguised(number: int, marker: Path) -> bytes:
    """One of the kinds of pickle, in turn."""
    return (pickled, pickled_npz, pickled_torch)[number % 3](marker)


def bomb() -> bytes:
    """A small PNG file that claims a picture of 60,000 x 60,000 px, with the right checksum."""
    made = io.BytesIO()
    Image.new("1", (8, 8)).save(made, "png")
    content = bytearray(made.getvalue())
    content[16:24] = (60_000).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    return bytes(content)


# -- bytes --------------------------------------------------------------------------------------------------------


def truncated(content: bytes, rng: Generator) -> bytes:
    return content[: int(rng.integers(0, max(1, len(content))))]


def flipped(content: bytes, rng: Generator) -> bytes:
    changed = bytearray(content)
    for at in rng.integers(0, max(1, len(content)), int(rng.integers(1, 9))):
        if changed:
            changed[at] ^= 1 << int(rng.integers(0, 8))
    return bytes(changed)


def overwritten(content: bytes, rng: Generator) -> bytes:
    """A block of zeros or noise, as a disk leaves it."""
    start, size = _block(content, rng)
    fill = bytes(size) if rng.random() < 0.5 else rng.bytes(size)
    return content[:start] + fill + content[start + size :]


def cut(content: bytes, rng: Generator) -> bytes:
    start, size = _block(content, rng)
    return content[:start] + content[start + size :]


def doubled(content: bytes, rng: Generator) -> bytes:
    start, size = _block(content, rng)
    return content[: start + size] + content[start:]


def lengthened(content: bytes, rng: Generator) -> bytes:
    return content + rng.bytes(int(rng.integers(1, 64)))


def noise(content: bytes, rng: Generator) -> bytes:
    return rng.bytes(int(rng.integers(0, 400)))


def _block(content: bytes, rng: Generator) -> tuple[int, int]:
    start = int(rng.integers(0, max(1, len(content))))
    return start, int(rng.integers(1, max(2, min(400, len(content) - start))))


BYTES: tuple[Mutation, ...] = (truncated, flipped, overwritten, cut, doubled, lengthened, noise)


def of_bytes(content: bytes, rng: Generator) -> bytes:
    """One of the above."""
    return BYTES[int(rng.integers(0, len(BYTES)))](content, rng)


# -- JSON ---------------------------------------------------------------------------------------------------------

_WRONG: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    1,
    2.5,
    1e308,
    -1e308,
    10**9,
    10**30,
    "",
    "x",
    "x" * 5000,
    "\x00",
    "../../../../etc/passwd",
    "/etc/passwd",
    "\ud800",
    [],
    [1, "a", None],
    {},
    {"": None},
    [[[[]]]],
)


def of_json(content: bytes, rng: Generator) -> bytes:
    """A document in which a few values have another type, are huge, missing or there twice."""
    try:
        document = json.loads(content)
    except ValueError:
        return of_bytes(content, rng)
    for _ in range(int(rng.integers(1, 3))):
        document = _with_one_changed(document, rng)
    text = json.dumps(document, indent=1 if b"\n" in content.strip() else None)
    for word, wrong in (("1e+308", "1e999"), ("-1e+308", "NaN")):
        if rng.random() < 0.3:
            text = text.replace(word, wrong)
    return text.encode("utf-8", "surrogatepass")


def _with_one_changed(document: Any, rng: Generator) -> Any:
    places: list[tuple[Any, Any]] = []
    _collect(document, places)
    if not places or rng.random() < 0.05:
        return _wrong(rng)
    parent, key = places[int(rng.integers(0, len(places)))]
    match int(rng.integers(0, 8)):
        case 0 if isinstance(parent, dict):
            del parent[key]
        case 0:
            parent.pop(key)
        case 1 if isinstance(parent, dict):
            parent[f"{key}x"] = parent.pop(key)
        case 1:
            parent.insert(key, parent[key])
        case 2 if isinstance(parent[key], int | float) and not isinstance(parent[key], bool):
            parent[key] = parent[key] * (10 ** int(rng.integers(1, 12))) + int(rng.integers(-2, 3))
        case 3 if isinstance(parent[key], int | float):
            parent[key] = -parent[key]
        case _:
            parent[key] = _wrong(rng)
    return document


def _wrong(rng: Generator) -> Any:
    return copy.deepcopy(_WRONG[int(rng.integers(0, len(_WRONG)))])


def _collect(node: Any, places: list[tuple[Any, Any]]) -> None:
    pairs = (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    )
    for key, value in list(pairs):
        places.append((node, key))
        _collect(value, places)


def nested(content: bytes, rng: Generator) -> bytes:
    """Brackets deeper than any parser's stack."""
    depth = int(rng.choice([100, 2000, 200_000]))
    return b"[" * depth if rng.random() < 0.5 else b'{"a":' * depth


def nested_line(content: bytes, rng: Generator) -> bytes:
    """A line of that kind among others."""
    lines = content.splitlines(keepends=True)
    lines.insert(int(rng.integers(0, len(lines) + 1)), nested(content, rng) + b"\n")
    return b"".join(lines)


def of_lines(content: bytes, rng: Generator) -> bytes:
    """JSON lines of which one is changed, torn, missing or there twice."""
    lines = content.splitlines(keepends=True)
    if not lines:
        return noise(content, rng)
    at = int(rng.integers(0, len(lines)))
    match int(rng.integers(0, 6)):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, lines[at])
        case 2:
            lines[at] = truncated(lines[at], rng)
        case _:
            lines[at] = of_json(lines[at], rng) + b"\n"
    return b"".join(lines)


def of_csv(content: bytes, rng: Generator) -> bytes:
    """A table in which a cell, a line or the separators are others."""
    lines = content.decode().splitlines()
    at = int(rng.integers(0, len(lines)))
    fields = lines[at].split(",")
    words = (
        "",
        "nan",
        "inf",
        "-1",
        "0",
        "1e400",
        "0x10",
        '"',
        "1,5",
        "ms",
        "1_000",
        "٣",
        "=1+1",
        ";;",
    )
    match int(rng.integers(0, 7)):
        case 0:
            fields.append(str(rng.choice(words)))
        case 1 if len(fields) > 1:
            fields.pop()
        case 2:
            lines.insert(at, lines[at])
        case 3:
            lines[0] = lines[0].replace("(ms)", str(rng.choice(["(kg)", "(s)", "(", "ms", ""])))
        case _:
            fields[int(rng.integers(0, len(fields)))] = str(rng.choice(words))
    lines[at] = ",".join(fields)
    ends = ("\n", "\r\n", "\r")
    text = str(rng.choice(ends)).join(lines)
    return text.encode(
        str(rng.choice(["utf-8", "utf-8", "utf-16", "utf-8-sig", "latin-1"])), "replace"
    )
