"""Makes the sample project anew: measured on this machine, trained and searched for real (`make sample`, about 15 min).

Whoever changes a stored format runs it. The result is `resources/sample/Sample.nasproj`, at most 5 MB.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from nasstudio.cli.networks import best, found_networks
from nasstudio.cli.watch import complain, run_job
from nasstudio.engine.data.catalog import open_set
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import StudioError
from nasstudio.engine.job.specification import ProbeSpec
from nasstudio.engine.project import plan
from nasstudio.engine.project.project import Project
from nasstudio.engine.project.sample import NAME
from nasstudio.engine.search.limit import Limit
from nasstudio.engine.space.families import preset
from nasstudio.engine.space.mobilenet import with_data
from nasstudio.engine.train.schedule import schedule_preset

SPACE, DATA, SCHEDULE, LARGEST_MB = "mbv3_28", "fashion_mnist_small", "progressive", 5.0
DEVICES = (
    ("onnxruntime", "fp32"),
    ("onnxruntime", "int8"),
    ("openvino", "fp32"),
    ("executorch", "fp32"),
    ("torch", "fp32"),
)
TARGET = Path(__file__).resolve().parent.parent / "resources" / "sample" / NAME
# What nobody needs to look at the sample, to search with it or to export from it.
SPARE = (
    "run.log",
    "process.json",
    "control",
    "project.lock",
    "*.part",
    "resume-*",
    "state.npz",
    "queue.jsonl",
    "reference.onnx",
    "cells.jsonl",
    "*.db-wal",
    "*.db-shm",
)


def main() -> int:
    """Make the sample. Returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--keep-training",
        action="store_true",
        help="keep the sample's supernet and predictor; measure and search again",
    )
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / NAME
        try:
            if options.keep_training:
                project = trained(path)
            else:
                project = Project.create(path, "Sample", program="make sample")
                train(project)
        except StudioError as problem:
            return complain(problem)
        try:
            measure_and_search(project)
        except StudioError as problem:
            return complain(problem)
        finally:
            project.close()
        slim(project.path)
        code = ship(project.path)
    print(f"{TARGET.name}: made in {(time.monotonic() - began) / 60:.1f} min")
    return code


def ship(path: Path) -> int:
    """Put a slim project in the place of the shipped one, if it is small enough. Returns the exit code."""
    size = sum(f.stat().st_size for f in path.rglob("*") if f.is_file()) / 1e6
    print(f"{size:.1f} MB")
    if size > LARGEST_MB:
        print(f"The sample may have {LARGEST_MB:g} MB.", file=sys.stderr)
        return 1
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(path, TARGET)
    return 0


def trained(path: Path) -> Project:
    """A copy of the shipped sample with nothing but its training, its pairs and its predictor."""
    shutil.copytree(TARGET, path)
    for run in path.glob("runs/*"):
        if run.name.partition("-")[0] not in ("train", "collect", "fit"):
            shutil.rmtree(run)
    shutil.rmtree(path / "tables")
    (path / "tables").mkdir()
    with closing(sqlite3.connect(path / "project.db")) as database, database:
        kept = [run.name for run in path.glob("runs/*")]
        marks = ", ".join("?" * len(kept))
        for table_name in ("artefact", "run"):
            column = "id" if table_name == "run" else "run"
            database.execute(f"DELETE FROM {table_name} WHERE {column} NOT IN ({marks})", kept)
        for table_name in ("subnet", "reference"):
            database.execute(f"DELETE FROM {table_name}")
        database.execute("DELETE FROM meta WHERE key = 'devices'")
    return Project.open(path, program="make sample")


def train(project: Project) -> None:
    """Supernet, accuracy pairs, predictor."""
    images = open_set(DataDocument(DATA))
    project.put("data", DataDocument(DATA))
    space = with_data(preset(SPACE), channels=images.channels, classes=len(images.classes))
    project.put("space", space)
    run_job(project, plan.train(project, schedule_preset(SCHEDULE)))
    run_job(project, plan.collect(project, 200))
    run_job(project, plan.fit(project))


def measure_and_search(project: Project) -> None:
    """Tables of this machine, the search, three networks pinned and verified, a reference."""
    run_job(project, ProbeSpec(name="Find devices"))
    known: list[Device] = project.get("devices", list[Device], [])
    for runtime, precision in DEVICES:
        for device in known:
            if (device.runtime, device.precision, device.threads) == (runtime, precision, 1):
                run_job(project, plan.profile(project, device, budget_s=60.0))
    run_job(project, plan.search(project, budget=6_000))
    found = found_networks(project)
    key = next(k for k in found.archive.columns if k.startswith("latency:"))
    front = found.archive.front(key, found.archive.feasible([]))
    times: Any = found.archive.column(key)[front]
    picks = [
        best(found, [Limit(key, float(t))])
        for t in np.quantile([times.min(), times.max()], [0.15, 0.4, 0.75])
    ]
    for index in picks:
        project.pin(found.space.hash, found.genome(index), on=True)
    run_job(project, plan.verify(project, [found.genome(i) for i in picks]))
    run_job(project, plan.reference(project, "torchvision", "mobilenet_v3_small", resolution=32))


def slim(path: Path) -> None:
    """Take away checkpoints, logs and every supernet but the last, and forget those in the database."""
    for pattern in SPARE:
        for file in path.rglob(pattern):
            file.unlink()
    for events in path.glob("runs/*/events.jsonl"):
        thin(events)
    for earlier in sorted(path.glob("runs/train-*/supernet-*.safetensors"))[:-1]:
        earlier.unlink()
    with closing(sqlite3.connect(path / "project.db")) as database, database:
        for run, name in database.execute("SELECT run, path FROM artefact").fetchall():
            if not (path / "runs" / run / name).is_file():
                database.execute("DELETE FROM artefact WHERE run = ? AND path = ?", (run, name))
        database.execute("PRAGMA journal_mode = DELETE")
    with closing(sqlite3.connect(path / "project.db")) as database:
        database.execute("VACUUM")


def thin(events: Path) -> None:
    """Leave out progress, and every report of a table's row but its last: nothing is drawn from them any more."""
    lines = events.read_bytes().splitlines(keepends=True)
    last: dict[str, int] = {}
    for number, line in enumerate(lines):
        event = json.loads(line)
        if event["event"] == "result" and event["name"] == "cell":
            last[event["values"]["layer"]] = number
    kept = set(last.values())
    events.write_bytes(
        b"".join(
            line
            for number, line in enumerate(lines)
            if number in kept or not (b'"event":"progress"' in line or b'"name":"cell"' in line)
        )
    )


if __name__ == "__main__":
    sys.exit(main())
