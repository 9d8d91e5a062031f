import msgspec
import numpy as np
import pytest

from nasstudio.engine.cost.metric import TableLatency, available, latency_metrics
from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device.calibration import UNKNOWN_ERROR, fit
from nasstudio.engine.device.correction import Correction
from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import InvalidInput, MissingLayers
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.layer import text

SPACE = build(preset("mbv3_28_fast"))
HERE, THERE = Device("cpu", "torch"), Device("phone", "table", title="Phone")


def filled(*devices, seed=0):
    table = LatencyTable()
    rows = table.add_rows(SPACE.layers)
    rng = np.random.default_rng(seed)
    for device in devices:
        column = table.add_device(device)
        table.put(
            rows, [column] * len(rows), Cells.of(rng.uniform(0.01, 1, len(rows)), Source.MEASURED)
        )
    return table


def test_that_latency_is_the_sum_of_the_rows():
    metric = TableLatency(SPACE, filled(HERE), HERE)
    population = SPACE.sample(30, np.random.default_rng(1))
    by_hand = [
        sum(metric.times_ms[block.row] for block in SPACE.blocks(genome)) for genome in population
    ]
    assert np.allclose(metric.of(population), by_hand)


def test_that_the_correction_is_applied_to_the_sum():
    table = filled(HERE)
    plain = TableLatency(SPACE, table, HERE)
    assert plain.error == UNKNOWN_ERROR
    population = SPACE.sample(30, np.random.default_rng(1))
    sums = plain.of(population)
    times, rows = plain.times_ms[:-1], SPACE.rows(population)
    found = fit(SPACE.layers, times, rows, 0.8 * sums + 0.3, sums)
    table.calibrations[HERE.id] = found
    metric = TableLatency(SPACE, table, HERE)
    assert np.allclose(metric.of(population), 0.8 * sums + 0.3)
    assert np.allclose(metric.sums(population), sums)
    assert metric.error == found.interval


@pytest.mark.parametrize(
    "correction",
    [
        Correction("line", 0.7, 0.2),
        Correction("kinds", 0.9, -0.1, 0.02, {"mbconv": 1.3, "mbconv with SE": 0.7, "conv": 0.5}),
        Correction("residual", 1.1, 0.1, -0.01, {"mbconv": 0.8}, {"weights": 0.3, "kernel": 0.2}),
        Correction("line", 1.0, -1e6),
    ],
)
def test_that_latency_is_the_sum_of_effective_times_and_the_constant(calibrated, correction):
    table = filled(HERE)
    found = calibrated([1.0, 2, 3, 4, 5], [1.0, 2, 3, 4, 5])
    found = msgspec.structs.replace(found, correction=correction)
    table.calibrations[HERE.id] = found
    metric = TableLatency(SPACE, table, HERE)
    population = SPACE.sample(30, np.random.default_rng(1))
    by_hand = []
    for genome in population:
        layers = [block.layer for block in SPACE.blocks(genome)]
        own = [found.effective_ms([layer], table.times_ms([layer], HERE))[0] for layer in layers]
        by_hand.append(max(0.0, sum(own) + correction.constant_ms))
    assert np.allclose(metric.of(population), by_hand)


def test_that_missing_layers_are_all_named():
    table = filled(HERE)
    gone = [text(layer) for layer in SPACE.layers[3:6]]
    table.put([table.row(label) for label in gone], [0] * 3, Cells.missing((3,)))
    with pytest.raises(MissingLayers) as caught:
        table.times_ms(SPACE.layers, HERE)
    assert caught.value.layers == gone
    assert [text(layer) for layer in table.missing(SPACE.layers, HERE)] == gone
    assert latency_metrics(SPACE, table) == []


def test_that_put_gives_back_what_was_there():
    table = filled(HERE, THERE)
    before = table.put([0, 1], [1, 0], Cells.of(np.array([5.0, 6.0]), Source.EDITED))
    assert table.cells.ms[0, 1] == 5.0
    table.put([0, 1], [1, 0], before)
    assert np.array_equal(table.cells.ms, filled(HERE, THERE).cells.ms)


def test_that_rows_without_a_layer_are_kept_and_no_space_uses_them():
    table = filled(HERE)
    (row,) = table.add_rows(["Conv 3x3, C=64"])
    assert table.specs[row] is None
    assert len(available(SPACE, table)) == 5


def test_that_an_unknown_device_is_an_error_with_the_known_ones():
    with pytest.raises(InvalidInput, match="It has"):
        filled(HERE).column("gpu")


def test_that_the_same_processor_under_two_runtimes_is_two_devices():
    settings = [
        Device("cpu", "torch"),
        Device("cpu", "onnxruntime"),
        Device("cpu", "torch", threads=2),
    ]
    assert len({device.id for device in settings}) == 3
    assert Device("cpu", "torch", title="mine").id == Device("cpu", "torch").id


def test_that_a_removed_column_takes_its_calibration_along(calibrated):
    table = filled(HERE, THERE)
    table.calibrations[HERE.id] = calibrated([1.0, 2, 3, 4], [1.0, 2, 3, 4])
    table.remove_device(HERE.id)
    assert table.devices == [THERE]
    assert not table.calibrations
    assert table.cells.ms.shape == (len(SPACE.layers), 1)


@pytest.mark.parametrize("wrong", [0.0, -1.0, np.inf, np.nan])
def test_that_a_cell_that_is_no_time_counts_as_missing(wrong):
    table = filled(HERE)
    column = Cells.of(np.array([wrong]), Source.IMPORTED)
    column.source[:] = Source.IMPORTED
    table.put([4], [0], column)
    assert table.missing(SPACE.layers, HERE) == [SPACE.layers[4]]
    with pytest.raises(MissingLayers):
        table.times_ms(SPACE.layers, HERE)
    assert latency_metrics(SPACE, table) == []
    assert table.cells.filled.all()
    assert np.argwhere(table.cells.flawed).tolist() == [[4, 0]]


def test_that_a_copy_has_models_and_notes_of_its_own():
    table = filled(HERE)
    table.notes = ("one",)
    copy = table.copy()
    copy.calibrations["x"] = copy.fitted["x"] = None
    assert table.calibrations == table.fitted == {}
    assert copy.notes == ("one",)


def test_that_another_table_s_estimates_do_not_replace_measurements():
    here = Device("Some processor", "onnxruntime", "1")
    own = LatencyTable(devices=[here], cells=Cells.missing((0, 1)))
    own.add_rows(["a", "b", "c"])
    own.cells = Cells.of(np.array([[1.0], [2.0], [np.nan]]), Source.MEASURED)
    own.cells.source[1] = Source.IMPORTED
    other = LatencyTable(devices=[here], cells=Cells.missing((0, 1)))
    other.add_rows(["a", "b", "c", "d"])
    other.cells = Cells.of(np.array([[9.0], [8.0], [7.0], [6.0]]), Source.INTERPOLATED)
    assert own.brings(other)[:, 0].tolist() == [False, True, True, True]
    own.take_in(other)
    assert dict(zip(own.labels, own.cells.ms[:, 0].tolist(), strict=True)) == {
        "a": 1.0,
        "b": 8.0,
        "c": 7.0,
        "d": 6.0,
    }
    other.cells.source[0] = Source.MEASURED
    own.take_in(other)
    assert own.cells.ms[0, 0] == 9.0
