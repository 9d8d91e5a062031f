"""Images per second of a training step: ours, the original implementation's (`ofa`), and a plain network's.

The space is Once-for-All's MobileNetV3 at width 1.0 with 1,000 classes; 128 px, batches of 32 random images, one thread
(--threads). Four kinds of step: the largest subnet; one random subnet; one random subnet with distillation from the
largest; four of them, as in the published last phase. All three take the same subnets, images and kind of optimiser:

  ours     `engine.train.loop.Trainer`, as a training runs it, without the moving average that the others do not have
  ofa      its own modules in the order of its `train_one_epoch`: images and weights in the usual layout, the teacher
           in training mode; without its metrics
  static   a plain network of each subnet's shape in channels_last with torch's own SGD, and the same folded teacher
           as ours: what eager mode can do at best

They take turns, in another order every round, after a step of each that does not count. A speed is the median over the
rounds; a ratio is the median of the ratios inside the rounds. With one thread the clock is the process's CPU time,
which other work on the machine disturbs least; with more it is the wall's. `part/...` says what a step of ours with
one subnet and distillation is made of, in seconds: loading (a batch of 128 px images from memory, augmented), teacher,
forward, backward, optimiser (clipping and step), average (the moving average, if it is wanted).

The whole takes about 15 minutes on a quiet core. It needs no data. `ofa` is a peer: without it (`pip install
nasstudio[peers]`) its figures are null.
"""

from __future__ import annotations

import argparse
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from reporting import contract
from torch import Tensor, nn

from nasstudio.engine.data.image_set import ImageSet
from nasstudio.engine.data.loading import Batches
from nasstudio.engine.data.pool import ArrayPool
from nasstudio.engine.data.splits import divide
from nasstudio.engine.net.families import supernet_of
from nasstudio.engine.net.static import Linear
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.space import Genome, Population, SearchSpace
from nasstudio.engine.train.average import Average
from nasstudio.engine.train.distill import distillation, teacher_of
from nasstudio.engine.train.loop import CLIP_NORM, Settings, Trainer
from nasstudio.engine.train.optimiser import optimiser
from nasstudio.engine.train.progressive import Plan
from nasstudio.engine.train.schedule import Phase, Schedule

PX, CLASSES = 128, 1000
RATE, MOMENTUM, DECAY, SMOOTHING, DROPOUT = 1e-3, 0.9, 3e-5, 0.1, 0.1
PARTS = ("loading", "teacher", "forward", "backward", "optimiser", "average")


@dataclass(frozen=True)
class Effort:
    """How much is measured: groups of subnets of each kind of step, timed rounds over each group."""

    batch: int
    groups: int
    rounds: int


FULL, QUICK = Effort(32, 10, 3), Effort(16, 1, 2)


@dataclass(frozen=True)
class Line:
    """A kind of step: how many random subnets it has (0: the largest one), and whether a teacher helps."""

    key: str
    networks: int
    taught: bool


LINES = (
    Line("ips_max", 0, False),
    Line("ips_sampled", 1, False),
    Line("ips_kd", 1, True),
    Line("ips_kd4", 4, True),
)


class Subject(ABC):
    """Something that can take steps on one batch of images. `(n, 3, 128, 128)`, labels `(n,)`."""

    @abstractmethod
    def prepare(self, population: Population) -> None:
        """Be ready for steps with these subnets; not timed."""

    @abstractmethod
    def step(self, *, taught: bool) -> None:
        """One step."""


# -- ours -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Given(Plan):
    """A plan whose subnets are the ones that were put there."""

    chosen: list[Population] = field(default_factory=list)

    def subnets(self, step: int) -> Population:
        return self.chosen[-1]


