"""Every reader of the program, given damaged input in a process of its own.

Each input must end in a `StudioError`, or be read as valid; anything else is a crash, and one that takes longer than
`HANG_S` a hang. An input is known by the reader's name, the seed and its number, so that it can be made again:
``python -m faulting.readers NAME SEED FIRST COUNT SPECIMENS``.
"""

from __future__ import annotations

import os
import resource
import selectors
import subprocess
import sys
import tempfile
import traceback
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from faulting.subject import Subject
from nasstudio.engine.errors import NeedsExtra, StudioError

HANG_S = 30.0
MEMORY_BYTES = 12 * 1024**3
NAMES = (
    "table JSON",
    "table CSV",
    "project database",
    "project values",
    "project folder",
    "supernet checkpoint",
    "supernet tensors",
    "resume checkpoint",
    "specification",
    "events",
    "schedule",
    "space",
    "predictor",
    "archive",
    "search state",
    "image folder",
    "CIFAR-10",
    "IDX",
    "pairs",
    "ONNX",
)


@dataclass
class Tried:
    """What became of the inputs of one reader. `crashes` and `hangs` name them."""

    inputs: int = 0
    refused: int = 0
    read: int = 0
    crashes: list[str] = field(default_factory=list)
    hangs: list[str] = field(default_factory=list)


def try_reader(name: str, specimens: Path, count: int, seed: int = 1) -> Tried:
    """Give a reader so many damaged inputs; a child that dies or hangs is replaced at the next one."""
    tried, first = Tried(), 0
    while first < count:
        first = _one_child(name, specimens, seed, first, count, tried)
    return tried


def _one_child(name: str, specimens: Path, seed: int, first: int, count: int, tried: Tried) -> int:
    """Run a child until it ends; returns the number of the next input."""
    words = [sys.executable, "-m", "faulting.readers", name, str(seed), str(first), str(count)]
    child = subprocess.Popen(
        [*words, str(specimens)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if os.environ.get("FAULTS_QUIET") else None,
        cwd=Path(__file__).resolve().parents[1],
        text=True,
        bufsize=1,
    )
    assert child.stdout is not None
    number, waiting = first, True
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while selector.select(HANG_S if number > first else 4 * HANG_S):
            line = child.stdout.readline()
            if not line:
                waiting = False
                break
            number = _noted(name, line, tried)
        if waiting:
            tried.hangs.append(f"{name} {seed} {number}")
            tried.inputs += 1
            number += 1
    if waiting:
        child.kill()
    child.wait()
    child.stdout.close()
    if not waiting and number < count:
        tried.crashes.append(f"{name} {seed} {number}: the process died ({child.returncode})")
        tried.inputs += 1
        number += 1
    return number


def _noted(name: str, line: str, tried: Tried) -> int:
    """Take in `NUMBER OUTCOME WORDS`; returns the number of the next input."""
    number, outcome, words = line.rstrip("\n").split(" ", 2)
    tried.inputs += 1
    if outcome == "refused":
        tried.refused += 1
    elif outcome == "read":
        tried.read += 1
    else:
        tried.crashes.append(f"{name} {number}: {words}")
    return int(number) + 1


# -- in the child -------------------------------------------------------------------------------------------------


def _main(name: str, seed: int, first: int, count: int, specimens: Path) -> None:
    from faulting.reading import SUBJECTS

    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints must not be taken for a report
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    subject = SUBJECTS[name](specimens)
    for number in range(first, count):
        with tempfile.TemporaryDirectory(prefix="faults-") as place:
            out.write(f"{number} {outcome(subject, Path(place), seed, number)}\n")


def outcome(subject: Subject, place: Path, seed: int, number: int) -> str:
    """What becomes of one input: ``read``, ``refused`` or ``crash``, and words."""
    marker, folder = place / "unpickled", place / "it"
    subject.prepare(folder, number, np.random.default_rng([seed, number]), marker)
    try:
        subject.read(folder)
        said = "read -"
    except StudioError as problem:
        placed = problem.where or isinstance(problem, NeedsExtra)
        whole = problem.what and placed and problem.remedy
        said = f"refused {_line(problem)}" if whole else f"crash not said whole: {problem!r}"
    except Exception as problem:
        if os.environ.get("FAULTS_TRACE"):
            traceback.print_exc()
        said = f"crash {type(problem).__name__} {_line(problem)} {_where(problem)}"
    return "crash a pickle was executed" if marker.exists() else said


def _line(problem: Exception) -> str:
    return " ".join(str(problem).split())[:200]


def _where(problem: Exception) -> str:
    frames = [f for f in traceback.extract_tb(problem.__traceback__) if "nasstudio" in f.filename]
    return f"at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


if __name__ == "__main__":
    _main(sys.argv[1], *(int(word) for word in sys.argv[2:5]), Path(sys.argv[5]))
