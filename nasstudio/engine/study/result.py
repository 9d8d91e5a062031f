"""What a study has found: one record for each network that is finished, as its job reports them, and the table of them.

A record holds which of the reported images the network got right, so that any two can be compared image by image. The
table is made from whatever records there are: a study that still runs has a shorter one.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.job import events as ev
from nasstudio.engine.job.specification import StudySpec, Target
from nasstudio.engine.study.cost import Cost, total
from nasstudio.engine.study.order import Training, rates_of
from nasstudio.engine.study.paired import Interval, differences, over_images

Right = NDArray[np.bool_]
CHOOSING, REPORTED = "validation_a", "validation_b"
SUPERNET, SUBNET, TRAINED = "supernet_cost", "subnet", "trained"  # names of the results


class Answers(msgspec.Struct, frozen=True):
    """Which images a network got right, packed."""

    images: int
    bits: str

    @classmethod
    def of(cls, right: Right) -> Answers:
        return cls(len(right), base64.b64encode(np.packbits(right).tobytes()).decode())

    def right(self) -> Right:
        """`(images,)` bool."""
        packed = np.frombuffer(base64.b64decode(self.bits), dtype=np.uint8)
        return np.unpackbits(packed, count=self.images).astype(bool)


class SupernetCost(msgspec.Struct, frozen=True, kw_only=True):
    """What the supernet's training cost; None: not known."""

    seconds: float | None
    passes: int | None


class SubnetResult(msgspec.Struct, frozen=True, kw_only=True):
    """The supernet's subnet as it is: accuracy on the reported images, 0 to 1."""

    genome: tuple[int, ...]
    accuracy: float
    answers: Answers


class TrainedResult(msgspec.Struct, frozen=True, kw_only=True):
    """A network that was trained.

    Attributes
    ----------
    way, rate, seed, epochs : see `order.Training`.
    choosing, accuracy : on the images that choose the rate, and on the reported ones, 0 to 1. `choosing` None: the
        training diverged; it counts as one that gets nothing right.
    seconds : of its steps, by `train.clock`.
    passes : images that went forward and backward.
    """

    genome: tuple[int, ...]
    way: str
    rate: float
    seed: int
    epochs: int
    choosing: float | None
    accuracy: float
    answers: Answers
    seconds: float
    passes: int

    @property
    def cost(self) -> Cost:
        return Cost(self.seconds, self.passes)

    def is_of(self, training: Training) -> bool:
        """Whether it is what came of a training."""
        return (self.genome, self.way, self.rate, self.seed) == training.key


@dataclass
class Records:
    """Everything that a study has said so far."""

    supernet: SupernetCost | None = None
    subnets: dict[tuple[int, ...], SubnetResult] = field(default_factory=dict)
    trained: list[TrainedResult] = field(default_factory=list)

    def take(self, events: Iterable[ev.AnyEvent]) -> None:
        """Take in what the job said.

        Raises
        ------
        msgspec.ValidationError
            A result is not one of this protocol.
        """
        for event in events:
            if isinstance(event, ev.Result):
                self._take(event.name, event.values)

    def _take(self, name: str, values: dict[str, Any]) -> None:
        if name == SUPERNET:
            self.supernet = msgspec.convert(values, SupernetCost)
        elif name == SUBNET:
            subnet = msgspec.convert(values, SubnetResult)
            self.subnets[subnet.genome] = subnet
        elif name == TRAINED:
            self.trained.append(msgspec.convert(values, TrainedResult))


@dataclass(frozen=True, eq=False)
class Alone:
    """A network trained by itself, at the better rate.

    Attributes
    ----------
    accuracy : mean over the seeds.
    difference : of the subnet's accuracy from it; above 0 the subnet is better.
    by_image : the same, image by image.
    cost : of one training at the better rate.
    all_cost : of one training at each rate.
    """

    rate: float
    accuracy: float
    difference: Interval
    by_image: NDArray[np.float64]
    cost: Cost
    all_cost: Cost


@dataclass(frozen=True, eq=False)
class Row:
    """A target: its network as a subnet, and trained in each of the ways that are finished."""

    target: Target
    subnet: float
    images: int
    ways: dict[str, Alone]


@dataclass(frozen=True, eq=False)
class StudyTable:
    """The table of a study.

    Attributes
    ----------
    mean : way -> mean difference over the networks with the interval of their images; only ways that have a row.
    training : mean cost of a network trained alone, at the better rate; None: none is finished.
    both : the same at all rates.
    tuning : mean cost of fine-tuning a subnet.
    """

    rows: tuple[Row, ...]
    supernet: SupernetCost
    mean: dict[str, Interval]
    training: Cost | None
    both: Cost | None
    tuning: Cost | None


def tabulate(spec: StudySpec, records: Records) -> StudyTable:
    """The table of what is finished; a way is shown for a network when all its rates and seeds are."""
    rows = []
    for target in spec.targets:
        subnet = records.subnets.get(target.genome)
        if subnet is None:
            continue
        own = [r for r in records.trained if r.genome == target.genome]
        ways = {}
        for way in dict.fromkeys(r.way for r in own):
            found = _judged(spec, subnet, [r for r in own if r.way == way])
            if found is not None:
                ways[way] = found
        rows.append(Row(target, subnet.accuracy, subnet.answers.images, ways))
    mean = {}
    for way in ("alone", "taught", "tuned"):
        each = _once(rows, way)
        if each:
            mean[way] = over_images([a.by_image for a in each])
    return StudyTable(
        tuple(rows),
        records.supernet or SupernetCost(seconds=None, passes=None),
        mean,
        _mean_cost([a.cost for a in _once(rows, "alone")]),
        _mean_cost([a.all_cost for a in _once(rows, "alone")]),
        _mean_cost([a.cost for a in _once(rows, "tuned")]),
    )


def _once(rows: Sequence[Row], way: str) -> list[Alone]:
    """One entry a network: two targets may share one."""
    found = {row.target.genome: row.ways[way] for row in rows if way in row.ways}
    return list(found.values())


def _judged(
    spec: StudySpec, subnet: SubnetResult, results: Sequence[TrainedResult]
) -> Alone | None:
    """The better rate, by the images that are not reported; None if a training is still missing."""
    rates = list(dict.fromkeys(r.rate for r in results))
    groups = {rate: [r for r in results if r.rate == rate] for rate in rates}
    wanted = 1 if results[0].way == "tuned" else len(rates_of(spec))
    if len(groups) < wanted or any(len(group) < spec.seeds for group in groups.values()):
        return None
    rate = max(rates, key=lambda r: float(np.mean([x.choosing or 0.0 for x in groups[r]])))
    chosen = groups[rate]
    by_image = differences(
        subnet.answers.right(), np.stack([result.answers.right() for result in chosen])
    )
    costs = [_mean_cost([r.cost for r in group]) for group in groups.values()]
    return Alone(
        rate,
        float(np.mean([r.accuracy for r in chosen])),
        over_images([by_image]),
        by_image,
        _mean_cost([r.cost for r in chosen]) or Cost(None, 0),
        total(c for c in costs if c is not None),
    )


def _mean_cost(costs: Sequence[Cost]) -> Cost | None:
    if not costs:
        return None
    found = total(costs)
    seconds = None if found.seconds is None else found.seconds / len(costs)
    return Cost(seconds, round(found.passes / len(costs)))
