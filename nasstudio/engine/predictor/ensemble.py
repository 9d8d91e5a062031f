"""AccuracyPredictor: how accurate every network of a space will be, learnt from measured pairs.

Several kinds of model are tried; cross-validation chooses, networks held back from the choice and from the fit judge
and tell how far off predictions are, and the chosen kind is then fitted to all pairs. Its accuracy refers to the data
on which the pairs were measured and to nothing else. How good a published predictor is
(`nasstudio.engine.predictor.published`) is not known here, and its uncertainty is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.errors import CorruptFile, InvalidInput
from nasstudio.engine.predictor import uncertainty
from nasstudio.engine.predictor.arrays import read_arrays
from nasstudio.engine.predictor.choice import Labels, Model, choose
from nasstudio.engine.predictor.encoding import OneHot
from nasstudio.engine.predictor.kinds import KINDS
from nasstudio.engine.predictor.published_mlp import PublishedMlp
from nasstudio.engine.predictor.report import PredictorReport, judged
from nasstudio.engine.predictor.ridge import Features
from nasstudio.engine.predictor.uncertainty import Leverage, Uncertainty
from nasstudio.engine.space.space import Population, SearchSpace

Shares = NDArray[np.float64]
LEAST = 12
JUDGES = 200
_CHOSEN_SHARE, _CHOSEN_LEAST = 0.15, 20
_STORED = {**KINDS, "published_mlp": PublishedMlp}
_FORMAT, _VERSION = "nasstudio.predictor", 2


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a predictor file says about its arrays."""

    format: str
    version: int
    kind: str
    space: str
    space_hash: str
    mean: float
    scale: float
    uncertainty: Uncertainty | None
    report: PredictorReport


@dataclass(frozen=True)
class AccuracyPredictor:
    """Accuracy of whole populations.

    Attributes
    ----------
    space : whose networks it knows.
    model : the fitted models.
    leverage, uncertainty : how unlike the measured networks one is, and what that means for its prediction; None: it
        is not known how far off predictions are.
    report : how good it is.
    """

    space: SearchSpace
    model: Model
    leverage: Leverage | None
    uncertainty: Uncertainty | None
    report: PredictorReport

    @property
    def encoding(self) -> OneHot:
        return _encoding(self.space)

    def of(self, population: Population) -> Shares:
        """Predicted accuracy of each member, share 0..1. population: `(n, genes)`. Returns `(n,)`."""
        return self.model.of(self.encoding.of(population))

    def interval(self, population: Population) -> Shares:
        """Half width of the interval that holds nine networks of ten on any images of the kind, share; nan: not known.

        Returns `(n,)`.
        """
        if self.leverage is None or self.uncertainty is None:
            return np.full(len(population), np.nan)
        unlike = self._unlike(self.leverage, population)
        return self.uncertainty.elsewhere(self.of(population), *unlike)

    def spread(self, population: Population) -> Shares:
        """How far off each prediction may be on the images of the pairs: one standard deviation, share; nan: not known.

        Returns `(n,)`.
        """
        if self.leverage is None or self.uncertainty is None:
            return np.full(len(population), np.nan)
        return self.uncertainty.spread(*self._unlike(self.leverage, population))

    def _unlike(self, leverage: Leverage, population: Population) -> tuple[Shares, Shares]:
        features = self.encoding.of(population)
        return leverage.of(features), self.model.variance(features)

    def save(self, path: Path) -> None:
        """Write it as an npz file without pickle, with a JSON header."""
        header = _Header(
            _FORMAT,
            _VERSION,
            self.report.kind,
            self.space.name,
            self.space.hash,
            self.model.mean,
            self.model.scale,
            self.uncertainty,
            self.report,
        )
        text = np.frombuffer(msgspec.json.encode(header), dtype=np.uint8)
        arrays: dict[str, Any] = {
            **self.model.ensemble.arrays(),
            **(uncertainty.arrays(self.leverage) if self.leverage is not None else {}),
            "header": text,
        }
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)


_ENCODINGS: dict[str, OneHot] = {}


def _encoding(space: SearchSpace) -> OneHot:
    return _ENCODINGS.setdefault(space.hash, OneHot(space))


