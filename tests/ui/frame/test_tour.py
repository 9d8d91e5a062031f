"""The tour points at what it speaks of, is shown once by itself, and answers to the keyboard."""

import importlib.util
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtWidgets import QApplication, QPushButton, QWidget

from nasstudio.ui.app import application, dress
from nasstudio.ui.frame.guide import SHOWN
from nasstudio.ui.frame.tour import Step, Tour, beside
from nasstudio.ui.settings import THEME, Settings
from nasstudio.ui.theme import theme
from nasstudio.ui.window import Window

MAKER = Path(__file__).parents[1] / "search" / "conftest.py"


@pytest.fixture(scope="session")
def searched_once(tmp_path_factory):
    spec = importlib.util.spec_from_file_location("made_for_the_tour", MAKER)
    maker = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    return maker.make_project(tmp_path_factory.mktemp("tour"), 400).path


@pytest.fixture
def searched(searched_once, tmp_path):
    path = tmp_path / searched_once.name
    shutil.copytree(searched_once, path, ignore=shutil.ignore_patterns("*.lock"))
    return path


@pytest.fixture
def window(qtbot):
    dress(application([]), Settings.in_memory())
    made = Window(Settings.in_memory())
    qtbot.addWidget(made)
    made.show()
    yield made
    made.close()


def open_project(qtbot, window, path):
    window.workbench.open(path)
    qtbot.waitUntil(lambda: window.workbench.snapshot is not None, timeout=10_000)


# -- the tour by itself ---------------------------------------------------------------------------------------------


@pytest.fixture
def places(qtbot):
    ground = QWidget()
    ground.resize(1000, 700)
    buttons = [QPushButton(f"Button {i}", ground) for i in range(3)]
    for button, at in zip(buttons, ((20, 20), (480, 300), (900, 650)), strict=True):
        button.setGeometry(*at, 80, 30)
    qtbot.addWidget(ground)
    ground.show()
    ground.activateWindow()
    steps = [
        Step(f"Step {i}", "What there is to say about it.", lambda button=button: button.geometry())
        for i, button in enumerate(buttons)
    ]
    return ground, buttons, steps


def test_that_enter_goes_through_all_steps_and_ends(qtbot, places):
    ground, _, steps = places
    tour = Tour(ground)
    tour.start(steps)
    seen = []
    while tour.is_running:
        seen.append(tour.at)
        qtbot.keyClick(tour.card, Qt.Key.Key_Return)
    assert seen == [0, 1, 2]
    assert not tour._timer.isActive()


def test_that_escape_ends_it_at_once(qtbot, places):
    ground, _, steps = places
    tour = Tour(ground)
    tour.start(steps)
    with qtbot.waitSignal(tour.ended):
        qtbot.keyClick(tour.card, Qt.Key.Key_Escape)
    assert not tour.is_running


def test_that_back_returns_to_the_step_before(qtbot, places):
    ground, _, steps = places
    tour = Tour(ground)
    tour.start(steps)
    assert not tour.card.back_button.isVisible()
    tour.card.next_button.click()
    tour.card.back_button.click()
    assert tour.at == 0
    tour.end()


def test_that_enter_on_the_back_button_goes_back(qtbot, places):
    ground, _, steps = places
    tour = Tour(ground)
    tour.start(steps)
    tour.next()
    tour.card.back_button.setFocus()
    qtbot.keyClick(tour.card.back_button, Qt.Key.Key_Return)
    assert tour.at == 0
    tour.end()


def test_that_no_card_covers_what_it_points_at(places):
    ground, buttons, steps = places
    tour = Tour(ground)
    tour.start(steps)
    for button in buttons:
        assert not tour.card.geometry().intersects(button.geometry())
        assert ground.rect().contains(tour.card.geometry())
        tour.next()


def test_that_a_card_follows_what_it_points_at(qtbot, places):
    ground, buttons, steps = places
    tour = Tour(ground)
    tour.start(steps)
    before = tour.card.pos()
    buttons[0].move(20, 600)
    qtbot.waitUntil(lambda: tour.card.pos() != before)
    assert ground.rect().contains(tour.card.geometry())
    tour.end()


