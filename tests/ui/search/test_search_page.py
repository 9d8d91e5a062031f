import json

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication

from nasstudio.engine.project.project import Project
from nasstudio.engine.space.families import build, preset
from nasstudio.ui.pages.search.page import SearchPage
from nasstudio.ui.pages.search.words import round_up
from nasstudio.ui.theme import theme
from nasstudio.ui.workbench import Workbench

LEFT = Qt.MouseButton.LeftButton


def on_view(page, x: float, y: float) -> QPoint:
    """A place of the axes (px) as the plot's viewport knows it."""
    plot = page.chart.plot
    return plot.mapFromScene(plot.lines["x"].mapToScene(QPointF(x, y)))


def drag(qtbot, page, start: QPoint, *places: QPoint) -> None:
    """Press, move over the places, let go."""
    view = page.chart.plot.viewport()
    qtbot.mousePress(view, LEFT, pos=start)
    for place in places:
        qtbot.mouseMove(view, place)
        yield
    qtbot.mouseRelease(view, LEFT, pos=places[-1])


def best_by_hand(page) -> tuple[float, float]:
    """Accuracy and latency of the best network under the limit on x, by looking at each."""
    model = page.model
    cost, accuracy = model.seen.values[model.x_key], model.seen.values["accuracy"]
    met = [i for i in range(len(cost)) if cost[i] <= model.limits[model.x_key].most]
    best = max(met, key=lambda i: accuracy[i])
    return 100 * float(accuracy[best]), float(cost[best])


def test_that_dragging_the_line_moves_the_star_to_the_best_network_at_each_step(qtbot, page):
    line, star = page.chart.plot.lines["x"], page.chart.plot.star
    x, middle = line.place(), line.area.height() / 2
    width, seen = line.area.width(), set()
    places = [on_view(page, share * width, middle) for share in (0.3, 0.5, 0.75, 0.4)]
    for _ in drag(qtbot, page, on_view(page, x, middle), *places):
        accuracy, cost = best_by_hand(page)
        assert star.place == pytest.approx((cost, accuracy))
        seen.add(star.place)
    assert len(seen) > 2
    assert page.model.undo_stack.count() == 1
    page.model.undo_stack.undo()
    assert line.place() == pytest.approx(x, abs=1.5)


def test_that_the_slider_and_the_field_follow_the_line(qtbot, page):
    page.model.set_limit(page.model.x_key, most=0.7)
    slider = page.panel.sliders[page.model.x_key]
    qtbot.waitUntil(lambda: slider.value() == pytest.approx(0.7), timeout=3000)
    slider.field.setValue(0.9)
    assert page.model.limits[page.model.x_key].most == pytest.approx(0.9)
    assert page.chart.plot.lines["x"].value == pytest.approx(0.9)


