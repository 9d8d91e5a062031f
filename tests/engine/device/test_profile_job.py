"""A profile from specification to calibration, in a run folder, and what a restart keeps."""

import signal
import tempfile

import msgspec
import numpy as np
import pytest

from nasstudio.engine.cost import counts
from nasstudio.engine.cost.formats import own_json
from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device import profile
from nasstudio.engine.device.calibration import Calibration
from nasstudio.engine.device.coverage import layers_to_measure
from nasstudio.engine.device.runtime import registry
from nasstudio.engine.device.timing import Timing
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.job import events as ev
from nasstudio.engine.job.context import JobContext, StopJob
from nasstudio.engine.job.exclusive import MachineLock
from nasstudio.engine.job.folder import RunFolder
from nasstudio.engine.job.specification import ProbeSpec, ProfileSpec
from nasstudio.engine.run import child
from nasstudio.engine.run import profile as runner
from nasstudio.engine.space.families import build
from nasstudio.engine.space.layer import text
from nasstudio.engine.space.space import SpaceDocument

STAGE = {"channels": 8, "stride": 2, "depth": [1, 2], "kernel": [3, 5], "expand": [2.0, 3.0]}
TINY = SpaceDocument(
    "mobilenetv3",
    "tiny",
    "Tiny",
    {
        "resolution": [8, 12],
        "stem": 8,
        "stem_stride": 1,
        "head": [16, 16],
        "channels": 1,
        "classes": 4,
        "stages": [STAGE],
    },
)


@pytest.fixture(autouse=True)
def _signals(monkeypatch):
    monkeypatch.setattr(runner, "_NETWORKS_LEAST_S", 0.4)
    before = [signal.getsignal(s) for s in (signal.SIGTERM, signal.SIGINT)]
    yield
    for number, handler in zip((signal.SIGTERM, signal.SIGINT), before, strict=True):
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def device():
    return registry.get("onnxruntime").devices_here()[0]


def _spec(device, **changes):
    usual = {"space": TINY, "budget_s": 0.3, "spread": 0.5, "networks": 6}
    return ProfileSpec(device=device, **(usual | changes))


def _folder(tmp_path, spec, name="run"):
    return RunFolder.create(tmp_path / "p.nasproj" / "runs" / name, spec)


