"""AccuracyPredictor: how accurate every network of a space will be, learnt from measured pairs.

Two kinds are tried, an additive model and an ensemble of small networks; cross-validation chooses, networks held back
from everything judge, and the chosen kind is then fitted to all pairs. Its accuracy refers to the data on which the
pairs were measured and to nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.device.calibration import kendall_tau
from nasstudio.engine.errors import CorruptFile, InvalidInput
from nasstudio.engine.predictor.arrays import read_arrays
from nasstudio.engine.predictor.encoding import OneHot
from nasstudio.engine.predictor.members import KINDS, Ensemble, Features, rebuilt
from nasstudio.engine.predictor.report import PredictorReport, judged
from nasstudio.engine.space.space import Population, SearchSpace

Shares = NDArray[np.float64]
LEAST = 12
_FORMAT, _VERSION = "nasstudio.predictor", 1
_FOLDS = 4


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a predictor file says about its arrays."""

    format: str
    version: int
    kind: str
    space: str
    space_hash: str
    mean: float
    scale: float
    residual: float
    report: PredictorReport


@dataclass(frozen=True)
class AccuracyPredictor:
    """Accuracy of whole populations.

    Attributes
    ----------
    space : whose networks it knows.
    ensemble : the fitted models.
    mean, scale : of the accuracies it was fitted to, share; the models see standardised values.
    residual : what the members' spread does not explain of the error on held-back networks, share.
    report : how good it is.
    """

    space: SearchSpace
    ensemble: Ensemble
    mean: float
    scale: float
    residual: float
    report: PredictorReport

    @property
    def encoding(self) -> OneHot:
        return _encoding(self.space)

    def of(self, population: Population) -> Shares:
        """Predicted accuracy of each member, share 0..1. population: `(n, genes)`. Returns `(n,)`."""
        return self._accuracy(self._members(population))

    def spread(self, population: Population) -> Shares:
        """How far off each prediction may be: one standard deviation, share. Returns `(n,)`."""
        members: Shares = self._members(population).std(axis=0) * self.scale
        spread: Shares = np.hypot(members, self.residual)
        return spread

    def _members(self, population: Population) -> NDArray[np.float64]:
        return self.ensemble.members(self.encoding.of(population)).astype(np.float64)

    def _accuracy(self, members: NDArray[np.float64]) -> Shares:
        accuracy: Shares = np.clip(self.mean + self.scale * members.mean(axis=0), 0.0, 1.0)
        return accuracy

    def save(self, path: Path) -> None:
        """Write it as an npz file without pickle, with a JSON header."""
        header = _Header(
            _FORMAT,
            _VERSION,
            self.report.kind,
            self.space.name,
            self.space.hash,
            self.mean,
            self.scale,
            self.residual,
            self.report,
        )
        text = np.frombuffer(msgspec.json.encode(header), dtype=np.uint8)
        arrays: dict[str, Any] = dict(self.ensemble.arrays(), header=text)
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
) -> AccuracyPredictor:
    """The predictor that ranks unseen networks best.

    Parameters
    ----------
    genomes : `(n, genes)`; a network that occurs more than once counts once, with its mean accuracy.
    accuracies : `(n,)` measured, share 0..1.
    held_back : share of the networks kept for judging, 0.05..0.5.

    Raises
    ------
    InvalidInput
        There are fewer than 12 distinct networks, or an accuracy is not a share, or all are equal.
    """
    population, accuracy, noise = _distinct(space, genomes, accuracies)
    if not 0.05 <= held_back <= 0.5:
        raise InvalidInput(
            f"{held_back:g} of the pairs can't be held back.",
            where="held_back",
            remedy="Choose a share from 0.05 to 0.5.",
        )
    features = OneHot(space).of(population)
    order = rng.permutation(len(accuracy))
    held, train = np.split(order, [max(3, round(held_back * len(order)))])
    taus = {kind: _cross_validated(kind, features[train], accuracy[train], rng) for kind in KINDS}
    kind = max(taus, key=lambda name: (np.nan_to_num(taus[name], nan=-1.0), name == "ridge"))
    trial, mean, scale = _fitted(kind, features[train], accuracy[train], rng)
    members = mean + scale * trial.members(features[held]).astype(np.float64)
    predicted = np.clip(members.mean(axis=0), 0.0, 1.0)
    report = judged(kind, predicted, accuracy[held], n_train=len(train), taus=taus, noise=noise)
    unexplained = (report.rmse_points / 100) ** 2 - float(np.mean(members.var(axis=0)))
    residual = float(np.sqrt(max(unexplained, 0.0)))
    final, mean, scale = _fitted(kind, features, accuracy, rng)
    return AccuracyPredictor(space, final, mean, scale, residual, report)


def _distinct(
    space: SearchSpace,
    genomes: Population | Sequence[Sequence[int]],
    accuracies: Sequence[float] | Shares,
) -> tuple[Population, Shares, float | None]:
    """Distinct networks with their mean accuracy, and the pooled spread of repeated measurements."""
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
        distinct, group = np.unique(population, axis=0, return_inverse=True)
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
    return distinct, mean, float(np.sqrt(squares / repeats)) if repeats else None


def _fitted(
    kind: str, features: Features, accuracy: Shares, rng: np.random.Generator
) -> tuple[Ensemble, float, float]:
    """A model of standardised accuracies, with their mean and scale."""
    mean, scale = float(accuracy.mean()), float(accuracy.std()) or 1.0
    return KINDS[kind].fit(features, (accuracy - mean) / scale, rng), mean, scale


def _cross_validated(
    kind: str, features: Features, accuracy: Shares, rng: np.random.Generator
) -> float:
    """Mean Kendall tau over the folds; nan where it is not defined anywhere."""
    fold = rng.permutation(len(accuracy)) % _FOLDS
    taus = []
    for number in range(_FOLDS):
        test = fold == number
        model, _, _ = _fitted(kind, features[~test], accuracy[~test], rng)
        predicted = model.members(features[test]).mean(axis=0)
        taus.append(kendall_tau(predicted.astype(np.float64), accuracy[test]))
    defined = [tau for tau in taus if not np.isnan(tau)]
    return float(np.mean(defined)) if defined else float("nan")


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
    shapes = KINDS[header.kind].shapes(_encoding(space).features)
    for name, shape in shapes.items():
        array = arrays.get(name)
        if (
            array is None
            or array.shape != shape
            or array.dtype != np.float32
            or not np.isfinite(array).all()
        ):
            raise _corrupt(path, f"its array '{name}' is missing or has the wrong shape")
    ensemble = rebuilt(header.kind, {name: arrays[name] for name in shapes})
    return AccuracyPredictor(
        space, ensemble, header.mean, header.scale, header.residual, header.report
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
    if (header.format, header.version) != (_FORMAT, _VERSION) or header.kind not in KINDS:
        raise _corrupt(path, f"it is '{header.format}' version {header.version}")
    return header, arrays


def _corrupt(path: Path, why: str) -> CorruptFile:
    return CorruptFile(
        f"This is not an accuracy predictor of ours: {why}.",
        where=path,
        remedy="Fit it again from the collected pairs.",
    )
