"""The moving average of a supernet."""

from __future__ import annotations

import pytest
import torch

from nasstudio.engine.net.families import supernet_of
from nasstudio.engine.net.shared import SharedNetwork
from nasstudio.engine.space.families import build
from nasstudio.engine.train.average import Average


@pytest.fixture
def supernet(spec) -> SharedNetwork:
    return supernet_of(build(spec.space))


def fill(supernet: SharedNetwork, value: float) -> None:
    with torch.no_grad():
        for tensor in supernet.state_dict().values():
            tensor.fill_(value)


def values(supernet: SharedNetwork) -> set[float]:
    return {
        round(v, 5)
        for t in supernet.state_dict().values()
        if t.is_floating_point()
        for v in t.unique().tolist()
    }


def test_that_it_follows_the_formula_and_everything_with_a_fraction(supernet) -> None:
    fill(supernet, 0.0)
    average = Average(supernet, 0.5)
    fill(supernet, 1.0)
    average.update(supernet, 0)  # decay (1 + 0) / (10 + 0)
    assert values(average.supernet) == {0.9}
    average.update(supernet, 1000)  # decay 0.5
    assert values(average.supernet) == {0.95}
    counters = [t for t in average.supernet.buffers() if not t.is_floating_point()]
    assert all(int(t) == 1 for t in counters)


def test_that_it_is_a_network_of_its_own_in_the_same_space(supernet) -> None:
    average = Average(supernet, 0.5)
    assert average.supernet.space is supernet.space
    assert not any(p.requires_grad for p in average.supernet.parameters())
    fill(supernet, 1.0)
    assert values(average.supernet) != {1.0}
    average.restart(supernet)
    assert values(average.supernet) == {1.0}
    fill(supernet, 2.0)
    average.adopt(supernet)
    assert values(supernet) == {1.0}
