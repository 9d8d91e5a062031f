import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QMainWindow

from nasstudio.ui.commands import Commands
from nasstudio.ui.frame.rail import Rail
from nasstudio.ui.frame.topbar import TopBar
from nasstudio.ui.theme import theme


@pytest.fixture
def window(qtbot):
    made = QMainWindow()
    made.resize(1440, 700)
    qtbot.addWidget(made)
    return made


@pytest.fixture
def rail(window):
    made = Rail()
    window.setCentralWidget(made)
    window.show()
    return made


def test_that_clicking_a_station_chooses_it(rail, qtbot):
    said = []
    rail.station_chosen.connect(said.append)
    qtbot.mouseClick(rail.button("devices"), Qt.MouseButton.LeftButton)
    assert (said, rail.station()) == (["devices"], "devices")


def test_that_the_window_shows_a_station_silently(rail):
    said = []
    rail.station_chosen.connect(said.append)
    rail.set_station("export")
    assert (said, rail.station()) == ([], "export")
    with pytest.raises(KeyError):
        rail.set_station("kitchen")


def test_that_the_arrows_move_the_focus_and_space_chooses(rail, qtbot, window):
    window.activateWindow()
    rail.button("start").setFocus()
    qtbot.keyClick(rail.button("start"), Qt.Key.Key_Down)
    assert rail.button("data").hasFocus()
    qtbot.keyClick(rail.button("data"), Qt.Key.Key_Space)
    assert rail.station() == "data"


def test_that_control_and_a_number_choose_a_station(rail, qtbot, window):
    commands = Commands(window)
    rail.bind(commands)
    said = []
    rail.station_chosen.connect(said.append)
    window.activateWindow()
    qtbot.keyClick(window, Qt.Key.Key_6, Qt.KeyboardModifier.ControlModifier)
    assert (said, rail.station()) == (["search"], "search")


def test_that_a_state_is_shown_and_said(rail):
    rail.set_state("train", "stale")
    assert rail.state("train") == "stale"
    assert "changed" in rail.button("train").accessibleDescription()
    with pytest.raises(ValueError, match="no such state"):
        rail.set_state("train", "weird")


@pytest.fixture
def bar(window, qtbot):
    made = TopBar()
    holder = QHBoxLayout()
    holder.addWidget(made)
    window.setMenuWidget(made)
    made.bind(Commands(window))
    window.show()
    return made


def test_that_the_title_stands_in_the_middle_of_the_window(bar):
    bar.set_project("Pixel launch", edited=True)
    assert bar.project_text() == ("Pixel launch", "Edited")
    box = bar._title.geometry()
    assert abs(box.center().x() - bar.width() // 2) <= 1


def test_that_a_long_title_never_covers_menus_or_buttons(bar):
    bar.set_project("a project whose name goes on and on " * 12)
    box = bar._title.geometry()
    assert box.left() > bar.menu_bar.geometry().right()
    assert box.right() < bar.undo_button.geometry().left()


def test_that_without_a_project_nothing_is_saved(bar):
    bar.set_project("")
    assert bar.project_text() == ("No project open", "")


def test_that_the_field_asks_for_the_palette(bar, qtbot):
    with qtbot.waitSignal(bar.palette_wanted):
        bar.find_button.click()
    with qtbot.waitSignal(bar.notifications_wanted):
        bar.bell.click()
    with qtbot.waitSignal(bar.theme_toggled):
        bar.theme_button.click()


def test_that_the_bell_says_how_much_is_unread(bar):
    bar.bell.set_unread(3)
    assert "3" in bar.bell.accessibleName()
    bar.bell.set_unread(0)
    assert bar.bell.accessibleName() == "Notifications"


def test_that_the_theme_button_says_what_it_would_do(bar):
    before = theme().mode
    theme().set_mode("dark")
    assert bar.theme_button.accessibleName() == "Switch to light"
    theme().set_mode("light")
    assert bar.theme_button.accessibleName() == "Switch to dark"
    theme().set_mode(before)
