"""A gene: one decision of an architecture, with the options it may take.

A genome is a row of option indices, one for each gene; a population is `(n, genes)` int16. Genes know nothing of
networks: a `SearchSpace` gives them meaning.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Gene:
    """One decision.

    Attributes
    ----------
    name : unique in its space, e.g. ``stage2.block1.kernel``.
    options : the values it may take, in rising order of cost.
    group : where it is shown, e.g. ``Stage 2``.
    kind : what it decides: ``resolution``, ``depth``, ``width``, ``kernel``, ``expand``, ...
    """

    name: str
    options: tuple[float, ...]
    group: str
    kind: str

    def __post_init__(self) -> None:
        if not self.options:
            raise ValueError(f"gene {self.name} has no options")
        if len(set(self.options)) != len(self.options):
            raise ValueError(f"gene {self.name} lists an option twice: {self.options}")

    def __len__(self) -> int:
        return len(self.options)
