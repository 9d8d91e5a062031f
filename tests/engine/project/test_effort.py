"""What a profile says of itself before it starts."""

import msgspec
import pytest

from nasstudio.engine.device.device import Device
from nasstudio.engine.job.specification import ProfileSpec
from nasstudio.engine.project.effort import profile_effort
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.layer import text

DEVICE = Device("Some processor", "onnxruntime", "1")


@pytest.fixture(scope="module")
def spec():
    return ProfileSpec(space=preset("ofa_mbv3"), device=DEVICE)


def test_that_a_sparse_profile_says_which_sizes_are_measured(spec):
    effort = profile_effort(spec)
    assert (effort.rows, effort.known) == (374, 1253 - 374)
    assert effort.resolutions == (128, 160, 192, 224)
    assert "374 rows at 128, 160, 192, 224 px" in effort.say()
    assert "about" in effort.say()


def test_that_fewer_rows_and_no_networks_cost_less(spec):
    labels = tuple(text(layer) for layer in build(spec.space).layers[:20])
    few = profile_effort(msgspec.structs.replace(spec, layers=labels))
    assert few.rows == 20
    assert few.seconds < profile_effort(spec).seconds
    alone = profile_effort(msgspec.structs.replace(spec, layers=labels, networks=0))
    assert alone.seconds < few.seconds
    assert "whole networks" not in alone.say()


def test_that_the_budget_bounds_the_measuring_and_slow_lowering_is_counted(spec):
    short = profile_effort(msgspec.structs.replace(spec, budget_s=1.0))
    assert short.seconds < profile_effort(spec).seconds
    phone = msgspec.structs.replace(DEVICE, runtime="executorch")
    slow = profile_effort(msgspec.structs.replace(spec, device=phone, budget_s=1.0))
    assert slow.seconds > short.seconds + 374
