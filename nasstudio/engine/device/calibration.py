"""From the sum of the layers to the latency of the network: which correction, and how far it can be trusted.

A few whole networks are measured; `fit` chooses the simplest correction (see `device.correction`) that their errors
support, and judges it on networks that neither its parameters nor its choice have seen. `Calibration` is what is kept:
the correction to apply, and the evidence to show.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasstudio.engine.device.correction import Candidate, Correction, Design, Values
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.layer import LayerSpec

COVERED = 0.9  # share of networks that the interval is to hold
UNKNOWN_ERROR = 0.1  # half width where nothing was measured
PACE = 0.033
"""How far a device's pace strays between two sittings, as a share; nine in ten are nearer. It is not this device's own:
so much it was in 70 passes over five devices of one thread of one machine (`benchmarks/latency.py`). With two threads
there it was up to 0.3, which no interval here allows for."""
FEWEST = 12  # networks below which the error itself is a guess

_OUTER, _INNER, _REPEATS = 10, 5, 3
_STANDARD_ERRORS, _WORTH = (
    1.0,
    0.1,
)  # what a richer model must gain: so many standard errors, and this share
_SLACK, _NEGLIGIBLE = 1.1, 1e-3
_CLEARLY, _FINE = (
    1.5,
    0.01,
)  # a residual model needs an error above this many floors, and above this share
_SEED = 20


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The correction of one device, and how good it is.

    Errors are shares of the measured latency, of predictions for networks that were held back: neither the parameters
    nor the choice of the correction saw them.

    Attributes
    ----------
    correction : what is applied.
    errors : cross-validated mean error of each member of the family that was tried, by name.
    mape : mean absolute error, corrected, held back.
    mape_sum : the same of the plain sum.
    mape_constant : the same of a constant, the geometric mean of the other networks.
    within5, within10 : share of networks within 5 % and 10 %, held back.
    interval : half width that is to hold nine in ten networks measured another day, as a share of the prediction: the
        errors of the held-back ones (conformal) and, independent of them, the pace of the device that day (`PACE`).
    tau : Kendall rank correlation of prediction and measurement, held back; 0 where all are equal.
    tau_macs : the same of MACs and measurement ("FLOPs is not speed").
    tau_noise : the same of two rounds of measuring; None if there was one.
    noise : mean difference of a network measured twice, as a share; None if not measured twice.
    floor : mean error that a perfect prediction would have, for the noise; None if that is not known.
    sums_ms, predicted_ms, measured_ms, macs, spread : of each network: sum of its rows, prediction held back, measured
        median, MACs, (p90 - p10) / median.
    space_hash, genomes : which networks they are.
    measured_at : time of the measurement, ISO 8601.
    """

    correction: Correction
    errors: dict[str, float]
    mape: float
    mape_sum: float
    mape_constant: float
    within5: float
    within10: float
    interval: float
    tau: float
    tau_macs: float
    tau_noise: float | None
    noise: float | None
    floor: float | None
    sums_ms: tuple[float, ...]
    predicted_ms: tuple[float, ...]
    measured_ms: tuple[float, ...]
    macs: tuple[float, ...]
    spread: tuple[float, ...] = ()
    space_hash: str = ""
    genomes: tuple[tuple[int, ...], ...] = ()
    measured_at: str = ""

    def problem(self) -> str:
        """What makes it no calibration, in words; empty if nothing does."""
        if not self.correction.finite or self.correction.scale <= 0:
            scale, constant = self.correction.scale, self.correction.constant_ms
            return f"a scale of {scale:g} and a constant of {constant:g} ms"
        errors = {"mape": self.mape, "mape_sum": self.mape_sum, "mape_constant": self.mape_constant}
        errors |= {
            "interval": self.interval,
            "noise": self.noise or 0.0,
            "floor": self.floor or 0.0,
        }
        for name, share in errors.items():
            if not (math.isfinite(share) and share >= 0):
                return f"{share:g} as its {name}"
        arrays = (self.sums_ms, self.predicted_ms, self.measured_ms, self.macs)
        if len({len(values) for values in arrays}) > 1:
            return "latencies of some networks only"
        wrong = [ms for ms in self.measured_ms if not (math.isfinite(ms) and ms > 0)]
        wrong += [v for values in arrays for v in values if not (math.isfinite(v) and v >= 0)]
        return f"{wrong[0]:g} among its networks' numbers" if wrong else ""

    @property
    def constant_ms(self) -> float:
        """What a network costs beside its layers, ms; may be negative."""
        return self.correction.constant_ms

    def effective_ms(self, layers: Sequence[LayerSpec], times_ms: Values) -> Values:
        """What each layer counts for in a network. `(layers,)` ms. Latency = their sum + `constant_ms`, at least 0."""
        return self.correction.effective_ms(layers, times_ms)


