"""A phone is measured through adb: what the tools print is read, and what comes back are results like any other."""

import contextlib
import importlib
import json
import shutil
import sys
from pathlib import Path
from types import MappingProxyType

import pytest

from nasstudio.engine.device.kit import manifest
from nasstudio.engine.device.kit.columns import columns
from nasstudio.engine.device.kit.results import read_results
from nasstudio.resources import resource

# As the documentation of LiteRT's benchmark tools shows it; the second as newer versions print percentiles.
BENCHMARK = """STARTING!
Log parameter values verbosely: [0]
Num threads: [1]
Graph: [/data/local/tmp/nasstudio/layer-01.tflite]
INFO: Initialized TensorFlow Lite runtime.
The input model file size (MB): 11.983
Initialized session in 20.283ms.
Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if exceeding 150 seconds.
count=2 first=339304 curr=266325 min=266325 max=339304 avg=302814 std=36489

Running benchmark for at least 50 iterations and at least 1 seconds but terminate if exceeding 150 seconds.
count=50 first=266601 curr=266931 min=265837 max=268116 avg=266473 std=419

Inference timings in us: Init: 20283, First inference: 339304, Warmup (avg): 302814, Inference (avg): 266473
Note: as the benchmark tool itself affects memory footprint, the following is only APPROXIMATE
"""
PERCENTILES = """INFO: count=9 first=91020 curr=55300 min=54900 max=91020 avg=60125.5 std=11800
INFO: p5=54910 median=55350 p95=90000
INFO: count=20 first=31500 curr=30900 min=30718 max=36410 avg=31118.1 std=1323
INFO: p5=30725 median=30901.5 p95=36000
INFO: Inference timings in us: Init: 21432, First inference: 91020, Warmup (avg): 60125.5, Inference (avg): 31118.1
"""
EXECUTOR_OLD = """I 00:00:00.004885 executorch:executor_runner.cpp:73] Model file mv2.pte is loaded.
I 00:00:00.007490 executorch:executor_runner.cpp:162] Inputs prepared.
I 00:00:06.887939 executorch:executor_runner.cpp:298] Model executed successfully 60 time(s) in 18.720000 ms.
I 00:00:06.887975 executorch:executor_runner.cpp:302] 1 outputs:
"""


def _iterations(count, ms):
    """What newer versions of executor_runner say, in Android's log."""
    lines = [
        f"I ExecuTorch: Iteration {i} of {count}: {5.0 if i <= 10 else ms:f} ms"
        for i in range(1, count + 1)
    ]
    total = 50.0 + (count - 10) * ms
    return "\n".join(
        [*lines, f"I ExecuTorch: Model executed successfully {count} time(s) in {total:f} ms."]
    )


@contextlib.contextmanager
def imported(folder, monkeypatch):
    """The script of a kit as a module, forgotten again afterwards."""
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    try:
        yield importlib.import_module("collect_android")
    finally:
        for name in [n for n in sys.modules if n.split(".")[0] in ("runner", "collect_android")]:
            del sys.modules[name]


@pytest.fixture
def android(monkeypatch):
    with imported(resource("kit"), monkeypatch) as module:
        yield module


def test_that_the_measurement_and_not_the_warm_up_of_benchmark_model_is_read(android):
    assert android.parse_benchmark_model(BENCHMARK) == ([266473.0], 50)


def test_that_the_median_is_taken_where_benchmark_model_prints_one(android):
    assert android.parse_benchmark_model(PERCENTILES) == ([30901.5], 20)


def test_that_the_sum_of_executor_runner_becomes_a_time_a_call(android):
    times, count = android.parse_executor_runner(EXECUTOR_OLD)
    assert times == pytest.approx([312.0])
    assert count == 60


def test_that_the_first_calls_of_executor_runner_do_not_count(android):
    times, count = android.parse_executor_runner(_iterations(60, 0.25))
    assert times == pytest.approx([250.0] * 50)
    assert count == 50


@pytest.mark.parametrize(
    "text",
    ["", "Segmentation fault", "Model executed successfully.", "count=5 first=1 avg=1 std=0"],
)
def test_that_output_without_times_is_shown(android, text):
    for read in (android.parse_benchmark_model, android.parse_executor_runner):
        with pytest.raises(android.KitError, match="has printed no time"):
            read(text)


def test_that_a_time_of_nought_is_refused(android):
    text = "Model executed successfully 5 time(s) in 0.000000 ms."
    with pytest.raises(android.KitError, match="says that a call took"):
        android.parse_executor_runner(text)


