"""Where a network's time goes on several devices: the numbers, and what the plot and its window show of them."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from PySide6.QtCore import QPointF

from nasstudio.engine.cost.metric import TableLatency, available
from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device.correction import Correction
from nasstudio.engine.device.device import Device
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.layer import parse, text
from nasstudio.ui.plots.layer_latency import SIZES, SYMBOLS, DeviceMark, LayerLatencyPlot
from nasstudio.ui.plots.layer_times import MOST_DEVICES, layer_times, short

SPACE = build(preset("mbv3_28_fast"))
GENOME = SPACE.largest()


def table_of(count: int) -> LatencyTable:
    table = LatencyTable()
    rows = table.add_rows(SPACE.layers)
    rng = np.random.default_rng(0)
    for number in range(count):
        column = table.add_device(Device("Chip", "torch", "2.14", number + 1))
        times = Cells.of(rng.uniform(0.01, 1, len(rows)), Source.MEASURED)
        table.put(rows, [column] * len(rows), times)
    return table


def corrected(table: LatencyTable, calibrated, constant: float) -> None:
    found = calibrated([1.0, 2, 3, 4], [1.0, 2, 3, 4])
    correction = Correction("kinds", 0.8, constant, 0.01, {"mbconv": 1.2})
    table.calibrations[table.devices[0].id] = msgspec.structs.replace(found, correction=correction)


def test_that_the_layers_and_the_constant_add_up_to_the_latency(calibrated) -> None:
    table = table_of(3)
    corrected(table, calibrated, 0.4)
    times = layer_times(SPACE, GENOME, available(SPACE, table))
    assert times.texts == tuple(text(block.layer) for block in SPACE.blocks(GENOME))
    assert times.ms.shape == (len(times.texts), 3)
    assert times.constant_ms.tolist() == [0.4, 0.0, 0.0]
    by_metric = [TableLatency(SPACE, table, d).of(GENOME[None])[0] for d in table.devices]
    np.testing.assert_allclose(times.totals_ms, by_metric)


def test_that_more_devices_than_can_be_told_apart_are_counted() -> None:
    times = layer_times(SPACE, GENOME, available(SPACE, table_of(MOST_DEVICES + 2)))
    assert len(times.devices) == MOST_DEVICES
    assert times.left_out == 2
    assert len(SYMBOLS) == len(SIZES) == MOST_DEVICES


def test_that_there_may_be_no_device_at_all(qtbot) -> None:
    times = layer_times(SPACE, GENOME, available(SPACE, LatencyTable()))
    assert times.devices == ()
    assert times.ms.shape == (len(times.texts), 0)
    plot = LayerLatencyPlot()
    qtbot.addWidget(plot)
    plot.show_times(times)
    plot.show_times(None)
    assert plot.values().size == 0


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        ("mbconv 24x56x56 -> 40 k5 s2 e6 se hswish", "mbconv 24→40 k5 s2 e6 se, 56 px"),
        ("linear 1280x1x1 -> 1000 bias", "linear 1280→1000"),
        ("mbconv 24x56x56 -> 40 k3 s1 m77", "mbconv 24→40 k3 m77, 56 px"),
    ],
)
def test_that_a_layer_is_said_in_a_few_words(layer, said) -> None:
    assert short(parse(layer)) == said


@pytest.fixture
def plot(qtbot):
    made = LayerLatencyPlot()
    qtbot.addWidget(made)
    made.resize(900, 640)
    made.show()
    return made


def test_that_each_device_has_a_mark_in_each_row(plot) -> None:
    times = layer_times(SPACE, GENOME, available(SPACE, table_of(4)))
    plot.show_times(times)
    assert [len(mark.data) for mark in plot._marks] == [len(times.texts)] * 4
    assert len({mark.opts["symbol"] for mark in plot._marks}) == 4
    assert len(plot.labels()) == len(times.texts)
    for number, mark in enumerate(plot._marks):
        np.testing.assert_allclose(mark.data["x"], times.ms[:, number])
    plot.show_times(times)
    assert len(plot._marks) == 4


def test_that_shares_are_of_each_device_own_total(plot, calibrated) -> None:
    table = table_of(2)
    corrected(table, calibrated, -0.3)
    times = layer_times(SPACE, GENOME, available(SPACE, table))
    plot.show_times(times, shares=True)
    values = plot.values()
    np.testing.assert_allclose(np.nansum(values, axis=0), 100.0)
    assert np.isnan(values[-1]).tolist() == [False, True]
    assert plot.labels()[-1] == "once a network"
    assert plot.viewRange()[0][0] < values[-1, 0]


def test_that_a_row_is_said_with_every_device(plot, calibrated) -> None:
    table = table_of(2)
    corrected(table, calibrated, -0.3)
    times = layer_times(SPACE, GENOME, available(SPACE, table))
    plot.show_times(times)
    said = plot.said(0)
    assert said.startswith(times.texts[0])
    assert f"{times.ms[0, 1]:.4f} ms" in said
    assert "−0.3000 ms" in plot.said(len(times.texts))
    assert times.texts[3] in plot.accessibleDescription()


def test_that_the_pointer_finds_its_row(plot) -> None:
    times = layer_times(SPACE, GENOME, available(SPACE, table_of(2)))
    plot.show_times(times)
    box = plot.getPlotItem().vb
    for row in (0, 5, len(times.texts) - 1):
        scene = box.mapViewToScene(QPointF(0.1, row))
        assert plot.row_at(QPointF(plot.mapFromScene(scene))) == row
    outside = box.mapViewToScene(QPointF(0.1, len(times.texts) + 3))
    assert plot.row_at(QPointF(plot.mapFromScene(outside))) is None


def test_that_the_mark_of_a_device_is_drawn(qtbot) -> None:
    for number in range(MOST_DEVICES):
        mark = DeviceMark(number)
        qtbot.addWidget(mark)
        image = mark.grab().toImage()
        assert image.pixelColor(image.width() // 2, image.height() // 2) != image.pixelColor(0, 0)
