"""What two routes to many networks cost: one Once-for-All network for all targets, or one network for each.

A route pays something once and something for each target; where the two lines cross is the break-even (Cai et al. 2020,
sec. 1: the cost of the one stays, that of the other grows with the number of targets). Costs are seconds of work or
image-passes: an image that goes forward and backward through one network. Pure functions, no tensor and no file.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """What a training cost.

    Attributes
    ----------
    seconds : of its steps, measured by `train.clock`; None: not known. Evaluation, checkpoints and pauses are not in
        it.
    passes : images that went forward and backward through a network; a step with four subnets counts each image four
        times. The forward passes of a teacher are not in it.
    """

    seconds: float | None
    passes: int

    def __add__(self, other: Cost) -> Cost:
        known = self.seconds is not None and other.seconds is not None
        seconds = (self.seconds or 0.0) + (other.seconds or 0.0) if known else None
        return Cost(seconds, self.passes + other.passes)


NOTHING = Cost(0.0, 0)


def total(costs: Iterable[Cost]) -> Cost:
    """All together; the seconds are not known if those of one are not."""
    return sum(costs, NOTHING)


@dataclass(frozen=True)
class LoneSearch:
    """The search that a network trained alone needs for its target, as far as it is assumed.

    Without a shared network an architecture's accuracy is known only after training it: `networks` candidates for each
    target, each trained for `share` of the epochs of the final training. This is random search with early stopping, the
    cheapest of its kind; MnasNet trained 8,000 candidates for 5 epochs each (Tan et al. 2019, sec. 5).
    """

    networks: int = 10
    share: float = 0.2

    @property
    def trainings(self) -> float:
        """Its cost in whole trainings."""
        return self.networks * self.share


ASSUMED_SEARCH = LoneSearch()


@dataclass(frozen=True)
class Route:
    """A way to a network for each of n targets: what is paid once and what for each."""

    once: float
    each: float

    def cost(self, targets: float) -> float:
        """Of so many targets."""
        return self.once + self.each * targets


def lone_route(training: float, search: LoneSearch | None = None) -> Route:
    """A training for each target, and its own search if there is one.

    Parameters
    ----------
    training : mean cost of one.
    """
    return Route(0.0, training * (1 + (search.trainings if search is not None else 0)))


def shared_route(
    supernet: float, *, pairs: float = 0.0, search: float = 0.0, tuning: float = 0.0
) -> Route:
    """One supernet for all.

    Parameters
    ----------
    supernet : cost of its training.
    pairs : of the accuracy pairs and the predictor fitted to them, once.
    search : of one search, for each target.
    tuning : of fine-tuning a subnet, for each target.
    """
    return Route(supernet + pairs, search + tuning)


def break_even(shared: Route, lone: Route) -> float | None:
    """Targets from which on the shared route costs less; a fraction, to be rounded up. None: never.

    0 if it costs less from the start.
    """
    ahead = shared.once - lone.once
    if ahead <= 0 and shared.each <= lone.each:
        return 0.0
    gain = lone.each - shared.each
    return ahead / gain if gain > 0 else None


def targets_needed(crossing: float | None) -> int | None:
    """The smallest whole number of targets at which the shared route does not cost more; at least 1."""
    return None if crossing is None else max(1, math.ceil(crossing - 1e-9))
