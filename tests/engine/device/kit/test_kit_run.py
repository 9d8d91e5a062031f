"""The runner of a kit, as a process of its own, and its parts, which know nothing of this package."""

import ast
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from nasstudio.engine.device.kit.columns import columns
from nasstudio.engine.device.kit.results import read_results
from nasstudio.resources import resource

SCRIPTS = sorted(resource("kit").rglob("*.py"))


@pytest.fixture
def files(monkeypatch):
    """The module that both runners share."""
    monkeypatch.syspath_prepend(str(resource("kit")))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield importlib.import_module("runner.files")
    for name in [name for name in sys.modules if name.split(".")[0] == "runner"]:
        del sys.modules[name]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_that_the_scripts_are_python_3_8_and_import_nothing_but_onnxruntime(path):
    tree = ast.parse(path.read_text(), feature_version=(3, 8))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported <= {*sys.stdlib_module_names, "runner", "numpy", "onnxruntime"}


def test_that_a_kit_comes_back_as_a_device_with_every_layer_and_two_rounds(space, kit, measured):
    path, said = measured
    results = read_results(path)
    (run,) = results.runs
    assert (results.device.runtime, run.threads, results.title) == ("onnxruntime", 1, "Test board")
    assert len(run.layers) == len(space.layers)
    assert all(layer.processes >= 2 for layer in run.layers)
    assert len(run.networks) >= 4
    assert run.processes >= 2
    assert results.machine["cores"] == os.cpu_count()
    table = columns(results, space)
    assert table.missing(space.layers, table.devices[0]) == []
    assert "results-Test-board.json" in said
    assert "reference layer" in said


def test_that_an_interrupted_run_goes_on_with_what_it_has(kit, tmp_path):
    command = [sys.executable, str(kit / "run_kit.py"), "--budget-minutes", "1", "--title", "b"]
    command += ["--out", str(tmp_path)]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    partial = tmp_path / "partial-b.jsonl"
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, start_new_session=True, env=environment
    )
    try:
        while not partial.exists() or len(partial.read_bytes().splitlines()) < 20:
            assert running.poll() is None
        os.killpg(running.pid, signal.SIGINT)
        said, _ = running.communicate(timeout=60)
    finally:
        running.kill()
    assert running.returncode == 130
    assert "nothing that is measured is lost" in said
    before = partial.read_bytes()
    partial.write_bytes(before + b'{"t": 1, "p"')  # as a power cut leaves it
    command[3] = "0.001"
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert "Going on with" in done.stdout
    assert partial.read_bytes().startswith(before)
    assert read_results(tmp_path / "results-b.json").runs[0].layers


def _copy(kit, tmp_path):
    return shutil.copytree(kit, tmp_path / "copy")


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (
            lambda kit: (kit / "models" / "empty.onnx").write_bytes(b"x"),
            "not what the manifest says",
        ),
        (lambda kit: (kit / "models" / "empty.onnx").unlink(), "can't be read"),
        (lambda kit: (kit / "manifest.json").write_text("{"), "damaged"),
        (lambda kit: (kit / "manifest.json").write_text('{"format": "other"}'), "not the manifest"),
        (lambda kit: (kit / "manifest.json").unlink(), "Run the script inside the kit"),
    ],
)
def test_that_a_damaged_kit_measures_nothing_and_says_what_is_wrong(
    kit, runner, tmp_path, harm, words
):
    copy = _copy(kit, tmp_path)
    harm(copy)
    done = runner(copy, "--quick")
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(copy.glob("results*"))


def test_that_a_model_outside_the_kit_is_refused(kit, runner, tmp_path):
    copy = _copy(kit, tmp_path)
    text = (copy / "manifest.json").read_text()
    (copy / "manifest.json").write_text(text.replace("models/empty.onnx", "../empty.onnx"))
    assert "damaged" in runner(copy, "--quick").stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--threads", "0"], "--threads"),
        (["--threads", "1", "1"], "different numbers"),
        (["--budget-minutes", "0"], "--budget-minutes"),
        (["--cores", "a-b"], "Write them like 0-3,6"),
    ],
)
def test_that_options_that_can_not_be_are_said(kit, runner, options, words):
    done = runner(kit, *options)
    assert done.returncode == 1
    assert words in done.stderr


