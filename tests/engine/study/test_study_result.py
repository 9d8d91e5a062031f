"""The table that is made of what a study's job has said."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as arrays

from nasstudio.engine.space.families import build
from nasstudio.engine.study.order import epochs_of, plan_of, rates_of, schedule_of, trainings
from nasstudio.engine.study.result import Answers, Records, tabulate


@given(arrays.arrays(bool, (1, 77)))
def test_that_packed_answers_come_back(right) -> None:
    assert Answers.of(right[0]).right().tolist() == right[0].tolist()


def table_of(spec, said):
    records = Records()
    records.take(said)
    return tabulate(spec, records)


def test_that_the_better_rate_is_chosen_on_other_images_than_are_reported(spec, events) -> None:
    fast, slow = rates_of(spec)
    assert (fast, slow) == (0.1, 0.05)
    # The slow rate is better where it is chosen and worse where it is reported.
    said = events(
        spec, lambda t: 0.75 if t.rate == fast else 0.7, lambda t: 0.6 if t.rate == fast else 0.9
    )
    table = table_of(spec, said)
    alone = [row.ways["alone"] for row in table.rows]
    assert [a.rate for a in alone] == [slow, slow]
    assert [a.accuracy for a in alone] == [0.7, 0.7]
    assert alone[0].difference.mean == pytest.approx(0.1)
    assert table.mean["alone"].mean == pytest.approx(0.1)


def test_that_costs_are_of_the_better_rate_and_of_both(spec, events) -> None:
    table = table_of(spec, events(spec, lambda t: 0.7, lambda t: 0.7))
    assert (table.training.seconds, table.training.passes) == (10.0, 1000)
    assert (table.both.seconds, table.both.passes) == (20.0, 2000)
    assert table.supernet.seconds == 100.0
    assert table.tuning is None


def test_that_a_study_that_is_not_finished_has_a_shorter_table(spec, events) -> None:
    said = events(spec, lambda t: 0.7, lambda t: 0.7)
    one_rate = table_of(spec, said[:4])
    assert [row.ways for row in one_rate.rows] == [{}, {}]
    assert one_rate.training is None
    assert one_rate.mean == {}
    one_row = table_of(spec, said[:5])
    assert [list(row.ways) for row in one_row.rows] == [["alone"], []]
    assert table_of(spec, []).rows == ()


def test_that_seeds_are_averaged_and_ways_kept_apart(spec, events) -> None:
    spec = msgspec.structs.replace(spec, seeds=2, taught=True, tuning_epochs=1)
    share = {"alone": 0.7, "taught": 0.75, "tuned": 0.82}
    said = events(spec, lambda t: share[t.way] + 0.02 * t.seed, lambda t: t.rate)
    row = table_of(spec, said).rows[0]
    assert list(row.ways) == ["alone", "taught", "tuned"]
    assert row.ways["alone"].accuracy == pytest.approx(0.71)
    assert row.ways["taught"].accuracy == pytest.approx(0.76)
    assert row.ways["tuned"].difference.mean == pytest.approx(-0.03)
    assert row.ways["tuned"].rate == spec.tuning_rate


def test_that_a_diverged_training_is_never_chosen(spec, events) -> None:
    said = events(
        spec, lambda t: 0.0 if t.rate == 0.1 else 0.7, lambda t: None if t.rate == 0.1 else 0.7
    )
    assert table_of(spec, said).rows[0].ways["alone"].rate == 0.05


def test_that_the_order_is_target_by_target_and_each_network_once(spec) -> None:
    spec = msgspec.structs.replace(spec, targets=(*spec.targets, spec.targets[0]), taught=True)
    order = trainings(spec)
    assert len(order) == 2 * 2 * 2
    assert len({t.key for t in order}) == len(order)
    assert [t.genome for t in order[:4]] == [spec.targets[0].genome] * 4


def test_that_a_lone_training_has_the_supernets_epochs_and_its_own_network(spec) -> None:
    space = build(spec.space)
    training = trainings(spec)[0]
    assert epochs_of(spec) == 4
    (phase,) = schedule_of(training, spec).phases
    assert (phase.epochs, phase.warmup, phase.networks, phase.rate) == (4, 1, 1, 0.1)
    plan = plan_of(training, spec, space, 6)
    drawn = np.concatenate([plan.subnets(step) for step in range(plan.steps)])
    assert drawn.shape == (24, len(space.genes))
    assert (drawn == np.array(training.genome)).all()
