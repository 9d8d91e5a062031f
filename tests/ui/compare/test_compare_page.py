import csv
import json

import numpy as np
import pytest

from nasstudio.engine.device.device import Device
from nasstudio.engine.project.project import Project
from nasstudio.engine.space.families import build, preset
from nasstudio.ui.pages.compare import figures
from nasstudio.ui.pages.compare.figures import Searched, matrix
from nasstudio.ui.pages.compare.page import ComparePage
from nasstudio.ui.pages.compare.run_table import outcome_text, settings_text
from nasstudio.ui.workbench import Workbench

ONE = Device("Chip A", "onnxruntime", "1.32.0", 1)
TWO = Device("Chip B", "torch", "2.14", 2)
SPACE = build(preset("mbv3_28_fast"))
SMALL = tuple(int(i) for i in SPACE.smallest())


def three_networks():
    """The second is best for chip A, the third for chip B; the first is too inaccurate."""
    latency = np.array([[1.0, 1.0], [2.0, 6.0], [3.0, 4.0]])
    return Searched((ONE, TWO), np.array([0.5, 0.8, 0.9]), latency)


def test_that_the_matrix_compares_at_equal_accuracy():
    made = matrix(three_networks(), 0.8)
    assert made.ms.tolist() == [[2.0, 6.0], [3.0, 4.0]]
    assert made.slowdown.tolist() == [[1.0, 1.5], [1.5, 1.0]]
    assert made.accuracy.tolist() == [0.8, 0.9]
    assert set(made.worst()) == {0, 1}


def test_that_no_network_beats_the_one_that_is_best_for_a_device():
    rng = np.random.default_rng(0)
    found = Searched((ONE, TWO), rng.random(400), rng.random((400, 2)) + 0.1)
    for floor in (0.0, 0.5, 0.9):
        slowdown = matrix(found, floor).slowdown
        assert (slowdown >= 1).all()
        assert (np.diag(slowdown) == 1).all()


def test_that_there_is_no_matrix_of_one_device_or_above_every_network():
    found = three_networks()
    assert matrix(found, 0.95) is None
    one = Searched((ONE,), found.accuracy, found.latency[:, :1])
    assert matrix(one, 0.0) is None
    empty = Searched((ONE, TWO), np.zeros(0), np.zeros((0, 2)))
    assert matrix(empty, 0.0) is None
    assert figures.usual_floor(empty) == 0.0


def test_that_the_front_of_a_device_rises():
    cost, accuracy = three_networks().front(1)
    assert cost.tolist() == [1.0, 4.0]
    assert accuracy.tolist() == [0.5, 0.9]


def note(path, column, key, values):
    """What a verification or a reference job would have left."""
    project = Project.open(path, write=True)
    with project.database as database:
        if column == "reference":
            database.execute("INSERT INTO reference VALUES (?, ?)", (key, json.dumps(values)))
        else:
            database.execute(
                "INSERT INTO subnet (space, genome, verified) VALUES (?, ?, ?)",
                (SPACE.hash, json.dumps(list(SMALL)), json.dumps(values)),
            )
    project.close()


@pytest.fixture
def open_page(qtbot):
    bench = Workbench()

    def opened(path):
        page = ComparePage(bench)
        qtbot.addWidget(page)
        page.resize(1364, 800)
        page.show()
        if path is not None:
            bench.open(path)
            qtbot.waitUntil(lambda: bench.snapshot is not None)
        return page

    yield opened
    bench.close()


def test_that_without_a_project_the_page_leads_to_start(qtbot, open_page):
    page = open_page(None)
    assert page.empty.isVisible()
    with qtbot.waitSignal(page.go_to) as asked:
        page.empty.button.click()
    assert asked.args == ["start"]


def test_that_without_a_search_the_page_says_what_it_needs(qtbot, open_page, make_project):
    page = open_page(make_project("p", searched=False))
    qtbot.waitUntil(lambda: page.found is not None)
    assert page.no_search.isVisible()
    assert page.matrix_card.no_matrix.isVisible()
    assert "ProxylessNAS" in page.later.text()
    with qtbot.waitSignal(page.go_to) as asked:
        page.no_search.button.click()
    assert asked.args == ["search"]


