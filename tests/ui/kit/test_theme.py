import itertools

import pytest
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QPushButton

from nasstudio.engine.errors import InvalidInput
from nasstudio.ui.commands import CATALOGUE, STATIONS
from nasstudio.ui.icons import bind_icon, names, pixmap
from nasstudio.ui.theme import blend, contrast, style_sheet, theme, tokens

GROUNDS = ("window", "surface", "raised", "sunk", "field")
READ = [
    *itertools.product(("text", "muted"), (*GROUNDS, "hover", "soft")),
    *itertools.product(("accent_text", "good", "warn", "bad", "limit_text"), ("window", "surface")),
    ("on_accent", "accent"),
    ("on_soft", "soft"),
    ("good", "good_ground"),
    ("warn", "warn_ground"),
    ("bad", "bad_ground"),
    ("muted", "warn_ground"),
    ("muted", "bad_ground"),
    ("muted", "good_ground"),
    ("text", "warn_ground"),
    ("text", "bad_ground"),
    ("on_limit_pill", "limit_pill"),
    ("on_pin", "pin"),
    ("on_tip", "tip"),
    ("reference", "surface"),
]


@pytest.fixture
def mode(qapp):
    before = theme().mode
    yield theme().set_mode
    theme().set_mode(before)


@pytest.mark.parametrize("name", ["light", "dark"])
def test_that_text_can_be_read_on_every_ground_it_stands_on(name):
    table = tokens(name)
    weak = {
        pair: round(contrast(QColor(table[pair[0]]), QColor(table[pair[1]])), 2)
        for pair in READ
        if contrast(QColor(table[pair[0]]), QColor(table[pair[1]])) < 4.5
    }
    assert not weak


@pytest.mark.parametrize("name", ["light", "dark"])
def test_that_numbers_can_be_read_on_the_whole_heat_scale(mode, name):
    mode(name)
    assert min(contrast(theme().heat(i / 50), theme().heat_text()) for i in range(51)) >= 4.5


def test_that_contrast_is_that_of_the_guidelines():
    assert contrast(QColor("#000000"), QColor("#FFFFFF")) == pytest.approx(21.0)
    assert contrast(QColor("#767676"), QColor("#FFFFFF")) == pytest.approx(4.54, abs=0.01)


def test_that_both_themes_have_the_same_tokens():
    assert tokens("light").keys() == tokens("dark").keys()


@pytest.mark.parametrize("name", ["light", "dark"])
def test_that_the_style_sheet_leaves_no_name_open(name):
    assert "$" not in style_sheet(name)


def test_that_a_name_that_is_no_token_is_refused(qapp):
    with pytest.raises(KeyError):
        theme().color("blurple")


def test_that_switching_the_theme_changes_every_colour_and_says_so_once(mode, qtbot):
    mode("light")
    with qtbot.waitSignal(theme().changed):
        mode("dark")
    assert theme().is_dark
    assert theme().color("surface") == QColor("#1A1F26")
    told = []
    theme().changed.connect(lambda: told.append(1))
    mode("dark")
    assert told == []


def test_that_a_mode_that_is_none_is_refused(qapp):
    with pytest.raises(ValueError, match="sepia"):
        theme().set_mode("sepia")


def test_that_the_heat_scale_begins_and_ends_at_the_design_s_colours(mode):
    mode("light")
    assert theme().heat(-1).name() == "#dcebf6"
    assert theme().heat(0.5).name() == "#fbf3ea"
    assert theme().heat(2).name() == "#f3b77f"


def test_that_a_blend_of_nothing_is_the_first_colour():
    assert blend(QColor("#102030"), QColor("#FFFFFF"), 0.0).name() == "#102030"
    assert blend(QColor("#102030"), QColor("#FFFFFF"), 1.0).name() == "#ffffff"


def colours_of(image: QImage) -> set[str]:
    return {
        image.pixelColor(x, y).name()
        for x in range(image.width())
        for y in range(image.height())
        if image.pixelColor(x, y).alpha() == 255
    }


def test_that_an_icon_is_drawn_in_the_colour_of_its_token(mode):
    mode("light")
    assert colours_of(pixmap("stop", 24, "bad").toImage()) == {"#b84a00"}
    mode("dark")
    assert colours_of(pixmap("stop", 24, "bad").toImage()) == {"#ff9457"}


def test_that_a_bound_icon_follows_the_theme(mode, qtbot):
    mode("light")
    button = QPushButton()
    qtbot.addWidget(button)
    bind_icon(button, "play", 16)
    bind_icon(button, "stop", 16)
    mode("dark")
    assert colours_of(button.icon().pixmap(16, 16).toImage()) <= {"#e7eaef"}


def test_that_an_icon_that_does_not_exist_is_named(qapp):
    with pytest.raises(InvalidInput, match="no icon unicorn"):
        pixmap("unicorn")


def test_that_every_icon_that_a_command_or_station_wants_ships():
    wanted = {command.icon for command in CATALOGUE if command.icon}
    wanted |= {icon for _, _, icon in STATIONS}
    assert wanted <= set(names())


def test_that_every_icon_draws_something_in_the_colour_asked_for(qapp):
    accent = theme().color("accent").name()
    assert [n for n in names() if accent not in colours_of(pixmap(n, 36, "accent").toImage())] == []
