"""Python's cyclic garbage collector and large tables.

A full collection looks at every object and holds all threads meanwhile: 0.1 s with a table of 75,000 rows, and a table
that is being read or laid out provokes several. What tables are made of has no cycles: it is freed when it is let go,
without the collector. So nothing is collected while a large one is worked on, and what was built stays out of sight.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

LARGE = 10_000


@contextmanager
def uncollected(rows: int) -> Iterator[None]:
    """Work on so many rows without a collection; nothing is special about fewer than `LARGE`."""
    if rows < LARGE or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def built(rows: int) -> Iterator[None]:
    """The same for what stays: the collector does not look at it later, nor at anything else that there is now."""
    with uncollected(rows):
        yield
        if rows >= LARGE:
            gc.freeze()
