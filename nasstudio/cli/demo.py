"""`nasstudio demo`: the whole road on the shipped data set, in the terminal, in minutes.

Measure this computer, train one supernet, learn what its subnets are worth, search, verify three networks for three
limits, export one and check it. Every step is the job that the window starts, in a project that can be opened there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from nasstudio.cli import report
from nasstudio.cli.chart import draw_front
from nasstudio.cli.networks import Found, best, found_networks
from nasstudio.cli.watch import run_job
from nasstudio.engine.data.catalog import open_set
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.device.device import Device
from nasstudio.engine.job.specification import AnySpec, ProbeSpec
from nasstudio.engine.project import plan
from nasstudio.engine.project.project import SUFFIX, Project
from nasstudio.engine.search.limit import Limit
from nasstudio.engine.space.families import preset
from nasstudio.engine.space.mobilenet import with_data
from nasstudio.engine.train.schedule import schedule_preset

SPACE, DATA, SCHEDULE = "mbv3_28_fast", "fashion_mnist_small", "progressive_quick"


def run(path: Path | None, *, seed: int = 0, quiet: bool = False) -> dict[str, Any]:
    """The demo. Returns its figures: seconds, front, accuracies (shares), latencies (ms), files."""
    began = time.monotonic()
    console = Console(stderr=True, quiet=quiet)
    project = Project.create(path or _free_folder(), "Demo", program="nasstudio demo")
    try:
        console.print(f"[bold]NAS Studio demo[/] in {project.path}")
        _choose(project)
        road = _Road(project, seed, quiet)
        devices = road.measure()
        training = road.step(lambda: plan.train(project, schedule_preset(SCHEDULE), seed=seed))
        road.step(lambda: plan.collect(project, 120, seed=seed))
        fitted = road.step(lambda: plan.fit(project, seed=seed))
        found_in = road.step(lambda: plan.search(project, f"latency:{devices[0].id}", seed=seed))
        found = found_networks(project)
        key = f"latency:{devices[0].id}"
        front = [int(i) for i in found.archive.front(key, found.archive.feasible([]))]
        chosen = _three(found, key, front)
        for index in chosen:
            project.pin(found.space.hash, found.genome(index), on=True)
        road.step(lambda: plan.verify(project, [found.genome(i) for i in chosen], seed=seed))
        exported = road.step(
            lambda: plan.export(project, found.genome(chosen[1]), "demo-network", seed=seed)
        )
        figures = _figures(project, found, key, front, chosen)
        figures.update(
            seconds=round(time.monotonic() - began, 1), path=str(project.path), training=training
        )
        figures.update(predictor=fitted, search=found_in, exported=exported)
        _show(console, found, front, chosen, figures)
        return figures
    finally:
        project.close()


def _free_folder() -> Path:
    number = 0
    while True:
        path = Path(f"nasstudio-demo{f'-{number}' if number else ''}{SUFFIX}")
        if not path.exists():
            return path
        number += 1


def _choose(project: Project) -> None:
    data = DataDocument(DATA)
    images = open_set(data)
    project.put("data", data)
    project.put(
        "space", with_data(preset(SPACE), channels=images.channels, classes=len(images.classes))
    )


class _Road:
    """Runs one job after the other in a project."""

    def __init__(self, project: Project, seed: int, quiet: bool) -> None:
        self._project = project
        self._seed = seed
        self._quiet = quiet

    def step(self, make: Callable[[], AnySpec]) -> dict[str, Any]:
        return run_job(self._project, make(), quiet=self._quiet)

    def measure(self) -> list[Device]:
        """Profile this CPU with one thread under each runtime. Returns the devices, ONNX Runtime first."""
        project = self._project
        self.step(lambda: ProbeSpec(name="Find devices", seed=self._seed))
        known: list[Device] = project.get("devices", list[Device], [])
        chosen = sorted(
            (d for d in known if d.threads == 1 and d.runtime in ("torch", "onnxruntime")),
            key=lambda device: device.runtime,
        )
        for device in chosen:
            self.step(
                lambda device=device: plan.profile(  # type: ignore[misc]
                    project, device, budget_s=25.0, networks=16, seed=self._seed
                )
            )
        return chosen


def _three(found: Found, key: str, front: list[int]) -> list[int]:
    """The best networks under three limits, spread over the front's latencies."""
    latency = found.archive.column(key)[front]
    limits = np.quantile([latency.min(), latency.max()], [0.2, 0.5, 0.9])
    return [best(found, [Limit(key, float(most))]) for most in limits]


def _figures(
    project: Project, found: Found, key: str, front: list[int], chosen: list[int]
) -> dict[str, Any]:
    networks = []
    for index in chosen:
        known = project.snapshot().subnet(found.space.hash, found.genome(index))
        verified = known.verified if known else {}
        networks.append(
            {
                "network": found.name(index),
                "accuracy_predicted": float(found.archive.accuracy[index]),
                "accuracy_verified": verified.get("accuracy"),
                "latency": verified.get("latency", {}),
            }
        )
    latency, accuracy = found.archive.column(key)[front], found.archive.accuracy[front]
    return {
        "networks": networks,
        "front": report.front_rows(found, front),
        "front_size": len(front),
        "latency_ratio": float(latency.max() / latency.min()),
        "accuracy_span_points": float(100 * (accuracy.max() - accuracy.min())),
    }


def _show(
    console: Console, found: Found, front: list[int], chosen: list[int], figures: dict[str, Any]
) -> None:
    key = next(k for k in found.archive.columns if k.startswith("latency:"))
    shown = front[:: max(1, len(front) // 12)]
    report.print_front(
        Console(quiet=console.quiet),
        found,
        report.front_rows(found, shown),
        f"Pareto front ({len(front)} networks)",
    )
    device = key.removeprefix("latency:")
    measured = [
        (n["latency"][device]["measured_ms"], n["accuracy_verified"])
        for n in figures["networks"]
        if n["accuracy_verified"] is not None and device in n["latency"]
    ]
    metric = next(m for m in found.metrics if m.key == key)
    picture = Path(figures["path"]) / "front.png"
    draw_front(
        picture,
        title=f"{found.space.document.title}: {len(found.archive.accuracy):,} networks",
        x_title=f"{metric.title} (ms)",
        points=(found.archive.column(key), found.archive.accuracy),
        front=front,
        chosen=chosen,
        measured=measured,
    )
    figures["picture"] = str(picture)
    for network in figures["networks"]:
        accuracy = network["accuracy_verified"]
        said = f"{100 * accuracy:.2f} %" if accuracy is not None else "not verified"
        console.print(
            f"[bold]{network['network']}[/]  predicted {100 * network['accuracy_predicted']:.2f} %, verified {said}"
        )
        for device_id, times in network["latency"].items():
            console.print(
                f"    {device_id}: promised {times['promised_ms']:.3f} ms, measured {times['measured_ms']:.3f} ms"
            )
    console.print(f"Front: {picture}")
    console.print(
        f"Done in {figures['seconds']:.0f} s. Open it: nasstudio --project {figures['path']}"
    )
