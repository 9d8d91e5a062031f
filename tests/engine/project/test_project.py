import os
import sqlite3
import subprocess
import sys

import numpy as np
import pytest

from nasstudio.engine import atomic
from nasstudio.engine.cost.table import Cells, Source
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import CorruptFile, InvalidInput, NoSpaceLeft, ProjectLocked
from nasstudio.engine.job import events as ev
from nasstudio.engine.job.specification import ProbeSpec, ProfileSpec
from nasstudio.engine.project import plan
from nasstudio.engine.project.ingest import Intake, take_all
from nasstudio.engine.project.project import Project
from nasstudio.engine.project.stations import station_states
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.layer import text
from nasstudio.engine.space.space import SpaceDocument

DEVICE = Device("cpu", "torch")


@pytest.fixture
def project(tmp_path):
    project = Project.create(tmp_path / "mine", "Mine")
    project.put("space", preset("mbv3_28_fast"))
    yield project
    project.close()


def say(project, run_id, *events):
    writer = ev.EventWriter(project.folder(run_id).events)
    for event in events:
        writer.write(event)
    writer.close()


def cell(layer, ms):
    return ev.Result(name="cell", values={"layer": layer, "ms": ms, "p10": ms, "p90": ms, "n": 9})


STARTED = ev.Started(version="0", protocol=1, pid=1, machine={})


def test_that_a_project_is_the_same_after_it_was_closed_and_moved(project, tmp_path):
    project.put("data", DataDocument("fashion_mnist_small", {"seed": 3}))
    project.put_cells(["Conv 3x3"], DEVICE, Cells.of(np.array([1.5]), Source.EDITED))
    project.pin("space", (0, 1, 2), on=True)
    before = project.snapshot()
    project.close()
    (tmp_path / "mine.nasproj").rename(tmp_path / "moved.nasproj")
    again = Project.open(tmp_path / "moved.nasproj")
    after = again.snapshot()
    assert (after.title, after.space, after.data) == (before.title, before.space, before.data)
    assert after.table.cells.ms.tolist() == [[1.5]]
    assert after.subnets == before.subnets
    assert again.writable
    again.close()


def test_that_the_second_who_opens_reads_only_and_learns_who_writes(project):
    second = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path; from nasstudio.engine.project.project import Project\n"
            "p = Project.open(Path(sys.argv[1])); print(p.writable, p.holder, p.snapshot().title)",
            str(project.path),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert second.stdout.startswith(f"False NAS Studio (process {os.getpid()}")
    assert second.stdout.strip().endswith("Mine")
    with pytest.raises(ProjectLocked, match="process"):
        Project.open(project.path, write=True)


def test_that_measured_cells_arrive_once_and_survive_a_second_reading(project):
    spec = ProfileSpec(space=preset("mbv3_28_fast"), device=DEVICE)
    run = project.new_run(spec)
    layer = text(build(spec.space).layers[0])
    say(project, run.id, STARTED, cell(layer, 2.0))
    found = Intake(project, run.id).read()
    assert found.cells == [layer]
    assert project.table.times_ms([build(spec.space).layers[0]], DEVICE)[0] == 2.0
    # An edit after the measurement is not undone by reading the same events again.
    project.put_cells([layer], DEVICE, Cells.of(np.array([9.0]), Source.EDITED))
    assert Intake(project, run.id).read().cells == []
    assert project.table.cells.ms[project.table.row(layer), 0] == 9.0


def test_that_an_estimate_of_a_run_does_not_replace_a_measurement(project):
    spec = ProfileSpec(space=preset("mbv3_28_fast"), device=DEVICE)
    first, second = (text(layer) for layer in build(spec.space).layers[:2])
    project.put_cells([first], DEVICE, Cells.of(np.array([2.0]), Source.MEASURED))
    run = project.new_run(spec)
    values = {"ms": 5.0, "p10": None, "p90": None, "n": 0, "source": "interpolated"}
    guesses = [ev.Result(name="cell", values={"layer": x, **values}) for x in (first, second)]
    say(project, run.id, STARTED, *guesses)
    assert Intake(project, run.id).read().cells == [second]
    cells = project.table.cells
    assert cells.ms[:2, 0].tolist() == [2.0, 5.0]
    assert cells.source[:2, 0].tolist() == [Source.MEASURED, Source.INTERPOLATED]