def fit(
    space: SearchSpace,
    genomes: Population | Sequence[Sequence[int]],
    accuracies: Sequence[float] | Shares,
    rng: np.random.Generator,
    held_back: float = 0.2,
    *,
    halves: Sequence[Sequence[float]] | Shares | None = None,
    images: int = 0,
    costs: Sequence[float] | Shares | None = None,
    judges: int = JUDGES,
    kinds: Sequence[str] = tuple(KINDS),
) -> AccuracyPredictor:
    """The predictor that ranks unseen networks best.

    Parameters
    ----------
    genomes : `(n, genes)`; a network that occurs more than once counts once, with its mean accuracy.
    accuracies : `(n,)` measured, share 0..1.
    held_back : share of the networks kept for judging at a time, 0.05..0.5.
    halves : `(n, 2)` accuracies on one and the other half of the images: what holds on both will hold on others.
    images : on which each was measured; 0: not known.
    costs : `(n,)` of each network, in any unit; then the intervals hold for those too that a search would choose.
    judges : networks are held back in turns until so many have been, or all.
    kinds : that are tried, from simple to complex.

    Raises
    ------
    InvalidInput
        There are fewer than 12 distinct networks, or an accuracy is not a share, or all are equal.
    """
    pairs = _distinct(space, genomes, accuracies, halves, costs)
    if not 0.05 <= held_back <= 0.5:
        raise InvalidInput(
            f"{held_back:g} of the pairs can't be held back.",
            where="held_back",
            remedy="Choose a share from 0.05 to 0.5.",
        )
    pairs = pairs.at(rng.permutation(len(pairs.population)))
    labels = pairs.labels
    features = _encoding(space).of(pairs.population)
    held = _held(features, labels, held_back, judges, kinds, rng)
    picked = None
    if pairs.costs is not None:
        least = max(_CHOSEN_LEAST, round(_CHOSEN_SHARE * len(held.index)))
        picked = uncertainty.best_predicted(held.predicted, pairs.costs[held.index], least)
    actual = labels.accuracy[held.index]
    error = held.predicted - actual
    sure = uncertainty.calibrated(error, held.leverage, held.variance, picked, images)
    choice = choose(features, labels, rng, kinds)
    report = judged(
        choice.kind,
        held.predicted,
        actual,
        networks=len(pairs.population),
        taus=choice.taus,
        taus_top=choice.taus_top,
        interval=sure.elsewhere(held.predicted, held.leverage, held.variance),
        holding=choice.holding,
        chosen=picked,
        noise=pairs.noise,
    )
    model = choice.fitted(features, labels, rng)
    return AccuracyPredictor(space, model, Leverage.fit(features), sure, report)


@dataclass(frozen=True)
class _Held:
    """What was predicted of networks that were held back: their indices, and `(n,)` arrays."""

    index: NDArray[np.intp]
    predicted: Shares
    leverage: Shares
    variance: Shares


def _held(
    features: Features,
    labels: Labels,
    share: float,
    judges: int,
    kinds: Sequence[str],
    rng: np.random.Generator,
) -> _Held:
    """Hold networks back in turns; each turn chooses its kind and fits it to the others alone."""
    n = len(features)
    turns = max(2, round(1 / share))
    parts = np.array_split(np.arange(n), turns)
    needed = next((k for k in range(1, turns) if sum(map(len, parts[:k])) >= judges), turns)
    index = np.concatenate(parts[:needed])
    predicted, leverage, variance = np.empty((3, len(index)))
    for part in parts[:needed]:
        train = np.setdiff1d(np.arange(n), part)
        choice = choose(features[train], labels.at(train), rng, kinds)
        model = choice.fitted(features[train], labels.at(train), rng)
        predicted[part] = model.of(features[part])
        variance[part] = model.variance(features[part])
        leverage[part] = Leverage.fit(features[train]).of(features[part])
    return _Held(index, predicted, leverage, variance)


@dataclass(frozen=True)
class _Pairs:
    """Distinct networks with their mean accuracies, the pooled spread of repeated measurements, and their costs."""

    population: Population
    labels: Labels
    noise: float | None
    costs: Shares | None

    def at(self, order: NDArray[np.intp]) -> _Pairs:
        costs = None if self.costs is None else self.costs[order]
        return _Pairs(self.population[order], self.labels.at(order), self.noise, costs)


