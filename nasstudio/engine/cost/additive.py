"""AdditiveModel: the latency of whole networks from columns that describe them, where no operation was measured.

Published latency sets (HAT, NAS-Bench) hold whole networks: what describes each, and how long it took. A ridge
regression on their columns predicts others of the same kind: one coefficient for each value of a column that has few,
one slope for a column of many numbers. The error is judged on networks held back, and a model is used in a search only
where its columns are the genes of the space.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.device.calibration import kendall_tau
from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.gene import Gene
from nasstudio.engine.space.space import Population, SearchSpace

Values = NDArray[np.float64]

ABSENT = ""  # the value of a column that has no effect in a network: a block that is not there
LEAST_NETWORKS = 20
MOST_NUMBERS, MOST_WORDS = 8, 64  # distinct values up to which each has a coefficient of its own
GENOME = re.compile(r"genome\[(\d+)\]")
_RIDGES = (1e-6, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
_FOLDS = 5
_RANKED = 1_000


class Term(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one column adds.

    Attributes
    ----------
    column : its name; a gene's name where a search is to use it.
    options : the values that were seen, each with a coefficient; empty for a column of many numbers.
    coefficients : of each option; for a column of many numbers one slope.
    centre : the number at which a slope adds nothing.
    """

    column: str
    options: tuple[str, ...]
    coefficients: tuple[float, ...]
    centre: float = 0.0


class AdditiveModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fitted model of whole-network latency, and how good it is.

    ``latency = intercept + sum of the terms``, or ``exp`` of it where `logarithmic`. Errors are of predictions for
    networks that the fit did not see (folds).

    Attributes
    ----------
    terms : one a column.
    intercept : of the fit, in `unit` or its logarithm.
    logarithmic : the terms multiply instead of adding; chosen where that predicts better.
    n : networks that it was fitted to.
    mape : mean absolute error as a share, held back.
    within5, within10 : shares of networks within 5 and 10 %.
    tau : Kendall rank correlation of prediction and measurement, held back, over at most 1,000 networks.
    left_out : columns that describe no architecture, or name each network.
    unit : of the predictions.
    """

    terms: tuple[Term, ...]
    intercept: float
    logarithmic: bool
    n: int
    mape: float
    within5: float
    within10: float
    tau: float
    left_out: tuple[str, ...] = ()
    unit: str = "ms"

    def problem(self) -> str:
        """What makes it no model, in words; empty if nothing does."""
        for term in self.terms:
            if len(term.coefficients) != (len(term.options) or 1):
                return f"{len(term.coefficients)} coefficients for the column '{term.column[:60]}'"
            if not all(map(math.isfinite, (*term.coefficients, term.centre))):
                return f"a coefficient of '{term.column[:60]}' that is no number"
        figures = (self.intercept, self.mape, self.within5, self.within10, self.tau)
        return "" if all(map(math.isfinite, figures)) else "a figure that is no number"

    def predict(self, columns: Mapping[str, Sequence[str]]) -> Values:
        """Latency of networks by their columns, as text. `(n,)` in `unit`; nan where a value was never seen."""
        total = np.full(max((len(v) for v in columns.values()), default=0), self.intercept)
        for term in self.terms:
            total = total + _contribution(term, columns[term.column])
        return np.exp(total) if self.logarithmic else total


def written(value: float) -> str:
    """A number as the options hold it: ``3``, ``0.25``."""
    return f"{value:.12g}"


def _contribution(term: Term, values: Sequence[str]) -> Values:
    """What each value adds; nan where it was never seen."""
    if not term.options:
        return (np.array([float(v) for v in values]) - term.centre) * term.coefficients[0]
    known = dict(zip(term.options, term.coefficients, strict=True)) | {ABSENT: 0.0}
    added = {v: known.get(v, known.get(_plain(v), np.nan)) for v in set(values)}
    return np.array([added[value] for value in values])


def _plain(value: str) -> str:
    """A number as the options hold it; another word as it is."""
    try:
        return written(float(value))
    except ValueError:
        return value


# -- fitting --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Design:
    """Columns as numbers: `(n, features)`, and for each feature its column and, if it has one, its option."""

    features: Values
    owners: list[tuple[str, str | None]]
    seen: dict[str, tuple[str, ...]]
    centres: dict[str, float]
    left_out: tuple[str, ...]


def fit_additive(
    columns: Mapping[str, Sequence[str]], latency_ms: Sequence[float] | Values, *, where: str = ""
) -> AdditiveModel:
    """The model of least squared relative error under a ridge that networks held back choose.

    Parameters
    ----------
    columns : values of each column as text, `(n,)` each; numbers are compared as numbers, an empty value is absent.
    latency_ms : of each network; those that are not times are passed over.

    Raises
    ------
    InvalidInput
        Fewer than `LEAST_NETWORKS` networks have a time, or no column tells them apart.
    """
    times = np.asarray(latency_ms, dtype=float)
    with np.errstate(invalid="ignore"):
        good = np.flatnonzero((times > 0) & np.isfinite(times))
    if len(good) < LEAST_NETWORKS:
        raise InvalidInput(
            f"There are {len(good)} networks with a latency; a model of whole networks needs {LEAST_NETWORKS}.",
            where=where or "latencies of networks",
            remedy="Measure more networks, or import a table of operations instead.",
        )
    y = times[good]
    design = _design({name: [values[i] for i in good.tolist()] for name, values in columns.items()})
    if not design.owners:
        raise InvalidInput(
            "No column tells the networks apart.",
            where=where or "latencies of networks",
            remedy="Give one column a choice, with the value of each network.",
        )
    held, ridge, logarithmic = min(
        (
            _held_back(design.features, y, ridge, logarithmic)
            for ridge in _RIDGES
            for logarithmic in (False, True)
        ),
        key=lambda tried: float(np.abs(tried[0] / y - 1).mean()),
    )
    coefficients, intercept = _solved(design.features, y, ridge, logarithmic)
    error = np.abs(held / y - 1)
    some = np.unique(np.linspace(0, len(y) - 1, min(len(y), _RANKED)).astype(int))
    return AdditiveModel(
        terms=_terms(design, coefficients),
        intercept=intercept,
        logarithmic=logarithmic,
        n=len(y),
        mape=float(error.mean()),
        within5=float((error <= 0.05).mean()),
        within10=float((error <= 0.10).mean()),
        tau=float(np.nan_to_num(kendall_tau(held[some], y[some]))),
        left_out=design.left_out,
    )


def _design(columns: Mapping[str, Sequence[str]]) -> _Design:
    features: list[Values] = []
    owners: list[tuple[str, str | None]] = []
    seen: dict[str, tuple[str, ...]] = {}
    centres: dict[str, float] = {}
    left_out = []
    for name, raw in columns.items():
        numbers = _numbers(raw)
        values: Sequence[str] = (
            raw if numbers is None else [_option(v, x) for v, x in zip(raw, numbers, strict=True)]
        )
        options = set(values) - {ABSENT}
        if not options:
            left_out.append(name)
        elif len(options) <= (MOST_WORDS if numbers is None else MOST_NUMBERS):
            seen[name] = _ordered(options, numeric=numbers is not None)
            if len(set(values)) > 1:
                array = np.array(values)
                features += [(array == option).astype(float) for option in seen[name]]
                owners += [(name, option) for option in seen[name]]
        elif numbers is not None and not np.isnan(numbers).any():
            centres[name] = float(numbers.mean())
            features.append(numbers - centres[name])
            owners.append((name, None))
            seen[name] = ()
        else:
            left_out.append(name)
    stacked = np.stack(features, axis=1) if features else np.empty((0, 0))
    return _Design(stacked, owners, seen, centres, tuple(left_out))


def _numbers(values: Sequence[str]) -> Values | None:
    """The values as numbers, nan where absent; None if one is a word."""
    try:
        return np.array([float(v) if v != ABSENT else np.nan for v in values])
    except ValueError:
        return None


def _option(value: str, number: float) -> str:
    return value if value == ABSENT else written(number)


def _ordered(options: set[str], *, numeric: bool) -> tuple[str, ...]:
    return tuple(sorted(options, key=float) if numeric else sorted(options))


def _solved(features: Values, y: Values, ridge: float, logarithmic: bool) -> tuple[Values, float]:
    """Coefficients and intercept of ridge regression; relative error is what is least, so rows are weighted by 1/y."""
    target = np.log(y) if logarithmic else y
    weight = np.ones(len(y)) if logarithmic else (y.mean() / y) ** 2
    share = weight / weight.sum()
    middle, scale = share @ features, features.std(axis=0) + 1e-12
    centred = (features - middle) / scale
    aim = target - share @ target
    gram = (centred * share[:, None]).T @ centred + ridge * np.eye(centred.shape[1])
    found = np.linalg.solve(gram, centred.T @ (share * aim)) / scale
    return found, float(share @ target - middle @ found)


def _held_back(
    features: Values, y: Values, ridge: float, logarithmic: bool
) -> tuple[Values, float, bool]:
    """Prediction of each network from the others' folds; with the settings that made it."""
    fold = np.random.default_rng(0).permutation(len(y)) % _FOLDS
    held = np.empty(len(y))
    for number in range(_FOLDS):
        test = fold == number
        coefficients, intercept = _solved(features[~test], y[~test], ridge, logarithmic)
        held[test] = features[test] @ coefficients + intercept
    if logarithmic:
        # A wild exponent must lose the comparison, not overflow it.
        held = np.exp(np.minimum(held, np.log(y.max()) + 5))
    return held, ridge, logarithmic


