"""The fit job in its run folder."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.job import events as ev
from nasstudio.engine.job.context import JobContext
from nasstudio.engine.job.exclusive import MachineLock
from nasstudio.engine.job.folder import RunFolder
from nasstudio.engine.job.specification import FitSpec
from nasstudio.engine.predictor.ensemble import load
from nasstudio.engine.run.fit import read_pairs, run
from nasstudio.engine.space.families import build, preset

SPACE = build(preset("mbv3_28_fast"))


def line(genome, accuracy, **more):
    return json.dumps({"genome": [int(g) for g in genome], "accuracy": accuracy, **more}) + "\n"


@pytest.fixture
def pairs(tmp_path):
    rng = np.random.default_rng(0)
    population = SPACE.sample(60, rng)
    accuracy = 0.7 + 0.004 * population.sum(axis=1)
    path = tmp_path / "pairs.jsonl"
    more = {"seconds": 1.5, "images": 1000}
    lines = [
        line(g, a, halves=[a - 0.01, a + 0.01], **more)
        for g, a in zip(population, accuracy, strict=True)
    ]
    path.write_text("".join(lines))
    return path


def test_that_pairs_become_a_predictor_with_its_report(pairs, tmp_path):
    folder = RunFolder(tmp_path / "runs" / "fit")
    spec = FitSpec(space=SPACE.document, pairs=(folder.reference(pairs),), held_back=0.5)
    RunFolder.create(folder.path, spec)
    lock = MachineLock(tmp_path / "lock", exclusive=False)
    summary = run(spec, JobContext(folder, lock, ev.EventWriter(folder.events)))
    predictor = load(folder.path / "predictor.npz", SPACE)
    assert summary["pairs"] == 60
    assert summary["tau"] == predictor.report.tau
    assert summary["tau"] > 0.5
    (artefact,) = [e for e in ev.EventReader(folder.events).read() if isinstance(e, ev.Artefact)]
    assert (artefact.kind, artefact.path) == ("predictor", "predictor.npz")
    assert artefact.about["space_hash"] == SPACE.hash
    assert predictor.uncertainty.images == 1000
    assert predictor.report.holding > 0.5
    assert len(artefact.about["predicted"]) == predictor.report.n_held


def test_that_halves_count_only_if_all_pairs_have_them(pairs, tmp_path):
    with pairs.open("a") as file:
        file.write(line(SPACE.smallest(), 0.5))
    folder = RunFolder(tmp_path / "runs" / "fit")
    spec = FitSpec(space=SPACE.document, pairs=(folder.reference(pairs),), held_back=0.5)
    RunFolder.create(folder.path, spec)
    lock = MachineLock(tmp_path / "lock", exclusive=False)
    run(spec, JobContext(folder, lock, ev.EventWriter(folder.events)))
    predictor = load(folder.path / "predictor.npz", SPACE)
    assert predictor.report.holding is None
    assert predictor.uncertainty.images == 0


def test_that_a_torn_last_line_is_left_out(pairs):
    with pairs.open("a") as file:
        file.write('{"genome": [0, 0')
    assert len(read_pairs(pairs, SPACE)) == 60


@pytest.mark.parametrize(
    "bad",
    [
        "nonsense\n",
        '{"genome": [0, 0], "accuracy": 0.5}\n',
        '{"accuracy": 0.5}\n',
        line(SPACE.smallest(), 87.0),
        line(SPACE.smallest(), "high"),
        line(SPACE.smallest(), 0.8, halves=[0.7, 9.0]),
        line(SPACE.smallest(), 0.8, images=-1),
        line(SPACE.smallest() + 7, 0.8),
        line(SPACE.smallest() - 1, 0.8),
        '{"genome": ['
        + ", ".join(["99999999999999999999"] * len(SPACE.genes))
        + '], "accuracy": 0.5}\n',
        "\xff\n",
    ],
)
def test_that_a_bad_line_is_named_by_its_number(pairs, bad):
    with pairs.open("ab") as file:
        file.write(bad.encode("latin-1"))
        file.write(line(SPACE.smallest(), 0.5).encode())
    with pytest.raises(InvalidInput) as problem:
        read_pairs(pairs, SPACE)
    assert problem.value.where.endswith("pairs.jsonl, line 61")
    assert problem.value.remedy
