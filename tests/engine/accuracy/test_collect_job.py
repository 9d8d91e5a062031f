"""The collect job: which networks it evaluates, and that it goes on where it was interrupted."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nasstudio.engine.atomic import file_sha256
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.errors import CorruptFile, InvalidInput
from nasstudio.engine.job.context import JobContext, StopJob
from nasstudio.engine.job.events import Artefact, EventReader, EventWriter, Result
from nasstudio.engine.job.exclusive import MachineLock
from nasstudio.engine.job.folder import RunFolder
from nasstudio.engine.job.specification import CollectSpec, Reference
from nasstudio.engine.net.storage import SupernetAbout, save_supernet
from nasstudio.engine.net.supernet import Supernet
from nasstudio.engine.run.collect import round_sizes, run
from nasstudio.engine.space.families import build
from nasstudio.engine.space.mobilenet import MobileNetSpace
from nasstudio.engine.space.space import SpaceDocument

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


def test_that_a_part_is_chosen_where_a_search_would_go(project: Project) -> None:
    project.spec = msgspec.structs.replace(project.spec, networks=20, active=0.4, rounds=2)
    job = project.job("c")
    summary = run(project.spec, job)
    reasons = [pair["reason"] for pair in pairs(job)]
    assert reasons == ["coverage"] * 12 + ["front"] * 8
    assert (summary["networks"], summary["active"]) == (20, 8)
    assert len({tuple(pair["genome"]) for pair in pairs(job)}) == 20
    batches = (job.path / "queue.jsonl").read_text().splitlines()
    assert [len(json.loads(line)["genomes"]) for line in batches] == [12, 4, 4]


@pytest.mark.parametrize("after", [5, 12, 14])
def test_that_a_collection_with_rounds_goes_on_exactly(project: Project, after: int) -> None:
    project.spec = msgspec.structs.replace(project.spec, networks=20, active=0.4, rounds=2)
    whole = project.job("whole")
    run(project.spec, whole)
    parts = project.job("parts", stop_after=after)
    with pytest.raises(StopJob):
        run(project.spec, parts)
    run(project.spec, project.job("parts"))
    for name in ("pairs.jsonl", "queue.jsonl"):
        assert (parts.path / name).read_bytes() == (whole.path / name).read_bytes()


def test_that_re_calibration_is_told_with_its_effect(project: Project) -> None:
    net = Supernet(MobileNetSpace(DOCUMENT), torch.Generator().manual_seed(1))
    for name, buffer in net.named_buffers():
        if name.endswith("running_mean"):
            buffer += 3.0  # statistics that fit no subnet
    path = project.path / "s.safetensors"
    save_supernet(path, net, SupernetAbout(space=DOCUMENT))
    reference = Reference(path.name, file_sha256(path))
    project.spec = msgspec.structs.replace(project.spec, supernet=reference)
    job = project.job("c")
    summary = run(project.spec, job)
    largest = build(DOCUMENT).largest().tolist()
    found = next(pair for pair in pairs(job) if pair["genome"] == largest)
    assert summary["accuracy_own"] == found["accuracy"]
    assert summary["accuracy_shared"] != summary["accuracy_own"]


def test_that_an_objective_that_nobody_knows_is_refused(project: Project) -> None:
    project.spec = msgspec.structs.replace(project.spec, objective="latency:nowhere")
    with pytest.raises(InvalidInput, match="no metric"):
        run(project.spec, project.job("c"))


@given(st.integers(1, 400), st.floats(0, 1), st.integers(1, 8))
def test_that_rounds_add_up_and_begin_with_enough_to_learn_from(
    total: int, active: float, rounds: int
) -> None:
    first, *later = round_sizes(total, active, rounds)
    assert first + sum(later) == total
    assert first >= min(total, 12)
    assert all(later)
    assert len(later) <= rounds
    assert sum(later) <= round(active * total)
