"""The model card: what an exported network is, how good and how fast it is, and how it was made.

`card.json` is for programs (`read` gives it back), `card.md` for people; the second says nothing that is not in the
first. A number that was not measured is missing, and the card says so.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec

from nasstudio.engine.cost import counts, liveness
from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import CorruptFile
from nasstudio.engine.space.layer import text
from nasstudio.engine.space.space import Genome, SearchSpace

CARD_VERSION = 1


class Row(msgspec.Struct, frozen=True):
    """One layer: its stage, its text, and what it costs for one image."""

    stage: str
    layer: str
    macs: int
    params: int


class Architecture(msgspec.Struct, frozen=True):
    """Which network of which space it is, and what it costs for one image in fp32.

    Peak memory is that of ONNX Runtime, see `cost.liveness`: with a buffer a tensor, and in one block, its default.
    """

    identity: str
    space: str
    space_title: str
    space_hash: str
    genome: tuple[int, ...]
    genes: dict[str, float]
    resolution: int
    rows: tuple[Row, ...]
    macs: int
    params: int
    memory_mib: float
    memory_block_mib: float


class Accuracy(msgspec.Struct, frozen=True):
    """Share of right answers of one runtime on one split, 0 to 1."""

    split: str
    runtime: str
    share: float
    images: int

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the share from the number of images (Wilson 1927)."""
        z, n, p = 1.96, self.images, self.share
        if n == 0:
            return 0.0, 1.0
        centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
        return max(0.0, centre - half), min(1.0, centre + half)


class Latency(msgspec.Struct, frozen=True):
    """Promised and measured latency on one device, ms; None where there is no promise or no measurement.

    Attributes
    ----------
    promised_error : half the width of the promise's interval as a share.
    n : measurements behind the median.
    busy : other processes kept the machine busy meanwhile: the time may be too high.
    pace : how slow the device ran meanwhile, as a multiple of what it took at its calibration (`device.pace`); None
        where that is not known.
    """

    device: Device
    promised_ms: float | None = None
    promised_error: float | None = None
    measured_ms: float | None = None
    p10_ms: float | None = None
    p90_ms: float | None = None
    n: int = 0
    busy: bool = False
    pace: float | None = None

    @property
    def kept(self) -> bool | None:
        """Whether the measurement is within or below the promise's interval; None if one of them is missing."""
        if self.promised_ms is None or self.measured_ms is None:
            return None
        return self.measured_ms <= self.promised_ms * (1 + (self.promised_error or 0.0))


class Check(msgspec.Struct, frozen=True):
    """A comparison of what was written with the network, see `export.equality`."""

    what: str
    batch: int
    images: int
    difference: float
    tolerance: float
    same_class: float


class File(msgspec.Struct, frozen=True):
    """A written file, relative to the card."""

    path: str
    bytes: int
    sha256: str


class Input(msgspec.Struct, frozen=True):
    """What the network was made from: path relative to the project folder, and its hash."""

    what: str
    path: str
    sha256: str


class DataSet(msgspec.Struct, frozen=True):
    """The images that the network was trained and judged on."""

    title: str
    family: str
    fingerprint: str
    channels: int
    size: int
    labels: tuple[str, ...]
    images: dict[str, int]
    licence: str = ""


class Card(msgspec.Struct, frozen=True):
    """Everything that is known about an exported network."""

    title: str
    name: str
    created: str
    versions: dict[str, str]
    machine: dict[str, str]
    architecture: Architecture
    data: DataSet
    accuracy: tuple[Accuracy, ...]
    latency: tuple[Latency, ...]
    checks: tuple[Check, ...]
    training: dict[str, Any]
    inputs: tuple[Input, ...]
    files: tuple[File, ...]
    limits: tuple[str, ...]
    seed: int = 0
    calibration_images: int = 0
    version: int = CARD_VERSION


def architecture(space: SearchSpace, genome: Genome) -> Architecture:
    """The architecture of a genome in canonical form, with its costs."""
    population = genome[None]
    rows, blocks = [], space.blocks(genome)
    layers = [block.layer for block in blocks]
    for block in blocks:
        cost = counts.count(block.layer)
        rows.append(Row(block.stage, text(block.layer), cost.macs, cost.params))
    return Architecture(
        identity=space.identity(genome),
        space=space.document.name,
        space_title=space.document.title,
        space_hash=space.hash,
        genome=tuple(int(option) for option in genome),
        genes=space.values(genome),
        resolution=int(space.resolution(population)[0]),
        rows=tuple(rows),
        macs=int(counts.macs(space, population)[0]),
        params=int(counts.params(space, population)[0]),
        memory_mib=liveness.network_peak_bytes(layers) / liveness.MIB,
        memory_block_mib=liveness.network_peak_bytes(layers, "onnxruntime-block") / liveness.MIB,
    )


def encode(card: Card) -> bytes:
    """The card as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(card), indent=2)


def read(path: Path) -> Card:
    """A card from its JSON file.

    Raises
    ------
    CorruptFile
        It is not there or not a card.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Card)
    except FileNotFoundError:
        raise CorruptFile(
            "The card is not there.", where=path, remedy="Export the network again."
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise CorruptFile(
            f"This is not a model card: {problem}.", where=path, remedy="Export the network again."
        ) from None


def known_limits(data: DataSet, resolution: int, latency: tuple[Latency, ...]) -> tuple[str, ...]:
    """What a user of the network should know it can't do, from what it was made and measured with."""
    colour = "grey" if data.channels == 1 else "colour"
    limits = [
        f"It tells {len(data.labels)} classes apart and gives one of them for every picture, also for one that shows "
        "none of them; a probability is not calibrated.",
        f"It was trained and judged on {colour} images of {data.size}×{data.size} px from {data.title}, scaled "
        f"to {resolution}×{resolution} px; how good it is on other pictures is not known.",
        "Weights and arithmetic are 32-bit floating point; it was not quantised.",
    ]
    if any(item.measured_ms is not None for item in latency):
        limits.append(
            "Latency holds for the device, runtime, threads and batch it was measured with; another runtime on the "
            "same processor is another device."
        )
    else:
        limits.append("Its latency was not measured in this export.")
    if any(item.busy for item in latency):
        limits.append(
            "Other processes used the machine while latency was measured; the true latency may be lower."
        )
    return tuple(limits)