class OneBatch:
    """The same images again and again, in place of a loader."""

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self._batch = (images.contiguous(memory_format=torch.channels_last), labels)

    def __len__(self) -> int:
        return len(self._batch[1])

    def epoch(self, batch: int, epoch: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Once: the teacher's statistics are no matter here."""
        yield self._batch

    def pieces(self, *place: Any) -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            yield self._batch


class Ours(Subject):
    """The training loop of the product, with and without a teacher."""

    def __init__(self, space: SearchSpace, images: Tensor, labels: Tensor) -> None:
        self._chosen: list[Population] = []
        self.trainers = {
            taught: self._trainer(space, images, labels, taught) for taught in (False, True)
        }

    def _trainer(self, space: SearchSpace, images: Tensor, labels: Tensor, taught: bool) -> Trainer:
        phase = Phase("Steps", 1, RATE, distill=float(taught))
        plan = Given(space, Schedule("s", "S", (phase,)), 1_000_000, 0, chosen=self._chosen)
        settings = Settings(
            batch=len(labels),
            weight_decay=DECAY,
            momentum=MOMENTUM,
            smoothing=SMOOTHING,
            dropout=DROPOUT,
        )
        batches: Any = OneBatch(images, labels)
        return Trainer(supernet_of(space), plan, batches, settings, trained={})

    def prepare(self, population: Population) -> None:
        self._chosen[:] = [population]

    def step(self, *, taught: bool) -> None:
        self.trainers[taught].advance()


# -- the original -----------------------------------------------------------------------------------------------------


class Original(Subject):
    """`ofa`'s own modules and losses."""

    def __init__(self, space: SearchSpace, images: Tensor, labels: Tensor) -> None:
        from ofa.imagenet_classification.elastic_nn.modules.dynamic_op import (
            DynamicSeparableConv2d,
        )
        from ofa.imagenet_classification.elastic_nn.networks import OFAMobileNetV3
        from ofa.utils import (
            build_optimizer,
            cross_entropy_loss_with_soft_target,
            cross_entropy_with_label_smoothing,
        )

        DynamicSeparableConv2d.KERNEL_TRANSFORM_MODE = 1  # as its `train_ofa_net.py` does
        elastic = {"ks_list": [3, 5, 7], "expand_ratio_list": [3, 4, 6], "depth_list": [2, 3, 4]}
        self._space, self._images, self._labels = space, images, labels
        self._net = OFAMobileNetV3(n_classes=CLASSES, dropout_rate=DROPOUT, **elastic).train()
        self._teacher = OFAMobileNetV3(
            n_classes=CLASSES, ks_list=7, expand_ratio_list=6, depth_list=4
        )
        self._teacher.set_max_net()
        weights = [
            self._net.get_parameters(["bn", "bias"], mode="exclude"),
            self._net.get_parameters(["bn", "bias"], mode="include"),
        ]
        self._optimiser = build_optimizer(
            [list(w) for w in weights], "sgd", {"momentum": MOMENTUM}, RATE, DECAY, "bn#bias"
        )
        self._hard, self._soft = (
            cross_entropy_with_label_smoothing,
            cross_entropy_loss_with_soft_target,
        )
        self._settings: list[dict[str, list[int]]] = []

    def prepare(self, population: Population) -> None:
        self._settings = [self._setting(genome) for genome in population]

    def _setting(self, genome: Genome) -> dict[str, list[int]]:
        """A genome as `set_active_subnet` takes it."""
        found: dict[str, list[int]] = {"kernel": [], "expand": [], "depth": []}
        for gene, option in zip(self._space.genes, genome, strict=True):
            if gene.kind in found:
                found[gene.kind].append(int(gene.options[option]))
        return {"ks": found["kernel"], "e": found["expand"], "d": found["depth"]}

    def step(self, *, taught: bool) -> None:
        if taught:
            self._teacher.train()
            with torch.no_grad():
                soft = F.softmax(self._teacher(self._images).detach(), dim=1)
        self._net.zero_grad()
        for setting in self._settings:
            self._net.set_active_subnet(**setting)
            logits = self._net(self._images)
            loss = self._hard(logits, self._labels, SMOOTHING)
            if taught:
                loss = self._soft(logits, soft) + loss
            loss.backward()
        self._optimiser.step()


# -- the bound --------------------------------------------------------------------------------------------------------


class Static(Subject):
    """A plain network of each subnet's shape, and torch's optimiser."""

    def __init__(self, space: SearchSpace, images: Tensor, labels: Tensor) -> None:
        self._supernet = supernet_of(space)
        self._images = images.contiguous(memory_format=torch.channels_last)
        self._labels = labels
        self._teacher = teacher_of(self._supernet)
        self._networks: list[tuple[nn.Module, torch.optim.Optimizer]] = []

    def prepare(self, population: Population) -> None:
        self._networks = []
        for genome in population:
            network = self._supernet.extract(genome).train()
            last = network.layers[-1]
            assert isinstance(last, Linear)
            last.dropout = DROPOUT
            decayed = [p for p in network.parameters() if p.ndim > 1]
            others = [p for p in network.parameters() if p.ndim == 1]
            groups = [{"params": decayed}, {"params": others, "weight_decay": 0.0}]
            self._networks.append(
                (
                    network,
                    torch.optim.SGD(
                        groups, RATE, momentum=MOMENTUM, nesterov=True, weight_decay=DECAY
                    ),
                )
            )

    def step(self, *, taught: bool) -> None:
        if taught:
            with torch.no_grad():
                soft = self._teacher(self._images)
        for network, descent in self._networks:
            descent.zero_grad()
            logits = network(self._images)
            loss = F.cross_entropy(logits, self._labels, label_smoothing=SMOOTHING)
            if taught:
                loss = loss + distillation(logits, soft)
            loss.backward()
            descent.step()


# -- measuring --------------------------------------------------------------------------------------------------------

Clock = Callable[[], float]


def timed(clock: Clock, call: Callable[[], object]) -> float:
    """Seconds of a call."""
    began = clock()
    call()
    return clock() - began


def subnets(space: SearchSpace, line: Line, groups: int) -> list[Population]:
    """Groups of subnets of a kind of step, at 128 px; the first groups are the same whatever their number."""
    if not line.networks:
        return [at_128(space, space.largest()[None])]
    rng = np.random.default_rng([1, line.networks])
    return [at_128(space, space.sample(line.networks, rng)) for _ in range(groups)]


def at_128(space: SearchSpace, population: Population) -> Population:
    """The same networks at the resolution of the benchmark."""
    population = population.copy()
    population[:, 0] = list(space.genes[0].options).index(PX)
    return space.canonical(population)


def measure_line(
    line: Line, subjects: dict[str, Subject], space: SearchSpace, effort: Effort, clock: Clock
) -> dict[str, np.ndarray]:
    """Seconds a step of each subject. `(rounds,)`, rounds of all groups behind one another."""
    rng = np.random.default_rng(2)
    seconds: dict[str, list[float]] = {name: [] for name in subjects}
    for population in subnets(space, line, effort.groups):
        for subject in subjects.values():
            subject.prepare(population)
            subject.step(taught=line.taught)
        for _ in range(effort.rounds if line.networks else effort.rounds * 2):
            for name in rng.permutation(list(subjects)):
                spent = timed(clock, lambda s=subjects[name]: s.step(taught=line.taught))  # type: ignore[misc]
                seconds[str(name)].append(spent)
    return {name: np.array(found) for name, found in seconds.items()}


def figures_of(
    line: Line, seconds: dict[str, np.ndarray], batch: int
) -> dict[str, contract.Figure]:
    """Speeds and ratios of one kind of step."""
    ours, static = seconds["ours"], seconds["static"]
    theirs = seconds.get("ofa")
    found: dict[str, contract.Figure] = {
        line.key: batch / float(np.median(ours)),
        f"{line.key}_speedup": None if theirs is None else float(np.median(theirs / ours)),
        f"{line.key}_static": batch / float(np.median(static)),
    }
    if not line.taught:
        kind = line.key.removeprefix("ips_")
        found[f"static_ratio_{kind}"] = float(np.median(static / ours))
    return found


def measure_parts(
    space: SearchSpace, images: Tensor, labels: Tensor, effort: Effort, clock: Clock
) -> dict[str, contract.Figure]:
    """Seconds of each part of a step with one subnet and a teacher, medians."""
    supernet, px = supernet_of(space).train(), images.shape[-1]
    x = images.contiguous(memory_format=torch.channels_last)
    teacher = teacher_of(supernet)
    parameters = dict(supernet.named_parameters())
    descent = optimiser(
        "sgd", parameters, supernet.decayed(), momentum=MOMENTUM, weight_decay=DECAY
    )
    average = Average(supernet, 0.999)
    batches = Batches(pictures(len(labels), px), "train", resident=True)
    pieces = batches.pieces(len(labels), 0, 0, 0, 1, range(1))
    spent: dict[str, list[float]] = {part: [] for part in PARTS}
    held: dict[str, Any] = {}

    def forward() -> None:
        logits = supernet(x)
        loss = F.cross_entropy(logits, labels, label_smoothing=SMOOTHING)
        held["loss"] = loss + distillation(logits, held["soft"])

    def teach() -> None:
        with torch.no_grad():
            held["soft"] = teacher(x)

    def update() -> None:
        nn.utils.clip_grad_norm_(parameters.values(), CLIP_NORM)
        descent.step(RATE)

    for population in subnets(space, LINES[2], effort.groups):
        supernet.activate(population[0])
        for number in range(1 + effort.rounds):
            descent.forget_gradients()
            calls: dict[str, Callable[[], object]] = {
                "loading": lambda: next(pieces),
                "teacher": teach,
                "forward": forward,
                "backward": lambda: held["loss"].backward(),
                "optimiser": update,
                "average": lambda: average.update(supernet, 10_000),
            }
            for part, call in calls.items():
                seconds = timed(clock, call)
                if number:
                    spent[part].append(seconds)
    return {f"part/{part}": float(np.median(found)) for part, found in spent.items()}


def pictures(batch: int, px: int) -> ImageSet:
    """Random images as a data set in memory."""
    n = batch * 64
    rng = np.random.default_rng(3)
    labels = np.arange(n) % 10
    pixels = rng.integers(0, 256, (n, px, px, 3), dtype=np.uint8)
    parts = divide(labels, train=np.arange(n), test=None, validation=None, seed=0)
    return ImageSet("random", "Random", tuple("abcdefghij"), ArrayPool(pixels, labels), parts)


def measure(options: argparse.Namespace) -> dict[str, contract.Figure]:
    """All figures."""
    effort = QUICK if options.quick else FULL
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    clock = time.process_time if options.threads == 1 else time.perf_counter
    space = build(preset("ofa_mbv3"))
    images = torch.randn(effort.batch, 3, PX, PX)
    labels = torch.randint(0, CLASSES, (effort.batch,))
    subjects: dict[str, Subject] = {
        "ours": Ours(space, images, labels),
        "static": Static(space, images, labels),
    }
    figures: dict[str, contract.Figure] = {"batch": effort.batch, "threads": options.threads}
    try:
        subjects["ofa"] = Original(space, images, labels)
    except ImportError as gap:
        figures["reason"] = f"{gap}: the figures of ofa are null"
    for line in LINES:
        say(f"{line.key} ...")
        figures |= figures_of(
            line, measure_line(line, subjects, space, effort, clock), effort.batch
        )
    say("parts ...")
    return figures | measure_parts(space, images, labels, effort, clock)


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = contract.parser(__doc__)
    parser.add_argument("--threads", type=int, default=1, help="compute threads")
    parser.add_argument("--data", type=Path, help="not needed; taken for the sake of the others")
    options = parser.parse_args(arguments)
    contract.emit(options, "training", measure(options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
