import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtSvg import QSvgRenderer

from nasstudio.engine.errors import InvalidInput, StudioError
from nasstudio.ui.plots.plot import PlainAxis, Plot
from nasstudio.ui.theme import theme


@pytest.fixture
def plot(qtbot):
    made = Plot("Latency (ms)", "Accuracy (%)", name="Front")
    qtbot.addWidget(made)
    made.resize(400, 300)
    made.plot([10.0, 20.0, 30.0], [68.0, 74.0, 76.0], pen=made.pen("front", 2))
    made.show()
    return made


def test_that_a_plot_is_saved_at_twice_its_pixels(plot, tmp_path):
    plot.save_png(tmp_path / "front.png")
    image = QImage(str(tmp_path / "front.png"))
    assert (image.width(), image.height()) == (800, 600)
    front = theme().color("front")
    found = any(
        abs(image.pixelColor(x, y).blue() - front.blue()) < 12
        and abs(image.pixelColor(x, y).red() - front.red()) < 12
        for x in range(100, 780, 2)
        for y in range(20, 520, 2)
    )
    assert found


def test_that_a_plot_is_saved_as_a_valid_svg(plot, tmp_path):
    plot.save_svg(tmp_path / "front.svg")
    assert QSvgRenderer(str(tmp_path / "front.svg")).isValid()


def test_that_the_data_of_the_curves_is_saved_as_csv(plot, tmp_path):
    plot.save_csv(tmp_path / "front.csv")
    rows = list(csv.reader((tmp_path / "front.csv").read_text().splitlines()))
    assert [tuple(float(v) for v in row[:2]) for row in rows[1:]] == [(10, 68), (20, 74), (30, 76)]


def test_that_a_plot_without_data_says_so_instead_of_writing_an_empty_file(qtbot, tmp_path):
    empty = Plot()
    qtbot.addWidget(empty)
    with pytest.raises(InvalidInput, match="no data"):
        empty.save_csv(tmp_path / "none.csv")
    assert not (tmp_path / "none.csv").exists()


def test_that_a_folder_that_is_not_there_is_reported(plot, tmp_path):
    with pytest.raises(StudioError):
        plot.save_png(tmp_path / "missing" / "front.png")


def test_that_a_plot_can_be_copied(plot):
    plot.copy_image()
    assert QGuiApplication.clipboard().image().width() == 800


def test_that_a_plot_follows_the_theme(plot, qtbot):
    before = theme().mode
    theme().set_mode("light")
    with qtbot.waitSignal(plot.restyled):
        theme().set_mode("dark")
    assert plot.image(1.0).pixelColor(2, 2) == theme().color("surface")
    theme().set_mode(before)


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.floats(60, 2000))
def test_that_ticks_are_few_and_at_round_steps(low, span, size):
    axis = PlainAxis("bottom")
    ((step, start),) = axis.tickSpacing(low, low + span, size)
    assert start == 0.0
    assert 0.6 <= span / step <= max(2.0, size / 90.0) * 1.01
    mantissa = float(f"{step:e}".split("e")[0])
    assert mantissa == pytest.approx(round(mantissa * 2) / 2)


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (0.0, float("nan")), (0.0, float("inf"))])
def test_that_an_axis_without_extent_has_no_ticks(qapp, low, high):
    assert PlainAxis("left").tickSpacing(low, high, 300) == []


def test_that_large_and_small_numbers_have_no_prefix(qapp):
    axis = PlainAxis("bottom")
    assert axis.tickStrings([20000.0, -40000.0], 1.0, 20000.0) == ["20,000", "−40,000"]
    assert axis.tickStrings([0.001], 1.0, 0.001) == ["0.001"]
