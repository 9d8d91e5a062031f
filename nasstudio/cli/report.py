"""What the terminal shows of a project and of its networks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from nasstudio.cli.networks import Found
from nasstudio.engine.project.records import Snapshot
from nasstudio.engine.project.stations import station_states

_MARKS = {
    "done": "[green]done[/]",
    "empty": "[dim]empty[/]",
    "stale": "[yellow]stale[/]",
    "running": "[blue]running[/]",
}


def short_title(metric: Any) -> str:
    """A metric's name for a column head."""
    return (
        f"{metric.device.setting} ({metric.unit})"
        if metric.device
        else f"{metric.title} ({metric.unit})"
    )


def front_rows(found: Found, indices: Sequence[int]) -> list[dict[str, Any]]:
    """Networks as plain rows, for a table or as JSON."""
    archive = found.archive
    rows = []
    for index in indices:
        row: dict[str, Any] = {
            "network": found.name(int(index)),
            "accuracy": round(float(archive.accuracy[index]), 5),
        }
        for metric in found.metrics:
            if metric.key in archive.columns:
                row[metric.key] = round(float(archive.column(metric.key)[index]), 5)
        rows.append(row)
    return rows


def print_front(console: Console, found: Found, rows: Sequence[dict[str, Any]], title: str) -> None:
    """A table of networks."""
    table = Table(title=title, title_justify="left")
    table.add_column("Network")
    table.add_column("Accuracy (%)", justify="right")
    shown = [metric for metric in found.metrics if metric.key in found.archive.columns]
    for metric in shown:
        table.add_column(short_title(metric), justify="right")
    for row in rows:
        cells = [f"{row[metric.key]:.3f}" for metric in shown]
        table.add_row(row["network"], f"{100 * row['accuracy']:.2f}", *cells)
    console.print(table)


def status(snapshot: Snapshot) -> dict[str, Any]:
    """A project in a few plain values."""
    return {
        "title": snapshot.title,
        "path": str(snapshot.path),
        "space": snapshot.space.name if snapshot.space else None,
        "data": snapshot.data.family if snapshot.data else None,
        "stations": station_states(snapshot),
        "devices": [
            {"id": d.id, "name": d.name, "here": d.here}
            for d in snapshot.table.devices or snapshot.devices
        ],
        "runs": [
            {"id": r.id, "kind": r.kind, "name": r.name, "state": r.state, "created": r.created}
            for r in snapshot.runs
        ],
        "pinned": [list(s.genome) for s in snapshot.subnets if s.pin is not None],
    }


def print_status(console: Console, snapshot: Snapshot) -> None:
    """A project for a person."""
    said = status(snapshot)
    console.print(f"[bold]{said['title']}[/]  {said['path']}")
    console.print(f"space {said['space'] or 'not chosen'}, data {said['data'] or 'not chosen'}")
    console.print("  ".join(f"{name} {_MARKS[state]}" for name, state in said["stations"].items()))
    if said["devices"]:
        table = Table("Device", "Name", "Measured here")
        for device in said["devices"]:
            table.add_row(device["id"], device["name"], "yes" if device["here"] else "no")
        console.print(table)
    if said["runs"]:
        table = Table("Run", "Name", "State", "Begun")
        for run in said["runs"]:
            begun = time.strftime("%Y-%m-%d %H:%M", time.localtime(run["created"]))
            table.add_row(run["id"], run["name"], run["state"], begun)
        console.print(table)
