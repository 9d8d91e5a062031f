"""The window as a whole: commands, palette, stations, focus, names, geometry, dropping, a second window, closing."""

import importlib.util
import shutil
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QMimeData, QPoint, QPointF, Qt, QtMsgType, QUrl
from PySide6.QtGui import QAccessible, QDropEvent
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QFileDialog, QWidget

from nasstudio.engine.job.supervise import end
from nasstudio.engine.project.project import Project
from nasstudio.engine.project.stations import STATIONS
from nasstudio.ui.app import application, dress
from nasstudio.ui.catalogue import CATALOGUE
from nasstudio.ui.frame.guide import SHOWN
from nasstudio.ui.settings import THEME, Settings
from nasstudio.ui.theme import theme
from nasstudio.ui.window import Window
from nasstudio.ui.workers.watcher import RunWatcher

MAKER = Path(__file__).parent / "search" / "conftest.py"


@pytest.fixture(scope="session")
def searched_once(tmp_path_factory):
    spec = importlib.util.spec_from_file_location("made_for_the_window", MAKER)
    maker = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    return maker.make_project(tmp_path_factory.mktemp("window"), 400).path


@pytest.fixture
def project(searched_once, tmp_path):
    path = tmp_path / searched_once.name
    shutil.copytree(searched_once, path, ignore=shutil.ignore_patterns("*.lock"))
    return path


@pytest.fixture
def make_window(qtbot):
    """make_window(settings) -> a window that is shown; all are closed at the end."""
    made = []

    def make(settings=None):
        settings = settings or Settings.in_memory()
        settings.remember(SHOWN, {"shown": True})
        dress(application([]), settings)
        window = Window(settings)
        made.append(window)
        window.show()
        window.activateWindow()
        return window

    yield make
    for window in made:
        window.close()
        window.deleteLater()
    # Now, and not in a later test: what is still there is restyled with every window that opens.
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def window(make_window):
    return make_window()


def open_project(qtbot, window, path):
    window.workbench.open(path)
    qtbot.waitUntil(lambda: window.workbench.snapshot is not None, timeout=10_000)


@pytest.fixture
def opened(qtbot, window, project):
    open_project(qtbot, window, project)
    return window


def press(qtbot, window, key, modifier=Qt.KeyboardModifier.ControlModifier):
    qtbot.keyClick(window, key, modifier)


# -- commands -------------------------------------------------------------------------------------------------------


def test_that_every_command_of_the_catalogue_does_something(window):
    commands = window.commands
    assert [c.id for c in CATALOGUE if c.id not in commands._does] == []


def test_that_every_command_of_a_page_does_something(opened):
    for station in STATIONS:
        opened.show_station(station)
    commands = opened.commands
    assert [c.id for c in commands.all() if c.id not in commands._does] == []


def test_that_what_needs_a_project_is_disabled_without_one(qtbot, window, project):
    needing = ("file.import", "file.save_copy", "file.close", "view.inspector")
    assert not any(window.commands.action(c).isEnabled() for c in needing)
    assert window.commands.action("help.manual").isEnabled()
    open_project(qtbot, window, project)
    window.show_station("search")
    assert all(window.commands.action(c).isEnabled() for c in needing)
    window.workbench.close()
    assert not any(window.commands.action(c).isEnabled() for c in needing)


def test_that_the_palette_opens_and_runs_a_command(qtbot, window):
    was_dark = theme().is_dark
    press(qtbot, window, Qt.Key.Key_K)
    assert window.palette_popup.isVisible()
    edit = window.palette_popup.field.edit
    qtbot.keyClicks(edit, "switch light")
    qtbot.keyClick(edit, Qt.Key.Key_Return)
    assert not window.palette_popup.isVisible()
    assert theme().is_dark != was_dark


def test_that_ctrl_return_presses_the_primary_button_of_the_page(qtbot, window):
    window.show_station("search")
    assert window.page.primary().text().strip() == "Go to Start"
    press(qtbot, window, Qt.Key.Key_Return)
    assert window.page.station == "start"


def test_that_a_primary_button_that_is_disabled_cannot_be_pressed(opened):
    opened.show_station("devices")
    primary = opened.page.primary()
    for enabled in (False, True):
        primary.setEnabled(enabled)
        opened.commands.refresh()
        assert opened.commands.action("run.start").isEnabled() == enabled


def test_that_a_shortcut_sees_what_the_page_can_do_now(qtbot, opened):
    opened.show_station("search")
    qtbot.waitUntil(lambda: opened.page.model.seen_count > 0, timeout=10_000)
    primary, pressed = opened.page.primary(), []
    primary.clicked.disconnect()
    primary.clicked.connect(lambda: pressed.append(True))
    primary.setEnabled(False)
    opened.commands.refresh()
    primary.setEnabled(True)  # and nobody tells the commands
    press(qtbot, opened, Qt.Key.Key_Return)
    assert pressed == [True]


