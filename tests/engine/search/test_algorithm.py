from __future__ import annotations

import numpy as np
import pytest

from nasstudio.engine.errors import CorruptFile, InvalidInput, NeedsExtra
from nasstudio.engine.search import pareto
from nasstudio.engine.search.archive import Archive
from nasstudio.engine.search.extremes import extremes
from nasstudio.engine.search.limit import Limit
from nasstudio.engine.search.random import RandomBaseline

NAMES = ["evolution", "nsga2", "random"]


def finished(search):
    while not search.done:
        search.step()
    return search


def table_of(archive):
    return np.stack([archive.column(name) for name in archive.columns], axis=1)


def copied(archive):
    copy = Archive(archive.space, archive.columns)
    copy.append(archive.genomes.copy(), table_of(archive))
    return copy


@pytest.mark.parametrize("name", NAMES)
def test_that_the_same_seed_gives_the_same_archive(make_search, space, metrics, accuracy, name):
    one, two, other = (
        finished(make_search(space, metrics, accuracy, name, seed=s)) for s in (1, 1, 2)
    )
    assert np.array_equal(one.archive.genomes, two.archive.genomes)
    assert np.array_equal(table_of(one.archive), table_of(two.archive))
    assert not np.array_equal(one.archive.genomes, other.archive.genomes)


@pytest.mark.parametrize("limited", [False, True])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("steps", [1, 7, 14])
def test_that_a_resumed_search_gives_the_same_archive_bit_for_bit(
    make_search, space, metrics, accuracy, name, steps, limited
):
    end = extremes(space, metrics[1], np.random.default_rng(0))
    limits = [Limit(metrics[1].key, end.smallest * 2)] if limited else []
    whole = finished(make_search(space, metrics, accuracy, name, limits=limits))
    first = make_search(space, metrics, accuracy, name, limits=limits)
    for _ in range(steps):
        first.step()
    assert not first.done
    second = make_search(space, metrics, accuracy, name, limits=limits, seed=99)
    second.restore(first.state(), copied(first.archive))
    finished(second)
    assert np.array_equal(whole.archive.genomes, second.archive.genomes)
    assert np.array_equal(table_of(whole.archive), table_of(second.archive))
    assert whole.hypervolume == second.hypervolume
    assert np.array_equal(whole.front, second.front)
    assert whole.feasible == second.feasible


@pytest.mark.parametrize("name", NAMES)
def test_that_what_a_search_says_is_true_of_its_archive(
    make_search, space, metrics, accuracy, name
):
    rng = np.random.default_rng(0)
    limits = [
        Limit(metrics[0].key, extremes(space, metrics[0], rng).smallest * 1.6),
        Limit("params", extremes(space, metrics[3], rng).smallest * 1.3),
    ]
    search = finished(make_search(space, metrics, accuracy, name, limits=limits))
    archive = search.archive
    assert search.evaluated == 600
    assert len(np.unique(archive.genomes, axis=0)) == 600
    assert np.array_equal(space.canonical(archive.genomes), archive.genomes)
    assert archive.accuracy == pytest.approx(accuracy(archive.genomes))
    for metric in metrics:
        assert archive.column(metric.key) == pytest.approx(metric.of(archive.genomes))
    met = archive.feasible(limits)
    assert search.feasible == met.sum()
    assert met[search.front].all()
    front = archive.front(metrics[0].key, met)
    assert np.array_equal(front, search.front)
    assert search.best == archive.best(limits, metrics[0].key)
    cost = archive.column(metrics[0].key)
    expected = search.settings.box.hypervolume(archive.accuracy[met], cost[met])
    assert search.hypervolume == pytest.approx(expected)


@pytest.mark.parametrize("name", NAMES)
def test_that_a_small_space_is_searched_to_its_end_and_no_further(
    make_search, small_space, small_metrics, small_accuracy, everything, name
):
    search = make_search(
        small_space, small_metrics, small_accuracy, name, budget=100_000, population=50
    )
    evolved = finished(search)
    if name == "random":
        assert evolved.evaluated > 600
    true = pareto.front(small_accuracy(everything), small_metrics[0].of(everything))
    found = evolved.archive.genomes[evolved.front]
    if name != "random":
        assert {g.tobytes() for g in found} == {g.tobytes() for g in everything[true]}
    assert evolved.evaluated <= 800


def test_that_evolution_finds_the_true_front_with_half_of_the_evaluations(
    make_search, small_space, small_metrics, small_accuracy, everything
):
    search = finished(
        make_search(small_space, small_metrics, small_accuracy, budget=400, population=20)
    )
    cost = small_metrics[0].of(everything)
    true = search.settings.box.hypervolume(small_accuracy(everything), cost)
    assert search.evaluated == 400
    assert search.hypervolume >= 0.995 * true