def _distinct(
    space: SearchSpace,
    genomes: Population | Sequence[Sequence[int]],
    accuracies: Sequence[float] | Shares,
    halves: Sequence[Sequence[float]] | Shares | None,
    costs: Sequence[float] | Shares | None,
) -> _Pairs:
    measured = np.asarray(accuracies, dtype=np.float64)
    if measured.ndim != 1 or len(measured) != len(genomes):
        raise InvalidInput(
            f"{len(genomes)} genomes and {measured.size} accuracies do not pair.",
            where="accuracy pairs",
            remedy="Collect the pairs again.",
        )
    wrong = np.flatnonzero(~((measured >= 0) & (measured <= 1)))
    if len(wrong):
        raise InvalidInput(
            f"An accuracy of {measured[wrong[0]]:g} is not a share of images.",
            where=f"accuracy pairs, pair {wrong[0]}",
            remedy="Accuracies lie between 0 and 1; collect the pairs again.",
        )
    n = 0
    if len(measured):
        population = space.checked(np.asarray(genomes))
        distinct, first, group = np.unique(
            population, axis=0, return_index=True, return_inverse=True
        )
        n = len(distinct)
    if n < LEAST:
        raise InvalidInput(
            f"{n} distinct networks are too few to learn from.",
            where="accuracy pairs",
            remedy=f"Collect at least {LEAST}; 200 give a useful predictor.",
        )
    group = group.ravel()
    times = np.bincount(group)
    mean = np.bincount(group, weights=measured) / times
    if np.ptp(mean) == 0:
        raise InvalidInput(
            "All networks have the same accuracy: there is nothing to learn.",
            where="accuracy pairs",
            remedy="Train the supernet further, then collect again.",
        )
    repeats = len(measured) - n
    squares = float(((measured - mean[group]) ** 2).sum())
    noise = float(np.sqrt(squares / repeats)) if repeats else None
    known = None if costs is None else np.asarray(costs, dtype=np.float64)[first]
    half_means = None
    if halves is not None:
        both = np.asarray(halves, dtype=np.float64)
        half_means = np.stack(
            [np.bincount(group, weights=both[:, half]) / times for half in (0, 1)], axis=1
        )
    return _Pairs(distinct, Labels(mean, half_means), noise, known)


def load(path: Path, space: SearchSpace) -> AccuracyPredictor:
    """A predictor that `AccuracyPredictor.save` wrote.

    Raises
    ------
    CorruptFile
        The file is truncated, altered or something else.
    InvalidInput
        It is missing, or it was made for another space.
    """
    header, arrays = _read(path)
    if header.space_hash != space.hash:
        raise InvalidInput(
            f"This predictor was made for another space ({header.space}), not for {space.name}.",
            where=path,
            remedy="Collect pairs and fit a predictor for this space.",
        )
    features = _encoding(space).features
    models = _STORED[header.kind].shapes(features)
    sure = uncertainty.shapes(features) if header.uncertainty is not None else {}
    for name, shape in {**models, **sure}.items():
        array = arrays.get(name)
        if (
            array is None
            or array.shape != shape
            or array.dtype != np.float32
            or not np.isfinite(array).all()
        ):
            raise _corrupt(path, f"its array '{name}' is missing or has the wrong shape")
    ensemble = _STORED[header.kind]({name: arrays[name] for name in models})
    return AccuracyPredictor(
        space,
        Model(ensemble, header.mean, header.scale),
        Leverage(arrays["centre"], arrays["inverse"]) if sure else None,
        header.uncertainty,
        header.report,
    )


def _read(path: Path) -> tuple[_Header, dict[str, NDArray[Any]]]:
    try:
        arrays = read_arrays(path)
        header = msgspec.json.decode(arrays["header"].tobytes(), type=_Header)
    except FileNotFoundError:
        raise InvalidInput(
            "The predictor is not there.", where=path, remedy="Fit it again."
        ) from None
    except (KeyError, ValueError, RecursionError) as problem:  # msgspec's errors are ValueErrors
        raise _corrupt(path, f"it does not read ({problem})") from problem
    if (header.format, header.version) != (_FORMAT, _VERSION) or header.kind not in _STORED:
        raise _corrupt(path, f"it is '{header.format}' version {header.version}")
    return header, arrays


def _corrupt(path: Path, why: str) -> CorruptFile:
    return CorruptFile(
        f"This is not an accuracy predictor of ours: {why}.",
        where=path,
        remedy="Fit it again from the collected pairs.",
    )
