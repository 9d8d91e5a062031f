"""The runner of `collect`: the measured accuracy of many subnets, from which the accuracy predictor learns.

First networks that cover the space; their list follows from the seed alone. Then rounds: a predictor is fitted to what
is known, and the networks that a search would find with it are measured, so that the predictor is good where it will be
asked. All of them go through one evaluation queue in the run folder (``queue.jsonl``, ``pairs.jsonl``); an interrupted
run goes on where it was, with the rounds that it had begun.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch

from nasstudio.engine.accuracy.belonging import check_images, check_space
from nasstudio.engine.accuracy.coverage import coverage
from nasstudio.engine.accuracy.evaluate import Evaluation, Evaluator
from nasstudio.engine.accuracy.queue import EvaluationQueue, Pair
from nasstudio.engine.accuracy.subnets import SubnetAccuracy
from nasstudio.engine.cost.formats.own_json import from_json
from nasstudio.engine.cost.metric import available
from nasstudio.engine.cost.table import LatencyTable
from nasstudio.engine.data.catalog import open_set
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.job.context import JobContext
from nasstudio.engine.job.specification import CollectSpec
from nasstudio.engine.net.storage import load_supernet
from nasstudio.engine.predictor.active import Cost, next_networks
from nasstudio.engine.predictor.ensemble import LEAST, fit
from nasstudio.engine.predictor.kinds import SWIFT
from nasstudio.engine.space.families import build
from nasstudio.engine.space.space import Population, SearchSpace

SPLIT = "validation_a"  # the other half verifies what was found with these
COVER, FRONT = "coverage", "front"
_NETWORKS, _ROUNDS = 4, 5  # purposes of the random streams
_JUDGES = 40  # networks held back when a round's predictor is fitted: its report is not read


def run(spec: CollectSpec, job: JobContext, device: str = "cpu") -> dict[str, Any]:
    """Evaluate subnets, or go on evaluating.

    Returns
    -------
    The summary: networks, of these chosen in rounds, lowest, mean and highest accuracy, images of each evaluation, and
    the largest network's accuracy with shared statistics and with its own.

    Raises
    ------
    StudioError
        Supernet, space and data do not belong together, or the file of pairs is not this run's.
    """
    torch.set_num_threads(1)  # more threads are more processes: a small network keeps only one busy
    space = build(spec.space)
    cost = _cost(spec, job, space)
    subject = SubnetAccuracy(
        str(job.input(spec.supernet)),
        spec.data,
        SPLIT,
        spec.validation_images,
        spec.calibration_images,
        spec.seed,
        device,
    )
    fingerprint, effect = _opened(spec, subject, space)
    workers = spec.threads if device == "cpu" else 1
    queue = EvaluationQueue(job.path, subject, workers, job.check)
    total = min(spec.networks, space.size())

    def say(pair: Pair) -> None:
        job.result("pair", msgspec.json.decode(msgspec.json.encode(pair)))
        job.progress(len(queue.results), total, unit="networks")

    _collect(spec, space, cost, queue, say)
    accuracy = np.array([pair.accuracy for pair in queue.results])
    found = {
        "networks": len(accuracy),
        "active": sum(pair.reason != COVER for pair in queue.results),
        "images": effect.images,
        "accuracy_shared": effect.shared,
        "accuracy_own": effect.accuracy,
    }
    about = {
        "split": SPLIT,
        "calibration_images": effect.calibration_images,
        "space_hash": space.hash,
        "supernet": spec.supernet.sha256,
        "fingerprint": fingerprint,
    }
    job.artefact("pairs", queue.path, about=found | about)
    ends = {"lowest": accuracy.min(), "mean": accuracy.mean(), "highest": accuracy.max()}
    return found | {name: float(value) for name, value in ends.items()}


def _opened(
    spec: CollectSpec, subject: SubnetAccuracy, space: SearchSpace
) -> tuple[str, Evaluation]:
    """The images' fingerprint, and what re-calibration does to the largest network.

    Raises
    ------
    InvalidInput
        Supernet, space and data do not belong together.
    """
    supernet, about = load_supernet(Path(subject.supernet))
    images = open_set(spec.data)
    check_space(supernet, space, spec.supernet.path)
    check_images(supernet, about, images, spec.supernet.path)
    evaluator = Evaluator(
        supernet.to(subject.device), images, subject.calibration_images, spec.seed, subject.device
    )
    return images.fingerprint, evaluator.evaluation(space.largest(), SPLIT, subject.images)


def _cost(spec: CollectSpec, job: JobContext, space: SearchSpace) -> Cost:
    """The objective as a function of a population.

    Raises
    ------
    InvalidInput
        Neither the counts nor the table have it.
    """
    table = LatencyTable()
    if spec.table is not None:
        path = job.input(spec.table)
        table = from_json(path.read_bytes(), str(path))
    metrics = {metric.key: metric for metric in available(space, table)}
    if spec.objective not in metrics:
        raise InvalidInput(
            f"There is no metric '{spec.objective}'.",
            where="objective",
            remedy=f"Choose one of: {', '.join(metrics)}.",
        )
    return metrics[spec.objective].of


def _collect(
    spec: CollectSpec,
    space: SearchSpace,
    cost: Cost,
    queue: EvaluationQueue,
    say: Callable[[Pair], None],
) -> None:
    """Measure the networks that cover the space, then each round's; rounds that were begun are kept."""
    total = min(spec.networks, space.size())
    sizes = round_sizes(total, spec.active, spec.rounds)
    if not queue.batches:
        rng = np.random.default_rng([_NETWORKS, spec.seed])
        queue.put(coverage(space, sizes[0], rng), reason=COVER)
    queue.run(say)
    for number in range(1, len(sizes)):
        if len(queue.batches) <= number:
            rng = np.random.default_rng([_ROUNDS, spec.seed, number])
            queue.put(_round(space, cost, queue.results, sizes[number], rng), reason=FRONT)
        queue.run(say)


def round_sizes(total: int, active: float, rounds: int) -> list[int]:
    """How many networks cover the space, and how many each round has. There is enough for a predictor before the first.

    Rounds without a network are left out.
    """
    first = min(total, max(total - round(active * total), LEAST))
    each = np.diff(np.linspace(0, total - first, rounds + 1).round().astype(int))
    return [first, *(int(n) for n in each if n)]


def _round(
    space: SearchSpace, cost: Cost, pairs: Sequence[Pair], n: int, rng: np.random.Generator
) -> Population:
    """The next `n` networks: where a search would go with what is known."""
    known = np.array([pair.genome for pair in pairs], dtype=np.int16)
    accuracy = [pair.accuracy for pair in pairs]
    if len(set(accuracy)) == 1:  # nothing to learn yet: go on covering
        return space.sample(n, rng)
    predictor = fit(space, known, accuracy, rng, costs=cost(known), judges=_JUDGES, kinds=SWIFT)
    return next_networks(predictor, cost, known, n, rng)
