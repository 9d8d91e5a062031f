"""The command `study`: what it would train, and the table it prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nasstudio.cli import study
from nasstudio.cli.main import main
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.job import events as ev
from nasstudio.engine.job.specification import StudySpec, TrainSpec, decode
from nasstudio.engine.project.ingest import take_all
from nasstudio.engine.project.project import Project
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.train.schedule import schedule_preset

SPACE = build(preset("mbv3_28_fast"))
SMALL, LARGE = (tuple(int(i) for i in g) for g in (SPACE.smallest(), SPACE.largest()))


@pytest.fixture
def make(tmp_path):
    """make(epoch) -> path of a project whose supernet has been through so many epochs; two networks are pinned."""

    def made(epoch: int = 9, *, pins: bool = True) -> Path:
        project = Project.create(tmp_path / "p")
        project.put("space", preset("mbv3_28_fast"))
        data = DataDocument("fashion_mnist_small")
        project.put("data", data)
        spec = TrainSpec(
            space=SPACE.document, data=data, schedule=schedule_preset("progressive_quick"), ema=0.5
        )
        said = ev.EventWriter(project.new_run(spec).events)
        about = {"space_hash": SPACE.hash, "epoch": epoch}
        said.write(ev.Artefact(kind="supernet", path="s", sha256="s", about=about))
        said.write(ev.Done(summary={"seconds": 600.0}))
        said.close()
        take_all(project)
        for genome in (SMALL, LARGE) if pins else ():
            project.pin(SPACE.hash, genome, on=True)
        project.close()
        return project.path

    return made


def test_that_the_plan_is_said_and_nothing_is_run(make, capsys) -> None:
    path = make()
    assert main(["study", str(path), "--plan", "--json"]) == 0
    values = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (values["networks"], values["trainings"]) == (2, 4)
    assert values["seconds"] == pytest.approx(600 * values["share_of_supernet"])
    assert main(["study", str(path), "--plan", "--taught", "--rate", "0.1", "--tune", "1"]) == 0
    assert "2 networks, 6 trainings: about" in capsys.readouterr().out
    assert len(list((path / "runs").iterdir())) == 1


def test_that_the_recipe_is_that_of_the_supernet(make, capsys) -> None:
    assert main(["study", str(make()), "--print-spec", "--seeds", "2"]) == 0
    spec = decode(capsys.readouterr().out.encode())
    assert isinstance(spec, StudySpec)
    assert spec.training.ema == 0.5
    assert spec.training.schedule.epochs == 9
    assert [target.genome for target in spec.targets] == [SMALL, LARGE]
    assert spec.seeds == 2


def test_that_only_the_phases_that_were_trained_count(make, capsys) -> None:
    assert main(["study", str(make(epoch=5)), "--print-spec"]) == 0
    spec = decode(capsys.readouterr().out.encode())
    assert isinstance(spec, StudySpec)
    assert [phase.name for phase in spec.training.schedule.phases] == ["Full", "Kernel"]


def test_that_without_networks_the_remedy_is_said(make, capsys) -> None:
    assert main(["study", str(make(pins=False)), "--plan"]) == 2
    assert "pin networks" in capsys.readouterr().err


def test_that_the_table_names_what_is_assumed() -> None:
    found = {"accuracy": 0.8, "difference": -0.01, "low95": -0.02, "high95": 0.0}
    text = study.table(
        {
            "rows": [{"network": "3f9c2a", "ofa": 0.79, "ways": {"alone": found}}],
            "difference": -0.01, "difference_low95": -0.02, "difference_high95": 0.0,
            "supernet_s": 100.0, "alone_s": 50.0, "alone_all_rates_s": None,
            "break_even": 2.0, "break_even_with_search": None,
            "assumed_search_networks": 10, "assumed_search_share": 0.2,
        }
    )  # fmt: skip
    assert "3f9c2a        80.00    79.00     -1.00 (-2.00 to +0.00)" in text
    assert "from 2 targets (2.0)" in text
    assert "unknown time" in text
    assert "no number of targets if each lone network pays" in text
    assert "(assumed)" in text