def test_that_ctrl_f_goes_to_the_filter_of_the_page(qtbot, opened):
    opened.show_station("devices")
    press(qtbot, opened, Qt.Key.Key_F)
    field = opened.page.filter_field()
    assert opened.focusWidget() is field.edit
    opened.show_station("space")
    assert opened.commands.action("edit.filter").isEnabled() == (
        opened.page.filter_field() is not None
    )


def test_that_f1_opens_the_manual_at_the_page_of_the_station(qtbot, window):
    window.show_station("train")
    press(qtbot, window, Qt.Key.Key_F1, Qt.KeyboardModifier.NoModifier)
    dialog = window.guide.show_manual()
    assert dialog.isVisible()
    assert dialog.place() == ("train", "")
    dialog.close()


# -- copies and imports ---------------------------------------------------------------------------------------------


def test_that_a_copy_is_saved_and_can_be_opened(qtbot, opened, tmp_path, monkeypatch):
    target = tmp_path / "copies" / "Copy.nasproj"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a, **k: (str(target), ""))
    with qtbot.waitSignal(opened.exchange.copied, timeout=10_000):
        opened.commands.action("file.save_copy").trigger()
    note = opened.notifications.notes()[0]
    assert str(target) in note.text
    note.action()
    qtbot.waitUntil(lambda: opened.workbench.snapshot.path == target, timeout=10_000)


def test_that_a_copy_onto_something_is_refused_with_its_reason(
    qtbot, opened, tmp_path, monkeypatch
):
    target = tmp_path / "Taken.nasproj"
    target.mkdir()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a, **k: (str(target), ""))
    with qtbot.waitSignal(opened.exchange.problem, timeout=10_000):
        opened.commands.action("file.save_copy").trigger()
    note = opened.notifications.notes()[0]
    assert note.tone == "bad"
    assert str(target) in note.text
    assert list(target.iterdir()) == []


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "phone.csv"
    path.write_text('Operation,Phone (ms)\n"Conv 3x3, C=64",4.5\n')
    return path