def test_that_a_run_without_a_process_is_interrupted_and_offered(project):
    run = project.new_run(ProbeSpec())
    assert project.runs()[0].state == "created"
    say(project, run.id, STARTED)
    take_all(project)
    assert project.runs()[0].state == "interrupted"
    say(project, run.id, STARTED, ev.Done(summary={"devices": 2}))
    take_all(project)
    assert project.runs()[0].state == "done"
    assert project.runs()[0].summary == {"devices": 2}


def test_that_devices_found_here_are_remembered_once(project):
    run = project.new_run(ProbeSpec())
    device = {"hardware": "cpu", "runtime": "torch"}
    say(project, run.id, STARTED, *[ev.Result(name="device", values=device)] * 2)
    Intake(project, run.id).read()
    assert project.snapshot().devices == (DEVICE,)


def test_that_artefacts_know_what_they_were_made_from(project):
    spec = ProfileSpec(space=preset("mbv3_28_fast"), device=DEVICE)
    run = project.new_run(spec)
    say(
        project,
        run.id,
        STARTED,
        ev.Artefact(kind="cells", path="cells.jsonl", sha256="ab", about={"rows": 2}),
    )
    Intake(project, run.id).read()
    (artefact,) = project.artefacts()
    assert artefact.about == {"rows": 2, "space_hash": build(spec.space).hash}
    assert artefact.path == f"runs/{run.id}/cells.jsonl"


def test_that_a_result_of_another_version_names_the_event(project):
    run = project.new_run(ProfileSpec(space=preset("mbv3_28_fast"), device=DEVICE))
    say(project, run.id, STARTED, ev.Result(name="cell", values={"layer": "x"}))
    with pytest.raises(CorruptFile, match="event 2"):
        Intake(project, run.id).read()


def test_that_stations_follow_the_work_and_go_stale_with_the_space(project):
    states = station_states(project.snapshot())
    assert (states["space"], states["data"], states["devices"]) == ("done", "empty", "empty")
    layers = build(preset("mbv3_28_fast")).layers
    project.put_cells(
        [text(x) for x in layers], DEVICE, Cells.of(np.ones(len(layers)), Source.MEASURED)
    )
    assert station_states(project.snapshot())["devices"] == "done"
    project.put("space", preset("mbv3_28"))
    assert station_states(project.snapshot())["devices"] == "stale"
    assert station_states(None)["space"] == "empty"


def test_that_pins_take_the_lowest_free_number(project):
    for genome in [(0,), (1,), (2,)]:
        project.pin("s", genome, on=True)
    project.pin("s", (1,), on=False)
    project.pin("s", (3,), on=True)
    assert [(s.genome, s.pin) for s in project.subnets()] == [
        ((0,), 1),
        ((3,), 2),
        ((2,), 3),
        ((1,), None),
    ]


def test_that_a_deleted_run_takes_its_files_along_and_nothing_else(project):
    keep, drop = project.new_run(ProbeSpec()), project.new_run(ProbeSpec())
    project.delete_run(drop.id)
    assert [run.id for run in project.runs()] == [keep.id]
    assert not drop.path.exists()
    for wrong in ("../..", "nothing", ""):
        with pytest.raises(InvalidInput, match="has no run"):
            project.delete_run(wrong)
    assert project.path.exists()


