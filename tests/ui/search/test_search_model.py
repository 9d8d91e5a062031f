import numpy as np
import pytest
from PySide6.QtGui import QUndoStack

from nasstudio.engine.cost.metric import available
from nasstudio.engine.cost.table import Source
from nasstudio.engine.job import events as ev
from nasstudio.engine.project.project import Project
from nasstudio.engine.search.archive_file import ArchiveWriter
from nasstudio.engine.search.limit import Limit
from nasstudio.engine.space.families import build, preset
from nasstudio.ui.views.search_model import SearchModel
from nasstudio.ui.views.search_runs import searches, shown_runs
from nasstudio.ui.workbench import Workbench


@pytest.fixture
def model(qtbot, bench):
    found = SearchModel(bench, QUndoStack())
    qtbot.waitUntil(lambda: found.seen_count > 0, timeout=10_000)
    yield found
    found.close()


def by_hand(model):
    """The best network under the limits that hold, by looking at each."""
    best = None
    for index in range(model.seen_count):
        met = all(
            model.seen.values[key][index] <= state.most
            for key, state in model.limits.items()
            if state.on
        )
        accuracy = model.seen.values["accuracy"][index]
        if met and (best is None or accuracy > model.seen.values["accuracy"][best]):
            best = index
    return best


def test_that_the_answer_to_every_limit_is_the_best_network_found_by_looking_at_each(model):
    low, high = model.span(model.x_key)
    memory = np.quantile(model.seen.values["memory"], 0.6)
    model.set_limit("memory", most=float(memory), on=True)
    for share in (0.2, 0.45, 0.7, 1.0):
        model.set_limit(model.x_key, most=low + share * (high - low))
        expected = by_hand(model)
        assert expected is not None
        values = model.seen.values["accuracy"]
        assert values[model.answer.best] == values[expected]


def test_that_at_first_only_the_first_latency_is_limited_and_leaves_a_choice(model):
    on = [key for key, state in model.limits.items() if state.on]
    assert on == [model.x_key]
    assert 0 < model.answer.count < model.seen_count


def test_that_an_impossible_limit_is_blamed_with_the_nearest_value(qtbot, model):
    low, _ = model.span(model.x_key)
    model.set_limit(model.x_key, most=low)
    qtbot.waitUntil(lambda: bool(model.explanation and model.explanation.blames), timeout=5000)
    blame = model.explanation.blames[0]
    assert blame.limit.metric == model.x_key
    assert blame.nearest == model.seen.values[model.x_key].min()
    assert model.answer.best is None


def test_that_one_drag_is_one_step_of_undo_and_two_drags_are_two(model):
    key, stack = model.x_key, model.undo_stack
    first = model.limits[key].most
    for gesture in (0.5, 0.6):
        model.begin_gesture()
        for step in range(5):
            model.set_limit(key, most=gesture + step / 100)
    assert stack.count() == 2
    stack.undo()
    assert model.limits[key].most == pytest.approx(0.54)
    stack.undo()
    assert model.limits[key].most == first
    before = model.answer.best
    stack.redo()
    assert model.limits[key].most == pytest.approx(0.54)
    assert model.answer.best != before or model.answer.count


def test_that_limits_and_axes_are_remembered_with_the_project(qtbot, bench, made, model):
    model.set_limit(model.x_key, most=0.77)
    model.set_limit("macs", most=3.0, on=True)
    model.set_axes("macs", "accuracy")
    qtbot.waitUntil(lambda: model.arrangement.x_key == "macs", timeout=5000)
    first = next(key for key in model.limits if key.startswith("latency"))
    model.save()
    qtbot.waitUntil(lambda: "search" in bench.snapshot.choices, timeout=5000)
    other = SearchModel(bench)
    qtbot.waitUntil(lambda: other.seen_count > 0, timeout=10_000)
    assert other.x_key == "macs"
    assert other.limits["macs"].on
    assert other.limits["macs"].most == 3.0
    assert other.limits[first].most == 0.77
    other.close()


