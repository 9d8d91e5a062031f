from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from PySide6.QtCore import QThreadPool
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QMainWindow, QMessageBox

from nasstudio.engine.job.folder import FINISHED, State
from nasstudio.ui.commands import Commands
from nasstudio.ui.frame.jobs import (
    ACTIVE,
    JobModel,
    JobRow,
    current,
    left_text,
    mark_of,
    percent_text,
    span,
    state_words,
    when,
)
from nasstudio.ui.frame.tray import Tray

RUNNING = JobRow(
    "r2", "Evolution · generation 31 of 50", "running", 31, 50, 18.0, disk_mib=10, seconds=29
)
PAUSED = replace(RUNNING, state="paused")
DONE = JobRow(
    "r1", "Training · Full", "done", 60, 60, disk_mib=100, started=datetime(2026, 3, 14, 9, 41)
)
LOST = JobRow("r0", "Profiling", "interrupted", 98, 220, resumable=True)


@pytest.fixture
def tray(qtbot):
    made = Tray()
    made.resize(1200, 36)
    qtbot.addWidget(made)
    made.show()
    return made


def listen(tray):
    said = []
    for name in ("pause", "resume", "stop", "log", "delete"):
        getattr(tray, name).connect(lambda run_id, name=name: said.append((name, run_id)))
    return said


def test_that_every_state_of_a_run_has_a_mark_and_a_word():
    states = State.__args__
    assert all(mark_of(state) and state_words(state) for state in states)
    assert set(ACTIVE) == set(states) - set(FINISHED)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0 s"), (18.2, "18 s"), (89, "89 s"), (130, "2 min"), (3599, "1 h 00 min"), (7440, "2 h 04 min"),
     (3 * 86400 + 7200, "3 d 2 h")],
)  # fmt: skip
def test_that_a_duration_is_written_as_people_say_it(seconds, text):
    assert span(seconds) == text


def test_that_a_moment_is_written_as_people_say_it():
    now = datetime(2026, 3, 14, 12, 0)
    assert when(datetime(2026, 3, 14, 9, 41), now) == "today, 09:41"
    assert when(datetime(2026, 3, 13, 23, 59), now) == "yesterday, 23:59"
    assert when(now - timedelta(days=12), now) == "2026-03-02"


def test_that_the_strip_shows_what_runs_before_what_waits():
    waiting = JobRow("w", "Profiling", "waiting", text="Other jobs wait")
    assert current([waiting, DONE, RUNNING]) == RUNNING
    assert current([DONE, waiting]) == waiting
    assert current([DONE]) is None
    assert left_text(waiting) == "Other jobs wait"
    assert left_text(RUNNING) == "18 s left"
    assert percent_text(RUNNING) == "62 %"
    assert percent_text(replace(RUNNING, total=None)) == ""


def test_that_an_idle_tray_says_so(tray):
    assert tray.nothing_label.isVisible()
    assert not tray.bar.isVisible()
    assert not tray.pause_button.isVisible()


def test_that_a_running_job_is_shown_with_its_progress(tray):
    tray.set_jobs([RUNNING, DONE])
    assert not tray.nothing_label.isVisible()
    assert tray.name_label.whole_text() == RUNNING.name
    assert tray.bar.share == pytest.approx(0.62)
    assert tray.mark.state == "running"
    tray.set_jobs([DONE])
    assert tray.nothing_label.isVisible()


def test_that_the_buttons_ask_for_the_current_run(tray):
    said = listen(tray)
    tray.set_jobs([RUNNING])
    tray.pause_button.click()
    tray.stop_button.click()
    tray.log_button.click()
    tray.set_jobs([PAUSED])
    assert tray.pause_button.accessibleName() == "Resume the job"
    tray.pause_button.click()
    assert said == [("pause", "r2"), ("stop", "r2"), ("log", "r2"), ("resume", "r2")]


def test_that_the_commands_of_the_run_menu_follow_the_job(tray, qtbot):
    window = QMainWindow()
    qtbot.addWidget(window)
    commands = Commands(window)
    tray.bind(commands)
    assert not commands.action("run.stop").isEnabled()
    tray.set_jobs([RUNNING])
    commands.refresh()
    said = listen(tray)
    commands.action("run.stop").trigger()
    assert said == [("stop", "r2")]
    commands.action("view.jobs").trigger()
    assert tray.is_open()
    tray.toggle.click()
    assert not commands.action("view.jobs").isChecked()


def test_that_the_list_opens_upward_and_offers_what_can_be_done(tray):
    tray.set_jobs([RUNNING, DONE, LOST])
    low = tray.sizeHint().height()
    tray.toggle.click()
    assert tray.list.isVisible()
    assert tray.sizeHint().height() > low
    buttons = tray.list._buttons
    assert not any(button.isEnabled() for button in buttons.values())
    tray.list.table.selectRow(0)
    assert {k for k, b in buttons.items() if b.isEnabled()} == {"pause", "stop", "log"}
    tray.list.table.selectRow(1)
    assert {k for k, b in buttons.items() if b.isEnabled()} == {"log", "delete"}
    tray.list.table.selectRow(2)
    assert {k for k, b in buttons.items() if b.isEnabled()} == {"resume", "log", "delete"}


def test_that_the_selected_run_stays_selected_when_the_list_changes(tray):
    tray.set_jobs([RUNNING, DONE])
    tray.list.table.selectRow(1)
    tray.set_jobs([replace(RUNNING, done=40), DONE])
    assert tray.list.selected().id == "r1"
    tray.set_jobs([JobRow("r3", "new", "running"), RUNNING, DONE])
    assert tray.list.selected().id == "r1"


def test_that_a_run_is_deleted_only_after_a_yes(tray, qtbot):
    said = listen(tray)
    tray.set_jobs([DONE])
    tray.list.table.selectRow(0)
    for answer in (QMessageBox.ButtonRole.RejectRole, QMessageBox.ButtonRole.DestructiveRole):
        tray.list._buttons["delete"].click()
        box = tray.list.findChildren(QMessageBox)[-1]
        assert "Training · Full" in box.text()
        next(b for b in box.buttons() if box.buttonRole(b) == answer).click()
        qtbot.waitUntil(lambda: not tray.list.findChildren(QMessageBox))
    assert said == [("delete", "r1")]


def test_that_the_model_of_jobs_is_a_valid_model(qtbot):
    model = JobModel()
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    model.set_jobs([RUNNING, DONE, LOST])
    changed = []
    model.dataChanged.connect(lambda first, last: changed.append((first.row(), last.row())))
    model.set_jobs([replace(RUNNING, done=32), DONE, LOST])
    assert changed == [(0, 0)]
    model.set_jobs([])
    assert tester.model() is model


def test_that_the_meter_samples_only_while_it_can_be_seen(tray):
    assert tray.meter._timer.isActive()
    tray.hide()
    assert not tray.meter._timer.isActive()
    assert QThreadPool.globalInstance().activeThreadCount() == 0


def test_that_the_meter_shows_cpu_and_memory(tray):
    tray.meter.show_sample(38.4, 6.1 * 1024**3, 16 * 1024**3)
    assert tray.meter.cpu_label.text() == "38 %"
    assert tray.meter.memory_label.text() == "6.1 / 16 GB"
    tray.meter.sample()
    assert len(tray.meter.cpu_line.values()) == 2
