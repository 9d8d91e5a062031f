"""The child process of a job, with real processes."""

import os
import signal
import sys
import time

import pytest

from nasstudio.engine.errors import CorruptFile, InvalidInput, StudioError
from nasstudio.engine.job import events as ev
from nasstudio.engine.job import supervise
from nasstudio.engine.job.exclusive import MachineLock, lock_path
from nasstudio.engine.job.folder import RunFolder
from nasstudio.engine.job.specification import ProbeSpec, Reference

# A runner that counts until it is told to stop; the child finds it by the tag of the specification.
COUNTER = """
import time
def run(spec, job):
    for i in range(spec.seed):
        job.check()
        job.progress(i, spec.seed, unit="steps")
        time.sleep(0.01)
    job.result("counted", {"steps": spec.seed})
    return {"steps": spec.seed}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A run whose runner is the counter."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(
        "import sys, types\n"
        "module = types.ModuleType('nasstudio.engine.run.probe')\n"
        f"exec({COUNTER!r}, module.__dict__)\n"
        "sys.modules['nasstudio.engine.run.probe'] = module\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(site))

    def make(steps):
        return RunFolder.create(
            tmp_path / "p.nasproj" / "runs" / f"run-{steps}", ProbeSpec(seed=steps)
        )

    return make


def wait_for(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def events(folder, kind):
    return [e for e in ev.EventReader(folder.events).read() if isinstance(e, kind)]


def test_that_a_job_runs_to_its_end_and_says_so(folder):
    run = folder(3)
    assert supervise.start(run).wait(30) == 0
    assert run.state() == "done"
    assert events(run, ev.Done)[0].summary == {"steps": 3}
    assert events(run, ev.Started)[0].protocol == ev.PROTOCOL


def test_that_a_job_pauses_resumes_and_stops_when_told(folder):
    run = folder(100_000)
    child = supervise.start(run)
    wait_for(lambda: events(run, ev.Progress))
    run.command("pause")
    wait_for(lambda: run.state() == "paused")
    run.command("resume")
    wait_for(lambda: run.state() == "running")
    supervise.end(run)
    assert child.wait(10) == 0
    assert run.state() == "stopped"


def test_that_a_terminated_job_stops_with_a_word(folder):
    run = folder(100_000)
    child = supervise.start(run)
    wait_for(lambda: events(run, ev.Progress))
    child.terminate()
    assert child.wait(10) == 0
    assert run.state() == "stopped"


def test_that_a_killed_job_is_interrupted_and_can_be_started_again(folder):
    run = folder(200)
    child = supervise.start(run)
    wait_for(lambda: events(run, ev.Progress))
    os.kill(child.pid, signal.SIGKILL)
    child.wait(10)
    assert run.state() == "interrupted"
    assert supervise.start(run).wait(30) == 0
    assert run.state() == "done"
    assert len(events(run, ev.Started)) == 2


def test_that_a_run_is_never_worked_on_twice_at_once(folder):
    run = folder(100_000)
    child = supervise.start(run)
    with pytest.raises(StudioError, match="being worked on"):
        supervise.start(run)
    supervise.end(run)
    child.wait(10)


def test_that_an_interpreter_that_is_not_there_is_named(folder, tmp_path):
    with pytest.raises(StudioError) as caught:
        supervise.start(folder(1), str(tmp_path / "python"))
    assert str(tmp_path / "python") in caught.value.where
    assert "Settings" in caught.value.remedy


def test_that_a_job_waits_while_somebody_measures(folder):
    measuring = MachineLock(lock_path(), exclusive=True)
    assert measuring.try_acquire()
    run = folder(2)
    child = supervise.start(run)
    wait_for(lambda: run.state() == "waiting")
    assert events(run, ev.Waiting)[0].text
    measuring.release()
    measuring.close()
    assert child.wait(20) == 0
    assert run.state() == "done"


def test_that_an_unexpected_error_goes_to_the_log_and_a_plain_sentence_to_people(folder, tmp_path):
    (tmp_path / "site" / "sitecustomize.py").write_text(
        "import sys, types\n"
        "module = types.ModuleType('nasstudio.engine.run.probe')\n"
        "exec('def run(spec, job): return 1 / 0', module.__dict__)\n"
        "sys.modules['nasstudio.engine.run.probe'] = module\n"
    )
    run = folder(1)
    assert supervise.start(run).wait(30) == 1
    (failed,) = events(run, ev.Failed)
    assert "ZeroDivisionError" in failed.what
    assert failed.remedy
    assert "Traceback" in failed.trace
    assert "ZeroDivisionError" in supervise.last_words(run)


def test_that_an_input_that_changed_is_refused(tmp_path):
    run = RunFolder.create(tmp_path / "p.nasproj" / "runs" / "r", ProbeSpec())
    path = tmp_path / "p.nasproj" / "table.json"
    path.write_text("{}")
    reference = run.reference(path)
    assert run.resolve(reference) == path
    path.write_text("{ }")
    with pytest.raises(CorruptFile, match="changed"):
        run.resolve(reference)
    with pytest.raises(CorruptFile, match="not there"):
        run.resolve(Reference("../../../etc/passwd", "0" * 64))


def test_that_a_run_folder_is_never_overwritten(tmp_path):
    RunFolder.create(tmp_path / "r", ProbeSpec())
    with pytest.raises(InvalidInput, match="there already"):
        RunFolder.create(tmp_path / "r", ProbeSpec())


def test_that_the_child_has_the_environment_that_measuring_needs(folder, monkeypatch, tmp_path):
    (tmp_path / "site" / "sitecustomize.py").write_text(
        "import os, sys, types\n"
        "module = types.ModuleType('nasstudio.engine.run.probe')\n"
        "module.run = lambda spec, job: {k: os.environ[k] for k in "
        "('MALLOC_TRIM_THRESHOLD_', 'OMP_NUM_THREADS', 'OMP_WAIT_POLICY')}\n"
        "sys.modules['nasstudio.engine.run.probe'] = module\n"
    )
    run = folder(1)
    assert supervise.start(run).wait(30) == 0
    summary = events(run, ev.Done)[0].summary
    assert summary == {
        "MALLOC_TRIM_THRESHOLD_": str(256 * 1024**2),
        "OMP_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "passive",
    }
    assert sys.executable
