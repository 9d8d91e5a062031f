"""A study of two networks of a tiny space, and records of it that nobody trained."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.job import events as ev
from nasstudio.engine.job.specification import Reference, StudySpec, Target, TrainSpec
from nasstudio.engine.space.families import build
from nasstudio.engine.space.space import SpaceDocument
from nasstudio.engine.study.order import trainings
from nasstudio.engine.study.result import Answers, SubnetResult, SupernetCost, TrainedResult
from nasstudio.engine.train.schedule import Phase, Schedule

STAGE = {"depth": [1, 2], "kernel": [3, 5], "expand": [1, 2, 3], "act": "hswish", "se": True}
SPACE = SpaceDocument(
    "mobilenetv3",
    "tiny",
    "Tiny",
    {
        "resolution": [8, 12],
        "stem": 8,
        "head": [16, 24],
        "channels": 1,
        "classes": 10,
        "stages": [{**STAGE, "channels": 8, "stride": 1}, {**STAGE, "channels": 16, "stride": 2}],
    },
)
SCHEDULE = Schedule(
    "tiny",
    "Tiny",
    (
        Phase("Full", 2, 0.1, warmup=1, largest={"kernel": 1, "depth": 1, "expand": 1}),
        Phase("Expand", 2, 0.05, networks=3, distill=1.0, sandwich=True),
    ),
)
IMAGES = 200


def genomes() -> list[tuple[int, ...]]:
    space = build(SPACE)
    return [tuple(int(i) for i in g) for g in (space.smallest(), space.largest())]


@pytest.fixture
def spec() -> StudySpec:
    small, large = genomes()
    return StudySpec(
        training=TrainSpec(
            space=SPACE, data=DataDocument("fashion_mnist_small", {"limit": 96}),
            schedule=SCHEDULE, batch=16,
        ),
        supernet=Reference("runs/train-1/supernet.safetensors", "s"),
        targets=(Target(small, "ort-1t", 0.05), Target(large)),
    )  # fmt: skip


@pytest.fixture
def events():
    """events(spec, accuracy of a training, ...) -> what a job would have said."""

    def right(share: float, seed: int) -> np.ndarray:
        found = np.zeros(IMAGES, bool)
        found[: round(share * IMAGES)] = True
        return np.roll(found, seed)

    def make(spec, accuracy, choosing, *, subnet=0.8) -> list[ev.AnyEvent]:
        said = [("supernet_cost", SupernetCost(seconds=100.0, passes=5000))]
        for genome in dict.fromkeys(t.genome for t in spec.targets):
            answers = Answers.of(right(subnet, 0))
            said.append(("subnet", SubnetResult(genome=genome, accuracy=subnet, answers=answers)))
        for number, training in enumerate(trainings(spec)):
            share = accuracy(training)
            result = TrainedResult(
                genome=training.genome, way=training.way, rate=training.rate, seed=training.seed,
                epochs=training.epochs, choosing=choosing(training), accuracy=share,
                answers=Answers.of(right(share, number)), seconds=10.0, passes=1000,
            )  # fmt: skip
            said.append(("trained", result))
        return [ev.Result(name=n, values=msgspec.to_builtins(v)) for n, v in said]

    return make