def test_that_a_full_search_fills_the_front_and_beats_random(make_search, space, metrics, accuracy):
    full = finished(make_search(space, metrics, accuracy, budget=20_000, population=100))
    best_known = finished(
        make_search(space, metrics, accuracy, budget=40_000, population=200, seed=5)
    )
    chance = finished(make_search(space, metrics, accuracy, "random", budget=20_000))
    assert len(full.front) >= 30
    assert full.hypervolume >= 0.995 * best_known.hypervolume
    assert full.hypervolume > 1.02 * chance.hypervolume


def test_that_a_limit_that_almost_nothing_meets_is_searched(make_search, space, metrics, accuracy):
    end = extremes(space, metrics[0], np.random.default_rng(0))
    limit = Limit(metrics[0].key, end.smallest * 1.2)
    sample = metrics[0].of(space.sample(5000, np.random.default_rng(0)))
    assert (sample <= limit.most).mean() < 0.005
    for name in ("evolution", "nsga2"):
        search = finished(make_search(space, metrics, accuracy, name, limits=[limit]))
        assert search.feasible > 100
        assert search.archive.column(limit.metric)[search.front].max() <= limit.most


def test_that_one_target_is_the_search_of_the_paper(make_search, space, metrics, accuracy):
    end = extremes(space, metrics[0], np.random.default_rng(0))
    limit = Limit(metrics[0].key, 0.5 * (end.smallest + end.largest))
    options = {"targets": 1, "local_share": 0}
    search = finished(
        make_search(
            space, metrics, accuracy, limits=[limit], options=options, budget=2000, population=100
        )
    )
    chance = finished(make_search(space, metrics, accuracy, "random", limits=[limit], budget=2000))
    accuracies = search.archive.accuracy
    assert accuracies[search.best] > chance.archive.accuracy[chance.best]


def test_that_the_budget_is_met_exactly(make_search, space, metrics, accuracy):
    for budget in (1, 39, 41, 333):
        search = finished(make_search(space, metrics, accuracy, budget=budget))
        assert search.evaluated == budget
        assert len(search.front) >= 1


def test_that_generations_are_the_rows_of_the_archive(make_search, space, metrics, accuracy):
    search = make_search(space, metrics, accuracy)
    stop = 0
    for number in range(5):
        new = search.step()
        assert (new.number, new.start) == (number, stop)
        stop = new.stop
        rows = slice(new.start, new.stop)
        assert np.array_equal(new.population, search.archive.genomes[rows])
        assert (search.archive.column("generation")[rows] == number).all()
        assert np.array_equal(search.archive.accuracy[rows], new.evaluations.accuracy)


def test_that_an_unknown_algorithm_or_option_is_named(make_search, space, metrics, accuracy):
    with pytest.raises(NeedsExtra, match="annealing"):
        make_search(space, metrics, accuracy, "annealing")
    with pytest.raises(InvalidInput, match="'temperature'") as problem:
        make_search(space, metrics, accuracy, options={"temperature": 1})
    assert "mutate_prob" in problem.value.remedy
    with pytest.raises(InvalidInput, match="parent_ratio"):
        make_search(space, metrics, accuracy, options={"parent_ratio": 7})
    with pytest.raises(InvalidInput, match="crossover_prob"):
        make_search(space, metrics, accuracy, "nsga2", options={"crossover_prob": -1})


@pytest.mark.parametrize("name", NAMES)
def test_that_a_foreign_state_is_refused(make_search, space, metrics, accuracy, name):
    search = make_search(space, metrics, accuracy, name)
    search.step()
    state = search.state()
    fresh = make_search(space, metrics, accuracy, name)
    with pytest.raises(CorruptFile):
        fresh.restore(state, Archive(space, search.archive.columns))
    for key in state:
        broken = {k: v for k, v in state.items() if k != key}
        with pytest.raises(CorruptFile):
            make_search(space, metrics, accuracy, name).restore(broken, copied(search.archive))
    bad = {**state, "random": np.frombuffer(b"{", dtype=np.uint8)}
    with pytest.raises(CorruptFile):
        make_search(space, metrics, accuracy, name).restore(bad, copied(search.archive))


def test_that_the_baseline_counts_every_draw_and_resumes(make_search, space, metrics, accuracy):
    search = make_search(space, metrics, accuracy)
    parts = (search.problem, metrics[0].key, search.settings.box)
    whole, first, second = (
        RandomBaseline(*parts, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    whole.draw(300)
    whole.draw(200)
    first.draw(300)
    second.restore(first.state())
    second.draw(200)
    assert whole.evaluated == second.evaluated == 500
    assert 0 < first.hypervolume <= whole.hypervolume == second.hypervolume
