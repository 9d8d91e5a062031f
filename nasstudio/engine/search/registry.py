"""Search algorithms by name.

They are open: a package may register one under the entry-point group ``nasstudio.search``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import entry_points

import numpy as np

from nasstudio.engine.errors import NeedsExtra
from nasstudio.engine.search.algorithm import Search, Settings
from nasstudio.engine.search.evolution import Evolution
from nasstudio.engine.search.limit import Algorithm
from nasstudio.engine.search.nsga2 import Nsga2
from nasstudio.engine.search.problem import SearchProblem
from nasstudio.engine.search.random import RandomSearch

Maker = Callable[[SearchProblem, Settings, np.random.Generator], Search]
_BUILTIN: dict[str, Maker] = {"evolution": Evolution, "nsga2": Nsga2, "random": RandomSearch}


def names() -> list[str]:
    """Every installed algorithm, ours first."""
    return [*_BUILTIN, *sorted(point.name for point in entry_points(group="nasstudio.search"))]


def make(
    algorithm: Algorithm, problem: SearchProblem, settings: Settings, rng: np.random.Generator
) -> Search:
    """A search by the algorithm's name, with its options.

    Raises
    ------
    NeedsExtra
        It is not installed.
    InvalidInput
        It does not know one of the options, or an option leaves its range.
    """
    settings = replace(settings, options=dict(algorithm.options))
    if algorithm.name in _BUILTIN:
        return _BUILTIN[algorithm.name](problem, settings, rng)
    for point in entry_points(group="nasstudio.search", name=algorithm.name):
        maker: Maker = point.load()
        return maker(problem, settings, rng)
    raise NeedsExtra(f"The search algorithm '{algorithm.name}'", algorithm.name, where="algorithm")