def test_that_a_search_is_drawn_on_every_device(qtbot, open_page, make_project):
    page = open_page(make_project("p"))
    qtbot.waitUntil(lambda: page.matrix_card.matrix is not None)
    assert page.device.count() == 2
    assert page._notes["front"].text().endswith(f"of {len(page.found)}")
    before = page.plot._shown[0].max()
    page.device.setCurrentIndex(1)
    page.device.chosen.emit(page.device.key())
    assert page.plot._shown[0].max() != before
    assert "Chip B" in page.plot.axis_titles()[0]
    page.boxes["front"].setChecked(False)
    assert page.plot._line.xData is None or len(page.plot._line.xData) == 0


def test_that_an_accuracy_that_was_not_seen_leaves_no_matrix(qtbot, open_page, make_project):
    page = open_page(make_project("p"))
    qtbot.waitUntil(lambda: page.matrix_card.matrix is not None)
    page.matrix_card.floor.setValue(99.0)
    assert page.matrix_card.matrix is None
    assert page.matrix_card.no_matrix.isVisible()
    assert "%" in page.matrix_card.no_matrix.text_label.text()
    page.matrix_card.floor.setValue(70.0)
    assert page.matrix_card.view.isVisible()
    page.matrix_card.unit.button("ms").click()
    assert "×" not in page.matrix_card.view.accessibleDescription()


def test_that_measured_networks_stand_beside_the_front(qtbot, open_page, make_project):
    path = make_project("p")
    note(path, "verified", "", {"accuracy": 0.8, "latency": {ONE.id: {"measured_ms": 0.3}}})
    note(path, "reference", "known", {"accuracy": 0.7, "latency": {ONE.id: 0.4}})
    note(path, "reference", "unknown", {"accuracy": None, "latency": {ONE.id: 0.5}})
    page = open_page(path)
    qtbot.waitUntil(lambda: page.matrix_card.matrix is not None)
    assert page._notes["verified"].text() == "measured: 1"
    assert page._notes["references"].text() == "measured: 2, 1 timed only"
    snapshot = page.workbench.snapshot
    assert figures.verified_points(snapshot, SPACE, TWO.id) == []
    assert [p.ms for p in figures.reference_points(snapshot, ONE.id)] == [0.4, 0.5]
    assert any("accuracy not known" in item.toPlainText() for item, _ in page.plot._texts) or any(
        "→" in item.toPlainText() for item, _ in page.plot._texts
    )


def test_that_ranks_come_from_measured_networks(qtbot, open_page, make_project, calibrated):
    path = make_project("p")
    project = Project.open(path, write=True)
    project.table.calibrations[ONE.id] = calibrated(
        [1, 2, 3, 4, 5], [1, 2, 3, 4, 5], [5, 4, 3, 2, 1]
    )
    project.save_table()
    project.close()
    page = open_page(path)
    qtbot.waitUntil(lambda: page.matrix_card.matrix is not None)
    (rank,) = figures.ranks(page.workbench.snapshot)
    assert rank.macs == -1.0
    assert rank.table == pytest.approx(1.0)
    assert page._ranks.count() == 1


def test_that_runs_say_what_they_did_and_can_be_saved(qtbot, open_page, make_project, tmp_path):
    page = open_page(make_project("p"))
    (run,) = page.workbench.snapshot.runs
    assert settings_text(run.spec) == "evolution, 20,000 networks, no limit"
    assert outcome_text(run).startswith("best")
    page.save_csv(tmp_path / "runs.csv")
    rows = list(csv.reader((tmp_path / "runs.csv").read_text().splitlines()))
    assert rows[0][0] == "Run"
    assert rows[1][0] == "Search"
    page.save_csv(tmp_path / "no" / "runs.csv")
    assert page.error.isVisible()


def test_that_closing_the_project_empties_the_page(qtbot, open_page, make_project):
    page = open_page(make_project("p"))
    qtbot.waitUntil(lambda: page.matrix_card.matrix is not None)
    page.workbench.close()
    assert page.found is None
    assert page.empty.isVisible()
