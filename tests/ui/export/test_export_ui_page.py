import msgspec
import numpy as np
import pytest

from nasstudio.engine.cost import counts
from nasstudio.engine.cost.table import Cells, Source
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.device.device import Device, processor
from nasstudio.engine.errors import StudioError
from nasstudio.engine.job import events as ev
from nasstudio.engine.job.specification import ExportSpec, Reference
from nasstudio.engine.project.ingest import take_all
from nasstudio.engine.project.project import Project
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.layer import text
from nasstudio.ui.pages.export.page import ExportPage
from nasstudio.ui.pages.export.results import ms_text
from nasstudio.ui.pages.export.rows import export_rows, predict
from nasstudio.ui.workbench import Workbench

SPACE = build(preset("mbv3_28_fast"))
ORT = Device(processor(), "onnxruntime", "1.32.0", 1)
SMALL, LARGE = (tuple(int(i) for i in g) for g in (SPACE.smallest(), SPACE.largest()))


def reported(folder, **changed):
    return {
        "title": "Pixel small", "folder": folder, "formats": ["onnx"], "genome": list(SMALL),
        "latency": {
            ORT.id: {"promised_ms": 0.5, "promised_error": 0.03, "measured_ms": 0.6, "kept": False, "busy": True}
        },
        "validation_accuracy": 0.824, "validation_images": 1000,
        "test_accuracy": 0.8225, "test_accuracy_onnx": 0.822, "test_images": 2000,
        "checks": [
            {"what": "ONNX Runtime", "batch": 1, "images": 64, "difference": 4e-7, "tolerance": 1e-3, "same_class": 1.0}
        ],
        "files": {"Pixel-small.onnx": 412038}, **changed,
    }  # fmt: skip


