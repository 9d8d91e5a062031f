"""The importing job in its run folder, and what the project makes of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.job import events as ev
from nasstudio.engine.job.context import JobContext
from nasstudio.engine.job.exclusive import MachineLock
from nasstudio.engine.job.specification import ImportSpec
from nasstudio.engine.net.families import supernet_of
from nasstudio.engine.net.published.names import counted, published_names
from nasstudio.engine.net.storage import load_supernet
from nasstudio.engine.predictor.ensemble import load
from nasstudio.engine.project import plan
from nasstudio.engine.project.ingest import Intake
from nasstudio.engine.project.project import Project
from nasstudio.engine.project.stations import station_states
from nasstudio.engine.run.importing import run
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.space import SpaceDocument

TINY = SpaceDocument(
    "mobilenetv3",
    "tiny",
    "Tiny",
    {
        "resolution": [16, 24],
        "stem": 8,
        "head": [16, 24],
        "classes": 5,
        "stages": [
            {"channels": 8, "stride": 1, "depth": [1, 2], "kernel": [3, 5], "expand": [2, 3]}
        ],
    },
)


@pytest.fixture
def project(tmp_path: Path):
    made = Project.create(tmp_path / "mine.nasproj")
    yield made
    made.close()


def checkpoint(path: Path, document: SpaceDocument) -> Path:
    """A supernet of a space as the original would save it."""
    state = supernet_of(build(document)).state_dict()
    names = published_names(counted(state))
    torch.save({"state_dict": {names[name]: state[name] for name in names}}, path)
    return path


def accuracy_predictor(path: Path) -> Path:
    """The published predictor's layers, with weights of our own."""
    torch.manual_seed(0)
    sizes = (128, 400, 400, 400, 1)
    layers = [torch.nn.Linear(sizes[i], sizes[i + 1]) for i in range(4)]
    torch.nn.init.constant_(layers[3].bias, 0.75)
    held = {
        f"{2 * i}.{k}": v for i, layer in enumerate(layers) for k, v in layer.state_dict().items()
    }
    torch.save(held, path)
    return path


def imported(project: Project, spec: ImportSpec, tmp_path: Path):
    folder = project.new_run(spec)
    lock = MachineLock(tmp_path / "lock", exclusive=False)
    writer = ev.EventWriter(folder.events)
    summary = run(spec, JobContext(folder, lock, writer))
    writer.write(ev.Done(summary=summary))
    writer.close()
    return summary, Intake(project, folder.id).read()


def test_that_a_project_without_a_space_takes_the_supernets(project, tmp_path):
    source = checkpoint(tmp_path / "ofa_mbv3_w1.0", preset("ofa_mbv3"))
    summary, found = imported(project, plan.importing(project, source), tmp_path)
    assert (summary["space"], summary["classes"]) == ("ofa_mbv3", 1000)
    assert found.kinds >= {"space", "artefacts"}
    assert plan.space_document(project).name == "ofa_mbv3"
    artefact = plan.supernet(project)
    supernet, about = load_supernet(project.path / artefact.path)
    assert about.phase == artefact.about["phase"] == "Published"
    original = supernet_of(build(preset("ofa_mbv3"))).state_dict()
    assert all(map(torch.equal, supernet.state_dict().values(), original.values()))
    assert station_states(project.snapshot())["train"] == "done"

    source = accuracy_predictor(tmp_path / "acc_predictor.pth")
    summary, _ = imported(project, plan.importing(project, source), tmp_path)
    assert summary["kind"] == "predictor"
    artefact = plan.predictor(project)
    predictor = load(project.path / artefact.path, supernet.space)
    accuracy = predictor.of(supernet.space.sample(30, np.random.default_rng(0)))
    assert 0 < accuracy.min() < accuracy.max() < 1
    assert artefact.about["tau"] is None
    assert "not known" in artefact.about["note"]


def test_that_a_supernet_can_bring_fewer_resolutions(project, tmp_path):
    source = checkpoint(tmp_path / "net", preset("ofa_mbv3"))
    imported(project, plan.importing(project, source, (176, 160)), tmp_path)
    space = build(plan.space_document(project))
    assert space.genes[0].options == (160, 176)
    assert plan.supernet(project).about["space_hash"] == space.hash


def test_that_the_projects_own_space_is_kept(project, tmp_path):
    project.put("space", TINY)
    source = checkpoint(tmp_path / "net", TINY)
    summary, found = imported(project, plan.importing(project, source, (160,)), tmp_path)
    assert summary["space"] == "tiny"
    assert "space" not in found.kinds
    assert plan.supernet(project).about["space_hash"] == build(TINY).hash


def test_that_a_file_of_another_space_is_refused(project, tmp_path):
    project.put("space", preset("mbv3_28"))
    spec = plan.importing(project, checkpoint(tmp_path / "net", TINY))
    with pytest.raises(InvalidInput, match="not of the space"):
        imported(project, spec, tmp_path)
    assert project.artefacts() == []


def test_that_a_space_chosen_in_the_meantime_is_not_replaced(project, tmp_path):
    spec = plan.importing(project, checkpoint(tmp_path / "net", preset("ofa_mbv3")))
    project.put("space", TINY)
    imported(project, spec, tmp_path)
    assert plan.space_document(project) == TINY


def test_that_a_predictor_needs_a_space(project, tmp_path):
    spec = plan.importing(project, accuracy_predictor(tmp_path / "acc.pth"))
    with pytest.raises(InvalidInput, match="no space yet"):
        imported(project, spec, tmp_path)


def test_that_a_file_that_is_not_there_makes_no_run(project, tmp_path):
    with pytest.raises(InvalidInput, match="not there"):
        plan.importing(project, tmp_path / "none.pth")
    assert project.runs() == []
