from __future__ import annotations

import numpy as np
import pytest

from nasstudio.engine.device.calibration import kendall_tau
from nasstudio.engine.errors import CorruptFile, InvalidInput
from nasstudio.engine.predictor.encoding import OneHot
from nasstudio.engine.predictor.ensemble import fit, load
from nasstudio.engine.predictor.kinds import KINDS, SWIFT
from nasstudio.engine.space.families import build, preset

SPACE = build(preset("mbv3_28_fast"))


def truth(population, together=0.0):
    """Accuracy: options add, and two depths do something together."""
    rng = np.random.default_rng(7)
    x = OneHot(SPACE).of(population).astype(np.float64)
    accuracy = 0.6 + x @ rng.uniform(0, 0.02, x.shape[1])
    depth = np.stack([population[:, SPACE.column(f"stage{s}.depth")] for s in (1, 2)])
    return accuracy + together * (depth[0] - 1) * (depth[1] - 1)


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    population = np.unique(SPACE.sample(300, rng), axis=0)
    population = population[rng.permutation(len(population))[:200]]
    noisy = truth(population) + rng.normal(0, 0.002, 200)
    return fit(SPACE, population, noisy, rng, kinds=SWIFT)


def test_that_nine_of_ten_networks_lie_in_their_interval(fitted, others):
    measured = truth(others) + np.random.default_rng(5).normal(0, 0.002, len(others))
    inside = np.abs(fitted.of(others) - measured) <= fitted.interval(others)
    assert 0.83 <= inside.mean() <= 0.97
    assert fitted.interval(others) == pytest.approx(1.645 * fitted.spread(others))


def test_that_a_network_unlike_the_measured_ones_is_less_certain():
    rng = np.random.default_rng(0)
    column = SPACE.column("stage1.depth")
    population = SPACE.sample(300, rng)
    accuracy = truth(population) + rng.normal(0, 0.002, len(population))
    known = population[:, column] == 0
    predictor = fit(SPACE, population[known], accuracy[known], rng, kinds=SWIFT)
    interval = predictor.interval(population)
    assert interval[~known].mean() > 1.15 * interval[known].mean()


def test_that_kinds_are_judged_by_networks_that_their_choice_has_not_seen():
    rng = np.random.default_rng(3)
    population = np.unique(SPACE.sample(100, rng), axis=0)
    noise = rng.uniform(
        0.5, 0.9, len(population)
    )  # nothing to learn: an honest report finds nothing
    costs = population.sum(axis=1) + 1.0
    report = fit(SPACE, population, noise, rng, costs=costs, kinds=SWIFT).report
    assert abs(report.tau) < 0.25
    assert report.optimism_points > 0
    assert report.networks == report.n_held == len(population)


@pytest.fixture(scope="module")
def others():
    return SPACE.sample(500, np.random.default_rng(99))


def test_that_unseen_networks_are_ranked(fitted, others):
    assert kendall_tau(fitted.of(others), truth(others)) > 0.9
    assert fitted.report.tau > 0.8
    assert np.abs(fitted.of(others) - truth(others)).mean() < 0.005
    assert ((fitted.of(others) >= 0) & (fitted.of(others) <= 1)).all()


def test_that_the_report_is_about_the_networks_held_back(fitted):
    report = fitted.report
    assert (report.networks, report.n_held, report.n_top) == (200, 200, 20)
    assert len(report.predicted) == len(report.actual) == 200
    predicted, actual = np.array(report.predicted), np.array(report.actual)
    assert report.tau == pytest.approx(kendall_tau(predicted, actual))
    assert report.rmse_points == pytest.approx(100 * np.sqrt(((predicted - actual) ** 2).mean()))
    assert set(report.taus) == set(report.taus_top) == set(SWIFT)
    assert report.kind in SWIFT
    assert report.noise_points is None
    assert report.optimism_points is None


def test_that_what_genes_do_together_is_learnt(others):
    rng = np.random.default_rng(1)
    population = SPACE.sample(250, rng)
    predictor = fit(SPACE, population, truth(population, together=0.06), rng, judges=1)
    taus = predictor.report.taus
    assert set(taus) == set(KINDS)
    assert predictor.report.kind != "ridge"
    assert min(taus["pairwise"], taus["mlp"], taus["rank"]) > taus["ridge"] + 0.03
    assert kendall_tau(predictor.of(others), truth(others, together=0.06)) > 0.75


def test_that_the_spread_has_the_size_of_the_error(fitted, others):
    error = np.sqrt(((fitted.of(others) - truth(others)) ** 2).mean())
    spread = fitted.spread(others)
    assert spread.shape == (500,)
    assert (spread > 0).all()
    assert 0.5 * error < np.sqrt((spread**2).mean()) < 5 * error


def test_that_the_same_seed_gives_the_same_predictor(others):
    population = SPACE.sample(30, np.random.default_rng(0))
    one, two = (
        fit(SPACE, population, truth(population), np.random.default_rng(5), judges=1)
        for _ in range(2)
    )
    assert np.array_equal(one.of(others), two.of(others))
    assert one.report == two.report


def test_that_a_saved_predictor_comes_back_whole(fitted, others, tmp_path):
    path = tmp_path / "predictor.npz"
    fitted.save(path)
    again = load(path, SPACE)
    assert np.array_equal(again.of(others), fitted.of(others))
    assert np.array_equal(again.spread(others), fitted.spread(others))
    assert again.report == fitted.report
    with np.load(path, allow_pickle=False) as file:
        assert all(file[name].dtype != object for name in file.files)


