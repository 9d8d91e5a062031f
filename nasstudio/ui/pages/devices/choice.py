"""Which device the page shows, and the names of the networks that were measured on it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nasstudio.engine.device.calibration import Calibration
from nasstudio.engine.device.device import Device
from nasstudio.engine.project.records import Snapshot
from nasstudio.engine.space.space import SearchSpace
from nasstudio.ui.pages.devices.state import profiles
from nasstudio.ui.workbench import LiveRun


def device(snapshot: Snapshot, wanted: str, live: Sequence[LiveRun]) -> Device | None:
    """The wanted device by its id, else the one that is being profiled, one that is measured, or the first."""
    known = {d.id: d for d in (*snapshot.table.devices, *snapshot.devices)}
    if wanted in known:
        return known[wanted]
    busy = next((known[d] for d in profiles(snapshot, live) if d in known), None)
    measured = {d.id for d in snapshot.table.devices}
    best = next((d for d in snapshot.devices if d.id in measured), None)
    return busy or best or next(iter((*snapshot.devices, *snapshot.table.devices)), None)


def networks(calibration: Calibration | None, space: SearchSpace | None) -> tuple[str, ...]:
    """Names of the networks of a calibration; empty if they are of another space."""
    if calibration is None or space is None or calibration.space_hash != space.hash:
        return ()
    genomes = np.asarray(calibration.genomes, dtype=np.int16)
    return tuple(space.identity(genome) for genome in genomes) if genomes.ndim == 2 else ()
