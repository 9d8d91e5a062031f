"""Exact ends where a stage's width is searched too: what a stage costs depends on the one before."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from nasstudio.engine.cost.counts import count
from nasstudio.engine.cost.metric import available
from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device.device import Device
from nasstudio.engine.search.extremes import extremes
from nasstudio.engine.space.families import build
from nasstudio.engine.space.space import SpaceDocument


@pytest.fixture(scope="module")
def space():
    stage = {"depth": [1, 2], "kernel": [3, 5], "expand": [2, 3]}
    options = {
        "resolution": [20, 28],
        "head": [64],
        "channels": 1,
        "classes": 10,
        "stages": [
            {"channels": 16, "stride": 2, "width": [0.5, 1.0], **stage},
            {"channels": 32, "stride": 2, "width": [0.5, 0.75, 1.0], "se": True, **stage},
        ],
    }
    return build(SpaceDocument("mobilenetv3", "wide", "A space with widths", options))


@pytest.fixture(scope="module")
def everything(space):
    options = [range(len(gene)) for gene in space.genes]
    drawn = np.array(list(itertools.product(*options)), dtype=np.int16)
    found = np.unique(space.canonical(drawn), axis=0)
    assert len(found) == space.size() == 6 * 800
    return found


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_that_exact_ends_are_those_of_all_networks(space, everything, seed):
    # Wide noise: the best width of one stage hangs on what the next one makes of it.
    rng = np.random.default_rng(seed)
    table = LatencyTable(devices=[Device("phone", "table")])
    rows = table.add_rows(space.layers)
    times = np.array([count(layer).macs / 2e8 for layer in space.layers])
    times *= rng.uniform(0.1, 8, len(rows))
    table.put(rows, [0] * len(rows), Cells.of(times, Source.IMPORTED))
    metrics = available(space, table)
    assert {"macs", "memory"} < {metric.key for metric in metrics}
    for metric in metrics:
        end = extremes(space, metric, np.random.default_rng(0))
        values = metric.of(everything)
        assert end.exact
        assert end.smallest == pytest.approx(values.min()), metric.key
        assert end.largest == pytest.approx(values.max()), metric.key
        assert metric.of(end.at_smallest[None])[0] == end.smallest
        assert metric.of(end.at_largest[None])[0] == end.largest