def test_that_a_damaged_predictor_is_refused_wherever_it_is_cut(fitted, tmp_path):
    whole = tmp_path / "whole.npz"
    fitted.save(whole)
    content = whole.read_bytes()
    path = tmp_path / "cut.npz"
    for length in range(0, len(content), max(1, len(content) // 23)):
        path.write_bytes(content[:length])
        with pytest.raises(CorruptFile) as problem:
            load(path, SPACE)
        assert problem.value.where == str(path)
    for place in range(40, len(content), max(1, len(content) // 23)):
        changed = bytearray(content)
        changed[place] ^= 0xFF
        path.write_bytes(bytes(changed))
        try:
            load(path, SPACE)  # an unimportant byte of the container
        except InvalidInput:
            continue


def test_that_a_predictor_of_another_space_is_refused(fitted, tmp_path):
    fitted.save(tmp_path / "p.npz")
    with pytest.raises(InvalidInput, match="mbv3_28_fast"):
        load(tmp_path / "p.npz", build(preset("mbv3_28")))
    with pytest.raises(InvalidInput, match="not there"):
        load(tmp_path / "q.npz", SPACE)


def _altered(source, target, **changes):
    with np.load(source, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    arrays.update(changes)
    np.savez(target, **{name: array for name, array in arrays.items() if array is not None})


def test_that_wrong_arrays_are_refused(fitted, tmp_path):
    source, target = tmp_path / "p.npz", tmp_path / "q.npz"
    fitted.save(source)
    with np.load(source, allow_pickle=False) as file:
        names = [name for name in file.files if name != "header"]
        first = file[names[0]]
    for wrong in (None, first[:-1], first.astype(np.float64), np.full_like(first, np.nan)):
        _altered(source, target, **{names[0]: wrong})
        with pytest.raises(CorruptFile, match=names[0]):
            load(target, SPACE)
    for header in (None, np.zeros(3, np.uint8), np.frombuffer(b"{}", np.uint8)):
        _altered(source, target, header=header)
        with pytest.raises(CorruptFile):
            load(target, SPACE)


def test_that_a_pickle_is_never_opened(tmp_path):
    path = tmp_path / "p.npz"
    np.savez(path, header=np.array([{"a": 1}], dtype=object))
    with pytest.raises(CorruptFile):
        load(path, SPACE)
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(CorruptFile):
        load(path, SPACE)


def test_that_repeated_networks_count_once_and_tell_the_noise():
    rng = np.random.default_rng(0)
    population = np.unique(SPACE.sample(40, rng), axis=0)
    twice = np.concatenate([population, population])
    accuracy = truth(twice) + np.repeat([0.001, -0.001], len(population))
    report = fit(SPACE, twice, accuracy, rng, kinds=SWIFT).report
    assert report.networks == report.n_held == len(population)
    assert report.noise_points == pytest.approx(0.1 * np.sqrt(2))


def test_that_bad_pairs_are_refused():
    rng = np.random.default_rng(0)
    population = SPACE.sample(30, rng)
    good = truth(population)
    with pytest.raises(InvalidInput, match="too few"):
        fit(SPACE, population[:5], good[:5], rng)
    with pytest.raises(InvalidInput, match="too few"):
        fit(SPACE, population[:0], good[:0], rng)
    with pytest.raises(InvalidInput, match="do not pair"):
        fit(SPACE, population, good[:-1], rng)
    for wrong in (87.0, -0.1, np.nan):
        with pytest.raises(InvalidInput, match="not a share"):
            fit(SPACE, population, np.append(good[:-1], wrong), rng)
    with pytest.raises(InvalidInput, match="same accuracy"):
        fit(SPACE, population, np.full(30, 0.8), rng)
    with pytest.raises(InvalidInput, match="held back"):
        fit(SPACE, population, good, rng, held_back=0.9)
    with pytest.raises(InvalidInput, match="no option"):
        fit(SPACE, population + 9, good, rng)


def images_that_suit_options(population, rng):
    """Accuracies on two halves of the images, each of which suits some options better than other images would."""
    x = OneHot(SPACE).of(population).astype(np.float64)
    return np.stack(
        [truth(population) + x @ rng.normal(0, 0.02, x.shape[1]) for _ in range(2)], axis=1
    )


def test_that_only_what_holds_on_other_images_is_promised(others):
    rng = np.random.default_rng(11)
    population = SPACE.sample(300, rng)
    both = images_that_suit_options(np.concatenate([population, others]), rng)
    halves, accuracy = both[:300], both.mean(axis=1)
    known = fit(SPACE, population, accuracy[:300], rng, kinds=SWIFT)
    told = fit(SPACE, population, accuracy[:300], rng, halves=halves, kinds=SWIFT)
    assert known.report.holding is None
    assert told.report.holding < 0.9
    best = np.argsort(-told.of(others))[:50]
    optimism = [
        (p.of(others) - truth(others))[best].mean() - (p.of(others) - truth(others)).mean()
        for p in (known, told)
    ]
    assert abs(optimism[1]) < 0.6 * optimism[0]


def test_that_fewer_images_are_less_certain(others):
    rng = np.random.default_rng(0)
    population = SPACE.sample(100, rng)
    accuracy = np.clip(truth(population) + rng.normal(0, 0.002, 100), 0, 1)
    many, few, unknown = (
        fit(SPACE, population, accuracy, np.random.default_rng(0), images=n, kinds=SWIFT)
        for n in (10_000, 500, 0)
    )
    share = few.of(others)
    expected = np.hypot(unknown.interval(others), 1.645 * np.sqrt(share * (1 - share) / 500))
    assert few.interval(others) == pytest.approx(expected)
    assert (few.interval(others) > many.interval(others)).all()
    assert np.array_equal(few.spread(others), unknown.spread(others))