def test_that_arrow_keys_move_a_focused_line(qtbot, page):
    line, plot = page.chart.plot.lines["x"], page.chart.plot
    plot.setFocus(Qt.FocusReason.TabFocusReason)
    line.setFocus()
    before = page.model.limits[page.model.x_key].most
    for _ in range(3):
        qtbot.keyClick(plot.viewport(), Qt.Key.Key_Right)
    qtbot.keyClick(plot.viewport(), Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    places = page.model.quantities[page.model.x_key].decimals
    after = page.model.limits[page.model.x_key].most
    assert after == pytest.approx(before - 2 * 10.0**-places)
    assert page.model.undo_stack.count() == 1


def test_that_an_impossible_limit_says_which_is_to_blame_and_loosens_it(qtbot, page):
    model = page.model
    model.set_limit(model.x_key, most=model.span(model.x_key)[0])
    button = page.panel.reason.button
    qtbot.waitUntil(lambda: "Loosen" in button.text(), timeout=5000)
    assert page.chart.plot.star.place is None
    nearest = float(model.seen.values[model.x_key].min())
    qtbot.mouseClick(button, LEFT)
    places = model.quantities[model.x_key].decimals
    assert model.limits[model.x_key].most == round_up(nearest, places)
    assert model.answer.count >= 1
    qtbot.waitUntil(
        lambda: "meet every limit" in page.header.subtitle_label.whole_text(), timeout=3000
    )


def test_that_a_brushed_rectangle_fills_the_table_with_what_it_holds(qtbot, page):
    model, plot = page.model, page.chart.plot
    page.chart.brush_tool.click()
    area = plot.pointer.area
    start, end = (
        on_view(page, 0.12 * area.width(), 0.9 * area.height()),
        on_view(page, 0.5 * area.width(), 0.5 * area.height()),
    )
    for _ in drag(qtbot, page, start, end):
        pass
    qtbot.waitUntil(lambda: model.brush is not None and len(model.brush) > 0, timeout=3000)
    (x0, x1), (y0, y1) = model.ranges[model.x_key], model.ranges["accuracy"]
    x, y = model.seen.values[model.x_key], model.seen.values["accuracy"]
    expected = np.flatnonzero((x >= x0) & (x <= x1) & (y >= y0) & (y <= y1))
    np.testing.assert_array_equal(np.sort(model.brush), expected)
    rows = page.bottom.candidates.rows
    qtbot.waitUntil(lambda: rows.rowCount() == min(len(expected), 1000), timeout=3000)
    listed = [rows.index(row, 2).data(Qt.ItemDataRole.EditRole) for row in range(rows.rowCount())]
    assert listed == sorted(listed, reverse=True)
    page.bottom.clear_brush.click()
    assert model.brush is None


def test_that_the_table_holds_the_feasible_front_and_a_row_selects_its_network(qtbot, page, bench):
    rows = page.bottom.candidates.rows
    qtbot.waitUntil(lambda: rows.rowCount() == len(page.model.answer.front), timeout=3000)
    assert rows.network(0) == page.model.answer.best
    page.bottom.candidates.selectRow(2)
    assert bench.selection == rows.genome(2)


def test_that_a_click_on_a_network_selects_it(qtbot, page, bench):
    index = int(page.model.answer.front[0])
    x, y = page.chart._scaled[0][index], page.chart._scaled[1][index]
    place = page.chart.plot.cloud.point(float(x), float(y))
    qtbot.mouseClick(page.chart.plot.viewport(), LEFT, pos=on_view(page, place.x(), place.y()))
    qtbot.waitUntil(lambda: bench.selection == page.model.genome(index), timeout=3000)


def test_that_pins_verified_pairs_and_references_are_marked_where_they_are(
    qtbot, page, bench, made, synthetic
):
    model = page.model
    genome = model.genome(int(model.answer.front[3]))
    page.toggle_pin(genome)
    device = synthetic.PIXEL.id
    measured = {"measured_ms": 0.66, "p10_ms": 0.65, "p90_ms": 0.68}
    verified = {"accuracy": 0.71, "images": 1000, "latency": {device: measured}}
    reference = {"title": "mine", "source": "onnx", "latency": {device: 0.5}, "accuracy": 0.7}

    def add(project: Project) -> None:
        with project.database:
            project.database.execute("UPDATE subnet SET verified = ?", (json.dumps(verified),))
            project.database.execute(
                "INSERT INTO reference VALUES ('mine', ?)", (json.dumps(reference),)
            )

    bench.do(add)
    qtbot.waitUntil(lambda: bool(page.chart.plot.marks.marks.references), timeout=5000)
    marks = page.chart.plot.marks.marks
    assert marks.pins[0].number == 1
    assert marks.pins[0].genome == genome
    assert marks.pins[0].x == pytest.approx(
        float(model.seen.values[model.x_key][model.index(genome)])
    )
    assert marks.verified[0].measured == pytest.approx((0.66, 71.0))
    assert marks.verified[0].x_ends == pytest.approx((0.65, 0.68))
    assert (marks.references[0].x, marks.references[0].y) == pytest.approx((0.5, 70.0))
    place = page.chart.plot.marks.point(marks.pins[0].x, marks.pins[0].y)
    assert page.chart.plot.marks.genome_at(place) == genome
    page.toggle_pin(genome)
    qtbot.waitUntil(lambda: not page.chart.plot.marks.marks.pins, timeout=5000)


def test_that_other_axes_show_other_quantities_with_a_line_for_each_limit(qtbot, page):
    model = page.model
    model.set_limit("memory", on=True)
    model.set_axes("macs", "memory")
    qtbot.waitUntil(lambda: model.arrangement.x_key == "macs", timeout=5000)
    plot = page.chart.plot
    assert plot.lines["x"].value is None
    assert plot.lines["y"].value == model.limits["memory"].most
    assert plot.axis_titles() == ("MACs (M)", "Peak memory (MiB)")


def test_that_the_replay_shows_only_earlier_networks(qtbot, page):
    replay = page.chart.replay
    replay.slider.setValue(10)
    assert page.model.answer.shown.sum() < page.model.seen_count
    assert (page.model.seen.generation[page.model.answer.mask] <= 10).all()
    replay.toggle()
    replay.toggle()
    replay.reset()
    assert page.model.generation is None


def test_that_the_command_line_names_what_the_button_would_start(page, made):
    page.model.remember(algorithm="nsga2", budget=3000, population=50)
    line = page.command_line()
    assert line.startswith("nasstudio search ")
    assert str(made.path) in line
    for part in (
        f"--objective {page.model.x_key}",
        "--algorithm nsga2",
        "--budget 3000",
        "--population 50",
    ):
        assert part in line
    page.copy_button.click()
    assert QGuiApplication.clipboard().text() == line


def test_that_refining_starts_a_search_under_the_limits_and_the_button_pauses_it(
    qtbot, page, bench, monkeypatch
):
    specs = []
    monkeypatch.setattr(bench, "start", lambda *makes, problem=None: specs.extend(makes))
    page.model.set_limit(page.model.x_key, most=0.8)
    page.start(refine=True)
    page.start_or_pause()
    made = []
    bench.do(lambda project: [make(project) for make in specs], made.extend)
    qtbot.waitUntil(lambda: len(made) == 2, timeout=5000)
    assert [(x.metric, x.most) for x in made[0].limits] == [(page.model.x_key, 0.8)]
    assert made[1].limits == ()
    assert made[0].objective == page.model.x_key


def test_that_an_empty_page_says_what_it_needs_and_leads_there(qtbot, tmp_path):
    workbench = Workbench()
    page = SearchPage(workbench)
    qtbot.addWidget(page)
    wanted = []
    page.go_to.connect(wanted.append)
    page.empty.button.click()
    document = preset("mbv3_28_fast")
    path = tmp_path / "half.nasproj"
    project = Project.create(path, "Half")
    project.put("space", document)
    project.close()
    workbench.open(path)
    qtbot.waitUntil(lambda: page.model.needs == "table", timeout=10_000)
    page.empty.button.click()
    assert wanted == ["start", "devices"]
    assert build(document).size() > 0
    page.close_down()
    workbench.close()


def test_that_before_the_first_search_the_page_offers_to_start_one(qtbot, tmp_path, synthetic):
    made = synthetic.make_project(tmp_path, search=False)
    workbench = Workbench()
    page = SearchPage(workbench)
    qtbot.addWidget(page)
    workbench.open(made.path)
    qtbot.waitUntil(lambda: page.model.ground is not None, timeout=10_000)
    assert page.stack.currentIndex() == 1
    qtbot.waitUntil(lambda: page.plot_stack.currentWidget() is page.first, timeout=3000)
    assert list(page.panel.sliders)
    page.close_down()
    workbench.close()


def test_that_a_real_search_is_followed_until_it_ends(qtbot, page, bench):
    page.model.remember(algorithm="random", budget=400, population=100)
    before = page.model.shown
    page.start()
    qtbot.waitUntil(lambda: bool(bench.running("search")), timeout=20_000)
    with qtbot.waitSignal(bench.run_ended, timeout=60_000) as ended:
        pass
    assert ended.args[0].state == "done", ended.args[0].failure
    qtbot.waitUntil(lambda: page.model.seen_count == 400, timeout=10_000)
    assert page.model.shown != before
    assert page.panel.hypervolume.last() is not None
    assert page.model.answer.best is not None


def test_that_every_control_has_a_name_and_both_themes_can_be_drawn(qtbot, page):
    from PySide6.QtWidgets import QAbstractButton, QAbstractSpinBox, QComboBox, QSlider

    for kind in (QAbstractButton, QComboBox, QSlider, QAbstractSpinBox):
        for control in page.findChildren(kind):
            if not control.isVisibleTo(page) or control.objectName().startswith("qt_"):
                continue
            assert control.accessibleName() or control.text(), control
    for mode in ("dark", "light"):
        theme().set_mode(mode)
        for tab in ("parallel", "history", "candidates"):
            page.bottom.tabs.button(tab).click()
            assert not page.grab().isNull()
    theme().set_mode("system")


def test_that_the_plot_is_saved_as_png_svg_and_csv(qtbot, page, tmp_path):
    plot = page.chart.plot
    plot.save_png(tmp_path / "p.png")
    plot.save_svg(tmp_path / "p.svg")
    plot.save_csv(tmp_path / "p.csv")
    assert (tmp_path / "p.png").read_bytes()[:4] == b"\x89PNG"
    assert "over the limit" in (tmp_path / "p.svg").read_text()
    lines = (tmp_path / "p.csv").read_text().splitlines()
    assert len(lines) == page.model.seen_count + 1
    assert lines[0].startswith("genome,")
