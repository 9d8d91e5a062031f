"""The `import` command: a published supernet becomes one of the project's."""

import json

import pytest
import torch

from nasstudio.cli.main import main
from nasstudio.engine.net.storage import load_supernet
from nasstudio.engine.project import plan
from nasstudio.engine.project.project import Project


@pytest.fixture
def path(tmp_path, tiny_space):
    project = Project.create(tmp_path / "mine.nasproj")
    project.put("space", tiny_space)
    project.close()
    return tmp_path / "mine.nasproj"


def test_that_a_supernet_goes_into_the_project_and_beside_it(
    path, tmp_path, capsys, tiny_space, save_published
):
    state = save_published(tiny_space, tmp_path / "net.pth")
    out = tmp_path / "net.safetensors"
    words = ["import", str(path), str(tmp_path / "net.pth"), "--out", str(out), "--json"]
    assert main(words) == 0
    (summary,) = json.loads(capsys.readouterr().out.splitlines()[-1])["imported"]
    assert (summary["kind"], summary["space"], summary["classes"]) == ("supernet", "tiny", 5)
    project = Project.open(path)
    try:
        made = project.path / plan.supernet(project).path
        assert made.read_bytes() == out.read_bytes()
    finally:
        project.close()
    found, _ = load_supernet(out)
    assert all(map(torch.equal, found.state_dict().values(), state.values()))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a.pth", "b.pth", "--out", "c"], "one file"),
        (["a.pth"], "not there"),
        (["a.pth", "--resolution", "160"], "has a space"),
        (["a.pth", "--resolution", "large"], "not a list"),
    ],
)
def test_that_what_can_not_be_done_is_said_before_anything_is(path, capsys, words, said):
    assert main(["import", str(path), *words]) == 2
    assert said in capsys.readouterr().err
