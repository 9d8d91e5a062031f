"""What all search algorithms share: ask and step, a budget, an archive, exact state.

An algorithm proposes networks; `Search.step` evaluates those that were not seen before and enters them into the
archive. The same seed gives the same archive, with or without an interruption.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.errors import CorruptFile, InvalidInput
from nasstudio.engine.search import pareto
from nasstudio.engine.search.archive import Archive, columns_of
from nasstudio.engine.search.problem import Evaluations, SearchProblem
from nasstudio.engine.space.space import Genome, Population

State = dict[str, NDArray[Any]]
# A search that finds hardly anything new for so many steps has seen what it can reach.
_IDLE_STEPS = 20
_IDLE_SHARE = 0.05


@dataclass(frozen=True)
class Settings:
    """What a search is given.

    Attributes
    ----------
    objective : key of the metric on the other axis of the front.
    box : the part of the plane that counts (`landscape.survey`).
    budget : distinct networks to evaluate.
    population : networks a generation.
    options : of the algorithm.
    starts : networks to begin with, e.g. one that meets the limits.
    """

    objective: str
    box: pareto.Box
    budget: int = 20_000
    population: int = 100
    options: dict[str, float] = field(default_factory=dict)
    starts: tuple[Genome, ...] = ()


@dataclass(frozen=True)
class Generation:
    """The networks that one step evaluated.

    Attributes
    ----------
    number : 0 for the first.
    start, stop : their rows in the archive.
    population : `(stop - start, genes)`.
    evaluations : of these.
    """

    number: int
    start: int
    stop: int
    population: Population
    evaluations: Evaluations


class Search(ABC):
    """A running search.

    Subclasses propose populations (`_propose`) and learn from what was new (`_learn`); `default_options` are the
    options they know.
    """

    default_options: dict[str, float] = {}  # noqa: RUF012 - read only

    def __init__(
        self, problem: SearchProblem, settings: Settings, rng: np.random.Generator
    ) -> None:
        self.problem = problem
        self.settings = settings
        self.rng = rng
        self.options = _known_options(type(self), settings.options)
        self.objective = problem.column(settings.objective)
        self.archive = Archive(problem.space, columns_of(problem.keys))
        self.generation = 0
        self._size = problem.space.size()
        self._idle = 0
        self._feasible = 0
        self._front = np.zeros(0, dtype=np.intp)

    # -- what an observer asks ----------------------------------------------------------------------------------

    @property
    def evaluated(self) -> int:
        """Distinct networks evaluated so far."""
        return len(self.archive)

    @property
    def done(self) -> bool:
        """The budget is spent, every network has been seen, or hardly anything new is found any more."""
        return self.evaluated >= min(self.settings.budget, self._size) or self._idle >= _IDLE_STEPS

    @property
    def front(self) -> NDArray[np.intp]:
        """Archive rows of the front of accuracy against the objective among feasible networks."""
        return self._front

    @property
    def feasible(self) -> int:
        """How many of the evaluated networks meet the limits."""
        return self._feasible

    @property
    def hypervolume(self) -> float:
        """Share of the box that the front dominates."""
        cost = self.archive.column(self.settings.objective)
        return self.settings.box.hypervolume(self.archive.accuracy[self._front], cost[self._front])

    @property
    def best(self) -> int | None:
        """Archive row of the most accurate feasible network; None if there is none yet."""
        return int(self._front[-1]) if len(self._front) else None

    # -- stepping -----------------------------------------------------------------------------------------------

    def step(self) -> Generation:
        """Propose, evaluate what is new, learn."""
        proposed = self._propose()
        space, archive = self.problem.space, self.archive
        left = self.settings.budget - self.evaluated
        population = proposed[archive.unseen(proposed)[: max(left, 0)]]
        evaluations = (
            self.problem.evaluate(population) if len(population) else _nothing(self.problem)
        )
        start = len(archive)
        number = np.full(len(population), float(self.generation))
        columns = [evaluations.values, evaluations.accuracy[:, None], number[:, None]]
        if len(population):
            archive.append(population, np.concatenate(columns, axis=1))
        assert len(archive) == start + len(population), f"{space.name}: not in canonical form"
        stalled = len(population) < _IDLE_SHARE * self.settings.population
        self._idle = self._idle + 1 if stalled else 0
        new = np.arange(start, len(archive), dtype=np.intp)
        self._enter(new, evaluations)
        self._learn(new, evaluations)
        self.generation += 1
        return Generation(self.generation - 1, start, len(archive), population, evaluations)

    @abstractmethod
    def _propose(self) -> Population:
        """Networks to evaluate next, canonical; those that were seen are passed over."""

    @abstractmethod
    def _learn(self, new: NDArray[np.intp], evaluations: Evaluations) -> None:
        """Take in what was new: archive rows and their evaluations."""

    def _enter(self, new: NDArray[np.intp], evaluations: Evaluations) -> None:
        met = self.problem.feasible(evaluations.values)
        self._feasible += int(met.sum())
        candidates = np.concatenate([self._front, new[met]])
        cost = self.archive.column(self.settings.objective)[candidates]
        self._front = candidates[pareto.front(self.archive.accuracy[candidates], cost)]

    def _first(self) -> Population:
        """The first generation: the given starts, the ends of the space, and samples of every size.

        A uniform sample of many genes lies in the middle of every cost, so half of the members draw each gene below
        (or above) a ceiling of their own.
        """
        space, n = self.problem.space, self.settings.population
        half = (n + 1) // 2
        top = space.cardinalities - 1
        level = self.rng.random((n - half, 1))
        drawn = self.rng.binomial(np.broadcast_to(top, (n - half, len(top))), level)
        ends = np.stack([space.smallest(), space.largest(), *self.settings.starts])
        parts = [ends, drawn.astype(np.int16), space.sample(half, self.rng)]
        return space.canonical(np.concatenate(parts).astype(np.int16))[: max(n, len(ends))]

    def _repaired(self, population: Population) -> Population:
        """Members that exceed a limit, moved gene by gene towards the first start until they meet it.

        After a few rounds what is still outside is left to the ranking.
        """
        if not self.problem.limits or not self.settings.starts:
            return population
        space, population = self.problem.space, population.copy()
        target = self.settings.starts[0]
        for share in (0.15, 0.25, 0.4, 0.6):
            excess = self.problem.excess(self.problem.limited_values(population)).sum(axis=1)
            outside = np.flatnonzero(excess > 0)
            if not len(outside):
                break
            moved = population[outside]
            np.copyto(moved, target, where=self.rng.random(moved.shape) < share)
            population = population.copy()  # metrics remember the array they saw last
            population[outside] = space.canonical(moved)
        return population

    # -- exact resume -------------------------------------------------------------------------------------------

    def state(self) -> State:
        """Everything but the archive, as arrays. `restore` brings it back."""
        counts = [self.generation, self._idle, self._feasible, self.evaluated]
        return {
            "random": random_state(self.rng),
            "counts": np.array(counts, dtype=np.int64),
            "front": self._front.astype(np.int64),
            **self._own_state(),
        }

    def restore(self, state: State, archive: Archive) -> None:
        """Go on from a state, with the archive as it was then.

        Raises
        ------
        CorruptFile
            The state and the archive do not belong together.
        """
        try:
            counts = [int(c) for c in state["counts"]]
            self.generation, self._idle, self._feasible, rows = counts
            restore_random(self.rng, state["random"])
            self._front = state["front"].astype(np.intp)
            self._own_restore(state)
        except (KeyError, ValueError, TypeError) as problem:
            raise foreign_state(f"{type(problem).__name__}") from problem
        if rows != len(archive) or archive.columns != self.archive.columns:
            raise foreign_state(f"it is for {rows} networks, the archive holds {len(archive)}")
        self.archive = archive

    @abstractmethod
    def _own_state(self) -> State:
        """The algorithm's own arrays."""

    @abstractmethod
    def _own_restore(self, state: State) -> None:
        """Bring them back."""


