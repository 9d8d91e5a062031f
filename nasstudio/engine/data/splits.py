"""Which image trains, which one validates, which one tests: seeded, stratified, and arranged.

Searching looks at the training and validation images only. The validation images are cut into two halves: accuracy
pairs are collected on the first, and the network that was found is verified on the second, which had no say in finding
it. Every split is arranged so that each prefix of it has nearly the split's class balance: "the first 1,000" is a fair
sample.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.data.pool import Indices
from nasstudio.engine.errors import InvalidInput

SPLITS = ("train", "validation", "validation_a", "validation_b", "test")
_VALIDATION, _TEST, _LIMIT, _ORDER = 1, 2, 3, 4  # purposes: each draws from a stream of its own


@dataclass(frozen=True)
class Parts:
    """Indices of the images of each split, arranged; disjoint."""

    train: Indices
    validation: Indices
    test: Indices


def held_back(n: int) -> float:
    """Share of `n` images held back if nobody says otherwise: a tenth, but 2,000 images or a fifth if that is less.

    2,000 images give an accuracy with a standard error of about 0.7 percentage points.
    """
    return max(0.1, min(2000 / max(n, 1), 0.2))


def divide(
    labels: Indices,
    *,
    train: Indices,
    test: Indices | None,
    validation: Indices | None,
    seed: int,
    validation_share: float | None = None,
    test_share: float | None = None,
    limit: int | None = None,
) -> Parts:
    """Cut what is missing out of the training images, then limit these.

    Parameters
    ----------
    labels : (n,) of the whole pool.
    train, test, validation : indices that are given; None: to be cut out of `train`.
    validation_share, test_share : of the training images, 0 to 1; None: `held_back`.
    limit : most training images that stay, in the classes' proportions; validation and test do not depend on it.
    """
    if test is None:
        spare = 2 if validation is None else 1
        train, test = _cut(labels, train, test_share, (seed, _TEST), spare)
    if validation is None:
        train, validation = _cut(labels, train, validation_share, (seed, _VALIDATION), 1)
    if limit is not None and limit < len(train):
        if limit < len(np.unique(labels[train])):
            raise InvalidInput(
                f"{limit} training images are fewer than the classes.",
                where="data options, limit",
                remedy="Raise the limit.",
            )
        kept = chosen(labels[train], limit, np.random.default_rng((seed, _LIMIT)))
        train = train[kept]
    arrange = _arranger(labels, seed)
    return Parts(arrange(train), arrange(validation), arrange(test))


def halves(labels: Indices) -> tuple[Indices, Indices]:
    """Positions of two disjoint, stratified halves of an arranged split. labels: (n,)."""
    second = (ranks(labels) + labels) % 2 == 1  # odd classes give their odd image to the other half
    return np.flatnonzero(~second), np.flatnonzero(second)


def chosen(
    labels: Indices, total: int, rng: np.random.Generator, *, spare: int = 0
) -> NDArray[np.bool_]:
    """A stratified random choice of `total` images. Returns (n,) bool.

    Every class has at least one image in it, and `spare` of each class stay outside.
    """
    counts = np.bincount(labels)
    takes = _allocation(counts, total, np.maximum(counts - spare, 0))
    order = rng.permutation(len(labels))
    taken = np.empty(len(labels), dtype=np.bool_)
    taken[order] = ranks(labels[order]) < takes[labels[order]]
    return taken


def ranks(labels: Indices) -> Indices:
    """How many images of the same class come before each. (n,)."""
    by_class = np.argsort(labels, kind="stable")
    counts = np.bincount(labels)
    firsts = np.cumsum(counts) - counts
    rank = np.empty(len(labels), dtype=np.int64)
    rank[by_class] = np.arange(len(labels)) - firsts[labels[by_class]]
    return rank


def _cut(
    labels: Indices, train: Indices, share: float | None, seed: tuple[int, int], spare: int
) -> tuple[Indices, Indices]:
    share = held_back(len(train)) if share is None else share
    total = round(share * len(train))
    out = chosen(labels[train], total, np.random.default_rng(seed), spare=spare)
    return train[~out], train[out]


def _allocation(counts: Indices, total: int, most: Indices) -> Indices:
    """How many of each class make up `total` in the classes' proportions, between 1 and `most`. (classes,)."""
    least = np.minimum(1, most)
    quota = total * counts / max(1, counts.sum())
    takes: Indices = np.clip(np.floor(quota).astype(np.int64), least, most)
    while (missing := total - int(takes.sum())) != 0:
        able = takes < most if missing > 0 else takes > least
        if not able.any():
            break
        excess = np.where(able, (quota - takes) * np.sign(missing), -np.inf)
        takes[int(np.argmax(excess))] += int(np.sign(missing))
    return takes


def _arranger(labels: Indices, seed: int) -> Callable[[Indices], Indices]:
    def arrange(index: Indices) -> Indices:
        index = np.sort(index)[np.random.default_rng((seed, _ORDER)).permutation(len(index))]
        own = labels[index]
        place = (ranks(own) + 0.5) / np.bincount(own)[own] if len(own) else own
        arranged: Indices = index[np.argsort(place, kind="stable")]
        return arranged

    return arrange