def test_that_a_growing_archive_is_followed(qtbot, bench, made, model):
    before = model.seen_count
    columns = [*(m.key for m in model.ground.metrics), "accuracy", "generation"]
    folder = made.path / "runs" / made.run / "archive"
    new = made.space.sample(200, np.random.default_rng(99))
    metrics = available(made.space, bench.snapshot.table)
    values = [m.of(new) for m in metrics]
    accuracy = np.full(len(new), 0.99)
    writer = ArchiveWriter(folder, made.space, tuple(columns), keep=before)
    writer.append(new, np.stack([*values, accuracy, np.full(len(new), 50.0)], axis=1))
    writer.close()
    event = ev.Artefact(kind="archive", path="archive/genomes.i2", rows=(before, before + 200))
    bench.run_events.emit(made.run, [event])
    qtbot.waitUntil(lambda: model.seen_count > before, timeout=5000)
    assert model.seen.values["accuracy"][model.answer.best] == 0.99


def test_that_a_changed_table_moves_the_networks_and_says_so(qtbot, bench, made, model, synthetic):
    key, before = model.x_key, model.seen.values[model.x_key].copy()
    assert not model.outdated

    def slower(project: Project) -> None:
        column = project.table.column(synthetic.PIXEL)
        project.table.cells.ms[:, column] *= 2
        project.table.cells.source[:, column] = Source.EDITED
        project.save_table()

    bench.do(slower)
    qtbot.waitUntil(lambda: not np.allclose(model.seen.values[key], before), timeout=10_000)
    assert model.outdated
    metric = next(m for m in available(made.space, bench.snapshot.table) if m.key == key)
    np.testing.assert_allclose(model.seen.values[key], metric.of(model.seen.genomes))


def test_that_a_refinement_is_shown_together_with_the_search_that_it_refines(
    qtbot, tmp_path, synthetic
):
    made = synthetic.make_project(tmp_path, 300)
    project = Project.open(made.path)
    predictor = next(a for a in project.artefacts() if a.kind == "predictor")
    limit = Limit(f"latency:{synthetic.PIXEL.id}", 0.8)
    refined = synthetic.write_search(
        project, made.space, project.reference(predictor), 200, seed=5, limits=(limit,)
    )
    snapshot = project.snapshot()
    project.close()
    assert [run.id for run in shown_runs(snapshot)] == [made.run, refined]
    assert [run.id for run in shown_runs(snapshot, made.run)] == [made.run]
    assert [run.id for run in searches(snapshot)] == [refined, made.run]
    workbench = Workbench()
    workbench.open(made.path)
    model = SearchModel(workbench)
    qtbot.waitUntil(lambda: model.seen_count > 300, timeout=10_000)
    assert model.last_generation > 50
    model.close()
    workbench.close()


def test_that_a_damaged_archive_is_said_and_the_page_goes_on(qtbot, made):
    (made.path / "runs" / made.run / "archive" / "archive.json").write_text("{")
    workbench, said = Workbench(), []
    model = SearchModel(workbench)
    model.failed.connect(said.append)
    workbench.open(made.path)
    qtbot.waitUntil(lambda: bool(said), timeout=10_000)
    assert "archive" in str(said[0])
    assert model.seen_count == 0
    assert model.needs == ""
    model.close()
    workbench.close()


def test_that_what_is_missing_is_named_in_the_order_of_the_work(qtbot, tmp_path, synthetic):
    workbench = Workbench()
    model = SearchModel(workbench)
    assert model.needs == "project"
    path = tmp_path / "empty.nasproj"
    project = Project.create(path, "Empty")
    project.close()
    workbench.open(path)
    qtbot.waitUntil(lambda: workbench.snapshot is not None, timeout=5000)
    assert model.needs == "space"
    document = preset("mbv3_28_fast")
    workbench.do(lambda p: p.put("space", document))
    qtbot.waitUntil(lambda: model.ground is not None, timeout=10_000)
    assert model.needs == "table"
    workbench.do(lambda p: synthetic.fill_table(p, build(document)))
    qtbot.waitUntil(lambda: model.needs == "predictor", timeout=10_000)
    model.close()
    workbench.close()


def test_that_the_selection_follows_the_star_until_a_person_selects(qtbot, bench, model):
    qtbot.waitUntil(lambda: bench.selection is not None, timeout=5000)
    assert bench.selection == model.genome(model.answer.best)
    own = model.genome(7)
    bench.select(own)
    low, high = model.span(model.x_key)
    with qtbot.waitSignal(model.explained, timeout=5000):
        model.set_limit(model.x_key, most=low + 0.3 * (high - low))
    qtbot.waitUntil(lambda: not model._follow_timer.isActive(), timeout=5000)
    assert bench.selection == own
