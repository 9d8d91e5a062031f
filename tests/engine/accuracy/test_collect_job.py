"""The collect job: which networks it evaluates, and that it goes on where it was interrupted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nasstudio.engine.atomic import file_sha256
from nasstudio.engine.cost.counts import macs
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.errors import CorruptFile, InvalidInput
from nasstudio.engine.job.context import JobContext, StopJob
from nasstudio.engine.job.events import Artefact, EventReader, EventWriter, Result
from nasstudio.engine.job.exclusive import MachineLock
from nasstudio.engine.job.folder import RunFolder
from nasstudio.engine.job.specification import CollectSpec, Reference
from nasstudio.engine.net.storage import SupernetAbout, save_supernet
from nasstudio.engine.net.supernet import Supernet
from nasstudio.engine.run.collect import coverage, run
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.mobilenet import MobileNetSpace
from nasstudio.engine.space.space import SpaceDocument, unique

STAGE = {"depth": [1, 2], "kernel": [3, 5], "expand": [2, 3]}
DOCUMENT = SpaceDocument(
    "mobilenetv3",
    "tiny",
    "Tiny",
    {
        "resolution": [8, 12],
        "stem": 8,
        "head": [16, 24],
        "channels": 1,
        "classes": 10,
        "stages": [{**STAGE, "channels": 8, "stride": 2}],
    },
)


class Project:
    """A project with an untrained supernet."""

    def __init__(self, home: Path) -> None:
        self.path = home / "p.nasproj"
        (self.path / "runs").mkdir(parents=True)
        net = self.path / "s.safetensors"
        supernet = Supernet(MobileNetSpace(DOCUMENT), torch.Generator().manual_seed(1))
        save_supernet(net, supernet, SupernetAbout(space=DOCUMENT))
        self.spec = CollectSpec(
            space=DOCUMENT,
            data=DataDocument("fashion_mnist_small", {"limit": 100}),
            supernet=Reference(net.name, file_sha256(net)),
            networks=8,
            calibration_images=32,
            validation_images=50,
            seed=2,
        )
        self.home = home
        self.held: list[EventWriter | MachineLock] = []

    def job(self, name: str, stop_after: int = 0) -> JobContext:
        path = self.path / "runs" / name
        folder = RunFolder(path) if path.is_dir() else RunFolder.create(path, self.spec)
        lock, writer = MachineLock(self.home / "l", exclusive=False), EventWriter(folder.events)
        self.held += [lock, writer]

        class Stopping(JobContext):
            def result(self, result_name: str, values: dict) -> None:
                super().result(result_name, values)
                self.count = getattr(self, "count", 0) + 1
                if self.count == stop_after:
                    self.stop()

        return Stopping(folder, lock, writer)


@pytest.fixture
def project(tmp_path: Path):
    found = Project(tmp_path)
    yield found
    for held in found.held:
        held.close()


def pairs(job: JobContext) -> list[dict]:
    return [json.loads(line) for line in (job.path / "pairs.jsonl").read_text().splitlines()]


def test_that_pairs_are_collected_and_reported(project: Project) -> None:
    job = project.job("c")
    summary = run(project.spec, job)
    found, events = pairs(job), EventReader(job.folder.events).read()
    assert summary["networks"] == len(found) == 8
    space = build(DOCUMENT)
    genomes = [pair["genome"] for pair in found]
    assert space.smallest().tolist() in genomes
    assert space.largest().tolist() in genomes
    assert [e.values for e in events if isinstance(e, Result)] == found
    (artefact,) = [e for e in events if isinstance(e, Artefact)]
    assert artefact.about["split"] == "validation_a"
    assert artefact.about["space_hash"] == space.hash
    assert artefact.about["supernet"] == project.spec.supernet.sha256
    assert artefact.about["images"] == 50


def test_that_an_interrupted_collection_with_a_torn_line_ends_the_same(project: Project) -> None:
    whole = project.job("whole")
    run(project.spec, whole)
    parts = project.job("parts", stop_after=3)
    with pytest.raises(StopJob):
        run(project.spec, parts)
    path = parts.path / "pairs.jsonl"
    assert len(pairs(parts)) == 3
    path.write_bytes(path.read_bytes()[:-9])
    again = project.job("parts")
    run(project.spec, again)
    assert path.read_bytes() == (whole.path / "pairs.jsonl").read_bytes()


def test_that_pairs_of_another_run_are_refused_by_line(project: Project) -> None:
    job = project.job("c")
    genome = [0] * len(build(DOCUMENT).genes)
    for line in (
        b"{}\n",
        json.dumps({"genome": [*genome[:-1], 7], "accuracy": 1.0}).encode() + b"\n",
    ):
        (job.path / "pairs.jsonl").write_bytes(line)
        with pytest.raises(CorruptFile, match="Line 1"):
            run(project.spec, job)


def test_that_a_supernet_of_another_space_is_refused(project: Project) -> None:
    options = dict(DOCUMENT.options, stem=16)
    project.spec = type(project.spec)(
        space=SpaceDocument("mobilenetv3", "other", "Other", options),
        data=project.spec.data,
        supernet=project.spec.supernet,
    )
    with pytest.raises(InvalidInput, match="another space"):
        run(project.spec, project.job("c"))


@settings(max_examples=15, deadline=None)
@given(st.integers(2, 80), st.integers(0, 1000))
def test_that_chosen_networks_are_distinct_and_as_many_as_asked(n: int, seed: int) -> None:
    for space in (build(DOCUMENT), build(preset("mbv3_28"))):
        found = coverage(space, n, np.random.default_rng(seed))
        assert len(found) == min(n, space.size())
        assert len(unique(found)) == len(found)
        assert np.array_equal(found, space.canonical(found))
        assert np.array_equal(found, coverage(space, n, np.random.default_rng(seed)))


def test_that_chosen_networks_spread_over_the_whole_range_of_macs() -> None:
    space = build(preset("mbv3_28"))
    found = np.log(macs(space, coverage(space, 200, np.random.default_rng(0))))
    uniform = np.log(macs(space, space.sample(200, np.random.default_rng(0))))
    edges = np.linspace(found.min(), found.max(), 9)
    chosen, plain = np.histogram(found, edges)[0], np.histogram(uniform, edges)[0]
    assert chosen.min() >= 5
    assert plain.min() < 5
