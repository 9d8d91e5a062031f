"""Where a measured cell comes from: the newest profile that measured its row on its device."""

from __future__ import annotations

from datetime import datetime

from nasstudio.engine.cost.table import LatencyTable, Source
from nasstudio.engine.job.specification import ProfileSpec
from nasstudio.engine.project.records import RunRecord, Snapshot
from nasstudio.ui.pages.devices.state import spoken_time


def origin(snapshot: Snapshot | None, table: LatencyTable, row: int, column: int) -> str:
    """Run and time of a measured cell, e.g. ``Profile, today, 09:41``; empty where it is not known."""
    if snapshot is None or table.cells.source[row, column] != Source.MEASURED:
        return ""
    run = _newest(snapshot, table.devices[column].id, table.labels[row])
    if run is None:
        return ""
    moment = datetime.fromtimestamp(run.ended or run.created)
    return f"{run.name}, {spoken_time(moment)}"


def _newest(snapshot: Snapshot, device_id: str, label: str) -> RunRecord | None:
    found = [
        run
        for run in snapshot.runs
        if isinstance(run.spec, ProfileSpec)
        and run.spec.device.id == device_id
        and (run.spec.layers is None or label in run.spec.layers)
        and run.state not in ("created", "waiting")
    ]
    return max(found, key=lambda run: run.created, default=None)
