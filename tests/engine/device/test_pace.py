"""The pace of a device is told by networks whose latency was known at its calibration."""

from __future__ import annotations

import numpy as np
import pytest

from nasstudio.engine.cost import counts
from nasstudio.engine.cost.table import LatencyTable
from nasstudio.engine.device.calibration import Calibration, fit
from nasstudio.engine.device.device import Device
from nasstudio.engine.device.pace import anchors, pace, say
from nasstudio.engine.device.probe import devices_here
from nasstudio.engine.export import latency
from nasstudio.engine.export.latency import Bench, Subject
from nasstudio.engine.space.families import build, preset

SPACE = build(preset("mbv3_28_fast"))


@pytest.fixture
def calibration() -> Calibration:
    """Of ten networks whose latency is 1 to 10 ms."""
    networks = SPACE.sample(10, np.random.default_rng(0))
    times = np.ones(len(SPACE.layers))
    return fit(
        SPACE.layers,
        times,
        SPACE.rows(networks),
        np.arange(1.0, 11.0),
        counts.macs(SPACE, networks),
        space_hash=SPACE.hash,
        genomes=[tuple(int(i) for i in genome) for genome in networks],
    )


def test_that_anchors_are_spread_or_near_a_latency(calibration):
    assert anchors(calibration, SPACE, 4).then_ms.tolist() == [1, 4, 7, 10]
    near = anchors(calibration, SPACE, 2, near_ms=5.2)
    assert sorted(near.then_ms) == [5, 6]
    for genome, ms in zip(near.population, near.then_ms, strict=True):
        assert tuple(genome) == calibration.genomes[int(ms) - 1]
    assert len(anchors(calibration, SPACE, 50).then_ms) == 10


def test_that_another_space_has_no_anchors(calibration):
    assert anchors(calibration, build(preset("mbv3_32")), 4) is None
    assert anchors(None, SPACE, 4) is None


def test_that_the_pace_is_the_mean_factor():
    assert pace([2.2, 1.1], [2.0, 1.0]) == pytest.approx(1.1)
    assert pace([2.0, 0.5], [1.0, 1.0]) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("value", "words"), [(None, ""), (1.01, ""), (1.1, "10% slower"), (0.9, "10% faster")]
)
def test_that_only_a_noticeable_pace_is_said(value, words):
    assert words in say(value)
    assert bool(say(value)) is bool(words)


def test_that_a_network_is_measured_beside_its_anchors(calibration, monkeypatch, tmp_path):
    device: Device = next(d for d in devices_here()[0] if d.runtime == "torch" and d.threads == 1)
    table = LatencyTable()
    table.add_device(device)
    table.calibrations[device.id] = calibration
    table.add_rows(list(SPACE.layers))
    measured: list[int] = []
    real = latency.time_files

    def time_files(files, *rest):
        measured.append(len(files))
        return real(files, *rest)

    monkeypatch.setattr(latency, "time_files", time_files)
    bench = Bench(SPACE, (device,), table, tmp_path, budget_s=0.2)
    monkeypatch.setattr(
        bench,
        "_promised",
        lambda genome, d: latency.Latency(d, promised_ms=5.0, promised_error=0.1),
    )
    layers = [block.layer for block in SPACE.blocks(SPACE.smallest())]
    (found,) = bench.latencies(SPACE.smallest(), Subject(layers, onnx=lambda: pytest.fail("no")))
    assert measured == [3]
    assert found.pace is not None
    assert 0 < found.pace < 1  # real networks of this space take far less than 5 ms
