"""Spaces, a synthetic latency table and a synthetic accuracy for the tests of the search."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from nasstudio.engine.cost.counts import count
from nasstudio.engine.cost.metric import available
from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device.device import Device
from nasstudio.engine.predictor.encoding import OneHot
from nasstudio.engine.search.problem import SharedRows
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.space import SpaceDocument

DEVICES = [Device("phone", "table"), Device("server", "table")]


def synthetic_table(space, seed=0, noise=(0.7, 1.4)):
    """Times that follow MACs and kernels loosely, on two devices."""
    rng = np.random.default_rng(seed)
    table = LatencyTable(devices=list(DEVICES))
    rows = table.add_rows(space.layers)
    base = np.array([count(layer).macs / 2e8 + 0.003 * layer.kernel for layer in space.layers])
    for column in range(len(DEVICES)):
        times = base * rng.uniform(*noise, len(rows))
        table.put(rows, [column] * len(rows), Cells.of(times, Source.IMPORTED))
    return table


def synthetic_accuracy(space, seed=0, together=0.005):
    """Each option adds something, and some pairs of options add something together."""
    rng = np.random.default_rng(seed)
    encoding = OneHot(space)
    gains = np.concatenate(
        [np.sort(rng.uniform(0, 0.01, len(gene))) for gene in space.genes if len(gene) > 1]
    )
    pairs = rng.integers(0, encoding.features, (30, 2))
    shares = rng.normal(0, together, 30)

    def accuracy(population):
        x = encoding.of(population).astype(np.float64)
        return np.clip(0.75 + x @ gains + (x[:, pairs[:, 0]] * x[:, pairs[:, 1]]) @ shares, 0, 1)

    return accuracy


@pytest.fixture(scope="session")
def space():
    return build(preset("mbv3_28_fast"))


@pytest.fixture(scope="session")
def metrics(space):
    return available(SharedRows(space), synthetic_table(space))


@pytest.fixture(scope="session")
def accuracy(space):
    return synthetic_accuracy(space)


@pytest.fixture(scope="session")
def small_space():
    """800 networks: few enough to look at all of them."""
    stage = {"depth": [1, 2], "kernel": [3, 5], "expand": [2, 3]}
    return build(
        SpaceDocument(
            "mobilenetv3",
            "small",
            "A small space",
            {
                "resolution": [20, 28],
                "head": [64, 64],
                "channels": 1,
                "classes": 10,
                "stages": [
                    {"channels": 16, "stride": 2, **stage},
                    {"channels": 32, "stride": 2, "se": True, **stage},
                ],
            },
        )
    )


@pytest.fixture(scope="session")
def everything(small_space):
    """Every network of the small space."""
    options = [range(len(gene)) for gene in small_space.genes]
    drawn = np.array(list(itertools.product(*options)), dtype=np.int16)
    found = np.unique(small_space.canonical(drawn), axis=0)
    assert len(found) == small_space.size() == 800
    return found


@pytest.fixture(scope="session")
def small_table(small_space):
    # Wide noise: here a larger kernel is often the faster one.
    return synthetic_table(small_space, noise=(0.2, 5))


@pytest.fixture(scope="session")
def small_metrics(small_space, small_table):
    return available(small_space, small_table)


@pytest.fixture(scope="session")
def small_accuracy(small_space):
    return synthetic_accuracy(small_space)


@pytest.fixture
def make_search():
    """A search as the runner builds it."""
    from nasstudio.engine.search.algorithm import Settings
    from nasstudio.engine.search.extremes import check_feasible, extremes
    from nasstudio.engine.search.landscape import survey
    from nasstudio.engine.search.limit import Algorithm
    from nasstudio.engine.search.problem import SearchProblem
    from nasstudio.engine.search.registry import make

    def build_search(
        space, metrics, accuracy, name="evolution", *, limits=(), budget=600, population=40,
        seed=0, options=None,
    ):  # fmt: skip
        problem = SearchProblem(space, metrics, accuracy, limits)
        setup = np.random.default_rng(123)
        start = check_feasible(problem, setup)
        end = extremes(space, metrics[0], setup)
        box = survey(problem, metrics[0].key, end, setup)
        starts = () if start is None else (start,)
        settings = Settings(metrics[0].key, box, budget, population, starts=starts)
        algorithm = Algorithm(name, options or {})
        return make(algorithm, problem, settings, np.random.default_rng(seed))

    return build_search
