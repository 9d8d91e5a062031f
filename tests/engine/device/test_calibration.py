"""The correction from sums to networks: what is recovered, what is chosen, and whether its error is honest."""

from __future__ import annotations

from collections import Counter

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasstudio.engine.cost import counts
from nasstudio.engine.device import calibration as calibrations
from nasstudio.engine.device.calibration import (
    PACE,
    Calibration,
    conformal,
    fit,
    kendall_tau,
    simplest,
)
from nasstudio.engine.device.correction import FEATURES, FLOOR, Correction, features, kind_of
from nasstudio.engine.device.verdict import causes, far_off, say, warnings
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.layer import parse

SPACE = build(preset("mbv3_28_fast"))
LAYERS = SPACE.layers
KINDS = np.array([kind_of(layer) for layer in LAYERS])
MACS = np.array([counts.count(layer).macs for layer in LAYERS], dtype=float)
FACTORS = {"mbconv": 1.3, "mbconv with SE": 0.8, "conv": 0.6, "linear": 0.6}


class World:
    """A device with known times: layers alone, and networks drawn evenly over size."""

    def __init__(self, seed: int, networks: int) -> None:
        self.rng = np.random.default_rng(seed)
        spread = np.exp(self.rng.normal(0, 0.2, len(LAYERS)))
        self.times = (MACS / MACS.mean() * 0.1 + 0.03) * spread
        share = self.rng.random((networks, 1))
        options = np.broadcast_to(SPACE.cardinalities - 1, (networks, len(SPACE.genes)))
        drawn = self.rng.binomial(options, share).astype(np.int16)
        self.rows = SPACE.rows(SPACE.canonical(drawn))
        self.macs = self.total(MACS)
        self.sums = self.total(self.times)

    def total(self, by_layer):
        return np.append(by_layer, 0.0)[self.rows].sum(axis=1)

    def measured(self, truth, noise):
        return truth * np.exp(self.rng.normal(0, noise, len(truth)))

    def fit(self, truth, noise, n=None, **options) -> Calibration:
        first, second = self.measured(truth, noise), self.measured(truth, noise)
        return fit(
            LAYERS,
            self.times,
            self.rows[:n],
            first[:n],
            self.macs[:n],
            second_ms=second[:n],
            **options,
        )

    def predicted(self, found: Calibration):
        return self.total(found.effective_ms(LAYERS, self.times)) + found.constant_ms


def truths(world: World):
    """Latency of networks under each simple law."""
    kinds = world.total(world.times * [FACTORS[kind] for kind in KINDS])
    return {
        "sum": world.sums,
        "scale": 1.2 * world.sums,
        "line": 1.2 * world.sums + 0.3 * world.sums.mean(),
        "kinds": kinds + 0.1 * world.sums.mean(),
    }


# -- what is recovered ------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=15)
@given(
    st.integers(0, 10_000), st.floats(0.3, 3.0), st.floats(0.0, 2.0), st.sampled_from([0.0, 0.01])
)
def test_that_a_known_scale_and_constant_are_recovered(seed, scale, share, noise) -> None:
    world = World(seed, 24)
    constant = share * world.sums.mean()
    found = world.fit(scale * world.sums + constant, noise)
    predicted = world.predicted(found)
    exact = scale * world.sums + constant
    assert np.abs(predicted / exact - 1).mean() < max(2e-3, noise)
    if found.correction.name == "line" and noise == 0.0:
        assert found.correction.scale == pytest.approx(scale, rel=1e-3)
        assert found.constant_ms == pytest.approx(constant, rel=1e-2)


def test_that_known_factors_of_kinds_are_recovered() -> None:
    world = World(1, 48)
    found = world.fit(truths(world)["kinds"], 0.003)
    assert found.correction.name == "kinds"
    for kind in ("mbconv", "mbconv with SE"):  # those of which networks differ
        assert found.correction.factors[kind] == pytest.approx(FACTORS[kind], abs=0.05)


def test_that_a_cost_in_each_layer_alone_is_taken_off() -> None:
    world = World(3, 48)
    paid_alone = np.full(len(LAYERS), 0.4 * world.times.min())
    truth = world.total(world.times - paid_alone)
    found = world.fit(truth, 0.002)
    assert np.abs(world.predicted(found) / truth - 1).mean() < 0.003
    assert found.mape_sum > 0.05


