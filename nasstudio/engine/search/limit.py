"""Limits and algorithms as they are stored and sent: the part of a search that a person types in."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from nasstudio.engine.errors import InvalidInput


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``metric <= most``, in the metric's unit. `metric` is a metric's key, e.g. ``latency:ort-1t-3f9c2a``."""

    metric: str
    most: float


class Algorithm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A search algorithm by name, with its options."""

    name: str = "evolution"
    options: dict[str, float] = {}


def tightest(limits: Sequence[Limit], known: Sequence[str]) -> tuple[Limit, ...]:
    """One limit for each limited metric, the tightest, in the order in which the metrics first occur.

    Parameters
    ----------
    known : keys of the metrics that can be limited.

    Raises
    ------
    InvalidInput
        A limit names a metric that is not known, or its value is not a number.
    """
    found: dict[str, Limit] = {}
    for limit in limits:
        if limit.metric not in known:
            raise InvalidInput(
                f"There is no metric '{limit.metric}' to limit.",
                where="limits",
                remedy=f"Choose one of: {', '.join(known)}.",
            )
        if math.isnan(limit.most):
            raise InvalidInput(
                f"The limit of '{limit.metric}' is not a number.",
                where="limits",
                remedy="Type a number.",
            )
        if limit.metric not in found or limit.most < found[limit.metric].most:
            found[limit.metric] = limit
    return tuple(found.values())
