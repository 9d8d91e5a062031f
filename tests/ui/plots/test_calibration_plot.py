"""Predicted against measured, its numbers and its words."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from nasstudio.engine.device.correction import Correction
from nasstudio.engine.device.verdict import percent
from nasstudio.ui.pages.devices.accuracy import AccuracyCards
from nasstudio.ui.pages.devices.state import accuracy_rows
from nasstudio.ui.plots.calibration import CalibrationPlot
from nasstudio.ui.plots.macs_latency import MacsLatencyPlot
from nasstudio.ui.theme import theme


@pytest.fixture
def found(calibrated):
    rng = np.random.default_rng(0)
    sums = np.linspace(0.5, 3.0, 20)
    first, second = (
        (0.8 * sums + 0.3) * np.exp(rng.normal(0, 0.01, 20)),
        (0.8 * sums + 0.3) * np.exp(rng.normal(0, 0.01, 20)),
    )
    return calibrated(sums, first, macs=rng.permutation(sums) * 1e8, second_ms=second)


def test_that_points_are_the_held_back_predictions(qtbot, found) -> None:
    plot = CalibrationPlot()
    qtbot.addWidget(plot)
    plot.show_calibration(found)
    np.testing.assert_allclose(plot._points.data["x"], found.predicted_ms)
    np.testing.assert_allclose(plot._points.data["y"], found.measured_ms)
    low, high = (line.yData / line.xData for line in plot._interval)
    np.testing.assert_allclose(low, 1 - found.interval)
    np.testing.assert_allclose(high, 1 + found.interval)
    words = plot._band_text.toPlainText()
    assert f"noise of re-measuring, ±{percent(found.noise)}" in words
    assert f"nine networks in ten, ±{percent(found.interval)}" in words


def test_that_without_a_second_round_the_band_is_the_spread(qtbot, calibrated) -> None:
    plot = CalibrationPlot()
    qtbot.addWidget(plot)
    sums = [1.0, 2, 3, 4, 5]
    plot.show_calibration(calibrated(sums, sums, spread=[0.04] * 5))
    assert "spread of a measurement, ±2.0 %" in plot._band_text.toPlainText()


def test_that_nothing_is_shown_without_a_calibration(qtbot, found) -> None:
    for plot in (CalibrationPlot(), MacsLatencyPlot()):
        qtbot.addWidget(plot)
        plot.show_calibration(found)
        plot.show_calibration(None)
        assert not plot._points.isVisible()


def test_that_the_cards_say_the_numbers_and_the_verdict(qtbot, found) -> None:
    cards = AccuracyCards()
    qtbot.addWidget(cards)
    assert cards.predicted._stack.currentIndex() == 0
    assert cards.verdict.text() == ""
    cards.show_calibration(found)
    assert cards.predicted._stack.currentIndex() == 1
    numbers = cards.predicted.numbers.whole_text()
    assert f"within 5 %: {percent(found.within5)}" in numbers
    assert f"noise {percent(found.noise)}" in numbers
    ranks = cards.macs.numbers.whole_text()
    assert f"MACs {found.tau_macs:.2f}" in ranks
    assert f"two rounds of measuring {found.tau_noise:.2f}" in ranks
    assert "Corrected by scale and constant" in cards.verdict.text()
    assert cards.warnings.text() == ""
    assert cards.warnings.isHidden()
    assert cards.error.property("tone") == "good"
    cards.show_calibration(None)
    assert cards.predicted._stack.currentIndex() == 0
    assert cards.verdict.isHidden()


def test_that_a_doubtful_calibration_warns_in_the_cards(qtbot, found) -> None:
    cards = AccuracyCards()
    qtbot.addWidget(cards)
    cards.show_calibration(msgspec.structs.replace(found, mape=0.2, noise=0.05))
    assert not cards.warnings.isHidden()
    assert "not quiet" in cards.warnings.text()
    assert cards.error.property("tone") == "warn"


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_that_the_cards_are_drawn_in_both_themes(qtbot, found, mode) -> None:
    cards = AccuracyCards()
    qtbot.addWidget(cards)
    cards.resize(1000, 320)
    theme().set_mode(mode)
    cards.show_calibration(found)
    assert not cards.grab().isNull()
    theme().set_mode("system")


def test_that_the_details_name_the_correction(found) -> None:
    rows = dict(accuracy_rows(found))
    assert rows["Correction"] == "scale, constant"
    assert rows["Nine in ten within"] == f"± {percent(found.interval)}"
    kinds = msgspec.structs.replace(found, correction=Correction("kinds", 0.9, 0.0))
    rows = dict(accuracy_rows(kinds))
    assert rows["Correction"] == "factor a kind"
    assert "Scale of the sum" not in rows
    assert "Constant" not in rows
