from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.search.archive import Archive, columns_of
from nasstudio.engine.search.limit import Limit
from nasstudio.engine.search.query import binding, blame
from nasstudio.engine.space.families import build, preset

SPACE = build(preset("mbv3_28_fast"))
METRICS = ("ms", "mb", "params")
N = 300


def _filled():
    rng = np.random.default_rng(0)
    archive = Archive(SPACE, columns_of(METRICS))
    population = SPACE.sample(2 * N, rng)
    # Coarse values, so that ties occur; costs and accuracy go together as they do in life.
    level = rng.random(2 * N)
    columns = [np.round(level + 0.3 * rng.random(2 * N), 2) for _ in METRICS]
    accuracy = np.round(0.7 + 0.2 * level + 0.05 * rng.random(2 * N), 2)
    archive.append(population, np.stack([*columns, accuracy, np.zeros(2 * N)], axis=1))
    return archive


ARCHIVE = _filled()
limits_of = st.lists(
    st.builds(Limit, st.sampled_from(METRICS), st.integers(0, 140).map(lambda i: i / 100)),
    max_size=5,
)


def inside(archive, limits, i):
    return all(archive.column(limit.metric)[i] <= limit.most for limit in limits)


@settings(max_examples=50, deadline=None)
@given(limits_of)
def test_that_a_query_equals_brute_force(limits):
    met = [i for i in range(len(ARCHIVE)) if inside(ARCHIVE, limits, i)]
    assert np.flatnonzero(ARCHIVE.feasible(limits)).tolist() == met
    best = ARCHIVE.best(limits, "ms")
    if not met:
        assert best is None
        return
    key = [(-ARCHIVE.accuracy[i], ARCHIVE.column("ms")[i], i) for i in met]
    assert best == min(key)[2]
    front = ARCHIVE.front("ms", ARCHIVE.feasible(limits))
    points = {(ARCHIVE.accuracy[i], ARCHIVE.column("ms")[i]) for i in met}
    expected = {
        (a, c)
        for a, c in points
        if not any((b >= a and d <= c and (b, d) != (a, c)) for b, d in points)
    }
    assert {(ARCHIVE.accuracy[i], ARCHIVE.column("ms")[i]) for i in front} == expected
    assert len(front) == len(expected)
    assert set(front.tolist()) <= set(met)


@settings(max_examples=50, deadline=None)
@given(limits_of)
def test_that_what_loosening_buys_equals_asking_again(limits):
    best = ARCHIVE.best(limits)
    answers = binding(ARCHIVE, limits, loosened=0.1)
    if best is None:
        assert answers == []
        return
    tight = {}
    for limit in limits:
        tight[limit.metric] = min(limit.most, tight.get(limit.metric, np.inf))
    assert {a.limit.metric for a in answers} == set(tight)
    for answer in answers:
        others = [Limit(m, v) for m, v in tight.items() if m != answer.limit.metric]
        loose = Limit(answer.limit.metric, answer.limit.most + 0.1 * answer.limit.most)
        accuracy = ARCHIVE.accuracy
        after = ARCHIVE.best([*others, loose])
        assert answer.gain == pytest.approx(accuracy[after] - accuracy[best])
        assert inside(ARCHIVE, [*others, loose], answer.index)
        assert answer.without == pytest.approx(accuracy[ARCHIVE.best(others)] - accuracy[best])
        assert answer.binds == (answer.without > 0)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.builds(Limit, st.sampled_from(METRICS), st.integers(0, 30).map(lambda i: i / 100)),
        min_size=1,
        max_size=4,
    )
)
def test_that_blame_names_limits_whose_loosening_leaves_a_network(limits):
    answers = blame(ARCHIVE, limits)
    if ARCHIVE.best(limits) is not None:
        assert answers == []
        return
    assert answers
    tight = {}
    for limit in limits:
        tight[limit.metric] = min(limit.most, tight.get(limit.metric, np.inf))
    if answers[0].alone:
        for answer in answers:
            others = [Limit(m, v) for m, v in tight.items() if m != answer.limit.metric]
            loosened = [*others, Limit(answer.limit.metric, answer.nearest)]
            assert inside(ARCHIVE, loosened, answer.index)
            just_below = [*others, Limit(answer.limit.metric, answer.nearest - 1e-9)]
            assert ARCHIVE.best(just_below) is None
    else:
        new = {**tight, **{a.limit.metric: a.nearest for a in answers}}
        assert ARCHIVE.best([Limit(m, v) for m, v in new.items()]) is not None
        for metric in tight:  # and no single one would have been enough
            others = [Limit(m, v) for m, v in tight.items() if m != metric]
            assert ARCHIVE.best(others) is None


def test_that_equal_networks_are_held_once(space):
    archive = Archive(space, columns_of(()))
    genome = space.smallest()
    twin = genome.copy()
    twin[space.column("stage1.block3.kernel")] = 2  # depth 1: this block does not run
    added = archive.append(np.stack([genome, twin, genome]), np.zeros((3, 2)))
    assert added.tolist() == [0]
    assert len(archive) == 1
    assert archive.index(twin) == 0
    assert archive.append(twin[None], np.ones((1, 2))).tolist() == []
    assert archive.accuracy.tolist() == [0.0]


@given(st.lists(st.integers(0, 60), max_size=12), st.integers(0, 5))
@settings(max_examples=30, deadline=None)
def test_that_an_archive_grown_in_pieces_equals_one_made_at_once(sizes, seed):
    rng = np.random.default_rng(seed)
    pieces = [SPACE.sample(n, rng) for n in sizes]
    columns = columns_of(("ms",))
    grown, whole = Archive(SPACE, columns), Archive(SPACE, columns)
    values = [rng.random((len(p), 3)) for p in pieces]
    for piece, value in zip(pieces, values, strict=True):
        grown.append(piece, value)
        grown.front("ms")  # a remembered order must not outlive the growth
    if pieces:
        whole.append(np.concatenate(pieces), np.concatenate(values))
    assert np.array_equal(grown.genomes, whole.genomes)
    assert np.array_equal(grown.column("ms"), whole.column("ms"))
    assert np.array_equal(grown.front("ms"), whole.front("ms"))


def test_that_an_unknown_metric_is_named_with_the_known_ones():
    with pytest.raises(InvalidInput, match="'watts'") as problem:
        ARCHIVE.best([Limit("watts", 1.0)])
    assert "ms" in problem.value.remedy
    with pytest.raises(InvalidInput):
        ARCHIVE.feasible([Limit("accuracy", 1.0)])
    with pytest.raises(InvalidInput):
        ARCHIVE.column("watts")
    with pytest.raises(InvalidInput, match="not a number"):
        ARCHIVE.feasible([Limit("ms", float("nan"))])


def test_that_an_empty_archive_answers():
    archive = Archive(SPACE, columns_of(("ms",)))
    assert archive.best([]) is None
    assert archive.front("ms").tolist() == []
    assert blame(archive, [Limit("ms", 1)]) == []
    assert binding(archive, [Limit("ms", 1)]) == []


def test_that_an_archive_needs_accuracy_and_generation():
    with pytest.raises(InvalidInput):
        Archive(SPACE, ("ms", "accuracy"))
