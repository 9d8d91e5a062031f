"""The card that compares one network for all with training each alone."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from nasstudio.engine.device.device import Device
from nasstudio.engine.job import events as ev
from nasstudio.engine.job.specification import StudySpec, TrainSpec
from nasstudio.engine.project import plan
from nasstudio.engine.project.ingest import take_all
from nasstudio.engine.project.project import Project
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.study.cost import break_even
from nasstudio.engine.study.order import trainings
from nasstudio.engine.study.result import Answers, SubnetResult, SupernetCost, TrainedResult
from nasstudio.engine.train.schedule import schedule_preset
from nasstudio.ui.kit.number import MINUS
from nasstudio.ui.pages.compare import study_model
from nasstudio.ui.pages.compare.page import ComparePage
from nasstudio.ui.pages.compare.run_table import outcome_text, settings_text
from nasstudio.ui.pages.compare.study_card import StudyCard
from nasstudio.ui.pages.compare.study_model import DIFFERENCE, TARGET, TAUGHT
from nasstudio.ui.workbench import Workbench

SPACE = build(preset("mbv3_28_fast"))
ONE = Device("Chip A", "onnxruntime", "1.32.0", 1)
IMAGES = 400


def write(folder, *events) -> None:
    said = ev.EventWriter(folder.events)
    for event in events:
        said.write(event)
    said.close()


def train(project) -> None:
    """What a training leaves behind, but for its weights."""
    spec = TrainSpec(
        name="Training", space=SPACE.document, data=plan.data_document(project),
        schedule=schedule_preset("progressive_quick"),
    )  # fmt: skip
    about = {"space_hash": SPACE.hash, "epoch": 9, "final": True, "seconds": 90.0}
    artefact = ev.Artefact(kind="supernet", path="s.safetensors", sha256="s", about=about)
    write(project.new_run(spec), artefact, ev.Done(summary={"seconds": 100.0}))
    take_all(project)


def study(project, *, finished=True, **options) -> StudySpec:
    """What a study leaves behind: subnets at 80 %, the same networks alone at 78 %."""
    spec = plan.study(project, **options)
    said = [("supernet_cost", SupernetCost(seconds=90.0, passes=9000))]
    for target in spec.targets:
        right = np.arange(IMAGES) < 0.8 * IMAGES
        said.append(
            ("subnet", SubnetResult(genome=target.genome, accuracy=0.8, answers=Answers.of(right)))
        )
    for training in trainings(spec):
        right = np.arange(IMAGES) < 0.78 * IMAGES
        result = TrainedResult(
            genome=training.genome, way=training.way, rate=training.rate, seed=training.seed,
            epochs=training.epochs, choosing=0.7, accuracy=0.78, answers=Answers.of(right),
            seconds=30.0, passes=3000,
        )  # fmt: skip
        said.append(("trained", result))
    events = [ev.Result(name=name, values=msgspec.to_builtins(value)) for name, value in said]
    last = ev.Done(summary={"difference": 0.02, "break_even": 3.0}) if finished else ev.Stopped()
    write(project.new_run(spec), *events[: None if finished else -1], last)
    take_all(project)
    return spec


@pytest.fixture
def trained(make_project):
    """trained(then) -> path of a project with a search and a supernet, after `then(project)`."""

    def make(then=lambda project: None):
        project = Project.open(make_project("p"), write=True)
        train(project)
        then(project)
        project.close()
        return project.path

    return make


@pytest.fixture
def open_page(qtbot):
    benches = []

    def opened(path, bench=None):
        bench = bench or Workbench()
        page = ComparePage(bench)
        benches.append((bench, page))
        qtbot.addWidget(page)
        page.resize(1364, 800)
        page.show()
        bench.open(path)
        qtbot.waitUntil(lambda: bench.snapshot is not None)
        return page

    yield opened
    for bench, page in benches:
        page.close_down()
        bench.close()


def cell(card: StudyCard, row: int, column: int) -> str:
    return card.rows.data(card.rows.index(row, column))


def test_that_without_a_supernet_the_card_says_what_it_needs(qtbot, open_page, make_project):
    card = open_page(make_project("p")).study
    qtbot.waitUntil(lambda: "supernet" in card.empty.text_label.text())
    assert card.empty.isVisible()
    assert not card.empty.button.isVisible()
    assert card.command_line() == ""


def test_that_the_card_says_beforehand_what_a_study_takes(
    qtbot, open_page, trained, noting_workbench
):
    bench = noting_workbench()
    page = open_page(trained(), bench)
    card = page.study
    qtbot.waitUntil(card.empty.button.isVisible)
    text = card.empty.text_label.text()
    assert "3 networks, 6 trainings: about" in text
    assert page.command_line().startswith("nasstudio study ")
    card.taught.setChecked(True)
    qtbot.waitUntil(lambda: "12 trainings" in card.empty.text_label.text())
    assert "--taught" in page.command_line()
    card.empty.button.click()
    qtbot.waitUntil(lambda: bool(bench.made))
    (spec,) = bench.made
    assert isinstance(spec, StudySpec)
    assert len(spec.targets) == 3
    assert spec.taught
    assert all(target.device and target.limit_ms for target in spec.targets)


def test_that_pinned_networks_are_studied_first(qtbot, open_page, trained):
    genome = tuple(int(i) for i in SPACE.smallest())
    path = trained(lambda project: project.pin(SPACE.hash, genome, on=True))
    card = open_page(path).study
    qtbot.waitUntil(lambda: "1 networks, 2 trainings" in card.empty.text_label.text())


def test_that_a_finished_study_is_a_table_and_two_routes(qtbot, open_page, trained):
    page = open_page(trained(study))
    card = page.study
    qtbot.waitUntil(lambda: card.table is not None)
    assert card.view.isVisible()
    assert card.rows.rowCount() == 3
    assert cell(card, 0, DIFFERENCE).startswith("+2.00")
    assert "Chip" in cell(card, 0, TARGET)
    assert card.view.isColumnHidden(TAUGHT)
    assert "+2.00" in card.accuracy.text()
    assert break_even(card.routes.shared, card.routes.lone) == 3.0
    assert "from 3 targets" in card.cost.text()
    assert "assumed" in card.cost.text()
    assert card.plot._dots.data["y"].tolist() == [30.0, 60.0, 90.0]
    assert card.plot.axis_titles()[1] == "Total cost (s)"
    card.kind.button("searched").click()
    assert not card.plot._dots.isVisible()
    assert card.begin.isVisible()
    (run,) = [r for r in page.workbench.snapshot.runs if r.kind == "study"]
    assert settings_text(run.spec) == "3 networks alone, 9 epochs"
    assert outcome_text(run) == "subnets +2.00 points, break-even 3.0 targets"


def test_that_networks_trained_alone_stand_among_the_methods(qtbot, open_page, trained):
    page = open_page(trained(study))
    qtbot.waitUntil(lambda: page._notes["alone"].text() == "measured accuracy: 3")
    assert len(page.plot._alone.data) == 3
    assert page.plot._alone.data["y"].tolist() == pytest.approx([78.0] * 3)
    page.boxes["alone"].setChecked(False)
    assert len(page.plot._alone.data) == 0


def test_that_a_stopped_study_can_go_on(qtbot, open_page, trained, monkeypatch):
    page = open_page(trained(lambda project: study(project, finished=False, taught=True)))
    card = page.study
    qtbot.waitUntil(lambda: card.table is not None)
    # The last training is missing: its network has no row of its own yet.
    assert cell(card, 2, TAUGHT) == "–"
    assert cell(card, 1, TAUGHT) == "78.00"
    asked = []
    monkeypatch.setattr(page.workbench, "resume_run", asked.append)
    assert card.begin.text().strip() == "Resume"
    card.begin.click()
    assert asked == [card._run.id]


def test_that_closing_the_project_empties_the_card(qtbot, open_page, trained):
    page = open_page(trained(study))
    qtbot.waitUntil(lambda: page.study.table is not None)
    page.workbench.close()
    assert page.study.table is None
    assert page.study.routes is None


def test_that_differences_carry_their_sign():
    assert study_model.points(0.0123) == "+1.23"
    assert study_model.points(-0.004) == f"{MINUS}0.40"
