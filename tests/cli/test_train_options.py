"""The options of `train` become fields of its specification; a training for several processes can be put off."""

import json
from contextlib import closing

import msgspec
import pytest

from nasstudio.cli.main import main
from nasstudio.engine.data.augmentation import Augmentation
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.job.folder import RunFolder
from nasstudio.engine.job.specification import TrainSpec, decode
from nasstudio.engine.project.project import Project
from nasstudio.engine.space.families import preset
from nasstudio.engine.train.recipe import Recipe


@pytest.fixture
def path(tmp_path):
    project = Project.create(tmp_path / "mine.nasproj", "Mine")
    project.put("space", preset("mbv3_28_fast"))
    project.put("data", DataDocument("fashion_mnist_small"))
    project.close()
    return tmp_path / "mine.nasproj"


def printed(capsys, path, *options) -> TrainSpec:
    assert main(["train", str(path), "--print-spec", *options]) == 0
    spec = decode(capsys.readouterr().out.encode())
    assert isinstance(spec, TrainSpec)
    return spec


def test_that_options_become_fields(path, capsys):
    (path / "teacher.safetensors").write_bytes(b"any")
    said = (
        "--schedule sandwich --optimiser adamw --weight-decay 0.05 --ema 0 --dropout 0.2 --mixup 0.3 "
        f"--accumulate 4 --precision bf16 --teacher {path / 'teacher.safetensors'}"
    )
    spec = printed(capsys, path, *said.split())
    assert (spec.optimiser, spec.weight_decay, spec.ema, spec.dropout) == ("adamw", 0.05, 0, 0.2)
    assert (spec.accumulate, spec.precision, spec.device) == (4, "bf16", "cpu")
    assert spec.augmentation == Augmentation(mixup=0.3)
    assert spec.teacher is not None
    assert spec.teacher.path == "teacher.safetensors"
    assert spec.schedule.phases[0].in_place


def test_that_without_options_it_is_the_default(path, capsys):
    spec = printed(capsys, path)
    fields = (
        "optimiser",
        "weight_decay",
        "ema",
        "dropout",
        "accumulate",
        "precision",
        "augmentation",
    )
    plain = TrainSpec(space=spec.space, data=spec.data, schedule=spec.schedule)
    assert [getattr(spec, f) for f in fields] == [getattr(plain, f) for f in fields]


@pytest.mark.parametrize("wrong", ["--ema 1.5", "--accumulate 0", "--dropout 1"])
def test_that_a_value_out_of_range_is_refused(path, capsys, wrong):
    assert main(["train", str(path), "--print-spec", *wrong.split()]) == 2
    assert wrong.split()[0].removeprefix("--") in capsys.readouterr().err


def test_that_a_teacher_must_lie_in_the_project(path, tmp_path, capsys):
    (tmp_path / "elsewhere.safetensors").write_bytes(b"any")
    for name in ("elsewhere", "nowhere"):
        file = tmp_path / f"{name}.safetensors"
        assert main(["train", str(path), "--print-spec", "--teacher", str(file)]) == 2
    assert "into the project" in capsys.readouterr().err


def test_that_a_training_put_off_is_a_run_that_has_not_begun(path, capsys):
    assert main(["train", str(path), "--accumulate", "2", "--later", "--json"]) == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    folder = RunFolder(path / "runs" / said["run"])
    assert said["folder"] == str(folder.path)
    assert said["command"].startswith("torchrun --nproc-per-node 2 -m nasstudio.engine.run ")
    assert folder.state() == "created"
    assert folder.spec().accumulate == 2


def test_that_the_projects_recipe_is_followed_where_no_option_says_otherwise(path, capsys):
    with closing(Project.open(path, program="test")) as project:
        project.put(
            "recipe", Recipe(optimiser="adamw", batch=32, augmentation=Augmentation(erase=0.2))
        )
    spec = printed(capsys, path, "--batch", "16", "--mixup", "0.4")
    assert (spec.optimiser, spec.batch) == ("adamw", 16)
    assert spec.augmentation == Augmentation(erase=0.2, mixup=0.4)


def test_that_a_recipe_has_the_fields_and_defaults_of_a_training():
    of_training = {field.name: field for field in msgspec.structs.fields(TrainSpec)}
    for field in msgspec.structs.fields(Recipe):
        assert field.default == of_training[field.name].default, field.name


def test_that_every_value_of_a_recipe_can_be_given(path, capsys):
    options = (
        "--batch 8 --accumulate 2 --optimiser adamw --weight-decay 0.1 --smoothing 0.2 --dropout 0.3 "
        "--ema 0.5 --erase 0.4 --mixup 0.6 --precision bf16 --device cuda"
    )
    spec = printed(capsys, path, *options.split())
    usual = Recipe()
    for name in Recipe.__struct_fields__:
        assert getattr(spec, name) != getattr(usual, name), name