def test_that_a_csv_that_is_dropped_goes_to_devices(qtbot, opened, table):
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(table))])
    opened.dropEvent(
        QDropEvent(
            QPointF(700, 400),
            Qt.DropAction.CopyAction,
            mime,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
    )
    qtbot.waitUntil(lambda: opened.page.station == "devices")
    qtbot.waitUntil(lambda: opened.undo.canUndo(), timeout=10_000)
    qtbot.waitUntil(
        lambda: any(d.name.startswith("Phone") for d in opened.workbench.snapshot.table.devices),
        timeout=10_000,
    )


def test_that_import_hands_a_file_to_the_page_that_knows_it(qtbot, opened, table, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *a, **k: (str(table), ""))
    opened.commands.action("file.import").trigger()
    assert opened.page.station == "devices"
    qtbot.waitUntil(lambda: opened.undo.canUndo(), timeout=10_000)
    qtbot.waitUntil(
        lambda: any(d.name.startswith("Phone") for d in opened.workbench.snapshot.table.devices),
        timeout=10_000,
    )


def test_that_a_file_without_a_project_is_refused_with_its_remedy(window, table):
    window.drop(table)
    note = window.notifications.notes()[0]
    assert note.tone == "bad"
    assert "Open a project first" in note.title


# -- stations, focus, names -----------------------------------------------------------------------------------------


def allowed(record):
    # The offscreen platform can't move windows about; that is no warning of ours.
    return record.message.startswith("This plugin does not support")


@pytest.mark.parametrize("with_project", [False, True], ids=["without", "with"])
def test_that_all_stations_open_in_both_themes_without_warnings(
    qtbot, qtlog, window, project, with_project
):
    if with_project:
        open_project(qtbot, window, project)
    for mode in ("light", "dark"):
        window.settings.set(THEME, mode)
        assert theme().name == mode
        for station in STATIONS:
            window.show_station(station)
            QApplication.processEvents()
            assert window.stack.currentWidget() is window.page
            assert window.page.station == window.rail.station() == station
            assert not window.grab().isNull()
    bad = [r for r in qtlog.records if r.type != QtMsgType.QtDebugMsg and not allowed(r)]
    assert [record.message for record in bad] == []


def test_that_the_focus_begins_at_the_rail(window):
    focus = window.focusWidget()
    assert focus is window.rail or window.rail.isAncestorOf(focus)


def test_that_arrow_keys_and_space_walk_through_the_stations(qtbot, window):
    nothing = Qt.KeyboardModifier.NoModifier
    press(qtbot, window.focusWidget(), Qt.Key.Key_Down, nothing)
    assert window.focusWidget() is window.rail.button("data")
    press(qtbot, window.focusWidget(), Qt.Key.Key_Space, nothing)
    assert window.page.station == "data"


def nameless(window):
    """Controls that can be focused and seen, and say no name."""
    found = []
    for widget in window.findChildren(QWidget):
        can = widget.focusPolicy() != Qt.FocusPolicy.NoFocus and widget.focusProxy() is None
        if not can or not widget.isVisible() or not widget.isEnabled():
            continue
        interface = QAccessible.queryAccessibleInterface(widget)
        name = widget.accessibleName() or (
            interface.text(QAccessible.Text.Name) if interface is not None else ""
        )
        if not name.strip():
            inside = widget.parentWidget()
            of = f" in {type(inside).__name__}" if inside is not None else ""
            kind = " (scroll area)" if isinstance(widget, QAbstractScrollArea) else ""
            found.append(f"{type(widget).__name__}{of}{kind}")
    return found


@pytest.mark.parametrize("with_project", [False, True], ids=["without", "with"])
def test_that_every_control_that_can_be_focused_has_a_name(qtbot, window, project, with_project):
    if with_project:
        open_project(qtbot, window, project)
    window.tray.set_open(True)
    found = {}
    for station in STATIONS:
        window.show_station(station)
        if with_project and station == "search":
            qtbot.waitUntil(lambda: window.page.model.seen_count > 0, timeout=10_000)
        QApplication.processEvents()
        found[station] = nameless(window)
    assert {station: names for station, names in found.items() if names} == {}


def test_that_toasts_do_not_cover_the_list_of_jobs(qtbot, opened):
    opened.tray.set_open(True)
    QApplication.processEvents()
    opened.notifications.notify("It is done", "Something that took long has ended.", "good")
    (toast,) = opened.notifications.toasts()
    tray = opened.tray.mapTo(opened, QPoint(0, 0)).y()
    assert toast.geometry().bottom() < tray
    opened.tray.set_open(False)
    assert toast.geometry().bottom() > tray
    qtbot.waitUntil(lambda: toast.geometry().bottom() < opened.tray.mapTo(opened, QPoint(0, 0)).y())


# -- memory, a second window, closing -------------------------------------------------------------------------------


def test_that_size_and_inspector_are_as_they_were_left(qtbot, make_window, tmp_path, project):
    file = tmp_path / "settings.ini"
    first = make_window(Settings(file))
    first.resize(1024, 700)  # the offscreen screen is small
    open_project(qtbot, first, project)
    first.show_station("search")
    assert first.dock.isVisible()
    first.commands.action("view.inspector").trigger()
    assert not first.dock.isVisible()
    first.close()
    second = make_window(Settings(file))
    assert (second.width(), second.height()) == (1024, 700)
    open_project(qtbot, second, project)
    second.show_station("search")
    assert not second.dock.isVisible()


def test_that_a_second_window_reads_only_and_says_who_holds_the_project(
    qtbot, make_window, project
):
    first, second = make_window(), make_window()
    open_project(qtbot, first, project)
    open_project(qtbot, second, project)
    assert first.workbench.writable
    assert not second.workbench.writable
    note = second.notifications.notes()[0]
    assert second.workbench.snapshot.holder in note.text
    assert "process" in note.text
    assert second.topbar.project_text()[1] == "read-only"
    assert not second.page.primary().isEnabled()


def test_that_closing_leaves_no_thread_and_lets_the_job_go_on(qtbot, opened, project):
    opened.show_station("search")
    qtbot.waitUntil(lambda: opened.page.model.seen_count > 0, timeout=10_000)
    opened.page.start()
    qtbot.waitUntil(lambda: bool(opened.workbench.running("search")), timeout=10_000)
    run = opened.workbench.running("search")[0]
    qtbot.waitUntil(lambda: run.watcher is not None and run.watcher.isRunning(), timeout=10_000)
    opened.close()
    assert not [w for w in opened.findChildren(RunWatcher) if w.isRunning()]
    assert opened.workbench._pool.activeThreadCount() == 0
    assert opened.workbench.snapshot is None
    # The job did not end with the window: it is running, or it has said its last word.
    reader = Project.open(project)
    try:
        folder = reader.folder(run.id)
        assert folder.state() in ("running", "waiting", "done", "created")
        end(folder, lambda said: None)
    finally:
        reader.close()


def test_that_a_project_can_be_closed_and_another_opened(qtbot, opened, searched_once, tmp_path):
    other = tmp_path / "other.nasproj"
    shutil.copytree(searched_once, other, ignore=shutil.ignore_patterns("*.lock"))
    opened.commands.action("file.close").trigger()
    assert opened.workbench.snapshot is None
    assert opened.page.station == "start"
    open_project(qtbot, opened, other)
    assert opened.workbench.snapshot.path == other.resolve()
