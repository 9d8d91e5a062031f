"""The plan of a training: pure, and as the schedule says."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.train.progressive import Plan, opened
from nasstudio.engine.train.schedule import (
    Phase,
    Schedule,
    checked,
    schedule_names,
    schedule_preset,
)

SPACE = build(preset("mbv3_28"))
SCHEDULE = Schedule(
    "s",
    "S",
    (
        Phase("Full", 3, 0.1, warmup=1, largest={"kernel": 1, "depth": 1, "expand": 1}),
        Phase("Depth", 2, 0.03, largest={"depth": 2, "expand": 1}, networks=2, distill=1.0),
        Phase("Expand", 2, 0.03, networks=4, distill=1.0, sandwich=True),
    ),
)
PLAN = Plan(SPACE, SCHEDULE, epoch_steps=10, seed=3)
steps = st.integers(0, PLAN.steps - 1)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_that_subnets_follow_from_seed_and_step_alone(step: int) -> None:
    again = Plan(SPACE, SCHEDULE, epoch_steps=10, seed=3)
    assert np.array_equal(PLAN.subnets(step), again.subnets(step))


@settings(max_examples=60, deadline=None)
@given(steps)
def test_that_a_step_has_one_resolution_and_open_options_only(step: int) -> None:
    phase, population = PLAN.phase(step), PLAN.subnets(step)
    assert len(population) == phase.networks
    assert len(set(SPACE.resolution(population).tolist())) == 1
    on = SPACE.active(population)
    for column, gene in enumerate(SPACE.genes):
        least = len(gene) - phase.largest.get(gene.kind, len(gene))
        assert (population[on[:, column], column] >= least).all()


def test_that_every_open_option_is_met() -> None:
    drawn = np.concatenate([PLAN.subnets(step) for step in range(PLAN.steps)])
    assert len(set(drawn[:, 0].tolist())) == len(SPACE.genes[0])
    others = np.concatenate([Plan(SPACE, SCHEDULE, 40, 1).subnets(s) for s in range(200, 280)])
    seen = [
        len(set(others[SPACE.active(others)[:, i], i].tolist())) for i in range(others.shape[1])
    ]
    assert seen == [len(gene) for gene in SPACE.genes]


def test_that_the_first_phase_trains_the_largest_network_only() -> None:
    for step in range(30):
        (genome,) = PLAN.subnets(step)
        assert np.array_equal(genome[1:], SPACE.largest()[1:])


def test_that_other_seeds_and_steps_draw_other_subnets() -> None:
    last = PLAN.steps - 1
    other = Plan(SPACE, SCHEDULE, epoch_steps=10, seed=4)
    assert not np.array_equal(PLAN.subnets(last), other.subnets(last))
    assert not np.array_equal(PLAN.subnets(last), PLAN.subnets(last - 1))
    assert not np.array_equal(PLAN.subnets(last)[2], PLAN.subnets(last)[3])


def test_that_the_sandwich_holds_the_largest_and_the_smallest() -> None:
    population = PLAN.subnets(PLAN.steps - 1)
    assert np.array_equal(population[0, 1:], SPACE.largest()[1:])
    assert np.array_equal(population[1, 1:], SPACE.smallest()[1:])


def test_that_the_rate_rises_in_the_warm_up_and_falls_to_almost_nothing() -> None:
    rates = np.array([PLAN.rate(step) for step in range(PLAN.steps)])
    assert rates[0] == pytest.approx(0.01)
    assert rates[9] == pytest.approx(0.1)
    assert (np.diff(rates[:10]) > 0).all()
    assert (np.diff(rates[10:30]) < 0).all()
    assert rates[29] < 0.001
    assert rates[30] == pytest.approx(0.03)


def test_that_the_estimated_work_adds_up() -> None:
    assert PLAN.cost(0, 12) + PLAN.cost(12, PLAN.steps) == pytest.approx(PLAN.cost(0, PLAN.steps))
    assert 0 < PLAN.cost(0, 10) <= 10
    assert PLAN.cost(60, 70) > PLAN.cost(0, 10)


def test_that_places_cover_the_schedule() -> None:
    begins = [step for step in range(PLAN.steps) if PLAN.place(step).begins]
    assert begins == [0, 30, 50]
    assert PLAN.place(PLAN.steps).phase == 2


def test_that_more_open_options_than_there_are_is_all_of_them() -> None:
    assert not opened(SPACE, {"kernel": 9, "depth": 3}).any()


def test_that_a_teacher_costs_time_and_the_largest_of_the_step_does_not() -> None:
    def cost(**options) -> float:
        phase = Phase("All", 2, 0.03, networks=3, sandwich=True, **options)
        return Plan(SPACE, Schedule("s", "S", (phase,)), 10, 3).cost(0, 20)

    alone, in_place = cost(), cost(distill=1.0, distill_from="largest")
    assert in_place == pytest.approx(alone)
    assert cost(distill=1.0) > 1.05 * alone


@pytest.mark.parametrize(
    "change", [{"sandwich": False}, {"networks": 1}, {"distill": 0.0}], ids=lambda c: next(iter(c))
)
def test_that_the_largest_can_only_teach_others_of_its_step(change: dict[str, object]) -> None:
    options = {"networks": 3, "sandwich": True, "distill": 1.0, "distill_from": "largest"}
    checked(Schedule("s", "S", (Phase("All", 1, 0.1, **options),)))
    with pytest.raises(InvalidInput, match="phase 1"):
        checked(Schedule("s", "S", (Phase("All", 1, 0.1, **(options | change)),)))


@pytest.mark.parametrize("name", schedule_names())
def test_that_shipped_schedules_open_the_whole_space_at_their_end(name: str) -> None:
    schedule = checked(schedule_preset(name))
    assert not schedule.phases[0].needs_teacher
    assert not opened(SPACE, schedule.phases[-1].largest).any()
    counts = [opened(SPACE, phase.largest) for phase in schedule.phases]
    assert all((after <= before).all() for before, after in pairwise(counts))
