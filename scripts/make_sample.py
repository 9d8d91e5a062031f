"""Makes the sample project anew: measured on this machine, trained and searched for real (`make sample`, about 15 min).

Whoever changes a stored format runs it. The result is `resources/sample/Sample.nasproj`, at most 5 MB.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
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
TARGET = Path(__file__).resolve().parent.parent / "resources" / "sample" / NAME
# What nobody needs to look at or to search with the sample.
SPARE = ("run.log", "process.json", "control", "project.lock", "*.part")


def main() -> int:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        project = Project.create(Path(folder) / NAME, "Sample", program="make sample")
        try:
            fill(project)
        except StudioError as problem:
            return complain(problem)
        finally:
            project.close()
        slim(project.path)
        size = sum(f.stat().st_size for f in project.path.rglob("*") if f.is_file()) / 1e6
        if size > LARGEST_MB:
            print(f"The sample has {size:.1f} MB; it may have {LARGEST_MB:g}.", file=sys.stderr)
            return 1
        shutil.rmtree(TARGET, ignore_errors=True)
        TARGET.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(project.path, TARGET)
    print(f"{TARGET.name}: {size:.1f} MB, made in {(time.monotonic() - began) / 60:.1f} min")
    return 0


def fill(project: Project) -> None:
    """The whole road."""
    images = open_set(DataDocument(DATA))
    project.put("data", DataDocument(DATA))
    space = with_data(preset(SPACE), channels=images.channels, classes=len(images.classes))
    project.put("space", space)
    run_job(project, ProbeSpec(name="Find devices"))
    known: list[Device] = project.get("devices", list[Device], [])
    chosen = [d for d in known if d.threads == 1 and d.runtime in ("onnxruntime", "torch")]
    for device in sorted(chosen, key=lambda d: d.runtime):
        run_job(project, plan.profile(project, device, budget_s=100.0, networks=24))
    run_job(project, plan.train(project, schedule_preset(SCHEDULE)))
    run_job(project, plan.collect(project, 200))
    run_job(project, plan.fit(project))
    run_job(project, plan.search(project, budget=10_000))
    found = found_networks(project)
    key = next(k for k in found.archive.columns if k.startswith("latency:"))
    front = found.archive.front(key, found.archive.feasible([]))
    times: Any = found.archive.column(key)[front]
    picks = [best(found, [Limit(key, float(t))]) for t in np.quantile([times.min(), times.max()], [0.15, 0.4, 0.75])]
    for index in picks:
        project.pin(found.space.hash, found.genome(index), on=True)
    run_job(project, plan.verify(project, [found.genome(i) for i in picks]))
    run_job(project, plan.reference(project, "torchvision", "mobilenet_v3_small", resolution=32))


def slim(path: Path) -> None:
    """Take away checkpoints for resuming, logs and the like."""
    for pattern in SPARE:
        for file in path.rglob(pattern):
            file.unlink()
    for folder in path.glob("runs/train-*/"):
        for file in folder.rglob("resume*"):
            shutil.rmtree(file) if file.is_dir() else file.unlink()


if __name__ == "__main__":
    sys.exit(main())