def kendall_tau(x: ArrayLike, y: ArrayLike) -> float:
    """Kendall's tau-b of two equally long sequences; nan if one is constant. O(n^2)."""
    a, b = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    upper = np.triu_indices(len(a), k=1)
    da, db = np.sign(a[:, None] - a)[upper], np.sign(b[:, None] - b)[upper]
    ties = np.count_nonzero(da) * np.count_nonzero(db)
    return float((da * db).sum() / np.sqrt(ties)) if ties else float("nan")


def fit(
    layers: Sequence[LayerSpec],
    times_ms: ArrayLike,
    rows: ArrayLike,
    measured_ms: ArrayLike,
    macs: ArrayLike,
    *,
    noise: float | None = None,
    tau_noise: float | None = None,
    second_ms: ArrayLike | None = None,
    spread: ArrayLike = (),
    space_hash: str = "",
    genomes: Sequence[Sequence[int]] = (),
    measured_at: str = "",
) -> Calibration:
    """Choose, fit and judge the correction of a device.

    The correction is the simplest whose cross-validated error is within the noise, or within one standard error of the
    best. With fewer than 4 networks it is the plain sum.

    Parameters
    ----------
    layers, times_ms : of the table. `(layers,)`, ms.
    rows : layers of each network, as indices; -1 absent. `(n, positions)`.
    measured_ms, macs : of each network. `(n,)`.
    noise, tau_noise : difference (as a share) and rank correlation of two rounds of measuring, if there were two and
        `second_ms` does not give them.
    second_ms : a second round of measuring the same networks; what is fitted then is the mean of both. `(n,)`.

    Raises
    ------
    InvalidInput
        There is no network, shapes differ, or a time is not one.
    """
    first = np.asarray(measured_ms, dtype=float)
    times, index = np.asarray(times_ms, dtype=float), np.asarray(rows, dtype=np.intp)
    counted = np.asarray(macs, dtype=float)
    second = None if second_ms is None else np.asarray(second_ms, dtype=float)
    _check(len(layers), times, index, first, second, counted)
    measured = first
    floor = noise
    if second is not None:
        measured = (first + second) / 2
        noise = float((np.abs(first - second) / measured).mean())
        tau_noise = float(np.nan_to_num(kendall_tau(first, second)))
        # The mean of two rounds is half as far from the truth as they are from each other.
        floor = noise / 2
    elif tau_noise is not None:
        tau_noise = float(np.nan_to_num(tau_noise))
    design = Design(tuple(layers), times, index)
    chosen, errors, predicted = _choose(design, measured, floor)
    everything = np.ones((1, len(measured)), dtype=bool)
    parameters = design.fit(chosen, measured, everything, floor or 0.0)[0]
    off = np.abs(predicted - measured) / measured
    return Calibration(
        correction=design.correction(chosen, parameters),
        errors=errors,
        mape=float(off.mean()),
        mape_sum=float((np.abs(design.sums_ms - measured) / measured).mean()),
        mape_constant=_mape_constant(measured),
        within5=float((off <= 0.05).mean()),
        within10=float((off <= 0.10).mean()),
        interval=math.hypot(
            conformal(np.abs(predicted - measured) / np.maximum(predicted, 1e-9)), PACE
        ),
        tau=float(np.nan_to_num(kendall_tau(predicted, measured))),
        tau_macs=float(np.nan_to_num(kendall_tau(counted, measured))),
        tau_noise=tau_noise,
        noise=noise,
        floor=floor,
        sums_ms=_floats(design.sums_ms),
        predicted_ms=_floats(predicted),
        measured_ms=_floats(measured),
        macs=_floats(counted),
        spread=_floats(np.asarray(spread, dtype=float)),
        space_hash=space_hash,
        genomes=tuple(tuple(int(i) for i in genome) for genome in genomes),
        measured_at=measured_at,
    )


