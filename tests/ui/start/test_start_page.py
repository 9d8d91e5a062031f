import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.project.project import Project
from nasstudio.ui.opening import Opening
from nasstudio.ui.pages.start import page as start
from nasstudio.ui.pages.start.glance import ago, fronts, glance, sample_of, snapshot_of
from nasstudio.ui.pages.start.page import StartPage, put_limit
from nasstudio.ui.plots.front_preview import front_of
from nasstudio.ui.settings import Settings
from nasstudio.ui.workbench import Workbench


class Bench:
    """A Start page with what it needs."""

    def __init__(self, qtbot):
        self.host = QWidget()
        qtbot.addWidget(self.host)
        self.settings = Settings.in_memory()
        self.workbench = Workbench()
        self.opening = Opening(self.workbench, self.settings, self.host)
        self.qtbot = qtbot

    def page(self, *recents):
        self.settings.remember(
            "recents", [{"path": str(p), "title": "t", "opened": 1.0} for p in recents]
        )
        self.made = StartPage(self.workbench, opening=self.opening)
        self.qtbot.addWidget(self.made)
        self.made.show()
        return self.made


@pytest.fixture
def bench(qtbot):
    made = Bench(qtbot)
    yield made
    made.made.close_tasks()
    made.workbench.close()


@pytest.fixture
def no_sample(monkeypatch):
    def missing():
        raise InvalidInput("This installation has no sample project.", remedy="Make it.")

    monkeypatch.setattr(start, "shipped_sample", missing)


@pytest.fixture
def sample(make_project, monkeypatch):
    path = make_project("Sample")
    monkeypatch.setattr(start, "shipped_sample", lambda: path)
    monkeypatch.setattr(start, "own_sample", lambda: path)
    return path


def test_that_a_project_is_looked_at_without_locking_it(make_project):
    path = make_project("p")
    before = sorted(p.name for p in path.iterdir())
    found = glance(path, "t")
    assert (found.title, found.devices, found.space) == ("p", 2, "mbv3_28_fast")
    assert found.states[:3] == ("done", "done", "done")
    assert 0.7 < found.best <= 0.9
    assert found.disk_bytes > 1000
    assert sorted(p.name for p in path.iterdir()) == before
    held = Project.open(path, write=True)
    assert glance(path, "t").title == "p"
    held.close()


def test_that_what_can_not_be_read_is_said(tmp_path, make_project):
    assert not glance(tmp_path / "gone.nasproj", "t").here
    path = make_project("p", searched=False)
    assert glance(path, "t").best is None
    (path / "project.db").write_bytes(b"no database at all, but long enough to be looked at" * 40)
    assert glance(path, "t").problem


def test_that_a_front_rises_and_answers_a_limit():
    cost, accuracy = np.array([3.0, 1.0, 2.0, 2.5, np.nan]), np.array([0.9, 0.5, 0.8, 0.6, 1.0])
    front = front_of(cost, accuracy)
    assert front.front_cost.tolist() == [1.0, 2.0, 3.0]
    assert front.best_under(2.9) == (2.0, 0.8)
    assert front.best_under(0.5) is None
    assert front.seen == 4
    assert front_of(np.zeros(0), np.zeros(0)) is None


def test_that_the_front_of_the_objective_comes_first(make_project):
    snapshot = snapshot_of(make_project("p"))
    keys = list(fronts(snapshot))
    assert len(keys) == 2
    assert keys[0].startswith("latency:torch")


def test_that_a_sample_without_a_search_is_refused(make_project):
    with pytest.raises(Exception, match="no search"):
        sample_of(make_project("p", searched=False))


@pytest.mark.parametrize(
    ("days", "text"), [(0, "today"), (1, "yesterday"), (3, "3 days ago"), (12, "12 days ago")]
)
def test_that_moments_are_said_as_people_say_them(days, text):
    now = 1_800_000_000.0
    assert ago(now - days * 86_400, now).startswith(text)


def test_that_only_one_limit_holds_after_the_guide(make_project):
    project = Project.open(make_project("p"), write=True)
    project.put(
        "choices",
        {"search": {"limits": {"macs": {"most": 2.0, "on": True}}, "sort": "x"}, "other": 1},
    )
    put_limit(project, "latency:a", 4.0)
    stored = project.get("choices", dict, {})
    project.close()
    assert stored["other"] == 1
    assert stored["search"]["sort"] == "x"
    held = {k for k, v in stored["search"]["limits"].items() if v["on"]}
    assert held == {"latency:a"}