def _main(folder):
    """The child's main function in this process, which never lets the machine's lock go: each has its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NASSTUDIO_RUNTIME", tempfile.mkdtemp(dir=folder.project))
        return child.main(folder.path)


def _read(folder):
    with runner.CellFile(folder.path / "cells.jsonl") as cells:
        return cells


def _results(folder, name):
    read = ev.EventReader(folder.events).read()
    return [e.values for e in read if isinstance(e, ev.Result) and e.name == name]


def _context(folder, tmp_path):
    lock = MachineLock(tmp_path / "lock", exclusive=True)
    return JobContext(folder, lock, ev.EventWriter(folder.events))


def test_that_a_probe_reports_devices_that_read_back(tmp_path, device):
    folder = _folder(tmp_path, ProbeSpec())
    assert _main(folder) == 0
    found = [msgspec.convert(v, type(device)) for v in _results(folder, "device")]
    assert device in found


def test_that_a_profile_measures_every_layer_and_calibrates(tmp_path, device):
    folder = _folder(tmp_path, _spec(device))
    assert _main(folder) == 0
    space = build(TINY)
    cells = _results(folder, "cell")
    assert {c["layer"] for c in cells} == {text(layer) for layer in space.layers}
    assert all(0 < c["p10"] <= c["ms"] <= c["p90"] and c["n"] >= 1 for c in cells)
    (calibration,) = [msgspec.convert(v, Calibration) for v in _results(folder, "calibration")]
    assert len(calibration.measured_ms) == 6
    assert calibration.space_hash == space.hash
    assert calibration.noise is not None
    stored = (folder.path / "calibration.json").read_bytes()
    assert msgspec.json.decode(stored, type=Calibration) == calibration
    ends = {space.identity(space.smallest()), space.identity(space.largest())}
    chosen = {space.identity(np.array(g, np.int16)) for g in calibration.genomes}
    assert ends <= chosen
    events = ev.EventReader(folder.events).read()
    assert [e.kind for e in events if isinstance(e, ev.Artefact)] == ["cells", "calibration"]
    done = events[-1]
    assert isinstance(done, ev.Done)
    assert done.summary["layers"] == len(space.layers)
    assert {"seconds", "mape", "tau", "noise"} <= done.summary.keys()


def test_that_a_restart_measures_only_what_is_missing(tmp_path, device):
    folder = _folder(tmp_path, _spec(device, networks=0))
    labels = [text(layer) for layer in build(TINY).layers]
    kept = runner.CellLine(labels[0], 123.0, 122.0, 124.0, 9, finished=True)
    begun = runner.CellLine(labels[1], 456.0, 455.0, 457.0, 5, finished=False)
    lines = b"\n".join(msgspec.json.encode(line) for line in (kept, begun))
    (folder.path / "cells.jsonl").write_bytes(lines + b'\n{"layer":"torn')
    assert _main(folder) == 0
    measured = {c["layer"] for c in _results(folder, "cell")}
    assert measured == set(labels[1:])
    cells = _read(folder)
    assert cells.lines[labels[0]] == kept
    assert cells.lines[labels[1]].ms != begun.ms
    assert all(cells.finished(label) for label in labels)
    before = len(_results(folder, "cell"))
    assert _main(folder) == 0
    assert len(_results(folder, "cell")) == before
    done = ev.EventReader(folder.events).read()[-1]
    assert done.summary["measured"] == 0


def test_that_a_cancelled_profile_keeps_the_rows_already_measured(tmp_path, device):
    folder = _folder(tmp_path, _spec(device, spread=1e-9, budget_s=600.0, networks=0))
    job = _context(folder, tmp_path)
    asked = 0
    measured = job.check

    def check(on_pause=None):
        nonlocal asked
        asked += 1
        if asked > 340:
            job.stop()
        measured(on_pause)

    job.check = check
    with pytest.raises(StopJob):
        runner.run(folder.spec(), job)
    cells = _read(folder)
    labels = {text(layer) for layer in build(TINY).layers}
    assert set(cells.lines) == labels
    assert all(cells.finished(label) for label in labels)


def test_that_named_rows_are_measured_and_the_rest_comes_from_the_table(tmp_path, device):
    space = build(TINY)
    labels = [text(layer) for layer in space.layers]
    table = LatencyTable(devices=[device], cells=Cells.missing((0, 1)))
    table.add_rows(labels)
    table.cells = Cells.of(np.full((len(labels), 1), 0.05), Source.MEASURED)
    stored = tmp_path / "p.nasproj" / "tables" / "t.json"
    stored.parent.mkdir(parents=True)
    stored.write_bytes(own_json.to_json(table))
    probe = RunFolder(tmp_path / "p.nasproj" / "runs" / "run")
    spec = _spec(device, layers=tuple(labels[:2]), table=probe.reference(stored))
    folder = _folder(tmp_path, spec)
    assert _main(folder) == 0
    assert {c["layer"] for c in _results(folder, "cell")} == set(labels[:2])
    calibration = msgspec.convert(_results(folder, "calibration")[0], Calibration)
    assert max(calibration.sums_ms) > 0.05 * 5


def test_that_what_lies_between_measured_sizes_is_interpolated_and_said(tmp_path, device):
    options = dict(TINY.options, resolution=[8, 10, 12, 14, 16, 18, 20, 22, 24])
    wide = SpaceDocument("mobilenetv3", "wide", "Wide", options)
    folder = _folder(tmp_path, _spec(device, space=wide, networks=0))
    assert _main(folder) == 0
    cells = _results(folder, "cell")
    space = build(wide)
    measured = {text(layer) for layer in layers_to_measure(space)}
    between = {c["layer"] for c in cells if c.get("source") == "interpolated"}
    assert between == {text(layer) for layer in space.layers} - measured
    assert between
    done = ev.EventReader(folder.events).read()[-1]
    assert done.summary["interpolated"] == len(between)
    assert done.summary["layers"] == len(measured)


def test_that_rows_measured_alone_bring_no_estimates_of_others(tmp_path, device):
    options = dict(TINY.options, resolution=[8, 12, 16])
    wide = SpaceDocument("mobilenetv3", "wide", "Wide", options)
    space = build(wide)
    outer = tuple(text(layer) for layer in space.layers_at([8, 16]))
    folder = _folder(tmp_path, _spec(device, space=wide, networks=0, layers=outer))
    assert _main(folder) == 0
    assert {c["layer"] for c in _results(folder, "cell")} == set(outer)
    assert "interpolated" not in ev.EventReader(folder.events).read()[-1].summary


def test_that_a_profile_that_needs_no_rows_measures_networks_only(tmp_path, device):
    space = build(TINY)
    table = LatencyTable(devices=[device], cells=Cells.missing((0, 1)))
    table.add_rows([text(layer) for layer in space.layers])
    table.cells = Cells.of(np.full((len(space.layers), 1), 0.05), Source.MEASURED)
    stored = tmp_path / "p.nasproj" / "tables" / "t.json"
    stored.parent.mkdir(parents=True)
    stored.write_bytes(own_json.to_json(table))
    reference = RunFolder(tmp_path / "p.nasproj" / "runs" / "run").reference(stored)
    folder = _folder(tmp_path, _spec(device, layers=(), table=reference))
    assert _main(folder) == 0
    assert _results(folder, "cell") == []
    assert len(_results(folder, "calibration")) == 1
    assert not (folder.path / "lowered").exists()


def test_that_without_all_layers_there_is_no_calibration_and_it_is_said(tmp_path, device):
    label = text(build(TINY).layers[0])
    folder = _folder(tmp_path, _spec(device, layers=(label,)))
    assert _main(folder) == 0
    assert _results(folder, "calibration") == []
    warned = [e.text for e in ev.EventReader(folder.events).read() if isinstance(e, ev.Warned)]
    assert any("No calibration" in line and "Measure them too" in line for line in warned)


def test_that_a_device_of_another_machine_fails_with_a_remedy(tmp_path, device):
    elsewhere = msgspec.structs.replace(device, hardware="Cortex-A76")
    folder = _folder(tmp_path, _spec(elsewhere))
    assert _main(folder) == InvalidInput.exit_code
    failed = ev.EventReader(folder.events).read()[-1]
    assert isinstance(failed, ev.Failed)
    assert "not this machine" in failed.what
    assert failed.remedy
    assert not failed.trace


# -- calibration ------------------------------------------------------------------------------------------------


def _timings(values):
    return [Timing(v, v * 0.99, v * 1.01, 10, busy=False) for v in values]


def test_that_calibration_recovers_a_known_scale_and_constant():
    space = build(TINY)
    rng = np.random.default_rng(3)
    times = rng.uniform(0.02, 0.3, len(space.layers))
    population = profile.spread_evenly(space, times, 20, rng)
    sums = profile.sums_ms(space, times, population)
    truth = 1.3 * sums + 0.2
    networks = profile.NetworkTimes(_timings(truth * 1.01), _timings(truth * 0.99))
    found = profile.calibrate(space, times, population, networks, rng)
    assert found.correction.scale == pytest.approx(1.3, rel=1e-4)
    assert found.constant_ms == pytest.approx(0.2, rel=1e-3)
    assert found.mape < found.noise
    assert found.tau > 0.97
    assert found.noise == pytest.approx(0.02, rel=1e-3)
    genomes = np.array(found.genomes, dtype=np.int16)
    np.testing.assert_allclose(profile.sums_ms(space, times, genomes), found.sums_ms)
    np.testing.assert_allclose(counts.macs(space, genomes), found.macs)


@pytest.mark.parametrize("n", [1, 2, 5, 12])
def test_that_chosen_networks_are_distinct_and_span_the_space(n):
    space = build(TINY)
    times = np.random.default_rng(0).uniform(0.05, 0.1, len(space.layers))
    times *= [counts.count(layer).macs ** 0.5 for layer in space.layers]
    chosen = profile.spread_evenly(space, times, n, np.random.default_rng(1))
    assert len(chosen) == n
    assert len({tuple(g) for g in chosen.tolist()}) == n
    sums = profile.sums_ms(space, times, chosen)
    if n > 1:
        assert (chosen == space.smallest()).all(axis=1).any()
        assert (chosen == space.largest()).all(axis=1).any()
        assert np.diff(sums).max() <= 3 * (sums.max() - sums.min()) / (n - 1)