def conformal(errors: Values, covered: float = COVERED) -> float:
    """Half width that holds a new network with probability `covered`: the finite-sample quantile of held-back errors.

    The k-th smallest of n with ``k = ceil((n + 1) * covered)`` (Vovk et al. 2005; Lei et al. 2018, alg. 2). Where n is
    too small for that, the largest error, and no less than that of a device that was never calibrated.
    """
    k = math.ceil((len(errors) + 1) * covered)
    if k <= len(errors):
        return float(np.sort(errors)[k - 1])
    return max(float(errors.max()), UNKNOWN_ERROR)


def _floats(values: Values) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _mape_constant(measured: Values) -> float:
    """Error of the geometric mean of the other networks."""
    n = len(measured)
    if n < 2:
        return 0.0
    logs = np.log(measured)
    others = np.exp((logs.sum() - logs) / (n - 1))
    return float((np.abs(others - measured) / measured).mean())


# -- choosing ---------------------------------------------------------------------------------------------------


def _choose(
    design: Design, measured: Values, floor: float | None
) -> tuple[Candidate, dict[str, float], Values]:
    """The chosen candidate, the error of each member of the family, and predictions held back from the choice.

    Nested folds: for every outer fold a candidate is chosen by folds of the other networks, fitted to them, and
    predicts those of the fold.
    """
    family = design.candidates()
    n = len(measured)
    if len(family) == 1:
        return family[0], {"sum": _mean_error(design.sums_ms, measured)}, design.sums_ms.copy()
    rng = np.random.default_rng(_SEED)  # folds are drawn alike in every repetition of a calibration
    outer = _folds(design.sums_ms, np.ones(n, dtype=bool), min(_OUTER, n), rng)
    training = np.vstack([~outer, np.ones((1, n), dtype=bool)])
    inner = [_inner(design.sums_ms, seen, rng) for seen in training]
    held = np.concatenate([folds for folds, _ in inner])
    masks = np.concatenate(
        [seen & ~folds for seen, (folds, _) in zip(training, inner, strict=True)]
    )
    owner = np.repeat(np.arange(len(training)), [len(folds) for folds, _ in inner])
    losses = np.empty((len(family), len(training), n))
    outside = np.empty((len(family), len(outer), n))
    for number, candidate in enumerate(family):
        found = design.predict(design.fit(candidate, measured, masks, floor or 0.0))
        off = np.where(held, np.abs(found - measured) / measured, 0.0)
        for group in range(len(training)):
            own = owner == group
            losses[number, group] = off[own].sum(axis=0) / np.maximum(held[own].sum(axis=0), 1)
        fitted = design.fit(candidate, measured, ~outer, floor or 0.0)
        outside[number] = design.predict(fitted)
    rich = sum(candidate.name != "residual" for candidate in family)
    picks = [simplest(losses[:, g][:, seen], floor, rich) for g, seen in enumerate(training)]
    predicted = np.empty(n)
    for fold, pick in zip(range(len(outer)), picks, strict=False):
        predicted[outer[fold]] = outside[pick, fold, outer[fold]]
    return family[picks[-1]], _errors(family, losses[:, -1].mean(axis=1)), predicted


