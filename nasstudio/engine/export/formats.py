"""What a network can be written as: the registry of export formats.

A format is data: what it is called, what it is good for, which files it makes, and where the function is that writes
them. The function is found by name only when something is written, so that the window can list formats without torch
or onnx. Other packages add formats under the entry-point group ``nasstudio.exporters``: an entry point loads an
`ExportFormat`, and its module must import neither.
"""

from __future__ import annotations

import importlib
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, cast

from nasstudio.engine.errors import InvalidInput, NeedsExtra

if TYPE_CHECKING:
    from nasstudio.engine.export.deployment import Deployment

Writer = Callable[["Deployment", Path], Path]
"""Writes a network into a folder that is there. Returns the file that stands for all it wrote."""

GROUP = "nasstudio.exporters"
LONGEST_NAME = 80
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


@dataclass(frozen=True)
class ExportFormat:
    """One way to write a network.

    Attributes
    ----------
    name : as in `ExportSpec.formats`, e.g. ``onnx``.
    title, purpose : as shown.
    files : what it makes inside the export folder; ``{name}`` is the network's safe name, a last ``/`` a folder.
    artefact : kind of the artefact event.
    writer : ``module:function`` of a `Writer`.
    """

    name: str
    title: str
    purpose: str
    files: tuple[str, ...]
    artefact: str
    writer: str

    def paths(self, name: str) -> tuple[str, ...]:
        """What it makes for a network of a safe name, relative to the export folder."""
        return tuple(file.format(name=name) for file in self.files)

    def load(self) -> Writer:
        """The function that writes.

        Raises
        ------
        NeedsExtra
            A package that it needs is not installed.
        """
        module, _, function = self.writer.partition(":")
        try:
            return cast(Writer, getattr(importlib.import_module(module), function))
        except ModuleNotFoundError as problem:
            raise NeedsExtra(problem.name or module, "engine") from None


_BUILT_IN = (
    ExportFormat(
        name="onnx",
        title="ONNX",
        purpose="One file for ONNX Runtime, OpenVINO, TensorRT and other runtimes, on any system.",
        files=("{name}.onnx",),
        artefact="onnx",
        writer="nasstudio.engine.export.onnx:write",
    ),
    ExportFormat(
        name="pytorch",
        title="PyTorch package",
        purpose="A folder with readable network code, weights and predict.py; runs without NAS Studio.",
        files=("{name}-pytorch/",),
        artefact="package",
        writer="nasstudio.engine.export.package:write",
    ),
)


def formats() -> dict[str, ExportFormat]:
    """Every format that is there, by name: ours first, then those of other packages."""
    found = {item.name: item for item in _BUILT_IN}
    for point in entry_points(group=GROUP):
        item = point.load()
        if not isinstance(item, ExportFormat):
            raise InvalidInput(
                f"The exporter '{point.name}' is not an ExportFormat.",
                where=point.value,
                remedy="Update or uninstall the package that brings it.",
            )
        found.setdefault(item.name, item)
    return found


def named(name: str) -> ExportFormat:
    """A format by name.

    Raises
    ------
    InvalidInput
        There is none of that name.
    """
    known = formats()
    if name not in known:
        raise InvalidInput(
            f"There is no export format '{name}'.",
            where="formats",
            remedy=f"Known formats: {', '.join(known)}.",
        )
    return known[name]


def safe_name(title: str) -> str:
    """The title as a name that is a file name on every system; ``network`` if nothing of it remains.

    Letters and digits of any script stay, everything else becomes a hyphen; at most `LONGEST_NAME` bytes of UTF-8.
    """
    kept = re.sub(r"[^\w.]+", "-", unicodedata.normalize("NFKC", title))
    kept = re.sub(r"\.{2,}", ".", kept)
    short = kept.encode(errors="ignore")[:LONGEST_NAME].decode(errors="ignore").strip("-._")
    if not short:
        return "network"
    return f"network-{short}" if _RESERVED.fullmatch(short) else short
