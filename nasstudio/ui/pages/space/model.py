"""A space while it is being edited, and what can be said about it. No screen.

A draft is a document; every edit gives another document. `survey` says what a document means: how many networks, the
smallest and the largest, a thousand random members, and which layers no device can be asked about.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.cost.metric import Metric, available
from nasstudio.engine.cost.table import LatencyTable
from nasstudio.engine.device.device import Device
from nasstudio.engine.space.families import build
from nasstudio.engine.space.layer import LayerSpec, make_divisible, text
from nasstudio.engine.space.space import Genome, SearchSpace, SpaceDocument
from nasstudio.ui.tables.facts import places

EDITABLE = "mobilenetv3"
MEMBERS = 1000
KINDS = ("depth", "kernel", "expand", "width")
_OFFERED: dict[str, tuple[float, ...]] = {
    "depth": (1, 2, 3, 4, 5),
    "kernel": (3, 5, 7),
    "expand": (2, 3, 4, 6),
    "width": (0.5, 0.75, 1.0),
}


# -- editing ----------------------------------------------------------------------------------------------------


def allowed(document: SpaceDocument, stage: int | None, kind: str) -> tuple[float, ...]:
    """Options of a gene; `stage` is None for the resolution."""
    owner = document.options if stage is None else document.options["stages"][stage]
    return tuple(owner.get(kind, (1.0,)))


def stages(document: SpaceDocument) -> list[dict[str, Any]]:
    """The stages as they stand in the document."""
    return list(document.options.get("stages", []))


def offered(document: SpaceDocument, stage: int | None, kind: str) -> tuple[float, ...]:
    """Options that are offered for a gene: the usual ones and those that are allowed."""
    now = allowed(document, stage, kind)
    if kind != "resolution":
        return tuple(sorted({*_OFFERED[kind], *now}))
    low, high = min(now), max(now)
    gaps = [b - a for a, b in pairwise(now)]
    step = min(gaps) if gaps else (4 if high <= 64 else 16)
    around = {low - 2 * step, low - step, high + step, high + 2 * step}
    inside = set(np.arange(low, high + step, step).tolist())
    return tuple(sorted(v for v in {*around, *inside, *now} if 8 <= v <= 1024))


def toggled(
    document: SpaceDocument, stage: int | None, kind: str, value: float
) -> SpaceDocument | None:
    """The document with an option allowed or not; None if it is the last one.

    Channels are rounded to multiples of 8: a width takes the place of another one of as many channels.
    """
    now = set(allowed(document, stage, kind))
    after = now ^ {value}
    if stage is not None and kind == "width" and value in after:
        own = _channels(document, stage, value)
        after = {v for v in after if v == value or _channels(document, stage, v) != own}
    return _with(document, stage, kind, tuple(sorted(after))) if after else None


def _channels(document: SpaceDocument, stage: int, width: float) -> int:
    """Output channels of a stage at one of its widths."""
    multiplier = float(document.options.get("width_mult", 1.0))
    return make_divisible(stages(document)[stage]["channels"] * width * multiplier)


def stage_channels(document: SpaceDocument) -> list[tuple[int, ...]]:
    """Output channels of each stage at each of its widths."""
    return [
        tuple(_channels(document, stage, width) for width in allowed(document, stage, "width"))
        for stage in range(len(stages(document)))
    ]


def head(document: SpaceDocument) -> tuple[int, ...]:
    """Output channels of the convolutions behind the stages; empty where a family has none."""
    if document.family != EDITABLE:
        return ()
    multiplier = float(document.options.get("width_mult", 1.0))
    return tuple(
        make_divisible(channels * multiplier)
        for channels in document.options.get("head", (960, 1280))
    )


def _with(
    document: SpaceDocument, stage: int | None, kind: str, values: tuple[float, ...]
) -> SpaceDocument:
    plain = [v if kind in ("expand", "width") and v != int(v) else int(v) for v in values]
    listed = [float(v) for v in values] if kind == "width" else plain
    options = dict(document.options)
    if stage is None:
        options[kind] = listed
    else:
        changed = [dict(s) for s in options["stages"]]
        changed[stage][kind] = listed
        options["stages"] = changed
    return msgspec.structs.replace(document, options=options)


def applied_to_all(document: SpaceDocument, stage: int) -> SpaceDocument:
    """The document with depth, kernel and expand of one stage in all stages."""
    for kind in ("depth", "kernel", "expand"):
        values = allowed(document, stage, kind)
        for other in range(len(stages(document))):
            document = _with(document, other, kind, values)
    return document


def stage_choices(document: SpaceDocument, stage: int) -> int:
    """Number of different runs of blocks in a stage."""
    depth, kernel, expand, width = (allowed(document, stage, kind) for kind in KINDS)
    each = len(kernel) * len(expand)
    total: int = len(width) * sum(each ** int(d) for d in depth)
    return total


def stage_sizes(document: SpaceDocument) -> list[int]:
    """Output size of each stage at the largest resolution, px."""
    size = int(max(allowed(document, None, "resolution")))
    size = (size - 1) // int(document.options.get("stem_stride", 2)) + 1
    if document.options.get("stem_pool", document.family == "resnet"):
        size = (size - 1) // 2 + 1
    sizes = []
    for stage in stages(document):
        size = (size - 1) // int(stage["stride"]) + 1
        sizes.append(size)
    return sizes


def scientific(size: int) -> str:
    """A number of networks: ``1,944``, ``5.8 × 10²⁵``."""
    if size < 1_000_000:
        return f"{size:,}"
    digits = str(size)
    exponent = len(digits) - 1
    mantissa = round(int(digits[:3]) / 100, 1)
    if mantissa >= 10:
        mantissa, exponent = 1.0, exponent + 1
    raised = str(exponent).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{mantissa:.1f} × 10{raised}"


# -- what it means ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Extreme:
    """The smallest or the largest network: blocks, resolution (px) and value by metric key."""

    blocks: int
    resolution: int
    values: dict[str, float]


@dataclass(frozen=True)
class MetricTitle:
    """A metric without its space; `device` is None for a count."""

    key: str
    title: str
    unit: str
    device: Device | None = None


@dataclass(frozen=True)
class Gap:
    """Layers that a device has no time for."""

    device: Device
    missing: tuple[str, ...]
    about: str


@dataclass(frozen=True)
class Survey:
    """What a document means.

    Attributes
    ----------
    metrics : those that every member has; latencies only on devices that know every layer.
    members : of 1,000 random members, by metric key. `(members,)` each.
    gaps : devices with some of the layers, but not all.
    known, rows : layers that all devices with times know, and all layers.
    """

    document: SpaceDocument
    hash: str
    size: int
    metrics: tuple[MetricTitle, ...]
    smallest: Extreme
    largest: Extreme
    members: dict[str, NDArray[np.float64]]
    gaps: tuple[Gap, ...]
    known: int
    rows: int


def survey(document: SpaceDocument, table: LatencyTable, seed: int = 0) -> Survey:
    """Build a document's space and look at it. Takes up to some tenths of a second: not for the window's thread.

    Raises
    ------
    StudioError
        The document does not make a space.
    """
    space = build(document)
    metrics = available(space, table)
    population = space.sample(MEMBERS, np.random.default_rng(seed))
    gaps, known = _gaps(space, table)
    return Survey(
        document=document,
        hash=space.hash,
        size=space.size(),
        metrics=tuple(MetricTitle(m.key, m.title, m.unit, m.device) for m in metrics),
        smallest=_extreme(space, space.smallest(), metrics),
        largest=_extreme(space, space.largest(), metrics),
        members={m.key: m.of(population) for m in metrics},
        gaps=gaps,
        known=known,
        rows=len(space.layers),
    )


def _extreme(space: SearchSpace, genome: Genome, metrics: list[Metric]) -> Extreme:
    one = genome[None]
    inside = [b for b in space.blocks(genome) if b.stage not in ("In", "Out")]
    values = {m.key: float(m.of(one)[0]) for m in metrics}
    return Extreme(len(inside), int(space.resolution(one)[0]), values)


def _gaps(space: SearchSpace, table: LatencyTable) -> tuple[tuple[Gap, ...], int]:
    gaps = []
    unknown: set[str] = set()
    some = False
    for device in table.devices:
        missing = table.missing(space.layers, device)
        if len(missing) == len(space.layers):
            continue
        some = True
        if missing:
            labels = tuple(text(layer) for layer in missing)
            unknown.update(labels)
            gaps.append(Gap(device, labels, what_is_missing(space, missing)))
    return tuple(gaps), len(space.layers) - len(unknown) if some else 0


def what_is_missing(space: SearchSpace, missing: list[LayerSpec]) -> str:
    """What missing layers have in common, as a person says it: ``kernel 7 in stage 5``; else how many they are."""
    where = places(space)
    kernels = {layer.kernel for layer in missing}
    sizes = {layer.height for layer in missing}
    stage = {where[text(layer)][1] for layer in missing}
    parts = []
    if len(kernels) == 1 and len({layer.kernel for layer in space.layers}) > 1:
        parts.append(f"kernel {kernels.pop()}")
    if len(stage) == 1 and (name := stage.pop()).isdigit():
        parts.append(f"in stage {name}" if parts else f"stage {name}")
    if len(sizes) == 1 and not parts:
        parts.append(f"{sizes.pop()} px")
    if not parts:
        return f"{len(missing):,} layers" if len(missing) > 1 else "1 layer"
    return " ".join(parts)