def simplest(losses: Values, floor: float | None, rich: int | None = None) -> int:
    """Index of the simplest candidate that is as good as the best, up to chance, or good enough for the noise.

    One-standard-error rule (Hastie et al. 2009, sec. 7.10) with the standard error of the difference to the best,
    network by network: an outlying network is hard for all candidates and says nothing about them. A gain of less than
    a tenth of the error is not worth a richer model either.

    Parameters
    ----------
    losses : error of each network by each candidate, held back; the simplest candidate first. `(candidates, n)`.
    floor : mean error for which noise alone is reason enough; None if not known.
    rich : candidates from this index on are looked at only where the others exceed the noise clearly; None: all are.
    """
    mean = losses.mean(axis=1)
    if rich is not None and mean[:rich].min() <= max(_CLEARLY * (floor or 0.0), _FINE):
        losses, mean = losses[:rich], mean[:rich]
    best = losses[int(mean.argmin())]
    for index, own in enumerate(losses):
        if mean[index] <= max(_SLACK * (floor or 0.0), _NEGLIGIBLE):
            return index
        excess = own - best
        chance = _STANDARD_ERRORS * excess.std(ddof=1) / math.sqrt(len(excess))
        if excess.mean() <= max(chance, _WORTH * best.mean()):
            return index
    return int(mean.argmin())


def _errors(family: Sequence[Candidate], mean: Values) -> dict[str, float]:
    found: dict[str, float] = {}
    for candidate, error in zip(family, mean, strict=True):
        found[candidate.name] = min(float(error), found.get(candidate.name, math.inf))
    return found


def _inner(
    sums: Values, seen: NDArray[np.bool_], rng: np.random.Generator
) -> tuple[NDArray[np.bool_], int]:
    folds = min(_INNER, int(seen.sum()))
    made = [_folds(sums, seen, folds, rng) for _ in range(_REPEATS)]
    return np.concatenate(made), folds


def _folds(
    sums: Values, seen: NDArray[np.bool_], folds: int, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Networks held back by each fold, spread evenly over the plain sum. `(folds, n)`."""
    order = np.flatnonzero(seen)[np.argsort(sums[seen], kind="stable")]
    fold = np.concatenate([rng.permutation(folds) for _ in range(0, len(order), folds)])
    held = np.zeros((folds, len(sums)), dtype=bool)
    held[fold[: len(order)], order] = True
    return held


def _mean_error(predicted: Values, measured: Values) -> float:
    return float((np.abs(predicted - measured) / measured).mean())


def _check(
    layers: int,
    times: Values,
    rows: NDArray[np.intp],
    measured: Values,
    second: Values | None,
    macs: Values,
) -> None:
    """Refuse what is not a measurement."""
    n = len(measured)
    remedy = "Measure the layers and the networks again."
    if not n:
        raise InvalidInput("No network was measured.", where="calibration", remedy=remedy)
    shapes = (times.shape, rows.shape[:1], measured.shape, macs.shape)
    alike = shapes == ((layers,), (n,), (n,), (n,)) and rows.ndim == 2
    if not alike or (second is not None and second.shape != (n,)):
        raise InvalidInput(
            f"Times of {times.size} layers ({layers} are named), rows of {len(rows)} networks and "
            f"latencies of {n} do not belong together.",
            where="calibration",
            remedy=remedy,
        )
    rounds = measured if second is None else np.concatenate([measured, second])
    wrong = rounds[~(np.isfinite(rounds) & (rounds > 0))]
    wrong = np.append(wrong, times[~(np.isfinite(times) & (times >= 0))])
    if len(wrong):
        raise InvalidInput(f"{wrong[0]:g} ms is not a latency.", where="calibration", remedy=remedy)
    if rows.size and not -1 <= rows.min() <= rows.max() < layers:
        raise InvalidInput(
            f"A network has a layer {rows.max()} of {layers}.", where="calibration", remedy=remedy
        )