class Pixel:
    """A phone: it holds what is pushed, and runs executor_runner with a time that follows the size of the model.

    Its adb stands for the program: the same words in, what that would print out.
    """

    PROPERTIES = MappingProxyType(
        {
            "ro.soc.manufacturer": "Google",
            "ro.soc.model": "Tensor G3",
            "ro.product.model": "Pixel 8",
            "ro.product.manufacturer": "Google",
            "ro.build.version.release": "16",
        }
    )

    def __init__(self):
        self.files = {}
        self.calls = []
        self.log = ""

    def adb(self, _, *words):
        self.calls.append(" ".join(words))
        match words:
            case ("push", path, there):
                self.files[there] = Path(path).stat().st_size
            case ("shell", "rm", "-f", there):
                del self.files[there]
            case ("shell", "getprop", name):
                return self.PROPERTIES.get(name, "") + "\n"
            case ("shell", "dumpsys", "battery"):
                return "  level: 80\n  temperature: 271\n"
            case ("logcat", "-c"):
                self.log = ""
            case ("logcat", "-d", *_):
                return self.log
            case ("shell", "taskset", "f0", tool, model, count, *_) if tool in self.files:
                size = self.files[model.removeprefix("--model_path=")]
                self.log = _iterations(int(count.removeprefix("--num_executions=")), size / 1e6)
        return ""


@pytest.fixture
def phone_kit(kit, tmp_path):
    """The kit with models that carry the name of ExecuTorch's; the phone only looks at their size."""
    copy = shutil.copytree(kit, tmp_path / "kit")
    values = json.loads((copy / manifest.NAME).read_text())
    values["formats"] = {"executorch": "1.5.1"}
    for model in values["models"]:
        model["files"] = {"executorch": model["files"]["onnx"]}
    (copy / manifest.NAME).write_text(json.dumps(values))
    return copy


def _options(android, *more):
    words = ["--tool", "executor_runner", "--pause", "0", "--rounds", "2", "--taskset", "f0"]
    return android.parser().parse_args([*words, *more])


def test_that_a_phone_comes_back_as_a_device(phone_kit, space, tmp_path, monkeypatch):
    tool = tmp_path / "executor_runner"
    tool.write_bytes(b"\x7fELF")
    phone = Pixel()
    with imported(phone_kit, monkeypatch) as android:
        monkeypatch.setattr(android.Phone, "adb", lambda self, *words: phone.adb(self, *words))
        path = android.run(_options(android, "--binary", str(tool)), lambda text: None)
    results = read_results(Path(path))
    assert results.device.hardware == "Google Pixel 8 · Google Tensor G3 · cores f0"
    assert (results.device.runtime, results.device.version) == ("executorch", "1.5.1")
    assert results.machine["temperature_c"] == 27.1
    table = columns(results, space)
    assert table.missing(space.layers, table.devices[0]) == []
    assert table.calibrations[table.devices[0].id].noise == 0.0
    start = "shell taskset f0 /data/local/tmp/nasstudio/executor_runner --model_path="
    assert any(call.startswith(start) and "--cpu_threads=1" in call for call in phone.calls)
    assert list(phone.files) == ["/data/local/tmp/nasstudio/executor_runner"]  # nothing is left


def test_that_a_stopped_collection_goes_on_with_the_models_it_has(phone_kit, tmp_path, monkeypatch):
    tool = tmp_path / "executor_runner"
    tool.write_bytes(b"\x7fELF")
    phone = Pixel()
    said = []

    def say(text):
        said.append(text)
        if len(said) == 8:
            raise KeyboardInterrupt

    with imported(phone_kit, monkeypatch) as android:
        monkeypatch.setattr(android.Phone, "adb", lambda self, *words: phone.adb(self, *words))
        with pytest.raises(KeyboardInterrupt):
            android.run(_options(android, "--binary", str(tool)), say)
        (partial,) = phone_kit.glob("partial-*.jsonl")
        before = partial.read_bytes()
        assert before.count(b'"m":') == 6
        path = android.run(_options(android, "--binary", str(tool)), lambda text: None)
        assert partial.read_bytes().startswith(before)
    assert read_results(Path(path)).runs[0].networks


def test_that_a_tool_without_its_models_and_a_missing_adb_are_said(kit, phone_kit, runner):
    options = ["--tool", "benchmark_model", "--binary", "x", "--adb", "/nowhere/adb"]
    assert "--formats litert" in runner(kit, *options, script="collect_android.py").stderr
    options[1] = "executor_runner"
    said = runner(phone_kit, *options, script="collect_android.py").stderr
    assert "can't be started" in said
    assert "Traceback" not in said


def test_that_a_tool_that_is_not_there_is_said(phone_kit, monkeypatch):
    phone = Pixel()
    with imported(phone_kit, monkeypatch) as android:
        monkeypatch.setattr(android.Phone, "adb", lambda self, *words: phone.adb(self, *words))
        with pytest.raises(android.KitError, match="gone is not there"):
            android.run(_options(android, "--binary", "gone"), lambda text: None)
