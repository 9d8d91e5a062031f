import pytest

from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.errors import StudioError
from nasstudio.engine.job import events as ev
from nasstudio.engine.project import plan
from nasstudio.engine.project.ingest import take_all
from nasstudio.engine.project.project import Project
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.train.schedule import Phase, Schedule
from nasstudio.ui.pages.train import schedule_model as sm
from nasstudio.ui.pages.train.page import TrainPage
from nasstudio.ui.workbench import LiveRun, Workbench

PHASES = (("Full", 4, 1), ("Kernel", 1, 1), ("Depth", 2, 2), ("Expand", 2, 2))
QUICK = Schedule("quick", "Quick", tuple(Phase(n, e, 0.1, networks=k) for n, e, k in PHASES))
SPACE = build(preset("mbv3_28_fast"))


@pytest.fixture
def path(tmp_path):
    project = Project.create(tmp_path / "Pixel launch", "Pixel launch")
    project.put("space", preset("mbv3_28_fast"))
    project.put("data", DataDocument("fashion_mnist_small"))
    made = project.path
    project.close()
    return made


@pytest.fixture
def bench(qtbot):
    made = Workbench()
    yield made
    made.close()


def open_page(qtbot, bench, path):
    page = TrainPage(bench)
    qtbot.addWidget(page)
    page.show()
    if path is not None:
        bench.open(path)
        qtbot.waitUntil(lambda: bench.snapshot is not None)
    return page


def add_training(path, end, *, epochs=4.0, accuracy=0.8):
    """A training as its child would have left it; `end` is its last event or None."""
    project = Project.open(path, write=True)
    folder = project.new_run(plan.train(project, QUICK))
    (folder.path / "process.json").write_text('{"pid": 999999999, "created": 1.0}')
    weights = folder.path / "supernet-1-full.safetensors"
    weights.write_bytes(b"w" * 2_000_000)
    about = {"phase": "Full", "epoch": 4, "final": False, "space_hash": SPACE.hash, "largest": accuracy,
             "smallest": 0.5, "random_mean": 0.6, "random_p10": 0.55, "random_p90": 0.7}  # fmt: skip
    writer = ev.EventWriter(folder.events)
    full = {"name": "Full", "number": 1, "of": 4}
    said = [
        ev.Started(version="1", protocol=1, pid=1, machine={}),
        ev.Result(name="phase", values=full | {"state": "began", "epoch": 0, "seconds": 0}),
        ev.MetricEvent(step=1.0, values={"loss": 1.2, "loss_kd": None, "images_per_s": 800.0, "rate": 0.1}),
        ev.MetricEvent(step=epochs, values={"largest": accuracy, "smallest": 0.5, "random_mean": 0.6,
                                            "random_p10": 0.55, "random_p90": 0.7}),
        ev.Artefact(kind="supernet", path=weights.name, sha256=f"sha-{accuracy}", about=about),
        ev.Result(name="phase", values=full | {"state": "ended", "epoch": 4, "seconds": 40.0}),
    ]  # fmt: skip
    for event in [*said, *([end] if end else [])]:
        writer.write(event)
    writer.close()
    take_all(project)
    project.close()
    return folder.id


def test_that_the_empty_page_names_what_has_to_come_first(qtbot, bench, tmp_path):
    page = open_page(qtbot, bench, None)
    assert page.needs == "start"
    assert page.command_line() == ""
    project = Project.create(tmp_path / "bare")
    bare = project.path
    project.close()
    bench.open(bare)
    qtbot.waitUntil(lambda: bench.snapshot is not None)
    assert page.empty.isVisible()
    with qtbot.waitSignal(page.go_to) as asked:
        page.empty.button.click()
    assert asked.args == ["data"]


def test_that_a_finished_training_is_replayed_from_its_events(qtbot, bench, path):
    add_training(path, ev.Done(summary={"seconds": 150.0}))
    page = open_page(qtbot, bench, path)
    qtbot.waitUntil(lambda: page.board.numbers.phase.value_label.text() == "Done")
    assert page.board.numbers.best.value_label.text() == "80.0"
    assert page.board.curves._values["smallest"].text() == "50.0"
    assert not page.board.notice.isVisible()
    row = page.board.checkpoints.current()
    assert (row.phase, row.used) == ("Full", True)
    qtbot.waitUntil(lambda: page.board.checkpoints.total.text() == "2.0 MB in 1 file")
    model = page.board.schedule.model
    qtbot.waitUntil(lambda: model.total_s() is not None)


def test_that_a_page_made_after_opening_shows_the_same(qtbot, bench, path):
    add_training(path, ev.Done(summary={"seconds": 150.0}))
    bench.open(path)
    qtbot.waitUntil(lambda: bench.snapshot is not None)
    page = open_page(qtbot, bench, None)
    qtbot.waitUntil(lambda: page.board.numbers.best.value_label.text() == "80.0")


def test_that_an_interrupted_training_offers_to_go_on(qtbot, bench, path, monkeypatch):
    run_id = add_training(path, None, epochs=4.0)
    page = open_page(qtbot, bench, path)
    qtbot.waitUntil(lambda: "epoch 4 of 9" in page.board.notice.title_label.text())
    resumed = []
    monkeypatch.setattr(bench, "resume_run", resumed.append)
    page.board.notice.resume_asked.disconnect()
    page.board.notice.resume_asked.connect(resumed.append)
    page.board.notice.button.click()
    assert resumed == [run_id]


