"""What a study says in the end: routes, break-even and the plain summary for scripts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nasstudio.engine.job.specification import StudySpec
from nasstudio.engine.space.families import build
from nasstudio.engine.space.space import SearchSpace
from nasstudio.engine.study.cost import (
    ASSUMED_SEARCH,
    LoneSearch,
    Route,
    break_even,
    lone_route,
    shared_route,
)
from nasstudio.engine.study.result import Row, StudyTable


@dataclass(frozen=True)
class Routes:
    """Both routes in one unit.

    Attributes
    ----------
    unit : ``seconds`` or ``passes``.
    lone, lone_both : at the better rate only, and with every rate that was tried.
    shared_with_search, lone_with_search : each with the search that it needs; `search` is the lone one's, assumed. In
        passes the shared route's search costs nothing: it trains nothing.
    """

    unit: str
    shared: Route
    lone: Route
    lone_both: Route
    shared_with_search: Route
    lone_with_search: Route
    search: LoneSearch

    @property
    def crossing(self) -> float | None:
        """Targets from which on the shared route costs less, training only."""
        return break_even(self.shared, self.lone)

    @property
    def crossing_with_search(self) -> float | None:
        """The same with both searches."""
        return break_even(self.shared_with_search, self.lone_with_search)


def routes(
    spec: StudySpec, table: StudyTable, search: LoneSearch = ASSUMED_SEARCH
) -> Routes | None:
    """Both routes, in seconds if all of them are known, else in image-passes; None if neither is known yet."""
    training, both, supernet = table.training, table.both, table.supernet
    if training is None or both is None:
        return None
    tuning = table.tuning
    known = (supernet.seconds, training.seconds, both.seconds)
    seconds = all(value is not None for value in known) and (
        tuning is None or tuning.seconds is not None
    )
    if seconds:
        once, one, all_rates = (float(value or 0) for value in known)
        tuned = 0.0 if tuning is None else float(tuning.seconds or 0)
        pairs, each = spec.pairs_s or 0.0, spec.search_s or 0.0
    elif supernet.passes is not None:
        once, one, all_rates = float(supernet.passes), float(training.passes), float(both.passes)
        tuned, pairs, each = 0.0 if tuning is None else float(tuning.passes), 0.0, 0.0
    else:
        return None
    return Routes(
        unit="seconds" if seconds else "passes",
        shared=shared_route(once, tuning=tuned),
        lone=lone_route(one),
        lone_both=lone_route(all_rates),
        shared_with_search=shared_route(once, pairs=pairs, search=each, tuning=tuned),
        lone_with_search=lone_route(one, search),
        search=search,
    )


def summary(spec: StudySpec, table: StudyTable) -> dict[str, Any]:
    """Plain values for the end of the job: accuracies 0 to 1, seconds, image-passes, targets; None: not known."""
    space = build(spec.space)
    alone = [row for row in table.rows if "alone" in row.ways]
    found: dict[str, Any] = {
        "targets": len(alone),
        "ofa": _mean([row.subnet for row in alone]),
        "alone": _mean([row.ways["alone"].accuracy for row in alone]),
    }
    for way, interval in table.mean.items():
        prefix = "difference" if way == "alone" else f"{way}_difference"
        found[prefix] = interval.mean
        found[f"{prefix}_low95"], found[f"{prefix}_high95"] = interval.low, interval.high
    found |= {
        "supernet_s": table.supernet.seconds,
        "supernet_passes": table.supernet.passes,
        "alone_s": None if table.training is None else table.training.seconds,
        "alone_passes": None if table.training is None else table.training.passes,
        "alone_all_rates_s": None if table.both is None else table.both.seconds,
    }
    both = routes(spec, table)
    if both is not None:
        found["break_even"] = both.crossing
        found["break_even_with_search"] = both.crossing_with_search
        found["assumed_search_networks"] = both.search.networks
        found["assumed_search_share"] = both.search.share
    found["rows"] = [_row(space, row) for row in table.rows]
    return found


def _row(space: SearchSpace, row: Row) -> dict[str, Any]:
    (genome,) = space.checked([list(row.target.genome)])
    return {
        "network": space.identity(genome),
        "genome": list(row.target.genome),
        "device": row.target.device,
        "limit_ms": row.target.limit_ms,
        "ofa": row.subnet,
        "images": row.images,
        "ways": {
            way: {
                "accuracy": found.accuracy,
                "rate": found.rate,
                "difference": found.difference.mean,
                "low95": found.difference.low,
                "high95": found.difference.high,
                "seconds": found.cost.seconds,
                "passes": found.cost.passes,
                "all_rates_s": found.all_cost.seconds,
            }
            for way, found in row.ways.items()
        },
    }


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