def test_that_memory_traffic_is_taken_up_by_the_residual_model() -> None:
    world = World(5, 48)
    weights = features(LAYERS, world.times)[:, list(FEATURES).index("weights")]
    truth = world.total(1.1 * world.times + weights / weights.mean() * 0.3 * world.times.mean())
    found = world.fit(truth, 0.005)
    assert found.correction.name == "residual"
    assert found.correction.residual["weights"] > 0
    assert found.mape < 0.3 * found.errors["line"]


def test_that_a_few_outlying_measurements_do_not_bend_the_correction() -> None:
    world = World(7, 24)
    truth = 0.8 * world.sums + 0.3
    measured = world.measured(truth, 0.005)
    measured[[2, 9, 17]] *= 1.6
    found = fit(LAYERS, world.times, world.rows, measured, world.macs, noise=0.005)
    assert np.abs(world.predicted(found) / truth - 1).max() < 0.02
    assert far_off(found) == 3
    assert "3 of 24 networks are far off" in say(found)


# -- what is chosen ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("law", ["sum", "scale", "line"])
@pytest.mark.parametrize("networks", [12, 24])
def test_that_the_simple_correction_is_chosen_where_the_truth_is_simple(law, networks) -> None:
    names = Counter()
    for seed in range(24):
        world = World(seed, networks)
        names[world.fit(truths(world)[law], 0.02).correction.name] += 1
    assert names[law] >= 22  # nine in ten


def test_that_factors_of_kinds_are_chosen_where_they_are_the_truth() -> None:
    names = Counter()
    for seed in range(12):
        world = World(seed, 30)
        names[world.fit(truths(world)["kinds"], 0.01).correction.name] += 1
    assert names["kinds"] >= 11


def test_that_no_richer_model_is_used_within_the_noise() -> None:
    losses = np.stack([np.full(20, 0.02), np.full(20, 0.001)])
    assert simplest(losses, None) == 1
    assert simplest(losses, 0.01) == 1
    assert simplest(losses, 0.02) == 0
    assert simplest(losses, 0.01, rich=1) == 1
    assert simplest(losses, 0.015, rich=1) == 0


def test_that_an_equal_but_richer_model_is_not_worth_it() -> None:
    rng = np.random.default_rng(0)
    common = rng.random(30)
    losses = np.stack([common, common + rng.normal(0, 0.01, 30), common - 0.2])
    assert simplest(losses[:2], None) == 0
    assert simplest(losses, None) == 2


@settings(deadline=None, max_examples=15)
@given(
    st.integers(0, 10_000), st.integers(4, 30), st.sampled_from(["sum", "scale", "line", "kinds"])
)
def test_that_it_is_never_worse_than_the_plain_sum_by_more_than_noise(seed, networks, law) -> None:
    world = World(seed, networks + 100)
    truth = truths(world)[law]
    found = world.fit(truth, 0.02, networks)
    fresh = slice(networks, None)
    corrected = np.abs(world.predicted(found) / truth - 1)[fresh].mean()
    plain = np.abs(world.sums / truth - 1)[fresh].mean()
    assert corrected <= plain + 0.02


# -- whether the error is honest --------------------------------------------------------------------------------


def test_that_held_back_errors_are_those_of_new_networks() -> None:
    told, true, inside = [], [], []
    for seed in range(25):
        world = World(seed, 224)
        truth = truths(world)["kinds"]
        found = world.fit(truth, 0.02, 24)
        again = (world.measured(truth, 0.02) + world.measured(truth, 0.02)) / 2
        predicted = world.predicted(found)[24:]
        told.append(found.mape)
        true.append(np.abs(predicted / again[24:] - 1).mean())
        # Another day: all networks are slower or faster alike, by PACE or less nine times in ten.
        later = again[24:] * np.exp(np.random.default_rng(seed).normal(0, PACE / 1.645))
        inside.append((np.abs(predicted - later) <= found.interval * predicted).mean())
    assert np.mean(told) == pytest.approx(np.mean(true), rel=0.1)
    assert 0.88 <= np.mean(inside) <= 0.96


def test_that_nothing_is_promised_where_there_is_only_noise() -> None:
    told, constant, taus = [], [], []
    for seed in range(25):
        world = World(seed, 24)
        pure = world.sums.mean() * np.exp(world.rng.normal(0, 0.3, 24))
        found = fit(LAYERS, world.times, world.rows, pure, world.macs)
        told.append(found.mape)
        constant.append(found.mape_constant)
        taus.append(found.tau)
    assert np.mean(told) > 0.95 * np.mean(constant)
    assert np.mean(taus) < 0.1


