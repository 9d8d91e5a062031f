"""The `import` command: a published supernet becomes one of the project's."""

import json

import pytest
import torch

from nasstudio.cli.main import main
from nasstudio.engine.net.families import supernet_of
from nasstudio.engine.net.published.names import counted, published_names
from nasstudio.engine.net.storage import load_supernet
from nasstudio.engine.project import plan
from nasstudio.engine.project.project import Project
from nasstudio.engine.space.families import build
from nasstudio.engine.space.space import SpaceDocument

OPTIONS = {
    "resolution": [16, 24],
    "stem": 8,
    "head": [16, 24],
    "classes": 5,
    "stages": [{"channels": 8, "stride": 1, "depth": [1, 2], "kernel": [3, 5], "expand": [2, 3]}],
}
TINY = SpaceDocument("mobilenetv3", "tiny", "Tiny", OPTIONS)


@pytest.fixture
def path(tmp_path):
    project = Project.create(tmp_path / "mine.nasproj")
    project.put("space", TINY)
    project.close()
    return tmp_path / "mine.nasproj"


def test_that_a_supernet_goes_into_the_project_and_beside_it(path, tmp_path, capsys):
    supernet = supernet_of(build(TINY))
    state = supernet.state_dict()
    names = published_names(counted(state))
    torch.save({names[name]: state[name] for name in names}, tmp_path / "net.pth")
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
