"""Verification gives every chosen network its real accuracy and its real latency, once."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from nasstudio.engine.accuracy.evaluate import Evaluator
from nasstudio.engine.cost.formats.reader import read_table
from nasstudio.engine.cost.metric import TableLatency
from nasstudio.engine.data.catalog import open_set
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.device.device import Device
from nasstudio.engine.export.latency import Bench
from nasstudio.engine.job import events as ev
from nasstudio.engine.job.context import StopJob
from nasstudio.engine.job.specification import VerifySpec
from nasstudio.engine.net.storage import load_supernet


@pytest.fixture
def genomes(trained_project):
    space = trained_project.space
    return [tuple(g.tolist()) for g in (space.smallest(), space.largest())]


@pytest.fixture
def spec(trained_project, genomes):
    return VerifySpec(**trained_project.basis, genomes=tuple(genomes))


@pytest.fixture
def evaluator(trained_project, run_job):
    supernet, _ = load_supernet(trained_project.folder / trained_project.supernet.path)
    return Evaluator(supernet, open_set(trained_project.data), 120, 0)


def test_that_accuracy_is_that_of_the_half_no_predictor_has_seen(spec, run_job, evaluator, genomes):
    ran = run_job(spec)
    assert ran.code == 0, ran.last
    others = []
    for genome, found in zip(genomes, ran.results("verified"), strict=True):
        assert tuple(found["genome"]) == genome
        assert found["accuracy"] == evaluator.accuracy(np.array(genome), "validation_b")
        others.append(found["accuracy"] != evaluator.accuracy(np.array(genome), "validation_a"))
        assert found["images"] == 60
        assert found["latency"] == {}
    assert any(others)  # on so few images two halves may be equally hard by chance


def test_that_the_test_images_are_looked_at_only_if_asked(spec, run_job, evaluator, genomes):
    (found, _) = run_job(spec).results("verified")
    assert not any(key.startswith("test") for key in found)
    (asked, _) = run_job(msgspec.structs.replace(spec, test=True)).results("verified")
    assert asked["test_images"] == 120
    assert asked["test_accuracy"] == evaluator.accuracy(np.array(genomes[0]), "test")


def test_that_latency_is_promised_by_the_table_and_measured_on_every_device(
    spec, run_job, trained_project, genomes
):
    devices = trained_project.devices
    ran = run_job(msgspec.structs.replace(spec, devices=devices, table=trained_project.table))
    assert ran.code == 0, ran.last
    assert not ran.of(ev.Warned)
    table = read_table(trained_project.folder / trained_project.table.path)
    for genome, found in zip(genomes, ran.results("verified"), strict=True):
        assert set(found["latency"]) == {device.id for device in devices}
        for device in devices:
            values = found["latency"][device.id]
            metric = TableLatency(trained_project.space, table, device)
            population = np.array([genome], np.int16)
            assert values["promised_ms"] == pytest.approx(metric.of(population)[0])
            assert values["promised_error"] == metric.error
            assert 0 < values["p10_ms"] <= values["measured_ms"] <= values["p90_ms"]
            assert values["n"] > 0
            assert isinstance(values["busy"], bool)
            assert values["pace"] is None  # the table has no calibration
    assert [p.name for p in ran.folder.path.glob("verify-*")] == []


def test_that_a_device_that_is_not_here_has_a_promise_and_no_measurement(
    spec, run_job, trained_project
):
    far = Device("Some phone", "onnxruntime", "1.0")
    ran = run_job(msgspec.structs.replace(spec, devices=(far,), table=trained_project.table))
    assert ran.code == 0, ran.last
    (found, _) = ran.results("verified")
    assert found["latency"][far.id]["measured_ms"] is None
    assert found["latency"][far.id]["promised_ms"] is None  # the table has no such device
    said = [event.text for event in ran.of(ev.Warned)]
    assert len(said) == 2  # each reason once, not once a network
    assert any("not this machine" in text for text in said)


def test_that_without_a_table_nothing_is_promised(spec, run_job, trained_project):
    device = trained_project.devices[1]
    ran = run_job(msgspec.structs.replace(spec, devices=(device,)))
    for found in ran.results("verified"):
        assert found["latency"][device.id]["promised_ms"] is None
        assert found["latency"][device.id]["measured_ms"] > 0


def test_that_a_run_that_was_stopped_goes_on_with_the_networks_that_are_missing(
    spec, run_job, monkeypatch, trained_project, genomes
):
    asked = []

    def latencies(bench, genome, subject):
        asked.append(tuple(genome.tolist()))
        if len(asked) == 2:
            raise StopJob
        return ()

    monkeypatch.setattr(Bench, "latencies", latencies)
    ran = run_job(msgspec.structs.replace(spec, devices=trained_project.devices[:1]))
    assert isinstance(ran.last, ev.Stopped)
    assert [tuple(found["genome"]) for found in ran.results("verified")] == genomes[:1]
    again = run_job(ran.folder)
    assert isinstance(again.last, ev.Done)
    assert [tuple(found["genome"]) for found in again.results("verified")] == genomes
    assert asked == [genomes[0], genomes[1], genomes[1]]


def test_that_equal_networks_are_verified_once(spec, run_job, genomes):
    ran = run_job(msgspec.structs.replace(spec, genomes=(genomes[0], genomes[0])))
    assert len(ran.results("verified")) == 1
    assert ran.last.summary["networks"] == 1


def test_that_no_network_is_no_work(spec, run_job):
    ran = run_job(msgspec.structs.replace(spec, genomes=()))
    assert ran.code == 0
    assert ran.results("verified") == []


def test_that_a_genome_of_another_space_is_refused(spec, run_job):
    ran = run_job(msgspec.structs.replace(spec, genomes=((0, 1),)))
    assert ran.code == 2
    assert "genome of 2 genes" in ran.last.what


def test_that_a_supernet_of_another_space_is_refused(spec, run_job):
    options = dict(spec.space.options, resolution=[10, 14])
    other = msgspec.structs.replace(spec.space, options=options, title="Other")
    ran = run_job(msgspec.structs.replace(spec, space=other))
    assert ran.code == 2
    assert "not those of 'Other'" in ran.last.what


def test_that_another_split_of_the_images_is_refused(spec, run_job):
    options = dict(spec.data.options, limit=90)
    ran = run_job(msgspec.structs.replace(spec, data=DataDocument("image_folder", options)))
    assert ran.code == 2
    assert "another split" in ran.last.what
