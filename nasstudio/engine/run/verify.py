"""Runner of verification: real accuracy and real latency of chosen networks, one result each.

Accuracy is that of the second half of the validation images, which no predictor has seen. A run that was stopped or
killed goes on with the networks that have no result yet.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nasstudio.engine.export.card import Latency
from nasstudio.engine.export.latency import Bench, Subject
from nasstudio.engine.export.onnx import write as write_onnx
from nasstudio.engine.export.origin import Origin, open_origin
from nasstudio.engine.job import events as ev
from nasstudio.engine.job.context import JobContext
from nasstudio.engine.job.specification import VerifySpec
from nasstudio.engine.space.space import Genome, unique

SPLIT = "validation_b"


def run(spec: VerifySpec, job: JobContext) -> dict[str, Any]:
    """Verify every network that has no result yet."""
    torch.set_num_threads(max(1, spec.threads))
    job.progress(0, len(spec.genomes), unit="networks", label="Opening")
    origin = open_origin(
        spec.space,
        spec.data,
        job.input(spec.supernet),
        None if spec.table is None else job.input(spec.table),
        calibration_images=spec.calibration_images,
        seed=spec.seed,
        progress=lambda done, total: job.check(),
    )
    genomes = origin.space.checked(spec.genomes) if spec.genomes else np.empty((0, 0), np.int16)
    genomes = genomes[unique(genomes)] if len(genomes) else genomes
    known = _verified(job)
    with tempfile.TemporaryDirectory(dir=job.path, prefix="verify-") as scratch:
        folder = Path(scratch)
        bench = Bench(
            origin.space, spec.devices, origin.table, folder, say=job.warn, check=job.check
        )
        for index, genome in enumerate(genomes):
            job.check()
            label = origin.space.identity(genome)
            job.progress(index, len(genomes), unit="networks", label=label)
            if tuple(genome.tolist()) not in known:
                job.result("verified", _verify(origin, genome, bench, spec, job))
    job.progress(len(genomes), len(genomes), unit="networks")
    return {"networks": len(genomes), "devices": [device.id for device in spec.devices]}


def _verified(job: JobContext) -> set[tuple[int, ...]]:
    """Genomes with a result from an earlier start of this run."""
    return {
        tuple(event.values["genome"])
        for event in ev.EventReader(job.folder.events).read()
        if isinstance(event, ev.Result) and event.name == "verified"
    }


def _verify(
    origin: Origin, genome: Genome, bench: Bench, spec: VerifySpec, job: JobContext
) -> dict[str, Any]:
    values: dict[str, Any] = {
        "genome": [int(option) for option in genome],
        "identity": origin.space.identity(genome),
        "accuracy": origin.evaluator.accuracy(genome, SPLIT, check=job.check),
        "images": len(origin.image_set.split(SPLIT)),
    }
    if spec.test:
        values["test_accuracy"] = origin.evaluator.accuracy(genome, "test", check=job.check)
        values["test_images"] = len(origin.image_set.split("test"))
    values["latency"] = _latency(origin, genome, bench, spec, job) if spec.devices else {}
    return values


def _latency(
    origin: Origin, genome: Genome, bench: Bench, spec: VerifySpec, job: JobContext
) -> dict[str, dict[str, Any]]:
    subnet = origin.subnet(genome)

    def onnx() -> Path:
        return write_onnx(subnet.deployment(subnet.identity), bench.folder)

    layers = [block.layer for block in origin.space.blocks(genome)]
    found = bench.latencies(genome, Subject(layers, onnx))
    return {item.device.id: _values(item) for item in found}


def _values(found: Latency) -> dict[str, Any]:
    return {
        "promised_ms": found.promised_ms,
        "promised_error": found.promised_error,
        "measured_ms": found.measured_ms,
        "p10_ms": found.p10_ms,
        "p90_ms": found.p90_ms,
        "n": found.n,
        "busy": found.busy,
        "pace": found.pace,
    }