def export(project, genome=SMALL):
    """An export as its child would have left it."""
    spec = ExportSpec(
        name="Export Pixel small", space=SPACE.document, data=DataDocument("fashion_mnist_small"),
        supernet=Reference("runs/t/s.safetensors", "old"), genome=genome, title="Pixel small",
    )  # fmt: skip
    folder = project.new_run(spec)
    (folder.path / "export" / "Pixel-small").mkdir(parents=True)
    (folder.path / "export" / "Pixel-small" / "card.md").write_text(
        "# Pixel small\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    )
    writer = ev.EventWriter(folder.events)
    writer.write(
        ev.Result(name="exported", values=reported("export/Pixel-small", genome=list(genome)))
    )
    writer.write(ev.Done())
    writer.close()
    take_all(project)


@pytest.fixture
def project(tmp_path):
    made = Project.create(tmp_path / "p")
    made.put("space", preset("mbv3_28_fast"))
    made.put("data", DataDocument("fashion_mnist_small"))
    ms = np.array([counts.count(layer).macs for layer in SPACE.layers]) / 1e8 + 0.01
    made.put_cells([text(layer) for layer in SPACE.layers], ORT, Cells.of(ms, Source.IMPORTED))
    made.put("devices", [ORT])
    yield made
    made.close()


@pytest.fixture
def open_page(qtbot, project):
    bench = Workbench()

    def opened():
        page = ExportPage(bench)
        qtbot.addWidget(page)
        page.show()
        project.close()
        bench.open(project.path)
        qtbot.waitUntil(lambda: bench.snapshot is not None)
        return page

    yield opened
    bench.close()


def test_that_pinned_networks_come_first_and_exported_ones_stay(project):
    project.pin(SPACE.hash, LARGE, on=True)
    export(project)
    rows = export_rows(project.snapshot(), SPACE, {}, "new")
    assert [(r.pin, bool(r.exported), r.stale) for r in rows] == [
        (1, False, False),
        (None, True, True),
    ]
    assert rows[1].at is not None
    assert rows[1].folder == "exports/Pixel-small"
    assert export_rows(project.snapshot(), None, {}) == []


def test_that_networks_of_another_space_are_left_out(project):
    project.pin("another", SMALL, on=True)
    assert export_rows(project.snapshot(), SPACE, {}) == []


def test_that_latency_is_predicted_without_an_accuracy_predictor(project):
    found = predict(SPACE, project.table, None, [SMALL, LARGE])
    assert found[SMALL].accuracy is None
    assert found[SMALL].latency_ms[ORT.id] < found[LARGE].latency_ms[ORT.id]
    assert predict(SPACE, project.table, None, []) == {}


@pytest.mark.parametrize(
    ("ms", "shown"), [(None, "–"), (0.0428, "0.043"), (4.256, "4.26"), (24.61, "24.6")]
)
def test_that_milliseconds_have_three_places(ms, shown):
    assert ms_text(ms) == shown


def test_that_an_empty_page_leads_to_search(qtbot, open_page):
    page = open_page()
    assert page.empty.isVisible()
    assert page.command_line() == ""
    with qtbot.waitSignal(page.go_to) as asked:
        page.empty.button.click()
    assert asked.args == ["search"]


def test_that_an_export_is_shown_with_its_checks_and_its_card(qtbot, project, open_page):
    project.pin(SPACE.hash, SMALL, on=True)
    export(project)
    page = open_page()
    qtbot.waitUntil(lambda: "Pixel small" in page.card.text())
    assert page.results.test.value_label.text() == "82.25"
    assert "82.20" in page.results.test.note_label.text()
    assert page.results.promise.value_label.text() == "0 of 1 kept"
    assert "busy" in page.results.promise.note_label.text()
    assert page.title.text() == "Pixel small"
    page.tabs.button("card").click()
    assert page.card.isVisible()
    assert page.card.toPlainText().startswith("Pixel small")


def test_that_export_starts_with_what_was_chosen(qtbot, project, open_page, monkeypatch):
    project.pin(SPACE.hash, SMALL, on=True)
    page = open_page()
    qtbot.waitUntil(lambda: page.list.current() is not None)
    qtbot.keyClicks(page.title, " v2")
    page.boxes["pytorch"].setChecked(False)
    makes = []
    monkeypatch.setattr(page.workbench, "start", lambda *m, problem=None: makes.extend(m))
    page.main.click()
    assert len(makes) == 1
    line = page.command_line()
    assert "--format onnx" in line
    assert "pytorch" not in line
    assert f"--network {SPACE.identity(np.array(SMALL, dtype=np.int16))}" in line
    assert "v2'" in line


def test_that_without_a_format_nothing_can_be_exported(qtbot, project, open_page):
    project.pin(SPACE.hash, SMALL, on=True)
    page = open_page()
    qtbot.waitUntil(page.main.isEnabled)
    for box in page.boxes.values():
        box.setChecked(False)
    assert not page.main.isEnabled()
    assert "format" in page.main.toolTip()


def test_that_a_missing_supernet_is_said_in_place(qtbot, project, open_page):
    project.pin(SPACE.hash, SMALL, on=True)
    page = open_page()
    qtbot.waitUntil(page.main.isEnabled)
    page.main.click()
    qtbot.waitUntil(page.error.isVisible)
    assert "supernet" in page.error.error.what
    assert "Train" in page.error.error.remedy


def test_that_a_lost_card_is_said_in_place(qtbot, project, open_page):
    export(project)
    (project.path / "exports" / "Pixel-small" / "card.md").unlink()
    page = open_page()
    qtbot.waitUntil(page.error.isVisible)
    assert isinstance(page.error.error, StudioError)


def test_that_the_selection_goes_with_the_window(qtbot, project, open_page):
    project.pin(SPACE.hash, SMALL, on=True)
    project.pin(SPACE.hash, LARGE, on=True)
    page = open_page()
    qtbot.waitUntil(lambda: page.list.current() is not None)
    page.workbench.select(LARGE)
    assert page.list.current().genome == LARGE
    page.list.select(SMALL)
    assert page.workbench.selection == SMALL


def test_that_predicted_numbers_arrive(qtbot, project, open_page):
    project.pin(SPACE.hash, SMALL, on=True)
    page = open_page()
    qtbot.waitUntil(
        lambda: page.list.current() is not None and page.list.current().predicted is not None
    )
    assert page.list.current().predicted.latency_ms[ORT.id] > 0
    assert msgspec.to_builtins(page.list.current().predicted.accuracy) is None