def _terms(design: _Design, coefficients: Values) -> tuple[Term, ...]:
    found = dict(zip(design.owners, coefficients.tolist(), strict=True))
    terms = []
    for name, options in design.seen.items():
        if options or name not in design.centres:
            terms.append(Term(name, options, tuple(found.get((name, o), 0.0) for o in options)))
        else:
            terms.append(Term(name, (), (found[name, None],), design.centres[name]))
    return tuple(terms)


# -- in a search ----------------------------------------------------------------------------------------------------


def gaps(model: AdditiveModel, space: SearchSpace) -> list[str]:
    """Why a search in the space can't use the model: a reason for each column or value that is missing."""
    genes = _genes(model, space)
    found = []
    for term in model.terms:
        if term.column in genes or len(term.options) == 1:
            continue
        found.append(f"the space has no gene '{term.column}'")
    for gene in space.genes:
        if gene.name not in {g.name for g in genes.values()} and len(gene) > 1:
            found.append(f"there is no column '{gene.name}'")
    for term in model.terms:
        gene_of = genes.get(term.column)
        if gene_of is None or not term.options:
            continue
        unseen = [v for v in _values(term, gene_of) if v not in term.options]
        if unseen:
            found.append(f"'{term.column}' was never measured at {', '.join(unseen)}")
    return found


def _genes(model: AdditiveModel, space: SearchSpace) -> dict[str, Gene]:
    """The gene of each column that has one: by name, or ``genome[i]`` by its place."""
    named = {gene.name: gene for gene in space.genes}
    placed = [term.column for term in model.terms if GENOME.fullmatch(term.column)]
    if placed and len(placed) == len(space.genes):
        named |= {f"genome[{index}]": gene for index, gene in enumerate(space.genes)}
    return {term.column: named[term.column] for term in model.terms if term.column in named}


def _values(term: Term, gene: Gene) -> list[str]:
    """What the column would say of each option of the gene."""
    if GENOME.fullmatch(term.column):
        return [str(index) for index in range(len(gene))]
    return [written(option) for option in gene.options]


class AdditiveLatency:
    """Latency on a device that is known by whole networks only; a `Metric`.

    Raises
    ------
    InvalidInput
        The model's columns are not the space's genes; what is missing is named.
    """

    unit = "ms"

    def __init__(self, space: SearchSpace, model: AdditiveModel, device: Device) -> None:
        missing = gaps(model, space)
        if missing:
            raise InvalidInput(
                f"{device.name} is known by whole networks of another kind: {'; '.join(missing[:3])}"
                f"{f' and {len(missing) - 3} more' if len(missing) > 3 else ''}.",
                where="latency table",
                remedy=f"Import latencies with a column for each gene of {space.name}, or measure its layers.",
            )
        self.space = space
        self.device = device
        self.model = model
        self.key = f"latency:{device.id}"
        self.title = f"Latency, {device.name}"
        self._added = self._tabulate()

    def _tabulate(self) -> list[tuple[int, Values, bool]]:
        """(gene, what each option adds, also where inactive): a stored genome has a 0 there, and the fit saw it."""
        genes = _genes(self.model, self.space)
        index = {gene.name: place for place, gene in enumerate(self.space.genes)}
        added = []
        for term in self.model.terms:
            gene = genes.get(term.column)
            if gene is not None:
                always = GENOME.fullmatch(term.column) is not None
                added.append((index[gene.name], _contribution(term, _values(term, gene)), always))
        return added

    @property
    def error(self) -> float:
        """Twice the mean error on networks held back: about nine predictions of ten lie inside."""
        return 2 * self.model.mape

    def of(self, population: Population) -> Values:
        """Latency of each member, ms. `(n,)`."""
        canonical = self.space.canonical(population)
        on = self.space.active(canonical)
        total: Values = np.full(len(population), self.model.intercept + self._fixed())
        for gene, values, always in self._added:
            total += np.where(on[:, gene] | always, values[canonical[:, gene]], 0.0)
        times: Values = np.exp(total) if self.model.logarithmic else np.maximum(total, 0.0)
        return times

    def _fixed(self) -> float:
        """What columns add that had one value in every network and are no genes."""
        genes = _genes(self.model, self.space)
        return sum(
            t.coefficients[0] for t in self.model.terms if t.column not in genes and t.options
        )


def summary(model: AdditiveModel) -> str:
    """How good the model is, as a sentence."""
    return (
        f"fitted to {model.n:,} whole networks, error {100 * model.mape:.1f} % on those held back "
        f"({100 * model.within5:.0f} % within 5 %, {100 * model.within10:.0f} % within 10 %, tau {model.tau:.2f})"
    )
