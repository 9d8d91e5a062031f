"""How long a study will take."""

from __future__ import annotations

import msgspec
import pytest

from nasstudio.engine.study.effort import study_effort


def test_that_the_time_follows_from_the_supernets_own(spec) -> None:
    found = study_effort(spec, 60.0)
    assert (found.networks, found.trainings) == (2, 4)
    assert found.seconds == pytest.approx(60 * found.share)
    assert study_effort(spec, None).seconds is None


def test_that_twice_the_epochs_take_twice_as_long_and_a_teacher_longer(spec) -> None:
    once = study_effort(msgspec.structs.replace(spec, epochs=4), 60.0).seconds
    twice = study_effort(msgspec.structs.replace(spec, epochs=8), 60.0).seconds
    assert twice == pytest.approx(2 * once)
    taught = study_effort(msgspec.structs.replace(spec, taught=True), 60.0).seconds
    assert 2 * once < taught < 4 * once


def test_that_the_largest_network_alone_costs_its_share_of_the_schedule(spec) -> None:
    # The supernet's first phase is the full network alone: two of its epochs, at mixed sizes.
    large = msgspec.structs.replace(spec, targets=spec.targets[1:], rates=(0.1,))
    assert 0.2 < study_effort(large, 60.0).share < 1.2