def test_that_without_a_sample_the_page_says_so(qtbot, bench, no_sample):
    page = bench.page()
    qtbot.waitUntil(page.guide.without.isVisible)
    assert "no sample project" in page.sample_card.note.text()
    assert not page.sample_card.open.isEnabled()
    assert page.recents.nothing.isVisible()


def test_that_the_guide_answers_as_the_limit_moves(qtbot, bench, sample):
    page = bench.page()
    qtbot.waitUntil(lambda: page.sample is not None)
    front = page.guide.front
    page.guide.set_most(front.ends[1])
    best = page.guide.accuracy.text()
    assert best == f"{100 * front.front_accuracy[-1]:.1f} %"
    page.guide.slider.setValue(0)
    assert page.guide.accuracy.text() == f"{100 * front.front_accuracy[0]:.1f} %"
    assert page.guide.most.value() == pytest.approx(front.ends[0], abs=0.001)


def test_that_the_guide_opens_the_sample_at_search_with_the_limit(qtbot, bench, sample):
    page = bench.page()
    qtbot.waitUntil(lambda: page.sample is not None)
    page.guide.set_most(page.guide.front.ends[1])
    with qtbot.waitSignal(page.go_to) as asked:
        page.guide.find_button.click()
    assert asked.args == ["search"]
    stored = bench.workbench.snapshot.choices["search"]
    assert stored["limits"][page.guide._key]["on"]
    assert stored["x"] == page.guide._key
    # And again, now that it is open.
    page.guide.set_most(page.guide.front.ends[0])
    with qtbot.waitSignal(page.go_to):
        page.guide.find_button.click()
    again = bench.workbench.snapshot.choices["search"]["limits"][page.guide._key]
    assert again["most"] == pytest.approx(page.guide.most.value())


def test_that_recent_projects_are_looked_at_and_filtered(
    qtbot, bench, no_sample, make_project, tmp_path
):
    first, second = make_project("Pixel"), make_project("Doorbell", searched=False)
    page = bench.page(first, second, tmp_path / "gone.nasproj")
    qtbot.waitUntil(lambda: all(r.glance is not None for r in page.recents.rows()))
    rows = page.recents.rows()
    assert [r.title for r in rows] == ["Pixel", "Doorbell", "t"]
    assert [r.missing for r in rows] == [False, False, True]
    page.recents.filter.set_text("door")
    assert [r.title for r in page.recents.rows()] == ["Doorbell"]


def test_that_a_recent_project_opens_with_a_click(qtbot, bench, no_sample, make_project):
    page = bench.page(make_project("Pixel"))
    qtbot.waitUntil(lambda: page.recents.rows()[0].glance is not None)
    with qtbot.waitSignal(bench.workbench.opened):
        page.recents._picked(page.recents.model.index(0, 0))
    assert bench.workbench.snapshot.title == "Pixel"
    assert page.learn.rows["flops"].isEnabled()


def test_that_a_missing_project_can_be_forgotten(qtbot, bench, no_sample, tmp_path):
    page = bench.page(tmp_path / "gone.nasproj")
    qtbot.waitUntil(lambda: page.recents.rows()[0].missing)
    page.recents._picked(page.recents.model.index(0, 0))
    assert page.recents.missing.isVisible()
    page.recents.forget.click()
    assert bench.opening.recents() == []
    assert page.recents.nothing.isVisible()


def test_that_delete_takes_a_project_out_of_the_list(qtbot, bench, no_sample, make_project):
    page = bench.page(make_project("Pixel"))
    page.recents.list.setCurrentIndex(page.recents.model.index(0, 0))
    qtbot.keyClick(page.recents.list, Qt.Key.Key_Delete)
    assert page.recents.rows() == []


def test_that_a_dropped_file_needs_a_project(qtbot, bench, no_sample, make_project, tmp_path):
    page = bench.page()
    page.drop.dropped.emit(tmp_path / "lut.csv")
    assert page.error.isVisible()
    with qtbot.waitSignal(bench.workbench.opened):
        page.drop.dropped.emit(make_project("Pixel"))
    assert not page.error.isVisible()


def test_that_the_command_of_the_whole_road_is_copied(qtbot, bench, no_sample):
    page = bench.page()
    page.learn.rows["demo"].click()
    assert QGuiApplication.clipboard().text() == "nasstudio demo"
    assert not page.learn.rows["flops"].isEnabled()
