"""A project is copied whole while it is open, or not at all."""

import os
import shutil
import sqlite3

import pytest

from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.errors import CorruptFile, InvalidInput, NoSpaceLeft
from nasstudio.engine.job.specification import ProbeSpec
from nasstudio.engine.project import copying
from nasstudio.engine.project.copying import copy_project
from nasstudio.engine.project.project import Project
from nasstudio.engine.space.families import preset


@pytest.fixture
def project(tmp_path):
    made = Project.create(tmp_path / "Phone")
    made.put("space", preset("mbv3_28_fast"))
    made.put("data", DataDocument("fashion_mnist_small"))
    folder = made.new_run(ProbeSpec(name="Find devices"))
    (folder.path / "events.jsonl").write_text("")
    folder.record_process(os.getpid())
    (folder.path / "control").write_text("pause")
    (folder.path / ".half.json.x.part").write_text("{")
    yield made
    made.close()


def test_that_a_copy_of_an_open_project_holds_what_the_project_holds(project, tmp_path):
    copy = copy_project(project.path, tmp_path / "elsewhere" / "Copy")
    assert copy == tmp_path / "elsewhere" / "Copy.nasproj"
    second = Project.open(copy, write=True)
    try:
        ours, theirs = project.snapshot(), second.snapshot()
        assert (theirs.space, theirs.data, theirs.title) == (ours.space, ours.data, ours.title)
        assert [run.spec for run in theirs.runs] == [run.spec for run in ours.runs]
        assert (copy / "exports").is_dir()
    finally:
        second.close()


def test_that_what_is_only_in_the_write_ahead_log_is_copied(project, tmp_path):
    project.database.execute("PRAGMA wal_autocheckpoint = 0")
    project.put("title", "Only in the log")
    shutil.copy(project.path / "project.db", tmp_path / "bare.db")
    bare = sqlite3.connect(tmp_path / "bare.db")
    titles = bare.execute("SELECT value FROM meta WHERE key = 'title'").fetchall()
    bare.close()
    assert titles != [('"Only in the log"',)]
    second = Project.open(copy_project(project.path, tmp_path / "Copy"))
    assert second.snapshot().title == "Only in the log"
    second.close()


def test_that_a_transaction_that_is_not_finished_is_not_copied(project, tmp_path):
    project.database.execute("BEGIN IMMEDIATE")
    project.database.execute("UPDATE meta SET value = '\"Half\"' WHERE key = 'title'")
    second = Project.open(copy_project(project.path, tmp_path / "Copy"))
    project.database.execute("ROLLBACK")
    assert second.snapshot().title == "Phone"
    second.close()


def test_that_locks_commands_and_half_written_files_stay_behind(project, tmp_path):
    copy = copy_project(project.path, tmp_path / "Copy")
    names = {path.name for path in copy.rglob("*")}
    assert "spec.json" in names
    assert not names & {"project.lock", "control", ".half.json.x.part", "project.db-wal"}


def test_that_the_copy_of_a_running_run_is_not_tied_to_the_process_of_the_original(
    project, tmp_path
):
    (run,) = project.snapshot().runs
    assert project.folder(run.id).process() is not None
    second = Project.open(copy_project(project.path, tmp_path / "Copy"))
    assert second.folder(run.id).process() is None
    second.close()


def test_that_a_copy_never_replaces_what_is_there(project, tmp_path):
    taken = tmp_path / "Taken.nasproj"
    taken.mkdir()
    with pytest.raises(InvalidInput, match="already") as said:
        copy_project(project.path, taken)
    assert str(taken) in str(said.value)
    assert list(taken.iterdir()) == []


def test_that_a_copy_inside_of_the_project_is_refused(project):
    with pytest.raises(InvalidInput, match="inside"):
        copy_project(project.path, project.path / "exports" / "Copy")


def test_that_a_folder_that_is_no_project_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match=r"project\.db"):
        copy_project(tmp_path, tmp_path / "Copy")


def test_that_a_damaged_database_is_said_and_leaves_nothing(tmp_path):
    broken = tmp_path / "Broken.nasproj"
    broken.mkdir()
    (broken / "project.db").write_bytes(b"not a database, but long enough to be looked at" * 30)
    with pytest.raises(CorruptFile):
        copy_project(broken, tmp_path / "Copy")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Broken.nasproj"]


def test_that_a_full_disk_leaves_nothing_of_the_copy(project, tmp_path, monkeypatch):
    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(copying.shutil, "copy2", full)
    with pytest.raises(NoSpaceLeft):
        copy_project(project.path, tmp_path / "Copy")
    assert not [path for path in tmp_path.iterdir() if "Copy" in path.name]


def test_that_a_file_that_vanishes_while_copying_is_left_out(project, tmp_path, monkeypatch):
    real = shutil.copy2

    def vanishing(source, target):
        if source.name == "events.jsonl":
            source.unlink()
        return real(source, target)

    monkeypatch.setattr(copying.shutil, "copy2", vanishing)
    copy = copy_project(project.path, tmp_path / "Copy")
    assert list(copy.rglob("spec.json"))
    assert not list(copy.rglob("events.jsonl"))
