"""A table from a file, whatever its format: told apart by content, not by name.

JSON that starts as ours does is ours; a file with keys like ``...-input:...-output:...`` is a published look-up table,
of Once-for-All or of ProxylessNAS by what its blocks say; any other text is a sheet, of operations or of networks.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from nasstudio.engine.cost.formats.delimited import operations, sheet
from nasstudio.engine.cost.formats.network_latencies import from_networks, is_networks
from nasstudio.engine.cost.formats.ofa_yaml import from_ofa
from nasstudio.engine.cost.formats.own_json import from_json
from nasstudio.engine.cost.formats.proxyless_yaml import from_proxyless
from nasstudio.engine.cost.formats.published import SIGNS
from nasstudio.engine.cost.table import LatencyTable
from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import InvalidInput

_FIRST = re.compile(r"\bConv-input:(\d+)x\d+x\d+-")
_BLOCK = re.compile(r"expanded_conv-input:\S*?-idskip:\d(?P<rest>-se:)?")
_YAML = (".yaml", ".yml")


def read_table(path: Path, device: str = "") -> LatencyTable:
    """A table from a file. Its `notes` say what reading it took.

    Parameters
    ----------
    device : name of the device, where the file has one column and no name for it; from the file's name by default.

    Raises
    ------
    InvalidInput
        The file is not there, is no text, or is not a table; the place in it is named.
    """
    content = _content(path)
    if content.lstrip()[:1] == b"{":
        ours = b'"format"' in content[:200] or not all(s.encode() in content for s in SIGNS)
        if ours:
            return _renamed(from_json(content, path), device)
    text = _decoded(content, path)
    if is_published(text) or path.suffix.lower() in _YAML:
        return _published([(text, path)], device or device_name(path))
    lines = sheet(text, path)
    if is_networks(lines):
        return from_networks(lines, device or device_name(path), path)
    return _renamed(operations(lines), device)


def read_tables(
    paths: Sequence[Path], device: str = "", resolutions: Collection[int] = ()
) -> LatencyTable:
    """One column from the files of a device, each of one resolution, as Once-for-All publishes them.

    Parameters
    ----------
    resolutions : take only the files whose first convolution has one of these input sizes; all if empty.

    Raises
    ------
    InvalidInput
        As `read_table`; or there are several files and one is no such table, or none has a wanted resolution.
    """
    if len(paths) == 1 and not resolutions:
        return read_table(paths[0], device)
    found = []
    seen = set()
    for path in paths:
        text = _decoded(_content(path), path)
        if not is_published(text):
            raise InvalidInput(
                "Several files make one table only where each is a look-up table of a resolution (OFA's YAML).",
                where=path,
                remedy="Import this file alone.",
            )
        resolution = resolution_of(text)
        seen.add(resolution)
        if not resolutions or resolution in resolutions:
            found.append((text, path))
    missing = sorted(set(resolutions) - seen)
    if missing or not found:
        here = ", ".join(str(r) for r in sorted(seen - {0})) or "none"
        raise InvalidInput(
            f"No file has the resolution {', '.join(str(r) for r in missing)}.",
            where=paths[0].parent,
            remedy=f"The files have: {here}.",
        )
    return _published(found, device or device_name(paths[0]))


def is_published(text: str) -> bool:
    """Whether a text has the keys of published look-up tables."""
    return all(sign in text for sign in SIGNS)


def resolution_of(text: str) -> int:
    """Input size of the first convolution of a published table, px; 0 if it has none."""
    match = _FIRST.search(text)
    return int(match[1]) if match else 0


def device_name(path: Path) -> str:
    """What a file is likely the table of: ``latency_table@note10/160_lookup_table.yaml`` is of note10."""
    folder = path.parent.name
    if "@" in folder:
        return folder.rpartition("@")[2]
    name = re.sub(r"^\d+_|_?(lookup|latency)_?table|_trim$", "", path.stem).strip("_ -")
    return name or folder or path.stem


def _published(contents: list[tuple[str, Path]], device: str) -> LatencyTable:
    block = _BLOCK.search(contents[0][0])
    with_se = block is None or block["rest"] is not None
    if len(contents) > 1 or with_se:
        return from_ofa(contents, device)
    return from_proxyless(contents[0][0], device, contents[0][1])


def _renamed(table: LatencyTable, device: str) -> LatencyTable:
    """A table of one device under another name; the name of several is the file's to say."""
    if not device:
        return table
    if len(table.devices) != 1:
        raise InvalidInput(
            f"The file has {len(table.devices)} devices, and one name was given.",
            where="--device",
            remedy="Leave the name out; the file's own names are used.",
        )
    old = table.devices[0]
    new = Device(device, "table", title=device)
    table.devices[0] = new
    if old.id in table.calibrations:
        table.calibrations[new.id] = table.calibrations.pop(old.id)
    if old.id in table.fitted:
        table.fitted[new.id] = table.fitted.pop(old.id)
    return table


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    except FileNotFoundError:
        raise InvalidInput("The file is not there.", where=path, remedy="Check the path.") from None
    except OSError as problem:
        raise InvalidInput(
            f"The file can't be read: {problem.strerror or problem}.",
            where=path,
            remedy="Check the path and the file's rights.",
        ) from None


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
