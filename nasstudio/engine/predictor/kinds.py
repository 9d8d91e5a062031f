"""The kinds of model that are tried for an accuracy predictor, the simplest first.

``ridge`` is additive, ``pairwise`` adds pairs of options, ``mlp`` is an ensemble of small networks, ``rank`` the same
trained to rank.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.predictor.mlp import Mlp, Ranking
from nasstudio.engine.predictor.pairwise import Pairwise
from nasstudio.engine.predictor.ridge import Arrays, Features, Ridge


class Ensemble(Protocol):
    """A fitted ensemble. `arrays()` holds all of it."""

    def members(self, features: Features) -> NDArray[np.float32]:
        """Prediction of each member for each network. `(members, n)`."""
        ...

    def mean(self, features: Features) -> NDArray[np.float32]:
        """Mean of the members' predictions. `(n,)`."""
        ...

    def arrays(self) -> Arrays: ...


KINDS: dict[str, type[Ridge] | type[Pairwise] | type[Mlp]] = {
    "ridge": Ridge,
    "pairwise": Pairwise,
    "mlp": Mlp,
    "rank": Ranking,
}
SWIFT = ("ridge", "pairwise")  # fitted in milliseconds
