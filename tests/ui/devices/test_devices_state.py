"""Words of the Devices page, and its plots' arithmetic."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device.device import Device
from nasstudio.ui.pages.devices.state import icon_of, spoken_left, spoken_time, summary
from nasstudio.ui.plots.calibration import CalibrationPlot, band
from nasstudio.ui.plots.histogram import HistogramPlot
from nasstudio.ui.plots.macs_latency import unequal_pair


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, ""), (float("nan"), ""), (0, "1 s left"), (42, "42 s left"), (121, "2 min left"),
     (7200, "2.0 h left")],
)  # fmt: skip
def test_that_time_left_is_said_in_its_unit(seconds, said) -> None:
    assert spoken_left(seconds) == said


def test_that_a_time_of_today_is_said_as_today() -> None:
    now = datetime(2026, 5, 3, 12, 0)
    assert spoken_time(datetime(2026, 5, 3, 9, 41), now) == "today, 09:41"
    assert spoken_time(datetime(2026, 1, 3, 9, 41), now).startswith("3 ")
    assert spoken_time(datetime(2025, 1, 3, 9, 41), now).endswith("2025")


def test_that_the_summary_counts_flags_and_gaps() -> None:
    table = LatencyTable()
    assert "nothing is known" in summary(table, None, 0)
    table.add_device(Device("X", "table"))
    table.add_rows(["a", "b"])
    assert summary(table, None, 0) == "1 device, 2 operations. 2 cells are still to be measured."
    assert summary(table, None, 2) == (
        "1 device, 2 operations. Two cells look wrong; 2 are still to be measured."
    )
    table.cells = Cells.of(np.ones((2, 1)), Source.EDITED)
    assert summary(table, None, 0).endswith("Every cell is known.")
    assert summary(table, None, 1).endswith("One cell looks wrong.")


@pytest.mark.parametrize(
    ("device", "icon"),
    [
        (Device("NVIDIA RTX", "torch"), "gpu"),
        (Device("Mobile", "table", title="Mobile"), "phone"),
        (Device("Board", "table", title="Board"), "table"),
        (Device("Some laptop chip", "torch"), "laptop"),
    ],
)
def test_that_a_device_gets_the_icon_of_its_kind(device: Device, icon: str) -> None:
    assert icon_of(device) == icon


def test_that_the_pair_has_nearly_the_same_macs_and_the_largest_ratio() -> None:
    macs = [100, 101, 200, 202, 300]
    ms = [1.0, 1.5, 2.0, 5.0, 100.0]
    assert unequal_pair(macs, ms) == (3, 2)
    assert unequal_pair([100, 200], [1, 9]) is None
    assert unequal_pair([100], [1]) is None


def test_that_the_noise_band_is_that_of_the_repeated_network(calibrated) -> None:
    x = [1.0, 2.0, 3.0, 4.0, 5.0]
    assert band(calibrated(x, x, noise=0.02)) == 0.02
    assert band(calibrated(x, x, spread=[0.04] * 5)) == pytest.approx(0.02)


def test_that_a_network_far_off_is_named(qtbot, calibrated) -> None:
    x = list(np.linspace(1, 5, 12))
    y = list(x)
    y[4] *= 1.4
    plot = CalibrationPlot()
    qtbot.addWidget(plot)
    names = tuple(f"net{i}" for i in range(12))
    plot.show_calibration(calibrated(x, y, noise=0.01), names)
    assert plot._worst_text.toPlainText().startswith("net4, ")
    assert "over" in plot._worst_text.toPlainText()
    plot.show_calibration(calibrated(x, x, noise=0.01), names)
    assert not plot._worst.isVisible()


def test_that_the_histogram_says_the_share_within_a_dragged_limit(qtbot) -> None:
    plot = HistogramPlot()
    qtbot.addWidget(plot)
    plot.show_values(np.arange(1, 101), "Latency", "ms", limit=27)
    assert plot.share_within() == pytest.approx(0.27)
    moved = []
    plot.limit_moved.connect(moved.append)
    plot._limit.setValue(50)
    assert moved == [50]
    assert plot.share_within() == pytest.approx(0.5)
    assert "50 % within 50 ms" in plot._text.toPlainText()
