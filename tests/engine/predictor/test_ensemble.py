from __future__ import annotations

import numpy as np
import pytest

from nasstudio.engine.device.calibration import kendall_tau
from nasstudio.engine.errors import CorruptFile, InvalidInput
from nasstudio.engine.predictor.encoding import OneHot
from nasstudio.engine.predictor.ensemble import fit, load
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
    return fit(SPACE, population, noisy, rng)


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
    assert (report.n_train, report.n_held) == (160, 40)
    assert len(report.predicted) == len(report.actual) == 40
    predicted, actual = np.array(report.predicted), np.array(report.actual)
    assert report.tau == pytest.approx(kendall_tau(predicted, actual))
    assert report.rmse_points == pytest.approx(100 * np.sqrt(((predicted - actual) ** 2).mean()))
    assert set(report.taus) == {"ridge", "mlp"}
    assert report.kind == max(report.taus, key=lambda kind: report.taus[kind])
    assert report.noise_points is None


def test_that_what_genes_do_together_is_learnt_by_the_networks(others):
    rng = np.random.default_rng(1)
    population = SPACE.sample(400, rng)
    predictor = fit(SPACE, population, truth(population, together=0.06), rng)
    assert predictor.report.kind == "mlp"
    assert predictor.report.taus["mlp"] > predictor.report.taus["ridge"] + 0.03
    assert kendall_tau(predictor.of(others), truth(others, together=0.06)) > 0.75


def test_that_the_spread_has_the_size_of_the_error(fitted, others):
    error = np.sqrt(((fitted.of(others) - truth(others)) ** 2).mean())
    spread = fitted.spread(others)
    assert spread.shape == (500,)
    assert (spread > 0).all()
    assert 0.5 * error < np.sqrt((spread**2).mean()) < 5 * error


def test_that_the_same_seed_gives_the_same_predictor(others):
    population = SPACE.sample(60, np.random.default_rng(0))
    one, two = (
        fit(SPACE, population, truth(population), np.random.default_rng(5)) for _ in range(2)
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
    report = fit(SPACE, twice, accuracy, rng).report
    assert report.n_train + report.n_held == len(population)
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