def random_state(rng: np.random.Generator) -> NDArray[np.uint8]:
    """The state of a generator as an array."""
    text = msgspec.json.encode(_plain(rng.bit_generator.state))
    return np.frombuffer(text, dtype=np.uint8)


def restore_random(rng: np.random.Generator, state: NDArray[np.uint8]) -> None:
    """Bring a generator into a state.

    Raises
    ------
    ValueError
        It is not the state of this kind of generator.
    """
    rng.bit_generator.state = _numbers(msgspec.json.decode(state.tobytes()))


def foreign_state(why: str) -> CorruptFile:
    """The error of a state that does not belong to a search."""
    return CorruptFile(
        f"The saved state of the search can't be used: {why}.",
        where="search state",
        remedy="Start the search anew.",
    )


def _nothing(problem: SearchProblem) -> Evaluations:
    return Evaluations(np.zeros((0, len(problem.keys))), np.zeros(0))


def _plain(value: Any) -> Any:
    """The state of a bit generator for JSON: its 128-bit integers as text."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return f"#{value}" if isinstance(value, int) else value


def _numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _numbers(part) for key, part in value.items()}
    return int(value[1:]) if isinstance(value, str) and value.startswith("#") else value


def _known_options(search: type[Search], options: dict[str, float]) -> dict[str, float]:
    unknown = sorted(set(options) - set(search.default_options))
    if unknown:
        known = ", ".join(sorted(search.default_options)) or "none"
        raise InvalidInput(
            f"The algorithm has no option '{unknown[0]}'.",
            where="algorithm",
            remedy=f"Its options: {known}.",
        )
    return {**search.default_options, **options}