def test_that_the_plan_says_what_is_lacking_and_which_step_makes_it(tmp_path):
    project = Project.create(tmp_path / "empty")
    for make, words in [
        (lambda: plan.train(project), "nasstudio space"),
        (lambda: plan.search(project), "nasstudio space"),
    ]:
        with pytest.raises(InvalidInput) as caught:
            make()
        assert words in caught.value.remedy
    project.put("space", preset("mbv3_28_fast"))
    for make, words in [
        (lambda: plan.train(project), "nasstudio data"),
        (lambda: plan.collect(project), "nasstudio train"),
        (lambda: plan.fit(project), "nasstudio train"),
        (lambda: plan.search(project), "nasstudio fit"),
    ]:
        with pytest.raises(InvalidInput) as caught:
            make()
        assert words in caught.value.remedy
    project.close()


def test_that_only_missing_rows_are_planned_to_be_measured(project):
    layers = build(preset("mbv3_28_fast")).layers
    assert plan.profile(project, DEVICE).layers is None
    known = [text(x) for x in layers[5:]]
    project.put_cells(known, DEVICE, Cells.of(np.ones(len(known)), Source.MEASURED))
    spec = plan.profile(project, DEVICE)
    assert spec.layers == tuple(text(x) for x in layers[:5])
    assert spec.table is not None


# -- malformed project folders ----------------------------------------------------------------------------------------


def test_that_a_folder_that_is_no_project_is_refused_untouched(tmp_path):
    with pytest.raises(InvalidInput, match=r"no project\.db"):
        Project.open(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content", [b"", b"garbage that is no database " * 100, b"SQLite format 3\x00" + b"\x01" * 2000]
)
def test_that_a_damaged_database_is_named_and_left_as_it_is(tmp_path, content):
    path = tmp_path / "x.nasproj"
    path.mkdir()
    (path / "project.db").write_bytes(content)
    with pytest.raises(CorruptFile) as caught:
        Project.open(path)
    assert str(path / "project.db") in caught.value.where
    assert (path / "project.db").read_bytes() == content


def test_that_a_truncated_database_is_named(project):
    project.put("filler", "x" * 200_000)
    project.close()
    path = project.path / "project.db"
    path.write_bytes(path.read_bytes()[:-100_000])
    with pytest.raises(CorruptFile, match="can't be read"):
        Project.open(project.path)


def test_that_a_project_of_a_newer_version_is_refused(project):
    project.close()
    with sqlite3.connect(project.path / "project.db") as database:
        database.execute("PRAGMA user_version = 999")
    with pytest.raises(InvalidInput, match="newer version"):
        Project.open(project.path)


def test_that_a_stored_value_of_another_type_names_its_key(project):
    project.put("space", [1, 2, 3])
    with pytest.raises(CorruptFile, match="'space'"):
        project.get("space", SpaceDocument, None)


def test_that_a_malformed_table_in_the_project_is_named(project):
    project.close()
    (project.path / "tables" / "latency.json").write_text('{"format": "something"}')
    with pytest.raises(InvalidInput) as caught:
        Project.open(project.path)
    assert "latency.json" in caught.value.where
    # The lock was given back: the project can be opened once the file is mended.
    (project.path / "tables" / "latency.json").unlink()
    Project.open(project.path, write=True).close()


def test_that_nothing_is_made_where_something_is(tmp_path):
    (tmp_path / "x.nasproj").write_text("a file")
    with pytest.raises(InvalidInput, match="there already"):
        Project.create(tmp_path / "x")


def test_that_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "table.json"
    atomic.write_atomic(path, b"old")

    def full(temporary):
        temporary.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(NoSpaceLeft, match="disk is full"):
        atomic.replace_atomic(path, full)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["table.json"]


def test_that_the_tables_hash_follows_every_change_saved_or_not(tmp_path) -> None:
    project = Project.create(tmp_path / "Hash")
    device = Device("X", "table", title="X")
    project.put_cells(["a", "b"], device, Cells.of(np.array([1.0, 2.0]), Source.EDITED))
    saved = project.snapshot().table_sha256
    assert saved == project.table_reference().sha256
    project.table.cells.ms[0, 0] = 3.0
    changed = project.snapshot().table_sha256
    assert changed != saved
    assert changed == project.table_reference().sha256
    project.table.cells.ms[0, 0] = 1.0
    assert project.snapshot().table_sha256 == saved
    project.close()
