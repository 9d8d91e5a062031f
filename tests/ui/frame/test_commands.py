import pytest
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenuBar

from nasstudio.engine.errors import InvalidInput
from nasstudio.ui.commands import CATALOGUE, GROUPS, STATIONS, Command, Commands, sequences


@pytest.fixture
def window(qtbot):
    made = QMainWindow()
    qtbot.addWidget(made)
    return made


def test_that_no_two_commands_share_a_shortcut_or_an_id():
    keys = [key.toString() for command in CATALOGUE for key in sequences(command.shortcut)]
    ids = [command.id for command in CATALOGUE]
    assert len(keys) == len(set(keys))
    assert len(ids) == len(set(ids))


def test_that_every_shortcut_is_one_that_qt_knows():
    for command in CATALOGUE:
        for key in sequences(command.shortcut):
            assert key.toString(), command.id
            assert key.count() == 1, command.id


def test_that_every_command_stands_in_a_menu_that_there_is():
    groups = {group for group, _ in GROUPS}
    assert all(command.group in groups for command in CATALOGUE)


def test_that_a_second_command_with_a_taken_shortcut_is_refused(window):
    commands = Commands(window)
    with pytest.raises(InvalidInput, match=r"page\.kill and edit\.palette both want Ctrl\+K"):
        commands.register(Command("page.kill", "Kill", "Ctrl+K"))
    with pytest.raises(InvalidInput, match="two commands"):
        commands.register(Command("edit.undo", "Undo"))


def test_that_a_command_that_nothing_does_is_disabled_until_it_is_bound(window):
    commands = Commands(window)
    done = []
    assert not commands.action("file.new").isEnabled()
    commands.bind("file.new", lambda: done.append("new"))
    commands.action("file.new").trigger()
    assert done == ["new"]
    commands.unbind("file.new")
    assert not commands.action("file.new").isEnabled()


def test_that_binding_again_replaces_what_was_done(window):
    commands = Commands(window)
    done = []
    commands.bind("file.new", lambda: done.append(1))
    commands.bind("file.new", lambda: done.append(2))
    commands.action("file.new").trigger()
    assert done == [2]


def test_that_a_command_is_enabled_when_it_says_so(window):
    can = {"run": False}
    commands = Commands(window, [])
    action = commands.register(
        Command("page.run", "Run", when=lambda: can["run"], does=lambda: None)
    )
    assert not action.isEnabled()
    can["run"] = True
    commands.refresh()
    assert action.isEnabled()


def test_that_a_checkable_command_gets_its_state(window):
    commands = Commands(window)
    states = []
    commands.bind("view.jobs", states.append)
    commands.action("view.jobs").trigger()
    commands.action("view.jobs").trigger()
    assert states == [True, False]


def test_that_the_menu_bar_holds_every_command_once(window):
    commands = Commands(window)
    bar = QMenuBar(window)
    menus = commands.fill_menu_bar(bar)
    listed = [a.objectName() for m in menus.values() for a in m.actions() if not a.isSeparator()]
    assert sorted(listed) == sorted(command.id for command in CATALOGUE)
    assert menus["file"].actions()[0].objectName() == "file.new"
    assert any(action.isSeparator() for action in menus["file"].actions())


def test_that_the_list_of_shortcuts_has_all_of_them(window):
    rows = Commands(window).shortcuts()
    assert len(rows) == sum(bool(command.shortcut) for command in CATALOGUE)
    assert ("Edit", "Undo", QKeySequence("Ctrl+Z").toString()) in rows


def test_that_the_stations_have_the_numbers_one_to_eight():
    by_id = {command.id: command.shortcut for command in CATALOGUE}
    assert [by_id[f"view.{key}"] for key, _, _ in STATIONS] == [f"Ctrl+{n}" for n in range(1, 9)]