def test_that_a_python_without_onnxruntime_says_the_pip_line(kit, tmp_path):
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.dont_write_bytecode = True; "
         f"sys.path.insert(0, {str(kit)!r}); sys.argv = ['run_kit.py', '--quick']; "
         "import run_kit; sys.exit(run_kit.main())"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert "pip install --upgrade onnxruntime" in done.stderr


def test_that_a_partial_file_of_other_conditions_is_refused(files, tmp_path):
    path = str(tmp_path / "partial.jsonl")
    files.Journal(path, {"kit": "a", "quick": False}).close()
    with pytest.raises(files.KitError, match=r"kit changed.*--restart"):
        files.Journal(path, {"kit": "b", "quick": False})


def test_that_a_partial_file_with_a_wrong_line_is_refused(files, tmp_path):
    path = tmp_path / "partial.jsonl"
    path.write_text('{"about": {}}\n{"t": 1}\n')
    with pytest.raises(files.KitError, match="line 2"):
        files.Journal(str(path), {})


def test_that_samples_which_lost_their_core_do_not_count(files):
    quiet = (1, 1, "m", [100.0, 101.0, 102.0], [99.0, 100.0, 101.0], 3)
    lost = (1, 2, "m", [500.0, 501.0], [100.0, 100.0], 2)
    found = files.times([quiet, lost])
    assert (found["ms"], found["p90"], found["processes"]) == (101e-6, 101.8e-6, 2)
    everything = (1, 2, "m", [500.0], None, 1)
    assert files.times([everything])["ms"] == 500e-6


def test_that_the_two_rounds_of_a_network_are_of_different_processes(files):
    models = [{"id": "e", "kind": "empty"}, {"id": "n", "kind": "network", "genome": [0]}]
    kit = SimpleNamespace(models=models, reference=lambda: models[0])
    bursts = [(1, p, "e", [10.0], None, 1) for p in (1, 2, 3)]
    bursts += [(1, p, "n", [100.0 * p], None, 1) for p in (1, 2, 3)]
    journal = SimpleNamespace(bursts=bursts, spent={1: 2.0})
    journal.processes = lambda threads: files.Journal.processes(journal, threads)
    run = files.summary(kit, journal, 1)
    first, second = run["networks"][0]["rounds"]
    assert (first["ms"], second["ms"]) == (200e-6, 200e-6)  # 1 and 3; 2
    assert (first["processes"], second["processes"]) == (2, 1)
    del journal.bursts[-2:]
    assert files.summary(kit, journal, 1) is None


def test_that_a_file_name_is_one_everywhere(files):
    assert files.file_name("Pi 5: Böard/\\x") == "Pi-5-B-ard-x"
    assert files.file_name("..") == "device"


def test_that_a_budget_that_is_spent_still_measures_everything_twice(kit, runner, tmp_path):
    done = runner(kit, "--budget-minutes", "0.001", "--out", str(tmp_path), "--memory-mb", "30")
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.glob("results-*.json")
    (run,) = json.loads(path.read_text())["runs"]
    assert min(layer["processes"] for layer in run["layers"]) == 2
    assert run["processes"] > 2  # the memory holds few models: many processes


@pytest.mark.parametrize(
    ("version", "shares"),
    [("1.18.0", False), ("1.22.1", False), ("1.23.0", True), ("2.0.0", True), ("unknown", True)],
)
def test_that_an_onnxruntime_whose_models_can_not_share_threads_measures_one_thread_only(
    files, monkeypatch, version, shares
):
    runner = importlib.import_module("run_kit")
    monkeypatch.delitem(sys.modules, "run_kit")
    monkeypatch.setattr(runner, "installed_version", lambda: version)
    options = runner.parser().parse_args(["--threads", "1", "2", "--budget-minutes", "1"])

    def stop(*_):
        raise NotADirectoryError

    monkeypatch.setattr(runner, "Kit", stop)
    with pytest.raises(
        NotADirectoryError if shares else runner.KitError, match=None if shares else "1.23 or newer"
    ):
        runner.run(options, SimpleNamespace(say=lambda *_: None))
    assert runner.shares_threads(version) == shares
