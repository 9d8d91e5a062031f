import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtWidgets import QApplication

from nasstudio.ui.plots.parallel import ParallelPlot
from nasstudio.ui.plots.pareto import ParetoPlot
from nasstudio.ui.plots.pareto_cloud import OPACITY
from nasstudio.ui.plots.pareto_marks import Marks, Reference
from nasstudio.ui.theme import theme

ROWS = [("Accuracy", "76.4 ± 0.3 %"), ("Latency", "24.6 ± 0.4 ms")]


@pytest.fixture
def plot(qtbot):
    theme().install(QApplication.instance())
    shown = ParetoPlot("test")
    qtbot.addWidget(shown)
    shown.resize(700, 420)
    shown.show()
    qtbot.waitExposed(shown)
    return shown


def test_that_a_single_dot_is_as_opaque_as_the_design_says(plot):
    plot.set_networks(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 2.0]))
    plot.set_feasible(np.ones(3, bool), None)
    image = plot.cloud._picture(1.0)
    place = plot.cloud.point(1.0, 1.0)
    alpha = image.pixelColor(int(place.x()), int(place.y())).alphaF()
    assert alpha == pytest.approx(OPACITY, abs=0.02)


def test_that_dots_on_each_other_are_composed_like_translucent_layers(plot):
    plot.set_networks(np.array([0.0, 1.0, 1.0, 2.0]), np.array([0.0, 1.0, 1.0, 2.0]))
    plot.set_feasible(np.ones(4, bool), None)
    image = plot.cloud._picture(1.0)
    place = plot.cloud.point(1.0, 1.0)
    alpha = image.pixelColor(int(place.x()), int(place.y())).alphaF()
    assert alpha == pytest.approx(1 - (1 - OPACITY) ** 2, abs=0.02)


def test_that_networks_of_later_generations_are_not_drawn(plot):
    plot.set_networks(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 2.0]))
    plot.set_feasible(np.ones(3, bool), np.array([True, False, True]))
    place = plot.cloud.point(1.0, 1.0)
    assert plot.cloud._picture(1.0).pixelColor(int(place.x()), int(place.y())).alpha() == 0
    assert plot.nearest(place) is None


def test_that_the_nearest_network_is_found_among_all_even_those_too_many_to_draw(plot):
    rng = np.random.default_rng(0)
    x, y = rng.random(150_000), rng.random(150_000)
    plot.set_networks(x, y)
    for index in (0, 77_777, 149_999):
        place = plot.cloud.point(x[index], y[index])
        found = plot.nearest(place)
        far = np.hypot(
            *(np.array([plot.cloud.x_px(x), plot.cloud.y_px(y)]) - [[place.x()], [place.y()]])
        )
        assert far[found] == far.min()


def test_that_the_callout_stays_inside_and_off_the_star_wherever_that_is(plot):
    rng = np.random.default_rng(1)
    x = rng.random(500)
    plot.set_networks(x, x**0.4)
    for place in [(0.02, 0.2), (0.5, 0.75), (0.98, 0.99), (0.9, 0.1)]:
        plot.star.set_star(place, "Best feasible", "ofa-3f9c2a", ROWS)
        box = plot.star.callout()
        assert plot.star.area.contains(box)
        assert not box.contains(plot.star.point(*place))
    assert not plot.grab().isNull()


def test_that_a_reference_outside_the_axes_stands_at_their_edge(plot):
    plot.set_networks(np.linspace(0, 1, 50), np.linspace(0, 1, 50))
    plot.set_marks(
        Marks(
            references=(
                Reference("big", 90.0, 0.5),
                Reference("blind", 0.5, float("nan"), "no accuracy"),
            )
        )
    )
    area = plot.marks.area
    for reference in plot.marks.marks.references:
        place = plot.marks._reference_place(reference)
        assert area.contains(place)
        assert plot.marks.reference_at(place) is reference
    assert not plot.grab().isNull()


def test_that_a_limit_off_the_axes_can_be_taken_at_their_edge(plot):
    plot.set_networks(np.linspace(0, 1, 50), np.linspace(0, 1, 50))
    plot.set_limit("x", 7.0, "7.0 ms")
    line = plot.lines["x"]
    assert line.place() == line.area.width()
    assert line.shape().contains(QPointF(line.area.width() - 4, 30))
    plot.set_limit("x", None)
    assert not line.isVisible()


def test_that_the_grab_area_is_16_px_wide(plot):
    plot.set_networks(np.linspace(0, 1, 50), np.linspace(0, 1, 50))
    plot.set_limit("x", 0.5, "0.5 ms")
    shape, at = plot.lines["x"].shape(), plot.lines["x"].place()
    assert shape.contains(QPointF(at - 7.9, 100))
    assert not shape.contains(QPointF(at - 8.5, 100))


@pytest.fixture
def parallel(qtbot):
    shown = ParallelPlot()
    qtbot.addWidget(shown)
    shown.resize(600, 220)
    values = np.random.default_rng(0).random((300, 4)) * [100, 2, 5, 1]
    shown.set_axes(["A (%)", "B (ms)", "C (M)", "D (MiB)"], [1, 2, 1, 2])
    shown.set_networks(values, values[:, 0] > 80, values[:, 1] > 1, values[0])
    shown.show()
    return shown


def test_that_dragging_along_an_axis_brushes_it_and_a_click_takes_it_away(qtbot, parallel):
    said = []
    parallel.brushed.connect(lambda axis, ends: said.append((axis, ends)))
    x = round(parallel.axis_x(1))
    qtbot.mousePress(parallel, Qt.MouseButton.LeftButton, pos=QPointF(x, 150).toPoint())
    qtbot.mouseMove(parallel, QPointF(x, 90).toPoint())
    qtbot.mouseRelease(parallel, Qt.MouseButton.LeftButton, pos=QPointF(x, 90).toPoint())
    axis, (low, high) = said[-1]
    assert axis == 1
    assert low == pytest.approx(parallel.value_at(1, 150))
    assert high == pytest.approx(parallel.value_at(1, 90))
    assert parallel.y_of(1, high) == pytest.approx(90)
    qtbot.mouseClick(parallel, Qt.MouseButton.LeftButton, pos=QPointF(x, 120).toPoint())
    assert said[-1] == (1, None)
    assert not parallel.grab().isNull()


def test_that_axes_can_be_brushed_with_keys(qtbot, parallel):
    qtbot.keyClick(parallel, Qt.Key.Key_Right)
    qtbot.keyClick(parallel, Qt.Key.Key_Up)
    low, high = parallel.ranges()[1]
    assert low > parallel._lows[1]
    assert high == parallel._highs[1]
    qtbot.keyClick(parallel, Qt.Key.Key_Escape)
    assert parallel.ranges() == {}


def test_that_the_shade_lies_on_the_side_that_exceeds_the_limit(plot):
    plot.set_networks(np.linspace(0, 1, 50), np.linspace(0, 1, 50))
    plot.set_limit("x", 0.5, "0.5 ms")
    ((part, upright),) = plot.shade._parts()
    assert upright
    assert part.left() == pytest.approx(plot.lines["x"].place())
    assert part.right() == pytest.approx(plot.shade.area.right())
    assert isinstance(part, QRectF)
