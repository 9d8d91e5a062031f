"""WordIndex: which rows hold a word, answered by arrays.

Labels of layers are made of few distinct words. Each row is a run of word numbers, so that a filter looks at the
distinct words once, in Python, and at the rows by numpy only.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.space.layer import LayerSpec


@dataclass(frozen=True)
class WordIndex:
    """Words of rows.

    Attributes
    ----------
    vocabulary : every distinct word, in lower case.
    numbers : word numbers of all rows, one row after the other.
    starts : (rows,) where each row begins in `numbers`; no row is empty.
    """

    vocabulary: tuple[str, ...]
    numbers: NDArray[np.int32]
    starts: NDArray[np.intp]

    @classmethod
    def of(cls, labels: Iterable[str], specs: Iterable[LayerSpec | None]) -> WordIndex:
        """Index the labels, each with what a person may ask for besides: ``kind:conv``, ``28px``, ``c24``."""
        known: dict[str, int] = {}
        # Arrays of C integers: numpy takes them over without a look at each, which would hold Python's lock.
        numbers, starts = array("i"), array("q")
        for label, spec in zip(labels, specs, strict=True):
            starts.append(len(numbers))
            words = plain(label).split() or [""]
            if spec is not None:
                words += (f"kind:{spec.kind}", f"{spec.height}px", f"c{spec.channels_in}")
            numbers.extend([known.setdefault(word, len(known)) for word in words])
        return cls(tuple(known), np.array(numbers, np.int32), np.array(starts, np.intp))

    def starting(self, beginning: str) -> NDArray[np.bool_]:
        """Rows with a word that begins so. `(rows,)`."""
        if not len(self.starts):
            return np.zeros(0, dtype=bool)
        wanted = np.fromiter(
            (word.startswith(beginning) for word in self.vocabulary), bool, len(self.vocabulary)
        )
        found: NDArray[np.bool_] = np.logical_or.reduceat(wanted[self.numbers], self.starts)
        return found


def plain(label: str) -> str:
    """A label as it is typed."""
    return label.lower().replace("×", "x").replace("→", "->")
