"""The workbench with real child processes that do little."""

import pytest

from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.job.specification import ProbeSpec
from nasstudio.engine.project import plan
from nasstudio.engine.project.project import Project
from nasstudio.engine.space.families import preset
from nasstudio.ui.workbench import Workbench

# A probe that counts to its seed, a hundredth of a second each, until it is told to stop.
COUNTER = """
import sys, time, types
def run(spec, job):
    for i in range(spec.seed):
        job.check()
        job.progress(i, spec.seed, unit="steps", label=f"step {i}")
        time.sleep(0.01)
    return {"steps": spec.seed}
module = types.ModuleType("nasstudio.engine.run.probe")
module.run = run
sys.modules["nasstudio.engine.run.probe"] = module
"""


@pytest.fixture
def bench(qtbot, tmp_path, monkeypatch):
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(COUNTER)
    monkeypatch.setenv("PYTHONPATH", str(site))
    Project.create(tmp_path / "p", "P").close()
    bench = Workbench()
    bench.open(tmp_path / "p.nasproj")
    qtbot.waitUntil(lambda: bench.snapshot is not None, timeout=10_000)
    yield bench
    bench.close()


def count(steps):
    return lambda project: ProbeSpec(name=f"Count to {steps}", seed=steps)


def only(bench):
    (live,) = bench.live.values()
    return live


def test_that_a_job_is_followed_to_its_end_and_the_next_one_begins(bench, qtbot):
    with qtbot.waitSignals([bench.run_ended, bench.run_ended], timeout=30_000):
        bench.start(count(2), count(3))
    assert [(run.name, run.state) for run in bench.snapshot.runs] == [
        ("Count to 2", "done"),
        ("Count to 3", "done"),
    ]


def test_that_a_job_pauses_goes_on_and_stops(bench, qtbot):
    bench.start(count(100_000))
    qtbot.waitUntil(lambda: bool(bench.live) and only(bench).done > 0, timeout=20_000)
    live = only(bench)
    assert live.label.startswith("step")
    bench.pause(live.id)
    qtbot.waitUntil(lambda: live.state == "paused", timeout=10_000)
    bench.resume(live.id)
    qtbot.waitUntil(lambda: live.state == "running", timeout=10_000)
    with qtbot.waitSignal(bench.run_ended, timeout=20_000):
        bench.stop(live.id)
    assert live.state == "stopped"
    assert bench.snapshot.run(live.id).state == "stopped"


def test_that_a_stopped_job_goes_on_at_once_when_it_is_resumed(bench, qtbot):
    bench.start(count(300))
    qtbot.waitUntil(lambda: bool(bench.live) and only(bench).done > 0, timeout=20_000)
    run_id = only(bench).id
    with qtbot.waitSignal(bench.run_ended, timeout=20_000):
        bench.stop(run_id)
    with qtbot.waitSignal(bench.run_ended, timeout=30_000):
        bench.resume_run(run_id)
    assert bench.snapshot.run(run_id).state == "done"


def test_that_closing_the_window_leaves_the_job_and_the_next_one_finds_it(bench, qtbot, tmp_path):
    bench.start(count(400))
    qtbot.waitUntil(lambda: bool(bench.live) and only(bench).done > 0, timeout=20_000)
    run_id = only(bench).id
    bench.close()
    assert bench.snapshot is None
    again = Workbench()
    with qtbot.waitSignal(again.run_ended, timeout=30_000):
        again.open(tmp_path / "p.nasproj")
    assert again.snapshot.run(run_id).state == "done"
    again.close()


def test_that_what_a_plan_lacks_is_told_to_whoever_asked(bench, qtbot):
    told = []
    bench.start(plan.train, problem=told.append)
    qtbot.waitUntil(lambda: bool(told), timeout=10_000)
    assert isinstance(told[0], InvalidInput)
    assert bench.live == {}


def test_that_changes_arrive_in_order_and_with_a_new_snapshot(bench, qtbot):
    seen = []
    bench.changed.connect(lambda snapshot: seen.append(snapshot.title))
    for title in ("one", "two", "three"):
        bench.do(lambda project, title=title: project.put("title", title))
    bench.do(lambda project: project.put("space", preset("mbv3_28_fast")))
    qtbot.waitUntil(lambda: bench.space is not None, timeout=10_000)
    assert seen == ["one", "two", "three", "three"]


def test_that_a_folder_that_is_no_project_is_a_problem_and_closes_nothing(bench, qtbot, tmp_path):
    with qtbot.waitSignal(bench.problem, timeout=10_000) as caught:
        bench.open(tmp_path)
    assert "project.db" in str(caught.args[0])
    assert bench.snapshot is not None


def test_that_opening_the_open_project_again_keeps_it_writable(bench, qtbot, tmp_path):
    with qtbot.waitSignal(bench.opened, timeout=10_000):
        bench.open(tmp_path / "p.nasproj")
    assert bench.writable
