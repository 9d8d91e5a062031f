"""The study job: what it compares, what it counts, and that it goes on where it was stopped."""

from __future__ import annotations

import msgspec
import pytest
import torch

from nasstudio.engine.job import events as ev
from nasstudio.engine.job.context import JobContext, StopJob
from nasstudio.engine.job.exclusive import MachineLock
from nasstudio.engine.job.folder import RunFolder
from nasstudio.engine.job.specification import StudySpec, Target, TrainSpec
from nasstudio.engine.run import study
from nasstudio.engine.study.result import Records, tabulate
from nasstudio.engine.train.schedule import Phase, Schedule

SCHEDULE = Schedule(
    "short", "Short", (Phase("Full", 2, 0.1, warmup=1), Phase("All", 1, 0.05, networks=2))
)
STEPS = 180 // 30


def genome(found) -> tuple[int, ...]:
    return tuple(int(option) for option in found)


@pytest.fixture
def spec(trained_project) -> StudySpec:
    space = trained_project.space
    return StudySpec(
        training=TrainSpec(
            space=trained_project.space_document, data=trained_project.data, schedule=SCHEDULE,
            batch=30, checkpoint_s=1e9,
        ),
        supernet=trained_project.supernet,
        targets=(Target(genome(space.smallest()), "a", 0.1), Target(genome(space.largest()))),
        epochs=2,
        calibration_images=120,
    )  # fmt: skip


def test_that_every_network_is_trained_and_compared_on_the_same_images(run_job, spec) -> None:
    spec = msgspec.structs.replace(spec, taught=True, tuning_epochs=1, targets=spec.targets[:1])
    ran = run_job(spec)
    assert isinstance(ran.last, ev.Done), ran.last
    trained = ran.results("trained")
    assert [(t["way"], t["rate"]) for t in trained] == [
        ("alone", 0.1), ("alone", 0.05), ("taught", 0.1), ("taught", 0.05), ("tuned", 0.01),
    ]  # fmt: skip
    assert [t["passes"] for t in trained] == [2 * STEPS * 30] * 4 + [STEPS * 30]
    assert all(t["seconds"] > 0 for t in trained)
    records = Records()
    records.take(ran.events)
    (row,) = tabulate(spec, records).rows
    assert row.images == 60
    for way in row.ways.values():
        assert way.difference.mean == pytest.approx(row.subnet - way.accuracy)
    # The subnet that is trained on starts from what it knows; the others start from nothing.
    assert trained[4]["accuracy"] > 0.4
    summary = ran.last.summary
    assert summary["targets"] == 1
    assert summary["rows"][0]["ways"].keys() == {"alone", "taught", "tuned"}
    assert not list((ran.folder.path / "networks").iterdir())


class _StoppingJob(JobContext):
    """A job that is asked to stop at its n-th look at the outside."""

    looks, stop_at = 0, 0

    def check(self, on_pause=None) -> None:
        self.looks += 1
        if self.looks == self.stop_at:
            self.stop()
        super().check(on_pause)


def results(folder: RunFolder) -> list[dict]:
    """Everything but the seconds."""
    return [
        {k: v for k, v in event.values.items() if k != "seconds"}
        for event in ev.EventReader(folder.events).read()
        if isinstance(event, ev.Result)
    ]


def test_that_a_study_stopped_anywhere_finds_the_same(
    trained_project, spec, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(trained_project.folder.parent / "caches"))
    # Before the first step, between steps, in later trainings, and while networks are evaluated.
    stops = (1, 5, 14, 2, 15)
    folders = []
    for name, wanted in (("whole", ()), ("parts", stops)):
        folder = RunFolder.create(trained_project.folder / "runs" / f"study-{name}", spec)
        folders.append(folder)
        for stop_at in (*wanted, 0):
            lock = MachineLock(tmp_path / f"lock-{name}-{stop_at}", exclusive=False)
            writer = ev.EventWriter(folder.events)
            job = _StoppingJob(folder, lock, writer)
            job.stop_at = stop_at
            torch.manual_seed(99 + stop_at)  # whatever ran before must not matter
            if stop_at:
                with pytest.raises(StopJob):
                    study.run(spec, job)
            else:
                study.run(spec, job)
            writer.close()
            lock.close()
    whole, parts = (results(folder) for folder in folders)
    assert whole == parts
    assert len(whole) == 1 + 2 + 4


def test_that_a_training_that_diverges_is_said_and_the_study_goes_on(run_job, spec) -> None:
    wild = msgspec.structs.replace(spec.training, weight_decay=1e30)
    spec = msgspec.structs.replace(
        spec, training=wild, targets=spec.targets[:1], rates=(50.0, 1e-30)
    )
    ran = run_job(spec)
    assert isinstance(ran.last, ev.Done), ran.last
    first, second = ran.results("trained")
    assert (first["choosing"], first["accuracy"]) == (None, 0.0)
    assert second["choosing"] is not None
    assert any("failure" in event.text for event in ran.of(ev.Warned))


def test_that_a_target_of_another_space_is_refused(run_job, spec) -> None:
    ran = run_job(msgspec.structs.replace(spec, targets=(Target((0, 1)),)))
    assert isinstance(ran.last, ev.Failed)
    assert "genome" in ran.last.what.lower()


def test_that_the_cost_of_an_older_supernet_comes_from_its_run(tmp_path, spec) -> None:
    folder = RunFolder.create(tmp_path / "p.nasproj" / "runs" / "train-9", spec.training)
    writer = ev.EventWriter(folder.events)
    writer.write(ev.Done(summary={"seconds": 12.5}))
    writer.close()
    found = study.cost_in_run(folder.path / "supernet.safetensors", STEPS)
    assert (found.seconds, found.passes) == (12.5, (2 + 2) * STEPS * 30)
    nothing = study.cost_in_run(tmp_path / "p.nasproj" / "runs" / "none" / "x", STEPS)
    assert (nothing.seconds, nothing.passes) == (None, None)


def test_that_the_supernet_must_be_of_these_images(run_job, spec, trained_project) -> None:
    options = dict(trained_project.data.options, seed=7)
    other = msgspec.structs.replace(trained_project.data, options=options)
    training = msgspec.structs.replace(spec.training, data=other)
    ran = run_job(msgspec.structs.replace(spec, training=training))
    assert isinstance(ran.last, ev.Failed)
    assert "other images" in ran.last.what