def test_that_the_focus_returns_to_where_it_was(qtbot, places):
    ground, buttons, steps = places
    buttons[1].setFocus()
    tour = Tour(ground)
    tour.start(steps)
    assert ground.focusWidget() is tour.card.next_button
    tour.end()
    assert ground.focusWidget() is buttons[1]


def test_that_a_tour_that_is_begun_again_shows_one_card(places):
    ground, _, steps = places
    tour = Tour(ground)
    tour.start(steps)
    first = tour.card
    tour.start(steps)
    assert first.isHidden()
    assert tour.card.isVisible()
    tour.end()


@given(
    x=st.integers(0, 1400),
    y=st.integers(0, 880),
    width=st.integers(1, 400),
    height=st.integers(1, 400),
)
def test_that_a_card_is_always_inside_of_the_window(x, y, width, height):
    room = QRect(0, 0, 1440, 900)
    place = beside(QRect(x, y, width, height).intersected(room), 320, 180, room)
    assert room.contains(QRect(place, place + QPoint(320 - 1, 180 - 1)))


# -- in the window --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_that_the_first_project_with_a_search_starts_the_tour(qtbot, window, searched, mode):
    window.settings.set(THEME, mode)
    assert theme().name == mode
    open_project(qtbot, window, searched)
    tour = window.guide.tour
    assert tour.is_running
    assert window.page.station == "search"
    plot = window.page.chart.plot
    qtbot.waitUntil(lambda: plot.isVisible() and plot.star.place is not None, timeout=10_000)
    shown = QRect(plot.mapTo(window, QPoint(0, 0)), plot.size())
    for _ in range(2):
        qtbot.waitUntil(lambda: shown.intersects(tour._ring.geometry()))
        tour.next()
    verify = window.inspector.verify_button
    qtbot.waitUntil(verify.isVisible, timeout=10_000)
    there = QRect(verify.mapTo(window, QPoint(0, 0)), verify.size())
    qtbot.waitUntil(lambda: tour._ring.geometry().contains(there))
    tour.next()
    assert not tour.is_running


def test_that_it_is_never_shown_again_unless_asked_for(qtbot, window, searched):
    open_project(qtbot, window, searched)
    window.guide.tour.end()
    window.workbench.close()
    open_project(qtbot, window, searched)
    assert not window.guide.tour.is_running
    window.commands.action("help.tour").trigger()
    assert window.guide.tour.is_running


def test_that_it_is_remembered_in_the_settings_file(qtbot, tmp_path, searched):
    dress(application([]), Settings.in_memory())
    running = []
    for _ in range(2):
        window = Window(Settings(tmp_path / "settings.ini"))
        qtbot.addWidget(window)
        window.show()
        open_project(qtbot, window, searched)
        running.append(window.guide.tour.is_running)
        window.close()
    assert running == [True, False]


def test_that_a_project_without_a_search_starts_no_tour(qtbot, window, tmp_path):
    window.workbench.create(tmp_path / "New", "New")
    qtbot.waitUntil(lambda: window.workbench.snapshot is not None, timeout=10_000)
    assert not window.guide.tour.is_running
    assert not window.settings.recall(SHOWN)


def test_that_without_a_project_it_points_at_the_rail(qtbot, window):
    window.commands.action("help.tour").trigger()
    tour = window.guide.tour
    rail = QRect(window.rail.mapTo(window, QPoint(0, 0)), window.rail.size())
    for _ in range(3):
        assert rail.contains(tour._ring.geometry().center())
        tour.next()
    assert not tour.is_running


def test_that_going_to_another_station_ends_it(qtbot, window, searched):
    open_project(qtbot, window, searched)
    assert window.guide.tour.is_running
    window.rail.button("space").click()
    assert not window.guide.tour.is_running


def test_that_the_limit_can_be_dragged_while_the_card_is_shown(qtbot, window, searched):
    open_project(qtbot, window, searched)
    page, tour = window.page, window.guide.tour
    line = page.chart.plot.lines["x"]
    qtbot.waitUntil(lambda: page.chart.plot.isVisible() and line.isVisible(), timeout=10_000)
    qtbot.waitUntil(lambda: tour._ring.geometry().width() < 60)
    QApplication.processEvents()
    grip = tour._ring.geometry().center()
    assert window.childAt(grip) is page.chart.plot.viewport()
