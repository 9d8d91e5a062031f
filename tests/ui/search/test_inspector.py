import json

import numpy as np
import pytest

from nasstudio.engine.cost.metric import TableLatency
from nasstudio.ui.views.diagram import layer_rows
from nasstudio.ui.views.inspector import Inspector
from nasstudio.ui.views.network import as_genome, as_key


@pytest.fixture
def inspector(qtbot, bench):
    shown = Inspector(bench)
    qtbot.addWidget(shown)
    shown.resize(320, 760)
    shown.show()
    qtbot.waitUntil(lambda: shown.model.ground is not None, timeout=10_000)
    yield shown
    shown.close_down()


def test_that_without_a_selection_it_says_what_to_do(inspector):
    assert inspector.stack.currentWidget() is inspector.empty


def test_that_the_layers_on_the_chosen_device_sum_up_to_the_latency(
    bench, made, inspector, synthetic
):
    genome = made.space.sample(1, np.random.default_rng(3))[0]
    bench.select(as_key(genome))
    for device in (synthetic.PIXEL, synthetic.DESKTOP):
        inspector.set_device(device.id)
        rows = inspector.diagram.rows()
        assert len(rows) == len(made.space.blocks(genome))
        metric = TableLatency(made.space, bench.snapshot.table, device)
        total = sum(row.ms for row in rows) + metric.constant_ms
        assert total == pytest.approx(metric.of(genome[None])[0])
    assert not inspector.grab().isNull()


def test_that_the_correction_has_a_line_of_its_own_where_there_is_one(
    bench, made, inspector, synthetic
):
    bench.select(as_key(made.space.largest()))
    inspector.set_device(synthetic.PIXEL.id)
    assert len(inspector.sums.rows()) == 3
    inspector.set_device(synthetic.DESKTOP.id)
    assert len(inspector.sums.rows()) == 1


def test_that_the_layers_are_compared_on_all_devices(bench, made, inspector, synthetic):
    bench.select(as_key(made.space.largest()))
    inspector.devices_button.click()
    dialog = inspector.dialog
    assert dialog.isVisible()
    assert len(dialog.plot.values()) == len(made.space.blocks(made.space.largest())) + 1
    assert len(dialog.plot._marks) == 2
    assert synthetic.PIXEL.title in dialog.plot.said(0)
    bench.select(as_key(made.space.smallest()))
    assert len(dialog.plot.values()) == len(made.space.blocks(made.space.smallest())) + 1
    dialog.unit.button("share").click()
    assert "%" in dialog.plot.axis_titles()[0]
    bench.select(None)
    assert dialog.plot.values().size == 0
    dialog.close()


def test_that_predicted_stands_beside_verified(qtbot, bench, made, inspector, synthetic):
    genome = as_key(made.space.largest())
    bench.select(genome)
    assert inspector.metrics.texts()[0][2] == "not yet"
    assert inspector.metrics.texts()[-1][2] == "exact"
    measured = {"measured_ms": 1.5, "p10_ms": 1.4, "p90_ms": 1.6}
    verified = {"accuracy": 0.75, "images": 1000, "latency": {synthetic.PIXEL.id: measured}}

    def verify(project):
        project.pin(made.space.hash, genome, on=True)
        with project.database:
            project.database.execute("UPDATE subnet SET verified = ?", (json.dumps(verified),))

    bench.do(verify)
    qtbot.waitUntil(lambda: inspector.metrics.texts()[0][2].startswith("75.0"), timeout=5000)
    latency = next(row for row in inspector.metrics.texts() if row[0].startswith("Pixel CPU"))
    assert latency[2].startswith("1.50")
    assert inspector.badge.text() == "pinned 1"


def test_that_the_pin_button_pins_and_unpins(qtbot, bench, made, inspector):
    bench.select(as_key(made.space.smallest()))
    inspector.pin_button.click()
    qtbot.waitUntil(lambda: inspector.model.pin == 1, timeout=5000)
    assert "Unpin" in inspector.pin_button.text()
    inspector.pin_button.click()
    qtbot.waitUntil(lambda: inspector.model.pin is None, timeout=5000)


def test_that_the_best_network_wears_a_badge(bench, made, inspector):
    genome = as_key(made.space.largest())
    inspector.set_best(genome)
    bench.select(genome)
    assert inspector.badge.text() == "best feasible"
    assert not inspector.badge.isHidden()


def test_that_a_selection_of_another_space_is_no_selection(bench, inspector):
    bench.select((1, 2, 3))
    assert inspector.stack.currentWidget() is inspector.empty


def test_that_verifying_without_a_supernet_says_what_is_missing(qtbot, bench, made, inspector):
    bench.select(as_key(made.space.largest()))
    inspector.verify_button.click()
    qtbot.waitUntil(lambda: not inspector.error.isHidden(), timeout=5000)
    assert "supernet" in inspector.error.text()


def test_that_layers_are_labelled_by_kernel_and_expand(made):
    genome = as_genome(made.space.largest())
    rows = layer_rows(made.space, genome, None)
    inner = [row for row in rows if row.searched]
    assert all(row.label == f"k{row.kernel} e{row.expand:g}" for row in inner)
    assert all(np.isnan(row.ms) for row in rows)
    assert rows[0].stage == "In"
