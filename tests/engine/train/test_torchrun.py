"""The same training in two processes, as torchrun starts them, with real processes that talk by Gloo."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from nasstudio.engine.data.augmentation import Augmentation
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.job import events as ev
from nasstudio.engine.job.folder import RunFolder
from nasstudio.engine.net.tensor_file import read_tensors
from nasstudio.engine.run.train import run
from nasstudio.engine.train.checkpoint import KIND
from nasstudio.engine.train.distributed import Ranks
from nasstudio.engine.train.gathering import Gathering
from nasstudio.engine.train.schedule import Phase, Schedule

SCHEDULE = Schedule(
    "two",
    "Two",
    (
        Phase("Full", 1, 0.05, largest={"kernel": 1, "depth": 1, "expand": 1}),
        Phase("Expand", 1, 0.05, networks=2, distill=1.0),
        Phase("All", 1, 0.05, networks=3, distill=1.0, sandwich=True, distill_from="largest"),
    ),
)
DEADLINE_S = 120


@pytest.fixture
def shared(with_spec):
    """A training of 24 steps, each of two micro-batches."""
    return with_spec(
        schedule=SCHEDULE,
        batch=12,
        accumulate=2,
        dropout=0.2,
        augmentation=Augmentation(2, True, mixup=0.4),
    )


def torchrun(folder: RunFolder, processes: int = 2) -> subprocess.Popen[str]:
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
        *("--nproc-per-node", str(processes), "-m", "nasstudio.engine.run", str(folder.path)),
    ]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def finished(child: subprocess.Popen[str]) -> None:
    said, _ = child.communicate(timeout=DEADLINE_S)
    assert child.returncode == 0, said


def assert_close(left: Path, right: Path) -> None:
    """The newest checkpoints agree to 1e-5 of each tensor's largest number."""
    a, b = (
        read_tensors(sorted(folder.glob("resume-*"))[-1], KIND, "")[0] for folder in (left, right)
    )
    assert a.keys() == b.keys()
    assert any("running_var" in name for name in a)
    off = [
        name
        for name in a
        if float((a[name].double() - b[name].double()).abs().max())
        > 1e-5 * float(a[name].double().abs().max())
    ]
    assert off == []


def test_that_two_processes_end_where_one_that_accumulates_does(
    make_job, shared, tmp_path: Path
) -> None:
    alone = make_job("alone", shared)
    run(shared, alone)
    folder = RunFolder.create(alone.path.parent / "together", shared)
    finished(torchrun(folder))
    assert folder.state() == "done"
    assert_close(alone.path, folder.path)
    found = ev.EventReader(folder.events).read()
    assert [type(e) for e in found].count(ev.Started) == 1
    assert [type(e) for e in found].count(ev.Done) == 1
    assert sum(isinstance(e, ev.Artefact) for e in found) == 3
    assert {p.name for p in folder.path.glob("supernet-*")} == {
        p.name for p in alone.path.glob("supernet-*")
    }


def test_that_all_processes_stop_together_and_one_can_go_on(
    make_job, with_spec, shared, tmp_path: Path
) -> None:
    alone = make_job("alone", shared)
    run(shared, alone)
    folder = RunFolder.create(alone.path.parent / "stopped", shared)
    folder.command("stop")
    finished(torchrun(folder))
    assert folder.state() == "stopped"
    assert list(folder.path.glob("resume-*"))
    run(shared, make_job("stopped", shared))
    assert_close(alone.path, folder.path)


def test_that_micro_batches_must_come_out_even() -> None:
    network = torch.nn.Linear(2, 2)
    with pytest.raises(InvalidInput, match="--accumulate 2"):
        Gathering(network, 3, Ranks(0, 2))
    assert [list(Gathering(network, 4, Ranks(rank, 2)).mine) for rank in (0, 1)] == [[0, 1], [2, 3]]


def test_that_a_process_by_itself_has_nobody_to_wait_for() -> None:
    ranks, tensor = Ranks(), torch.tensor([2.0])
    ranks.sum([tensor])
    ranks.copy_from_first([tensor])
    assert tensor.tolist() == [2.0]
    assert ranks.any(True)
    assert not ranks.any(False)
