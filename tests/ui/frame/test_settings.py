import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QLineEdit

from nasstudio.ui.frame.settings_dialog import SettingsDialog
from nasstudio.ui.settings import (
    DATA_FOLDER,
    INTERPRETER,
    NOTIFY,
    OPTIONS,
    REDUCE_MOTION,
    THEME,
    THREADS,
    Settings,
)


def test_that_every_option_is_declared_once_and_has_a_default_of_its_type():
    assert len({option.key for option in OPTIONS}) == len(OPTIONS)
    for option in OPTIONS:
        assert (
            option.read(str(option.default).lower() if option.kind == "switch" else option.default)
            == option.default
        )


@given(st.one_of(st.none(), st.text(), st.integers(), st.booleans()), st.sampled_from(OPTIONS))
def test_that_whatever_stands_in_the_file_reads_as_the_option_s_type(raw, option):
    value = option.read(raw)
    assert isinstance(value, type(option.default))
    if option.kind == "choice":
        assert value in {key for key, _ in option.choices}
    if option.kind == "number":
        assert option.minimum <= value <= option.maximum


def test_that_settings_are_read_back_from_their_file(tmp_path):
    file = tmp_path / "settings.ini"
    settings = Settings(file)
    settings.set(THEME, "dark")
    settings.set(THREADS, 3)
    settings.set(NOTIFY, False)
    settings.remember("recent", ["/a/b.nasproj", "ü"])
    settings.remember("geometry", b"\x00\x01\xff")
    settings.sync()
    again = Settings(file)
    assert (again.get(THEME), again.get(THREADS), again.get(NOTIFY)) == ("dark", 3, False)
    assert again.recall("recent") == ["/a/b.nasproj", "ü"]
    assert again.recall_bytes("geometry") == b"\x00\x01\xff"


def test_that_a_damaged_file_gives_defaults(tmp_path):
    file = tmp_path / "settings.ini"
    raw = QSettings(str(file), QSettings.Format.IniFormat)
    raw.setValue(THEME.key, "sepia")
    raw.setValue(THREADS.key, "many")
    raw.setValue("window/recent", "[broken")
    raw.setValue("window/geometry", "zz")
    raw.sync()
    settings = Settings(file)
    assert settings.get(THEME) == "system"
    assert settings.get(THREADS) == 0
    assert settings.recall("recent", []) == []
    assert settings.recall_bytes("geometry") == b""


def test_that_a_change_is_said_once_and_no_change_is_not():
    settings = Settings.in_memory()
    said = []
    settings.changed.connect(lambda key, value: said.append((key, value)))
    settings.set(REDUCE_MOTION, True)
    settings.set(REDUCE_MOTION, True)
    assert said == [(REDUCE_MOTION.key, True)]


@pytest.mark.parametrize(
    ("option", "value"), [(THEME, "sepia"), (THREADS, 1000), (THREADS, -1), (NOTIFY, "maybe")]
)
def test_that_a_value_that_an_option_cannot_have_is_refused(option, value):
    settings = Settings.in_memory()
    with pytest.raises(ValueError, match=option.key):
        settings.set(option, value)
    assert settings.get(option) == option.default


def test_that_data_go_where_the_person_says(tmp_path):
    settings = Settings.in_memory()
    assert settings.data_folder().is_absolute()
    settings.set(DATA_FOLDER, str(tmp_path))
    assert settings.data_folder() == tmp_path


@pytest.fixture
def dialog(qtbot):
    made = SettingsDialog(Settings.in_memory())
    qtbot.addWidget(made)
    made.show()
    return made


def test_that_the_dialog_has_a_control_for_every_option(dialog):
    for option in OPTIONS:
        assert dialog.field(option).accessibleName()


def test_that_a_change_in_the_dialog_holds_at_once(dialog, qtbot):
    settings = dialog._settings
    dialog.field(THEME).button("dark").click()
    dialog.field(NOTIFY).click()
    threads = dialog.field(THREADS)
    threads.setFocus()
    threads.selectAll()
    qtbot.keyClicks(threads, "4")
    qtbot.keyClick(threads, Qt.Key.Key_Tab)
    line = dialog.field(DATA_FOLDER)
    assert isinstance(line, QLineEdit)
    line.setText("/data/sets ")
    line.editingFinished.emit()
    assert settings.everything() | {} == {
        **{option.key: option.default for option in OPTIONS},
        THEME.key: "dark", NOTIFY.key: False, THREADS.key: 4, DATA_FOLDER.key: "/data/sets",
    }  # fmt: skip
    dialog._reset()
    assert settings.everything() == {option.key: option.default for option in OPTIONS}
    assert dialog.field(THEME).key() == "system"


def test_that_the_interpreter_is_asked_and_the_answer_shown(dialog, qtbot):
    dialog._settings.set(INTERPRETER, "/no/such/python")
    dialog.check_interpreter()
    qtbot.waitUntil(lambda: "could not be started" in dialog.verdict(), timeout=5000)
