"""From the project's runs to the rows of the job tray."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from nasstudio.engine.project.records import RunRecord, Snapshot
from nasstudio.ui.frame.jobs import JobRow
from nasstudio.ui.workbench import LiveRun

_RESUMABLE = ("stopped", "interrupted", "failed")


def job_rows(snapshot: Snapshot | None, live: Mapping[str, LiveRun]) -> list[JobRow]:
    """Every run of the project, the newest first; what is live knows better than the snapshot."""
    if snapshot is None:
        return []
    return [_row(run, live.get(run.id)) for run in reversed(snapshot.runs)]


def _row(run: RunRecord, live: LiveRun | None) -> JobRow:
    state = live.state if live is not None else run.state
    label = live.label if live is not None else ""
    return JobRow(
        id=run.id,
        name=f"{run.name} · {label}" if label and state == "running" else run.name,
        state=state,
        done=live.done if live is not None else 0.0,
        total=(live.total or None) if live is not None else None,
        left_s=live.left_s if live is not None else None,
        text=live.said if live is not None else run.note,
        disk_mib=run.disk_bytes / 1024**2,
        started=datetime.fromtimestamp(run.created),
        seconds=run.ended - run.created if run.ended else None,
        resumable=state in _RESUMABLE,
    )