def test_that_the_reported_error_is_that_of_the_held_back_predictions() -> None:
    world = World(2, 24)
    found = world.fit(truths(world)["line"], 0.02)
    predicted, measured = np.array(found.predicted_ms), np.array(found.measured_ms)
    off = np.abs(predicted - measured) / measured
    assert found.mape == pytest.approx(off.mean())
    assert found.within5 == pytest.approx((off <= 0.05).mean())
    assert found.within10 == pytest.approx((off <= 0.10).mean())
    assert found.tau == pytest.approx(kendall_tau(predicted, measured))
    assert (np.abs(predicted - measured) <= found.interval * predicted).mean() >= 0.9


def test_that_two_rounds_give_the_noise_and_its_rank_correlation() -> None:
    world = World(4, 12)
    first = world.sums * 1.01
    second = world.sums * 0.99
    found = fit(LAYERS, world.times, world.rows, first, world.macs, second_ms=second)
    assert found.noise == pytest.approx(0.02)
    assert found.floor == pytest.approx(0.01)
    assert found.tau_noise == pytest.approx(1.0)
    np.testing.assert_allclose(found.measured_ms, world.sums)
    alone = fit(LAYERS, world.times, world.rows, first, world.macs)
    assert (alone.noise, alone.tau_noise, alone.floor) == (None, None, None)


@pytest.mark.parametrize(("n", "index"), [(9, 8), (19, 17), (24, 22), (99, 89)])
def test_that_the_interval_is_the_finite_sample_quantile(n, index) -> None:
    errors = np.random.default_rng(0).permutation(np.arange(n)) / 100
    assert conformal(errors) == pytest.approx(index / 100)


def test_that_too_few_networks_get_no_narrow_interval() -> None:
    assert conformal(np.array([0.001, 0.002])) == calibrations.UNKNOWN_ERROR
    assert conformal(np.array([0.5, 0.002])) == 0.5


# -- odd ends ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3])
def test_that_fewer_than_four_networks_get_the_plain_sum(n) -> None:
    world = World(0, n)
    found = fit(LAYERS, world.times, world.rows, 1.3 * world.sums, world.macs)
    assert found.correction == Correction()
    assert found.mape == pytest.approx(0.3 / 1.3)
    assert "itself is uncertain" in say(found)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Calibration) == found


@pytest.mark.parametrize("n", [4, 5, 12, 24])
def test_that_one_and_the_same_network_gives_no_more_than_a_scale(n) -> None:
    world = World(0, n)
    rows = np.repeat(world.rows[:1], n, axis=0)
    found = fit(LAYERS, world.times, rows, np.full(n, 2.0), np.ones(n))
    assert found.correction.name == "scale"
    assert found.tau == 0.0
    np.testing.assert_allclose(found.predicted_ms, 2.0, rtol=1e-6)


def test_that_one_kind_of_layer_alone_works() -> None:
    layers = [parse(f"conv 8x{8 + i}x{8 + i} -> 8 k3 s1") for i in range(20)]
    times = np.linspace(0.1, 2.0, 20)
    found = fit(layers, times, np.arange(20)[:, None], 1.5 * times + 0.2, times)
    assert found.correction.name == "line"
    assert found.constant_ms == pytest.approx(0.2, rel=1e-3)


def test_that_layers_without_a_time_leave_a_constant() -> None:
    world = World(0, 24)
    found = fit(LAYERS, np.zeros(len(LAYERS)), world.rows, np.full(24, 3.0), world.macs)
    np.testing.assert_allclose(found.predicted_ms, 3.0, rtol=1e-6)
    assert found.problem() == ""


@settings(deadline=None, max_examples=20)
@given(
    st.integers(0, 10_000),
    st.integers(1, 30),
    st.sampled_from(["falling", "random", "tiny", "huge"]),
)
def test_that_whatever_was_measured_gives_a_calibration_that_can_be_kept(seed, n, law) -> None:
    world = World(seed, n)
    measured = {
        "falling": 1.2 * world.sums.max() - world.sums,
        "random": np.exp(world.rng.normal(0, 2, n)),
        "tiny": 1e-6 * world.sums,
        "huge": 1e6 * world.sums + 1,
    }[law]
    found = fit(LAYERS, world.times, world.rows, measured, world.macs)
    assert found.problem() == ""
    effective = found.effective_ms(LAYERS, world.times)
    assert (effective >= FLOOR * found.correction.scale * world.times * (1 - 1e-12)).all()
    assert msgspec.json.decode(msgspec.json.encode(found), type=Calibration) == found
    assert say(found)


