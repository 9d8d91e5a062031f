"""Results are read strictly, and become columns that predict whole networks."""

import json

import numpy as np
import pytest

from nasstudio.engine.cost.formats.own_json import from_json, to_json
from nasstudio.engine.cost.metric import latency_metrics
from nasstudio.engine.cost.table import Source
from nasstudio.engine.device.kit import results as kit_results
from nasstudio.engine.device.kit.columns import columns, read_columns
from nasstudio.engine.errors import CorruptFile, InvalidInput
from nasstudio.engine.space.families import build
from nasstudio.engine.space.layer import text
from nasstudio.engine.space.space import SpaceDocument


def _signed(values):
    """The file with a hash that is right, as the runner would write it."""
    content = json.dumps({**values, "sha256": ""}).encode()
    return json.dumps({**values, "sha256": kit_results.digest(content)}).encode()


def _exact(results, space):
    """Results of a machine on which a layer takes 1 us a channel, a call 2 us, and networks are exact sums."""
    run = results["runs"][0]
    cost = {text(layer): 1e-3 * layer.channels_out for layer in space.layers}
    run["empty"] |= {"ms": 2e-3, "p10": 2e-3, "p90": 2e-3}
    run["reference"]["ms"] = [1.0, 1.0]
    run["interrupted"] = 0.0
    for layer in run["layers"]:
        ms = cost[layer["layer"]] + 2e-3
        layer |= {"ms": ms, "p10": ms, "p90": ms, "n": 9}
    for network in run["networks"]:
        genome = space.checked([network["genome"]])[0]
        total = sum(cost[text(block.layer)] for block in space.blocks(genome)) + 2e-3
        for times in network["rounds"]:
            times |= {"ms": total, "p10": total * 0.9, "p90": total * 1.1}
    return cost


def test_that_the_empty_call_is_taken_off_and_cells_are_measured(space, results):
    cost = _exact(results, space)
    table = columns(kit_results.decode(_signed(results)), space)
    assert table.labels == [text(layer) for layer in space.layers]
    assert np.allclose(table.cells.ms[:, 0], [cost[label] for label in table.labels])
    assert (table.cells.source == Source.MEASURED).all()
    assert (table.cells.n == 9).all()
    assert table.notes == ()


def test_that_networks_calibrate_the_column(space, results):
    _exact(results, space)
    results["runs"][0]["networks"][0]["rounds"][1]["ms"] *= 1.05
    table = columns(kit_results.decode(_signed(results)), space)
    (device,) = table.devices
    calibration = table.calibrations[device.id]
    count = len(results["runs"][0]["networks"])
    assert calibration.space_hash == space.hash
    assert len(calibration.genomes) == count
    assert calibration.noise == pytest.approx(0.05 / 1.025 / count, rel=1e-3)
    assert calibration.spread == pytest.approx([0.2] * count, abs=0.01)
    (metric,) = latency_metrics(space, table)
    predicted = metric.of(np.array(calibration.genomes, np.int16))
    assert predicted == pytest.approx(calibration.measured_ms, rel=0.05)


def test_that_a_table_with_the_column_survives_its_file(space, results):
    table = columns(kit_results.decode(_signed(results)), space)
    again = from_json(to_json(table))
    assert again.calibrations == table.calibrations
    assert again.devices == table.devices


def test_that_each_number_of_threads_is_a_device(space, results):
    results["runs"].append(json.loads(json.dumps(results["runs"][0])) | {"threads": 4})
    table = columns(kit_results.decode(_signed(results)), space)
    assert [device.threads for device in table.devices] == [1, 4]
    assert [device.title for device in table.devices] == [
        "Test board, 1 thread",
        "Test board, 4 threads",
    ]
    assert set(table.calibrations) == {device.id for device in table.devices}


def test_that_a_kit_of_another_space_brings_its_layers_only(space, results):
    options = space.document.options | {"classes": 7}
    other = build(SpaceDocument("mobilenetv3", "other", "Other", options))
    table = columns(kit_results.decode(_signed(results)), other)
    assert not table.calibrations
    assert "another space" in table.notes[0]
    assert len(table.missing(other.layers, table.devices[0])) == 1
    assert not columns(kit_results.decode(_signed(results)), None).calibrations


def test_that_layers_between_measured_ones_are_interpolated_and_marked(space, results):
    options = space.document.options | {"resolution": [8, 10, 12]}
    wide = build(SpaceDocument("mobilenetv3", "wide", "Wide", options))
    table = columns(kit_results.decode(_signed(results)), wide)
    between = [i for i, spec in enumerate(table.specs) if (spec.height, spec.kind) == (10, "conv")]
    assert between
    assert not table.missing(wide.layers, table.devices[0])
    assert (table.cells.source[between, 0] == Source.INTERPOLATED).all()


def test_that_too_few_networks_leave_the_column_without_calibration(space, results):
    results["runs"][0]["networks"] = results["runs"][0]["networks"][:3]
    assert not columns(kit_results.decode(_signed(results)), space).calibrations