def test_that_a_dismissed_notice_stays_away(qtbot, bench, path):
    add_training(path, None)
    page = open_page(qtbot, bench, path)
    qtbot.waitUntil(page.board.notice.isVisible)
    page.board.notice._close()
    page._refresh()
    assert not page.board.notice.isVisible()


def test_that_an_edited_schedule_is_kept_and_trained(qtbot, bench, path, monkeypatch):
    page = open_page(qtbot, bench, path)
    model = page.board.schedule.model
    qtbot.waitUntil(lambda: model.schedule is not None)
    model.setData(model.index(0, sm.EPOCHS), "3")
    qtbot.waitUntil(lambda: bench.snapshot.schedule is not None)
    assert bench.snapshot.schedule.phases[0].epochs == 3
    assert model.index(0, sm.EPOCHS).data() == "3"
    assert "--schedule" not in page.command_line()
    makes = []
    monkeypatch.setattr(bench, "start", lambda *m, problem=None: makes.extend(m))
    page.main.click()
    made = []
    bench.do(lambda project: made.append(makes[0](project)))
    qtbot.waitUntil(lambda: bool(made))
    assert made[0].schedule.phases[0].epochs == 3


def test_that_a_chosen_preset_is_named_in_the_command(qtbot, bench, path):
    page = open_page(qtbot, bench, path)
    page.board.schedule._chosen("progressive_quick")
    qtbot.waitUntil(lambda: bench.snapshot.schedule is not None)
    assert "--schedule progressive_quick" in page.command_line()
    assert f"'{path}'" in page.command_line()


def test_that_an_earlier_supernet_can_be_given_to_search(qtbot, bench, path):
    add_training(path, ev.Done(), accuracy=0.9)
    add_training(path, ev.Done(), accuracy=0.7)
    page = open_page(qtbot, bench, path)
    view = page.board.checkpoints.view
    qtbot.waitUntil(lambda: view.model().rowCount() == 2)
    assert page.board.checkpoints.current().largest == 0.7
    view.setCurrentIndex(view.model().index(1, 0))
    page.board.checkpoints.use.click()
    qtbot.waitUntil(lambda: page.board.checkpoints.current().used)
    assert page.board.checkpoints.current().largest == 0.9
    chosen = []
    bench.do(lambda project: chosen.append(plan.supernet(project).sha256))
    qtbot.waitUntil(lambda: bool(chosen))
    assert chosen == ["sha-0.9"]


def test_that_a_refused_start_is_shown_in_place(qtbot, bench, path, monkeypatch):
    page = open_page(qtbot, bench, path)
    said = StudioError("No room left.", remedy="Free some.")
    monkeypatch.setattr(bench, "start", lambda *m, problem=None: problem(said))
    page.start_chain()
    assert page.error.isVisible()
    page.collect(50)
    assert page.board.predictor.error.error is said


def test_that_the_predictor_needs_a_supernet_first(qtbot, bench, path):
    page = open_page(qtbot, bench, path)
    assert not page.board.predictor.collect.isEnabled()
    assert not page.board.predictor.fit.isEnabled()
    page.board.show_tab("predictor")
    assert "train a supernet first" in page.board.predictor.note.text()


def test_that_closing_the_project_empties_the_page(qtbot, bench, path):
    add_training(path, ev.Done())
    page = open_page(qtbot, bench, path)
    qtbot.waitUntil(lambda: page.course is not None)
    bench.close()
    assert page.course is None
    assert page.empty.isVisible()


def test_that_a_training_whose_process_is_still_going_can_not_be_resumed_yet(qtbot, bench, path):
    run_id = add_training(path, ev.Stopped())
    page = open_page(qtbot, bench, path)
    qtbot.waitUntil(page.board.notice.isVisible)
    bench.live[run_id] = LiveRun(run_id, "Training", "train", "stopped", watcher=object())
    page._refresh()
    assert not page.board.notice.isVisible()
    bench.live.clear()
    page._refresh()
    assert page.board.notice.isVisible()


def test_that_a_training_that_runs_shows_its_schedule_fixed_and_can_be_paused(
    qtbot, bench, path, monkeypatch
):
    run_id = add_training(path, None)
    page = open_page(qtbot, bench, path)
    qtbot.waitUntil(lambda: page.course is not None and page.course.epoch >= 4)
    bench.live[run_id] = LiveRun(run_id, "Training", "train", "running", left_s=90.0)
    paused = []
    monkeypatch.setattr(bench, "pause", paused.append)
    page._refresh()
    assert page.main.text().strip() == "Pause training"
    assert page.stop.isVisible()
    assert not page.board.notice.isVisible()
    assert page.board.numbers.left.value_label.text() == "1 min 30"
    model = page.board.schedule.model
    assert not any(model.can_edit(row) for row in range(model.rowCount()))
    assert model.schedule == QUICK
    page.main.click()
    assert paused == [run_id]
    bench.live.clear()
