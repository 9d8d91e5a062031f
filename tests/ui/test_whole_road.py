"""The whole road, driven through the window with real child processes: measure, train, search, drag, export."""

import numpy as np
import onnxruntime
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest

from nasstudio.engine.data.catalog import open_set
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.project.project import Project
from nasstudio.engine.space.space import SpaceDocument
from nasstudio.engine.train.schedule import Phase, Schedule
from nasstudio.ui.app import application, dress
from nasstudio.ui.settings import Settings
from nasstudio.ui.window import Window

DATA = DataDocument("fashion_mnist_small", {"limit": 1000})
STAGE = {"channels": 8, "stride": 2, "depth": [1, 2], "kernel": [3, 5], "expand": [2, 3]}
SPACE = SpaceDocument(
    "mobilenetv3",
    "tiny",
    "Tiny",
    {
        "resolution": [16, 20],
        "stem": 8,
        "head": [32, 32],
        "channels": 1,
        "classes": 10,
        "stages": [STAGE, dict(STAGE, channels=16, act="hswish", se=True)],
    },
)
SHORT = Schedule(
    "short",
    "Two short phases",
    (
        Phase("Full", 1, 0.05, largest={"kernel": 1, "depth": 1, "expand": 1}),
        Phase("All", 1, 0.05, networks=2, distill=1.0),
    ),
)


@pytest.fixture
def window(qtbot, tmp_path):
    project = Project.create(tmp_path / "road", "Road")
    for key, value in (("data", DATA), ("space", SPACE), ("schedule", SHORT)):
        project.put(key, value)
    project.close()
    dress(application([]), Settings.in_memory())
    window = Window(Settings.in_memory())
    window.show()
    window.workbench.open(tmp_path / "road.nasproj")
    qtbot.waitUntil(lambda: window.workbench.snapshot is not None, timeout=10_000)
    yield window
    window.close()
    window.deleteLater()


def click(button):
    assert button.isEnabled(), button.text()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def finish(qtbot, window, kind, seconds=120):
    """Wait until a job of a kind is done; a job that fails says why."""

    def done():
        for live in window.workbench.live.values():
            assert live.state not in ("failed", "interrupted"), (
                f"{live.kind}: {live.failure or live.said}"
            )
        return any(r.kind == kind and r.state == "done" for r in window.workbench.live.values())

    qtbot.waitUntil(done, timeout=1000 * seconds)
    run = next(r for r in window.workbench.live.values() if r.kind == kind)
    qtbot.waitUntil(lambda: run.watcher is None, timeout=15_000)


def drag(plot, line, to_value):
    """Drag the limit line by its grip to a value of the axis, step by step, as a hand does."""
    view = plot.viewport()

    def at(x_px):
        scene = line.mapToScene(QPointF(x_px, line.grip().center().y()))
        return plot.mapFromScene(scene)

    start, end = line.place(), float(line.x_px(to_value))
    QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=at(start))
    for share in np.linspace(0, 1, 12)[1:]:
        QTest.mouseMove(view, at(start + share * (end - start)))
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=at(end))


def test_that_a_person_gets_from_measuring_to_an_exported_network(window, qtbot):
    bench = window.workbench

    # Devices: the page finds them by itself; the chosen one is measured, row by row and as whole networks.
    window.show_station("devices")
    devices = window.page
    finish(qtbot, window, "probe")
    wanted = next(d for d in bench.snapshot.devices if (d.runtime, d.threads) == ("onnxruntime", 1))
    devices.choose(wanted.id)
    qtbot.waitUntil(lambda: devices.main.isEnabled(), timeout=5000)
    click(devices.main)
    finish(qtbot, window, "profile")
    assert not bench.snapshot.table.missing(bench.space.layers, wanted)
    assert wanted.id in bench.snapshot.table.calibrations
    assert bench.stations["devices"] == "done"

    # Train: one button goes on to the pairs, the predictor and the search.
    window.show_station("train")
    train = window.page
    train.board.predictor.networks.setValue(30)
    qtbot.waitUntil(lambda: train.chain.isEnabled(), timeout=5000)
    click(train.chain)
    for kind in ("train", "collect", "fit", "search"):
        finish(qtbot, window, kind)
    assert bench.stations["train"] == bench.stations["search"] == "done"

    # Search: the star follows the dragged limit and is the most accurate network under it.
    window.show_station("search")
    search = window.page
    model, plot = search.model, search.chart.plot
    qtbot.waitUntil(lambda: model.seen_count > 0, timeout=15_000)
    key = f"latency:{wanted.id}"
    low, high = model.span(key)
    model.set_limit(key, most=high, on=True)
    qtbot.waitUntil(lambda: plot.lines["x"].isVisible(), timeout=5000)
    before = search.model.answer.best
    drag(plot, plot.lines["x"], low + 0.4 * (high - low))
    latency, accuracy = model.seen.values[key], model.seen.values["accuracy"]
    most = model.limits[key].most
    # The line keeps to round numbers.
    assert most == pytest.approx(low + 0.4 * (high - low), rel=0.1)
    best = model.answer.best
    assert best != before
    assert latency[best] <= most
    assert accuracy[best] == accuracy[latency <= most].max()

    # The inspector pins it and leads to Export.
    genome = model.genome(best)
    bench.select(genome)
    qtbot.waitUntil(lambda: window.inspector.pin_button.isEnabled(), timeout=5000)
    click(window.inspector.pin_button)
    qtbot.waitUntil(
        lambda: any(s.pin == 1 and s.genome == genome for s in bench.snapshot.subnets), timeout=5000
    )
    window.show_station("export")
    export = window.page
    qtbot.waitUntil(lambda: export.main.isEnabled(), timeout=10_000)
    click(export.main)
    finish(qtbot, window, "export")

    # What is on the disk gives the subnet's outputs.
    (subnet,) = [s for s in bench.snapshot.subnets if s.exported]
    folder = bench.snapshot.path / subnet.exported["folder"]
    (file,) = folder.glob("*.onnx")
    assert_same_outputs(bench.snapshot, genome, file)


def assert_same_outputs(snapshot, genome, file):
    """The exported file against the subnet, extracted and calibrated anew."""
    import torch

    from nasstudio.engine.accuracy.evaluate import Evaluator
    from nasstudio.engine.data.loading import Batches, at_resolution
    from nasstudio.engine.net.storage import load_supernet

    images = open_set(DATA)
    supernet, _ = load_supernet(snapshot.path / snapshot.latest("supernet").path)
    network = Evaluator(supernet, images, calibration_images=2000, seed=0).calibrated(
        np.array(genome, np.int16)
    )
    batch, _ = next(Batches(images, "test").evaluation(32))
    px = int(supernet.space.resolution(np.array([genome], np.int16))[0])
    batch = at_resolution(batch, px)
    with torch.inference_mode():
        wanted = network.eval()(batch).numpy()
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    got = session.run(None, {session.get_inputs()[0].name: np.ascontiguousarray(batch.numpy())})[0]
    assert np.abs(got - wanted).max() <= 1e-3 * wanted.std()
    assert len({int(row.argmax()) for row in got}) > 1