def test_that_a_layer_never_counts_for_less_than_a_small_share_of_its_time() -> None:
    layers = [parse("conv 8x8x8 -> 8 k3 s1"), parse("linear 8x1x1 -> 8")]
    correction = Correction("kinds", 0.8, 0.1, -0.5, {"conv": 0.9})
    times = np.array([10.0, 0.2])
    np.testing.assert_allclose(correction.effective_ms(layers, times), [8.5, FLOOR * 0.8 * 0.2])


def test_that_the_correction_adds_factors_rows_and_features() -> None:
    layers = [parse("mbconv 16x8x8 -> 24 k5 s2 e4 se hswish"), parse("conv 16x8x8 -> 16 k3 s1 g16")]
    assert [kind_of(layer) for layer in layers] == ["mbconv with SE", "dwconv"]
    times = np.array([1.0, 2.0])
    extra = {name: 0.01 * (1 + number) for number, name in enumerate(FEATURES)}
    correction = Correction("residual", 0.8, 0.1, 0.05, {"dwconv": 1.5}, extra)
    by_hand = np.array([0.8, 3.0]) + 0.05 + features(layers, times) @ list(extra.values())
    np.testing.assert_allclose(correction.effective_ms(layers, times), by_hand)


BAD = {
    "no network": {"rows": np.zeros((0, 3), int), "measured_ms": [], "macs": []},
    "negative latency": {"measured_ms": [1.0, -1.0]},
    "nan": {"measured_ms": [1.0, float("nan")]},
    "negative time": {"times_ms": [0.1, -0.1]},
    "lengths": {"macs": [1.0]},
    "layer that is not there": {"rows": [[0, 1], [2, -1]]},
    "second round": {"second_ms": [1.0]},
}


@pytest.mark.parametrize("case", BAD)
def test_that_what_is_no_measurement_is_refused(case) -> None:
    good = {"rows": [[0, 1], [0, -1]], "measured_ms": [1.0, 2.0], "macs": [1.0, 2.0]}
    layers = [parse("conv 8x8x8 -> 8 k3 s1"), parse("linear 8x1x1 -> 8")]
    with pytest.raises(InvalidInput) as refused:
        fit(**{"layers": layers, "times_ms": [0.1, 0.2], **good, **BAD[case]})
    assert refused.value.remedy


# -- words ------------------------------------------------------------------------------------------------------


def _changed(found: Calibration, correction: Correction, **other) -> Calibration:
    return msgspec.structs.replace(found, correction=correction, **other)


def test_that_the_verdict_says_error_correction_and_noise() -> None:
    world = World(6, 24)
    said = say(world.fit(0.8 * world.sums + 0.3, 0.01))
    assert "The plain sum of the layers is" in said
    assert "Corrected by scale and constant (0.8" in said
    assert "noise of re-measuring 1." in said
    assert "less than alone" in said
    assert "of the smallest network" in said
    assert "uncertain" not in said
    assert "clearly above" not in said


def test_that_the_verdict_says_where_a_sum_fails() -> None:
    world = World(6, 24)
    found = world.fit(world.sums, 0.01)
    assert not causes(found)
    odd = _changed(found, Correction("kinds", 1.0, 0.0, -0.1, {"conv": 1.6, "mbconv": 1.1}))
    said = " ".join(causes(odd))
    assert "conv 1.60 times" in said
    assert "mbconv" not in said
    assert "less in a network than alone" in said


def test_that_the_verdict_warns() -> None:
    world = World(6, 24)
    found = world.fit(world.sums, 0.01)
    assert warnings(found) == []
    off = tuple(1.2 * ms for ms in found.measured_ms)
    worse = msgspec.structs.replace(found, mape=0.2, noise=0.05, predicted_ms=off)
    said = " ".join(warnings(worse))
    assert "not quiet" in said
    assert "clearly above the noise" in said
    hopeless = msgspec.structs.replace(found, mape=found.mape_constant)
    assert "A constant guess" in " ".join(warnings(hopeless))
    assert causes(_changed(hopeless, Correction("scale", 0.5))) == []


@pytest.mark.parametrize(
    "change",
    [
        {"correction": Correction("scale", 0.0)},
        {"correction": Correction("line", 1.0, float("inf"))},
        {"correction": Correction("kinds", 1.0, factors={"conv": float("nan")})},
        {"mape": -0.1},
        {"interval": float("nan")},
        {"measured_ms": (1.0,)},
        {"measured_ms": (0.0,) * 24},
    ],
)
def test_that_a_broken_calibration_says_what_is_wrong(change) -> None:
    world = World(6, 24)
    found = world.fit(world.sums, 0.01)
    assert found.problem() == ""
    assert msgspec.structs.replace(found, **change).problem()
