"""What a kit's runner brings back, read strictly: a file that is not right in every field changes nothing.

The runner writes these fields without this package, so that they are a format: change `VERSION` with them. The file
holds the hash of its own content, so that a hand-edited one is noticed. `columns` makes a latency table of it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import CorruptFile, InvalidInput
from nasstudio.engine.space.layer import parse, text

FORMAT, VERSION = "nasstudio-kit-results", 1
RUNTIMES = ("onnxruntime", "executorch", "litert")
_REMEDY = "Run the kit again: it goes on from its partial file and writes the results anew."


class Times(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Median and quantiles of one thing's time, ms, over `n` calls or samples of `processes` fresh processes.

    `cpu_ms` is the median of the thread's CPU clock, None where it says nothing.
    """

    ms: float
    p10: float
    p90: float
    n: int
    processes: int = 1
    cpu_ms: float | None = None


class LayerTimes(Times, frozen=True, forbid_unknown_fields=True):
    """Times of one layer, an empty call included."""

    layer: str = ""


class NetworkTimes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Times of a whole network in two rounds of different processes."""

    genome: tuple[int, ...]
    rounds: tuple[Times, Times]


class ReferenceTimes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Median of one layer in every process, ms: what drift and chance do to a time."""

    model: str
    ms: tuple[float, ...]


class KitRun(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything measured with one number of threads.

    `interrupted` is the share of samples that lost their core to somebody else, None where that can't be told.
    """

    threads: int
    empty: Times
    reference: ReferenceTimes
    layers: tuple[LayerTimes, ...]
    networks: tuple[NetworkTimes, ...]
    interrupted: float | None
    processes: int
    seconds: float


class KitOrigin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The kit that was run."""

    title: str
    manifest_sha256: str
    space_hash: str


class KitDevice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Hardware as it reports itself, and the runtime."""

    hardware: str
    runtime: str
    version: str
    precision: str
    batch: int


class KitResults(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A results file.

    Attributes
    ----------
    title : what the device is called; may be empty.
    machine : conditions: system, cores, governor, load, ...
    measured_at : ISO 8601.
    sha256 : of the rest of the file (`digest`).
    """

    format: str
    version: int
    kit: KitOrigin
    title: str
    device: KitDevice
    machine: dict[str, str | int | float]
    measured_at: str
    runs: tuple[KitRun, ...]
    sha256: str

    def device_of(self, run: KitRun) -> Device:
        """The device that a run has measured."""
        title = self.title
        if title and len(self.runs) > 1:
            title = f"{title}, {run.threads} thread{'s' if run.threads > 1 else ''}"
        about = self.device
        return Device(
            about.hardware,
            about.runtime,
            about.version,
            threads=run.threads,
            batch=about.batch,
            precision=about.precision,
            title=title,
        )


class _Head(msgspec.Struct, frozen=True):
    format: str
    version: int


def is_results(content: bytes) -> bool:
    """Whether a file says that it is the results of a kit, be they whole or not."""
    return content.lstrip()[:1] == b"{" and f'"{FORMAT}"'.encode() in content[:4096]


def read_results(path: Path) -> KitResults:
    """The results of a kit.

    Raises
    ------
    InvalidInput
        It is not such a file, is of another version, or holds something that can't be; the place is named.
    CorruptFile
        It was cut off or changed after it was written.
    """
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise InvalidInput(
            f"The file can't be read: {problem.strerror or problem}.",
            where=path,
            remedy="Check the path and its rights.",
        ) from problem
    return decode(content, path)


def decode(content: bytes, where: str | Path = "results of a kit") -> KitResults:
    """The results in the content of a file; see `read_results`."""
    try:
        head = msgspec.json.decode(content, type=_Head)
        if head.format != FORMAT:
            raise InvalidInput(
                f"This is '{head.format[:60]}', not the results of a kit.",
                where=where,
                remedy="Choose the results-….json that the kit's runner has written.",
            )
        if head.version != VERSION:
            raise InvalidInput(
                f"The results are of version {head.version}; this program reads version {VERSION}.",
                where=where,
                remedy="Make the kit again with this version of NAS Studio, or update NAS Studio.",
            )
        results = msgspec.json.decode(content, type=KitResults)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise CorruptFile(
            f"These are not whole results of a kit: {problem}.", where=where, remedy=_REMEDY
        ) from None
    if digest(content) != results.sha256:
        raise CorruptFile(
            "The file was changed after the kit's runner wrote it.", where=where, remedy=_REMEDY
        )
    for place, what in _problems(results):
        raise InvalidInput(what, where=f"{where}, {place}", remedy=_REMEDY)
    return results


def digest(content: bytes) -> str:
    """Hash of the results without their hash, as the kit's runner takes it."""
    values = json.loads(content)
    values.pop("sha256", None)
    plain = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(plain.encode("ascii")).hexdigest()


# -- everything that the types do not say -----------------------------------------------------------------------


def _problems(results: KitResults) -> Iterator[tuple[str, str]]:
    """Place and description of what can't be, the first first."""
    device = results.device
    if device.runtime not in RUNTIMES:
        yield "device", f"'{device.runtime[:40]}' is not a runtime that a kit measures."
    if not device.hardware.strip():
        yield "device", "The hardware has no name."
    if device.batch < 1:
        yield "device", f"The batch is {device.batch}."
    if not results.runs:
        yield "runs", "Nothing was measured."
    threads = [run.threads for run in results.runs]
    if len(set(threads)) != len(threads) or min(threads, default=1) < 1:
        yield "runs", f"The numbers of threads are {threads}; each is there once and at least 1."
    for number, run in enumerate(results.runs, start=1):
        for place, what in _problems_of_run(run):
            yield f"run {number}, {place}", what


def _problems_of_run(run: KitRun) -> Iterator[tuple[str, str]]:
    yield from _problems_of_times("empty call", run.empty)
    if not run.reference.ms or not all(math.isfinite(ms) and ms > 0 for ms in run.reference.ms):
        yield "reference", "Its times are not all above 0."
    if not run.layers:
        yield "layers", "No layer was measured."
    seen: set[str] = set()
    for number, layer in enumerate(run.layers, start=1):
        place = f"layer {number} ('{layer.layer[:60]}')"
        try:
            label = text(parse(layer.layer))
        except InvalidInput as problem:
            yield place, problem.what
            continue
        if label in seen:
            yield place, "The layer is there twice."
        seen.add(label)
        yield from _problems_of_times(place, layer)
    yield from _problems_of_networks(run.networks)


def _problems_of_networks(networks: Sequence[NetworkTimes]) -> Iterator[tuple[str, str]]:
    seen: set[tuple[int, ...]] = set()
    for number, network in enumerate(networks, start=1):
        place = f"network {number}"
        if network.genome in seen:
            yield place, "The network is there twice."
        seen.add(network.genome)
        for half, times in enumerate(network.rounds, start=1):
            yield from _problems_of_times(f"{place}, round {half}", times)


def _problems_of_times(place: str, times: Times) -> Iterator[tuple[str, str]]:
    values = (times.p10, times.ms, times.p90)
    if not all(math.isfinite(value) and value > 0 for value in values):
        yield (
            place,
            f"{times.ms:g} ms (p10 {times.p10:g}, p90 {times.p90:g}) is not a time above 0.",
        )
    elif not times.p10 <= times.ms <= times.p90:
        yield (
            place,
            f"The median {times.ms:g} ms is not between {times.p10:g} and {times.p90:g} ms.",
        )
    if times.n < 1 or times.processes < 1:
        yield place, f"It was measured {times.n} times by {times.processes} processes."
