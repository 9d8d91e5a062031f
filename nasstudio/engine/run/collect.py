"""The runner of `collect`: the measured accuracy of many subnets, from which the accuracy predictor learns.

Half of the networks are drawn uniformly, half evenly over the range of MACs, since uniform genes crowd in the middle;
the smallest and the largest are always among them. The list follows from the seed alone, so that an interrupted run
goes on where it was. In the run folder: ``pairs.jsonl``, one ``{"genome": [...], "accuracy": 0.87}`` a line.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch

from nasstudio.engine.accuracy.evaluate import Evaluator
from nasstudio.engine.cost.counts import macs
from nasstudio.engine.data.catalog import open_set
from nasstudio.engine.errors import CorruptFile, InvalidInput
from nasstudio.engine.job.context import JobContext
from nasstudio.engine.job.specification import CollectSpec
from nasstudio.engine.net.storage import load_supernet
from nasstudio.engine.space.families import build
from nasstudio.engine.space.space import Population, SearchSpace, unique

SPLIT = "validation_a"  # the other half verifies what was found with these
_NETWORKS = 4  # purpose of the random stream
_CANDIDATES = 20  # drawn for each network that is chosen by its MACs


class Pair(msgspec.Struct, frozen=True):
    """One line of the file."""

    genome: list[int]
    accuracy: float


def run(spec: CollectSpec, job: JobContext, device: str = "cpu") -> dict[str, Any]:
    """Evaluate subnets, or go on evaluating.

    Returns
    -------
    The summary: networks, lowest, mean and highest accuracy, images of each evaluation.

    Raises
    ------
    StudioError
        Supernet, space and data do not belong together, or the file of pairs is not this run's.
    """
    torch.set_num_threads(max(1, spec.threads))
    space = build(spec.space)
    supernet, about = load_supernet(job.input(spec.supernet))
    images = open_set(spec.data)
    if supernet.space.hash != space.hash:
        raise InvalidInput(
            f"The supernet belongs to another space, {supernet.space.name}.",
            where=spec.supernet.path,
            remedy="Choose the space that it was trained with.",
        )
    if about.fingerprint and about.fingerprint != images.fingerprint:
        raise InvalidInput(
            f"The supernet was trained on other images than {images.title} as it is now.",
            where=spec.supernet.path,
            remedy="Choose the data that it was trained on, or train again.",
        )
    evaluator = Evaluator(
        supernet.to(device), images, spec.calibration_images, spec.seed, device=device
    )
    population = coverage(space, spec.networks, np.random.default_rng([_NETWORKS, spec.seed]))
    path = job.path / "pairs.jsonl"
    pairs = kept(path, population)
    with path.open("ab") as file:
        for genome in population[len(pairs) :]:
            job.check()
            value = evaluator.accuracy(genome, SPLIT, spec.validation_images, job.check)
            pair = Pair(genome.tolist(), value)
            file.write(msgspec.json.encode(pair) + b"\n")
            file.flush()
            pairs.append(pair)
            job.result("pair", {"genome": pair.genome, "accuracy": pair.accuracy})
            job.progress(len(pairs), len(population), unit="networks")
        os.fsync(file.fileno())
    used = len(images.split(SPLIT))
    used = min(used, spec.validation_images) or used
    job.artefact(
        "pairs",
        path,
        about={
            "networks": len(pairs),
            "split": SPLIT,
            "images": used,
            "calibration_images": spec.calibration_images,
            "space_hash": space.hash,
            "supernet": spec.supernet.sha256,
            "fingerprint": images.fingerprint,
        },
    )
    accuracy = np.array([pair.accuracy for pair in pairs])
    return {
        "networks": len(pairs),
        "lowest": float(accuracy.min()),
        "mean": float(accuracy.mean()),
        "highest": float(accuracy.max()),
        "images": used,
    }


def coverage(space: SearchSpace, n: int, rng: np.random.Generator) -> Population:
    """Distinct networks that cover a space. `(n or fewer, genes)`; fewer only if the space has no more.

    Raises
    ------
    InvalidInput
        `n` is less than 2: the smallest and the largest are always among them.
    """
    if n < 2:
        raise InvalidInput(
            f"{n} networks can't cover a space.", remedy="Choose at least 2, better 100."
        )
    n = min(n, space.size())
    ends = np.stack([space.smallest(), space.largest()])
    found = ends[unique(ends)]
    found = _grown(space, found, (n + len(found) + 1) // 2, rng, _uniform)
    return _grown(space, found, n, rng, _even)


def _uniform(space: SearchSpace, n: int, rng: np.random.Generator) -> Population:
    return space.sample(n, rng)


def _even(space: SearchSpace, n: int, rng: np.random.Generator) -> Population:
    """Members at evenly spaced MACs: the nearest candidates to `n` targets on a logarithmic scale."""
    ends = np.stack([space.smallest(), space.largest()])
    spread = _blends(space, _CANDIDATES * n, rng)
    costs = np.log(macs(space, spread))
    low, high = np.log(macs(space, ends))
    targets = low + (high - low) * (np.arange(n) + rng.random(n)) / n
    chosen: Population = spread[np.abs(costs[None] - targets[:, None]).argmin(axis=1)]
    return chosen


def _blends(space: SearchSpace, n: int, rng: np.random.Generator) -> Population:
    """Members with genes that lean to small or to large options, so that both ends are met."""
    lean = rng.beta(0.5, 0.5, size=(n, 1))
    drawn = rng.random((n, len(space.genes)))
    # The maximum of a few uniform numbers leans up, the minimum down; a power does it smoothly.
    leaning = drawn ** ((1 - lean + 0.1) / (lean + 0.1))
    return space.canonical((leaning * space.cardinalities).astype(np.int16))


def _grown(
    space: SearchSpace,
    found: Population,
    n: int,
    rng: np.random.Generator,
    draw: Callable[[SearchSpace, int, np.random.Generator], Population],
) -> Population:
    """The population with distinct members added until it has `n`."""
    while (before := len(found)) < n:
        both = np.concatenate([found, draw(space, n - before, rng)])
        found = both[unique(both)]
        if len(found) == before:
            draw = _uniform  # nothing new comes that way: take whatever there still is
    return found


def kept(path: Path, population: Population) -> list[Pair]:
    """The pairs of an interrupted run; a torn last line is cut off.

    Raises
    ------
    CorruptFile
        A line does not read or is not the network that this run evaluates there; the line is named.
    """
    if not path.is_file():
        return []
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        os.truncate(path, len(whole))
    pairs: list[Pair] = []
    for number, line in enumerate(whole.splitlines(), start=1):
        try:
            pair = msgspec.json.decode(line, type=Pair)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise _foreign(path, number, "does not read") from None
        if number > len(population) or pair.genome != population[number - 1].tolist():
            raise _foreign(path, number, "is not a network of this run")
        pairs.append(pair)
    return pairs


def _foreign(path: Path, number: int, what: str) -> CorruptFile:
    return CorruptFile(
        f"Line {number} {what}.", where=path, remedy="Delete the file and collect again."
    )
