"""What the Export page lists: pinned networks and those that were exported, with what is known of each. No screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nasstudio.engine.cost.metric import latency_metrics
from nasstudio.engine.cost.table import LatencyTable
from nasstudio.engine.job.specification import ExportSpec
from nasstudio.engine.predictor import ensemble
from nasstudio.engine.project.records import Snapshot, SubnetRecord
from nasstudio.engine.space.space import SearchSpace
from nasstudio.ui.views.network import as_genome, fits, network_name

Genome = tuple[int, ...]


@dataclass(frozen=True)
class Predicted:
    """Predicted numbers of a network: accuracy as a share (None without a predictor), ms by device id."""

    accuracy: float | None
    latency_ms: Mapping[str, float]


@dataclass(frozen=True)
class ExportRow:
    """A network that can be exported or was.

    Attributes
    ----------
    pin : its number, None if it is not pinned any more.
    verified, exported : as the jobs reported them; empty if not yet.
    at : when it was exported, s since the epoch; None if not.
    stale : it was exported from another supernet than the one that is used now.
    """

    genome: Genome
    name: str
    pin: int | None
    predicted: Predicted | None
    verified: Mapping[str, Any]
    exported: Mapping[str, Any]
    at: float | None
    stale: bool

    @property
    def folder(self) -> str:
        """The folder of the export in the project; empty if there is none."""
        return str(self.exported.get("folder", ""))

    @property
    def title(self) -> str:
        return str(self.exported.get("title") or self.name)


def export_rows(
    snapshot: Snapshot,
    space: SearchSpace | None,
    predicted: Mapping[Genome, Predicted],
    supernet: str = "",
) -> list[ExportRow]:
    """Pinned networks by their number, then exported ones that are not pinned any more, the newest first.

    Parameters
    ----------
    supernet : hash of the supernet that an export would use now; empty: nothing is called stale.
    """
    if space is None:
        return []
    known = [s for s in snapshot.subnets if s.space == space.hash and fits(space, s.genome)]
    rows = [
        _row(snapshot, space, s, predicted, supernet)
        for s in known
        if s.pin is not None or s.exported
    ]
    pinned = sorted((r for r in rows if r.pin is not None), key=lambda r: r.pin or 0)
    others = sorted((r for r in rows if r.pin is None), key=lambda r: -(r.at or 0))
    return pinned + others


def _row(
    snapshot: Snapshot,
    space: SearchSpace,
    subnet: SubnetRecord,
    predicted: Mapping[Genome, Predicted],
    supernet: str,
) -> ExportRow:
    run = snapshot.run(str(subnet.exported.get("run", "")))
    return ExportRow(
        genome=subnet.genome,
        name=network_name(space, as_genome(subnet.genome)),
        pin=subnet.pin,
        predicted=predicted.get(subnet.genome),
        verified=subnet.verified,
        exported=subnet.exported,
        at=(run.ended or run.created) if run is not None and subnet.exported else None,
        stale=bool(supernet and subnet.exported and subnet.exported.get("supernet") != supernet),
    )


def predict(
    space: SearchSpace, table: LatencyTable, predictor: Path | None, genomes: Sequence[Genome]
) -> dict[Genome, Predicted]:
    """Predicted numbers of networks. Reads the predictor's file: not for the window's thread."""
    if not genomes:
        return {}
    population = np.array(genomes, dtype=np.int16)
    times = {m.device.id: m.of(population) for m in latency_metrics(space, table)}
    accuracy = ensemble.load(predictor, space).of(population) if predictor is not None else None
    return {
        genome: Predicted(
            None if accuracy is None else float(accuracy[at]),
            {device: float(ms[at]) for device, ms in times.items()},
        )
        for at, genome in enumerate(genomes)
    }


@dataclass(frozen=True)
class DeviceTime:
    """Promise and measurement on one device, ms; `kept` None where one is missing; `pace`: see `device.pace`."""

    name: str
    promised_ms: float | None
    error: float
    measured_ms: float | None
    kept: bool | None
    busy: bool
    pace: float | None = None


def device_times(snapshot: Snapshot, exported: Mapping[str, Any]) -> list[DeviceTime]:
    """Latency of an export on each device where it was measured."""
    names = {d.id: d.name for d in (*snapshot.table.devices, *snapshot.devices)}
    found = exported.get("latency")
    return [
        DeviceTime(
            str(names.get(device, device)),
            values.get("promised_ms"),
            float(values.get("promised_error") or 0.0),
            values.get("measured_ms"),
            values.get("kept"),
            bool(values.get("busy")),
            values.get("pace"),
        )
        for device, values in (found.items() if isinstance(found, Mapping) else ())
    ]


def exporting(snapshot: Snapshot, run_id: str) -> Genome | None:
    """The network that an export run writes."""
    run = snapshot.run(run_id)
    return run.spec.genome if run is not None and isinstance(run.spec, ExportSpec) else None
