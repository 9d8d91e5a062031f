import json
import zipfile
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMainWindow

from nasstudio.engine.errors import StudioError
from nasstudio.ui.commands import CATALOGUE, Commands
from nasstudio.ui.frame.about import AboutDialog, ShortcutsDialog, version_of, versions
from nasstudio.ui.frame.report import ReportDialog, parts, tail, without_home, write_report
from nasstudio.ui.settings import THREADS, Settings


def test_that_the_last_lines_of_a_log_are_taken(tmp_path):
    log = tmp_path / "log.txt"
    log.write_text("\n".join(f"line {n}" for n in range(100_000)))
    lines = tail(log, 5).splitlines()
    assert lines == [f"line {n}" for n in range(99_995, 100_000)]


def test_that_a_log_that_is_gone_is_said_to_be(tmp_path):
    assert "not readable" in tail(tmp_path / "gone.log")


def test_that_the_report_does_not_name_the_person(monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: Path("/home/ada"))
    assert without_home("/home/ada/x and /home/adam") == "~/x and /home/adam"


def test_that_the_report_holds_versions_settings_error_and_logs(tmp_path):
    log = tmp_path / "run-7" / "stderr.log"
    log.parent.mkdir()
    log.write_text("no space left\n")
    settings = Settings.in_memory()
    settings.set(THREADS, 3)
    write_report(tmp_path / "report.zip", parts(settings, [log], "InvalidInput"))
    with zipfile.ZipFile(tmp_path / "report.zip") as archive:
        assert sorted(archive.namelist()) == [
            "error.txt", "logs/01-run-7-stderr.log", "settings.json", "versions.txt",
        ]  # fmt: skip
        assert json.loads(archive.read("settings.json"))[THREADS.key] == 3
        assert archive.read("logs/01-run-7-stderr.log") == b"no space left"
        assert b"Python: 3." in archive.read("versions.txt")


def test_that_the_report_is_shown_before_it_is_saved_and_a_failure_is_said(qtbot, tmp_path):
    dialog = ReportDialog(Settings.in_memory(), [], "the error")
    qtbot.addWidget(dialog)
    dialog.show()
    assert "the error" in dialog.text.toPlainText()
    assert not dialog.save(tmp_path / "missing" / "report.zip")
    assert isinstance(dialog.error.error, StudioError)
    assert dialog.error.isVisible()
    with qtbot.waitSignal(dialog.saved):
        assert dialog.save(tmp_path / "report.zip")
    assert zipfile.is_zipfile(tmp_path / "report.zip")


def test_that_about_lists_versions_and_copies_them(qtbot):
    dialog = AboutDialog()
    qtbot.addWidget(dialog)
    dialog.copy_versions()
    assert dict(versions())["Qt"] in QGuiApplication.clipboard().text()
    assert version_of("no-such-package-at-all") == "–"


@pytest.mark.parametrize(("query", "found"), [("palette", 0), ("undo", 1), ("ctrl+k", 1)])
def test_that_the_list_of_shortcuts_can_be_filtered(qtbot, query, found):
    window = QMainWindow()
    qtbot.addWidget(window)
    dialog = ShortcutsDialog(Commands(window), window)
    assert dialog.shown() == sum(bool(command.shortcut) for command in CATALOGUE)
    dialog.filter.set_text(query)
    assert dialog.shown() == found
