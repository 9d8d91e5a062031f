"""Why an answer of the archive is what it is: which limit binds, and which one is to blame if nothing is left.

All answers are about networks that the archive has seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.search.archive import Archive
from nasstudio.engine.search.limit import Limit, tightest


@dataclass(frozen=True)
class Binding:
    """What one limit costs.

    Attributes
    ----------
    limit : the limit.
    slack : room that the best network leaves under it, share of the limit.
    binds : whether loosening it, and nothing else, gives a better network at all.
    gain : accuracy gained by loosening it by `loosened`, share 0..1; 0 if nothing is gained.
    index : the network that would then be the best.
    without : accuracy gained by dropping it altogether.
    """

    limit: Limit
    slack: float
    binds: bool
    gain: float
    index: int
    without: float


@dataclass(frozen=True)
class Blame:
    """A limit that leaves no network.

    Attributes
    ----------
    limit : the limit.
    nearest : the smallest value that would leave a network, the other limits being as they are, or together with the
        other limits of the same answer if no single one is to blame.
    index : that network.
    alone : whether loosening this limit alone is enough.
    """

    limit: Limit
    nearest: float
    index: int
    alone: bool


@dataclass(frozen=True)
class _Exceeded:
    limits: tuple[Limit, ...]
    times: NDArray[Any]  # unsigned, (n,) how many limits each network exceeds
    near: NDArray[np.intp]  # the networks that exceed exactly one
    culprit: NDArray[np.intp]  # number of that limit, for each of `near`


def _exceeded(archive: Archive, limits: Sequence[Limit]) -> _Exceeded:
    tight = tightest(limits, archive.metrics)
    times: NDArray[Any] = np.zeros(len(archive), dtype=np.uint8 if len(tight) < 256 else np.uint32)
    # Written as "not met" so that a value that is not a number exceeds every limit.
    for limit in tight:
        times += ~(archive.column(limit.metric) <= limit.most)
    near = np.flatnonzero(times == 1)
    culprit = np.zeros(len(near), dtype=np.intp)
    for number, limit in enumerate(tight):
        culprit[~(archive.column(limit.metric)[near] <= limit.most)] = number
    return _Exceeded(tight, times, near, culprit)


def binding(archive: Archive, limits: Sequence[Limit], *, loosened: float = 0.1) -> list[Binding]:
    """What each limit costs, the dearest first; empty if no network meets the limits.

    Parameters
    ----------
    loosened : share by which each limit in turn is loosened, the others staying.
    """
    over = _exceeded(archive, limits)
    best = archive.best_of(over.times == 0)
    if best is None:
        return []
    # Only networks that exceed exactly one limit can come in when one limit is loosened, and of these the better ones.
    accuracy = archive.accuracy
    better_ones = accuracy[over.near] > accuracy[best]
    near, culprit = over.near[better_ones], over.culprit[better_ones]
    found = []
    for number, limit in enumerate(over.limits):
        column = archive.column(limit.metric)
        dropped = near[culprit == number]
        inside = dropped[column[dropped] <= limit.most + loosened * abs(limit.most)]
        better = int(inside[np.argmax(accuracy[inside])]) if len(inside) else best
        gained = float(accuracy[dropped].max() - accuracy[best]) if len(dropped) else 0.0
        unit = abs(limit.most) or 1.0
        found.append(
            Binding(
                limit=limit,
                slack=float((limit.most - column[best]) / unit),
                binds=len(dropped) > 0,
                gain=float(accuracy[better] - accuracy[best]),
                index=better,
                without=gained,
            )
        )
    return sorted(found, key=lambda b: (-b.gain, -b.without, b.slack))


def blame(archive: Archive, limits: Sequence[Limit]) -> list[Blame]:
    """Which limits leave no network, and the nearest value of each; empty if some network meets all of them.

    Each limit that can be met by loosening it alone is named, the smallest step (as a share) first. If there is none,
    the limits that the nearest network exceeds are named, with its values: they must be loosened together.
    """
    over = _exceeded(archive, limits)
    if not len(archive) or (over.times == 0).any():
        return []
    single = []
    for number, limit in enumerate(over.limits):
        candidates = over.near[over.culprit == number]
        values = archive.column(limit.metric)[candidates]
        if len(candidates) and np.isfinite(values).any():
            index = int(candidates[np.nanargmin(values)])
            nearest = float(archive.column(limit.metric)[index])
            single.append(Blame(limit, nearest, index, alone=True))
    if single:
        return sorted(single, key=_step)
    return sorted(_together(archive, over.limits), key=_step)


def _together(archive: Archive, limits: tuple[Limit, ...]) -> list[Blame]:
    """The limits that the network with the smallest sum of excesses exceeds."""
    total = np.zeros(len(archive))
    for limit in limits:
        unit = abs(limit.most) or 1.0
        total += np.maximum((archive.column(limit.metric) - limit.most) / unit, 0.0)
    index = int(np.argmin(np.where(np.isnan(total), np.inf, total)))
    found = []
    for limit in limits:
        value = float(archive.column(limit.metric)[index])
        if not value <= limit.most:
            found.append(Blame(limit, value, index, alone=False))
    return found


def _step(blame: Blame) -> float:
    return (blame.nearest - blame.limit.most) / (abs(blame.limit.most) or 1.0)
