"""What a window makes of trainings that ended before their time, and of those that go on without a window."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from faulting import studio
from faulting.kills import ADVANCE

from nasstudio.engine.job.folder import RunFolder
from nasstudio.engine.project.ingest import take_all
from nasstudio.engine.project.project import Project
from nasstudio.engine.train.schedule import Schedule
from nasstudio.ui.pages.train.interrupted import InterruptedNotice
from nasstudio.ui.settings import Settings
from nasstudio.ui.window import Window
from nasstudio.ui.workbench import Workbench

LONG_MS = 60_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A project that can train a tiny network for some seconds."""
    project = studio.new_project(tmp_path / "p")
    phases = tuple(msgspec.structs.replace(phase, epochs=3) for phase in studio.SCHEDULE.phases)
    project.put("schedule", Schedule("longer", "Longer", phases))
    project.close()
    return project.path


def interrupted(path: Path) -> RunFolder:
    """A training whose process was killed after 9 steps, with no program there to see it."""
    project = Project.open(path, write=True)
    folder = project.new_run(studio.train_spec(project))
    studio.begin(folder, studio.Moment("call", ADVANCE, 9, "after")).wait(timeout=60)
    project.close()
    return folder


@pytest.fixture
def window(qtbot):
    made = Window(Settings.in_memory())
    qtbot.addWidget(made)
    made.show()
    yield made
    made.workbench.close()


def test_that_a_window_says_what_was_interrupted_and_resumes_it_at_a_press(
    qtbot, window, path
) -> None:
    run = interrupted(path)
    with qtbot.waitSignal(window.workbench.opened, timeout=LONG_MS):
        window.workbench.open(path)
    (note,) = [n for n in window.notifications.notes() if n.button]
    assert note.title == "Training was interrupted"
    assert "checkpoint" in note.text
    assert note.button == "Resume"
    window.show_station("train")
    notice = window.page.findChild(InterruptedNotice)
    assert notice.isVisible()
    assert notice.run_id == run.id
    with qtbot.waitSignal(window.workbench.run_ended, timeout=LONG_MS) as ended:
        note.action()
    assert ended.args[0].state == "done"
    assert window.workbench.snapshot.run(run.id).state == "done"
    assert next(n.title for n in window.notifications.notes()) == "Training is done"


def test_that_the_next_workbench_attaches_to_a_training_that_goes_on(qtbot, path) -> None:
    first = Workbench()
    with qtbot.waitSignal(first.opened, timeout=LONG_MS):
        first.open(path)
    first.start(studio.train_spec)
    qtbot.waitUntil(lambda: list(path.glob("runs/*/resume-*.safetensors")) != [], timeout=LONG_MS)
    (run_id,) = first.live
    first.close()  # as a window does: the job is not asked to stop
    assert RunFolder(path / "runs" / run_id).process() is not None
    second = Workbench()
    try:
        with qtbot.waitSignal(second.opened, timeout=LONG_MS):
            second.open(path)
        assert second.live[run_id].state == "running"
        with qtbot.waitSignal(second.run_ended, timeout=LONG_MS) as ended:
            pass
        assert (ended.args[0].id, ended.args[0].state) == (run_id, "done")
        final = [a for a in second.snapshot.artefacts if a.kind == "supernet" and a.about["final"]]
        assert [a.run for a in final] == [run_id]
    finally:
        second.close()


def test_that_a_run_that_does_not_read_is_said_and_the_project_opens(qtbot, window, path) -> None:
    run = interrupted(path)
    with (run.path / "events.jsonl").open("a") as file:
        file.write('{"event": "applause"}\n')
    window.workbench.open(path)
    qtbot.waitUntil(lambda: window.workbench.snapshot is not None, timeout=LONG_MS)
    assert any("not an event" in note.title for note in window.notifications.notes())
    assert window.workbench.writable
    assert window.workbench.snapshot.run(run.id).state == "failed"


def test_that_a_project_that_does_not_open_is_not_held_by_the_window(qtbot, window, path) -> None:
    project = Project.open(path, write=True)
    project.put("space", [1, 2])
    project.close()
    with qtbot.waitSignal(window.workbench.problem, timeout=LONG_MS) as problem:
        window.workbench.open(path)
    assert "nasstudio forget" in problem.args[0].remedy
    again = Project.open(path, write=True)
    again.forget("space")
    take_all(again)
    again.close()
    with qtbot.waitSignal(window.workbench.opened, timeout=LONG_MS):
        window.workbench.open(path)
    assert window.workbench.writable
