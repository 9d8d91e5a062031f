import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMainWindow

from nasstudio.ui.commands import Commands
from nasstudio.ui.frame.palette import Entry, Palette, ranked, score


def entry(text, enabled=True, group="File"):
    return Entry(text, text, group, "", "", enabled)


@given(st.text(st.characters(codec="ascii"), max_size=20), st.data())
def test_that_any_subsequence_of_a_text_finds_it(text, data):
    keep = data.draw(st.lists(st.booleans(), min_size=len(text), max_size=len(text)))
    query = "".join(letter for letter, kept in zip(text, keep, strict=True) if kept)
    assert score(query, text) is not None


def test_that_letters_that_are_not_there_find_nothing():
    assert score("xyz", "Open project…") is None
    assert score("nepo", "Open") is None


@pytest.mark.parametrize(
    ("query", "best"),
    [
        ("op", "Open project…"),
        ("set", "Settings…"),
        ("project", "New project…"),
        ("oss", "Open the sample set"),
    ],
)
def test_that_the_start_of_a_word_counts_most(query, best):
    texts = [
        "New project…",
        "Open project…",
        "Settings…",
        "Open the sample set",
        "Stop the job",
        "Reset layout",
    ]
    assert ranked([entry(t) for t in texts], query)[0].text == best


def test_that_what_cannot_be_done_comes_last():
    found = ranked([entry("Undo", enabled=False), entry("Unpin the network")], "un")
    assert [e.text for e in found] == ["Unpin the network", "Undo"]


def test_that_what_was_used_last_comes_first_without_a_query():
    found = ranked([entry("a"), entry("b"), entry("c")], "", ["c", "b"])
    assert [e.text for e in found] == ["c", "b", "a"]


def test_that_a_menu_s_name_finds_its_commands():
    assert [e.text for e in ranked([entry("Undo", group="Edit"), entry("Quit")], "edit")] == [
        "Undo"
    ]


@pytest.fixture
def window(qtbot):
    made = QMainWindow()
    made.resize(900, 600)
    qtbot.addWidget(made)
    made.show()
    return made


@pytest.fixture
def palette(window, qtbot):
    commands = Commands(window)
    done = []
    for command in commands.all():
        if not command.id.startswith("run."):
            commands.bind(command.id, lambda *_, name=command.id: done.append(name))
    made = Palette(commands, window)
    made.done = done
    made.open_over(window)
    yield made
    made.hide()


def test_that_typing_and_enter_does_a_command(palette, qtbot):
    qtbot.keyClicks(palette.field.edit, "shortc")
    qtbot.keyClick(palette.field.edit, Qt.Key.Key_Return)
    assert palette.done == ["help.shortcuts"]
    assert not palette.isVisible()


def test_that_the_arrows_go_round_what_can_be_done(palette, qtbot):
    qtbot.keyClicks(palette.field.edit, "job")
    can = [e for e in palette.shown() if e.enabled]
    assert can
    assert not palette.shown()[-1].enabled
    for _ in range(len(can)):
        qtbot.keyClick(palette.field.edit, Qt.Key.Key_Down)
    assert palette.list.currentIndex().row() == 0
    qtbot.keyClick(palette.field.edit, Qt.Key.Key_Up)
    assert palette.list.currentIndex().row() == len(can) - 1


def test_that_escape_does_nothing_and_closes(palette, qtbot):
    qtbot.keyClick(palette.field.edit, Qt.Key.Key_Escape)
    assert not palette.isVisible()
    assert palette.done == []


def test_that_it_says_when_nothing_is_found(palette, qtbot):
    qtbot.keyClicks(palette.field.edit, "qqqq")
    assert palette._nothing.isVisible()
    qtbot.keyClick(palette.field.edit, Qt.Key.Key_Return)
    assert palette.done == []


def test_that_the_last_used_command_is_on_top_next_time(palette, qtbot, window):
    qtbot.keyClicks(palette.field.edit, "about")
    qtbot.keyClick(palette.field.edit, Qt.Key.Key_Return)
    palette.open_over(window)
    assert palette.field.text() == ""
    assert palette.shown()[0].command_id == "help.about"


def test_that_the_rows_can_be_painted(palette):
    assert not palette.grab().isNull()