def test_that_a_busy_and_an_unsteady_machine_are_said(space, results):
    results["runs"][0] |= {"interrupted": 0.4}
    results["runs"][0]["reference"]["ms"] = [1.0, 1.3]
    notes = columns(kit_results.decode(_signed(results)), space).notes
    assert any("40%" in note for note in notes)
    assert any("±13%" in note for note in notes)


def test_that_a_genome_the_space_does_not_have_is_refused(space, results):
    results["runs"][0]["networks"][0]["genome"] = [9] * len(space.genes)
    with pytest.raises(InvalidInput, match="no option 9"):
        columns(kit_results.decode(_signed(results)), space)
    results["runs"][0]["networks"][0]["genome"] = [0]
    with pytest.raises(InvalidInput):
        columns(kit_results.decode(_signed(results)), space)


def _run(values):
    return values["runs"][0]


HARM = {
    "a time of nought": (lambda v: _run(v)["layers"][0].update(ms=0.0), "layer 1", "above 0"),
    "a negative time": (lambda v: _run(v)["empty"].update(p10=-1.0), "empty call", "above 0"),
    "quantiles out of order": (lambda v: _run(v)["layers"][1].update(p90=1e-9), "layer 2", "between"),
    "no calls": (lambda v: _run(v)["layers"][0].update(n=0), "layer 1", "0 times"),
    "no layer": (lambda v: _run(v)["layers"][2].update(layer="banana"), "layer 3", "not a layer"),
    "a layer twice": (lambda v: _run(v)["layers"].append(_run(v)["layers"][0]), "layer", "twice"),
    "no layers": (lambda v: _run(v).update(layers=[]), "layers", "No layer"),
    "a network twice": (lambda v: _run(v)["networks"].append(_run(v)["networks"][0]), "network", "twice"),
    "a reference of nought": (lambda v: _run(v)["reference"].update(ms=[0.0]), "reference", "above 0"),
    "no runs": (lambda v: v.update(runs=[]), "runs", "Nothing"),
    "threads twice": (lambda v: v["runs"].append(_run(v)), "runs", "threads"),
    "no threads": (lambda v: _run(v).update(threads=0), "runs", "threads"),
    "a runtime of its own": (lambda v: v["device"].update(runtime="abacus"), "device", "abacus"),
    "no hardware": (lambda v: v["device"].update(hardware=" "), "device", "no name"),
    "no batch": (lambda v: v["device"].update(batch=0), "device", "batch"),
}  # fmt: skip


@pytest.mark.parametrize("harm", HARM)
def test_that_what_can_not_be_is_refused_with_its_place(results, harm):
    change, place, words = HARM[harm]
    change(results)
    with pytest.raises(InvalidInput, match=words) as caught:
        kit_results.decode(_signed(results), "results-x.json")
    assert caught.value.where.startswith("results-x.json")
    assert place in caught.value.where
    assert caught.value.remedy


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.update(extra=1),
        lambda v: v["device"].update(colour="red"),
        lambda v: _run(v)["layers"][0].pop("n"),
        lambda v: _run(v)["networks"][0]["rounds"].pop(),
        lambda v: _run(v)["layers"][0].update(ms=None),
        lambda v: v.pop("kit"),
    ],
)
def test_that_unknown_and_missing_fields_are_refused(results, change):
    change(results)
    with pytest.raises(CorruptFile) as caught:
        kit_results.decode(_signed(results), "results-x.json")
    assert caught.value.where == "results-x.json"


def test_that_a_file_edited_by_hand_is_refused(measured):
    content = measured[0].read_bytes()
    values = json.loads(content)
    values["runs"][0]["layers"][0]["p90"] *= 2
    with pytest.raises(CorruptFile, match="changed after"):
        kit_results.decode(json.dumps(values).encode())
    assert kit_results.decode(
        json.dumps(json.loads(content)).encode()
    )  # laid out anew is not changed


@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_that_a_file_that_was_cut_off_is_refused_as_results(measured, tmp_path, share):
    content = measured[0].read_bytes()
    path = tmp_path / "results.json"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(CorruptFile, match="not whole results"):
        read_columns(path, None)


def test_that_another_version_is_refused(results):
    with pytest.raises(InvalidInput, match="version 2"):
        kit_results.decode(_signed(results | {"version": 2}))


def test_that_other_files_are_left_to_others(space, tmp_path):
    path = tmp_path / "table.json"
    assert read_columns(path, space) is None
    path.write_bytes(b'{"format": "nasstudio-latency-table"}')
    assert read_columns(path, space) is None
    with pytest.raises(InvalidInput, match="not the results of a kit"):
        kit_results.decode(b'{"format": "nasstudio-latency-table", "version": 1}')
    with pytest.raises(InvalidInput, match="can't be read"):
        kit_results.read_results(tmp_path / "gone.json")
