"""What the accuracy benchmark trains: data, spaces, networks, recipes, and how long each job takes.

The effort is fixed but for the number of training images: it is the largest of a few for which the whole protocol fits
into the time, by the speed of this machine, and is kept in the work folder.
"""

from __future__ import annotations

import math
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import msgspec
import numpy as np

from nasstudio.engine.cost.counts import macs
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.job.specification import TrainSpec
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.mobilenet import with_data
from nasstudio.engine.space.space import Genome, SearchSpace, SpaceDocument
from nasstudio.engine.train.progressive import Plan
from nasstudio.engine.train.schedule import Phase, Schedule, schedule_preset

BUDGET_S = (
    66 * 60.0
)  # of the 75 minutes: the rest is for decoding, starting and a machine that slows down
LIMITS = (24_000, 20_000, 16_000, 14_000, 12_000, 10_500, 9_000, 8_000, 7_000, 6_000, 5_000, 4_000)
RANDOM = 3
CIFAR, FASHION = "cifar10_jpeg", "fashion_mnist"
_OVERHEAD = 1.2  # evaluation, checkpoints and starting, as a factor of the steps
_TARGET_SEED = 2026


@dataclass(frozen=True)
class Effort:
    """How much is trained.

    Attributes
    ----------
    seeds : data -> seeds of supernet and lone networks.
    taught : seeds whose lone networks are trained with the teacher, too.
    together : one study for all networks of a supernet, or one for each.
    calibration, pairs : images for batch-norm statistics; networks for the predictor.
    """

    seeds: dict[str, tuple[int, ...]]
    taught: tuple[int, ...]
    random: int
    epochs: int
    validation: dict[str, float]
    calibration: int
    pairs: int
    together: bool


FULL = Effort(
    {FASHION: (0, 1), CIFAR: (0,)}, (0,), RANDOM, 0, {FASHION: 1 / 3, CIFAR: 0.4}, 2000, 100, False
)
QUICK = Effort({FASHION: (0,), CIFAR: (0,)}, (), 1, 1, {FASHION: 0.02, CIFAR: 0.25}, 256, 12, True)
QUICK_IMAGES, QUICK_FILES = 512, 160  # training images; files of each class that are unpacked


@dataclass(frozen=True)
class Subject:
    """One data set with its space."""

    name: str
    document: SpaceDocument
    data: DataDocument

    @property
    def space(self) -> SearchSpace:
        return build(self.document)


def subject(name: str, folder: Path, effort: Effort, limit: int) -> Subject:
    """A data set and the space for it: half size after the first layer, resolutions up to the images' own."""
    document = preset("mbv3_28_fast")
    options: dict[str, object] = {
        "folder": str(folder), "limit": limit, "validation": effort.validation[name],
    }  # fmt: skip
    if name == CIFAR:
        sizes = dict(document.options, resolution=[24, 28, 32])
        document = msgspec.structs.replace(
            document, name="mbv3_32_fast", title="MobileNetV3 for 32 px images", options=sizes
        )
        document = with_data(document, channels=3, classes=10)
        return Subject(name, document, DataDocument("cifar10", options))
    return Subject(name, document, DataDocument("fashion_mnist", options))


def networks(space: SearchSpace, random: int) -> dict[str, Genome]:
    """The networks that are compared: both ends of the space and a few drawn at random."""
    found = {"largest": space.largest(), "smallest": space.smallest()}
    drawn = space.sample(random, np.random.default_rng(_TARGET_SEED))
    return found | {f"random{k + 1}": genome for k, genome in enumerate(drawn)}


def recipes(epochs: int) -> dict[str, Schedule]:
    """The two ways to train a supernet, of equal epochs; `epochs` 1: one of each phase."""
    progressive, sandwich = schedule_preset("progressive"), schedule_preset("sandwich")
    if epochs:
        short = schedule_preset("progressive_quick")
        phases = tuple(msgspec.structs.replace(p, epochs=1, warmup=0) for p in short.phases)
        progressive = Schedule("progressive", progressive.title, phases)
    (stage,) = sandwich.phases
    stage = msgspec.structs.replace(
        stage, epochs=progressive.epochs, warmup=min(stage.warmup, progressive.epochs - 1)
    )
    return {
        "progressive": progressive,
        "sandwich": msgspec.structs.replace(sandwich, phases=(stage,)),
    }


# -- data -----------------------------------------------------------------------------------------------------------


def unpacked(archive: Path, target: Path, most: int | None) -> Path:
    """The image folder of CIFAR-10 (JPEG) out of its archive; only the first files of each class if `most` is given."""
    done = target / "complete"
    if done.is_file():
        return target
    seen: dict[PurePosixPath, int] = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            parts = PurePosixPath(member.name).parts
            if not member.isfile() or len(parts) < 3:
                continue
            place = PurePosixPath(*parts[-3:-1])
            seen[place] = seen.get(place, 0) + 1
            if most is None or seen[place] <= most:
                path = target.joinpath(*parts[-3:])
                path.parent.mkdir(parents=True, exist_ok=True)
                source = tar.extractfile(member)
                assert source is not None
                path.write_bytes(source.read())
    done.touch()
    return target


# -- time -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Speed:
    """Seconds of a training step of one network, linear in its MACs."""

    base_s: float
    per_mac_s: float

    def step_s(self, count: float, networks: int = 1) -> float:
        """Of so many networks with so many MACs together."""
        return networks * self.base_s + count * self.per_mac_s


def measured_speed(space: SearchSpace, batch: int, seconds: float) -> Speed:
    """Time the steps of the largest and of the smallest network for a while."""
    import torch

    from nasstudio.engine.net.lone import LoneNetwork

    torch.set_num_threads(1)
    times, counts = [], []
    for genome in (space.largest(), space.smallest()):
        network = LoneNetwork(space, genome).train()
        px = int(space.resolution(genome[None])[0])
        channels = space.layers[0].channels_in
        x = torch.randn(batch, channels, px, px).contiguous(memory_format=torch.channels_last)
        labels = torch.randint(0, 10, (batch,))
        found: list[float] = []
        end = time.monotonic() + seconds
        while time.monotonic() < end or len(found) < 5:
            began = time.perf_counter()
            loss = torch.nn.functional.cross_entropy(network(x), labels)
            loss.backward()
            for parameter in network.parameters():
                parameter.grad = None
            found.append(time.perf_counter() - began)
        times.append(float(np.median(found)))
        counts.append(float(macs(space, genome[None])[0]))
    slope = max(0.0, (times[0] - times[1]) / (counts[0] - counts[1]))
    return Speed(max(0.0, times[1] - slope * counts[1]), slope)


def plan_seconds(plan: Plan, speed: Speed) -> float:
    """About how long every step of a plan takes together."""
    whole = float(macs(plan.space, plan.space.largest()[None])[0])
    total, begin = 0.0, 0
    for phase in plan.schedule.phases:
        steps = phase.epochs * plan.epoch_steps
        work = plan.cost(begin, begin + steps) * whole
        networks = phase.networks + (0.33 if phase.needs_teacher else 0.0)
        total += steps * networks * speed.base_s + work * speed.per_mac_s
        begin += steps
    return _OVERHEAD * total


def lone_plan(genome: Genome, space: SearchSpace, epochs: int, steps: int, taught: bool) -> Plan:
    """One training of a network alone, for the estimate."""
    phase = Phase("Alone", epochs, 0.1, distill=1.0 if taught else 0.0)
    only = tuple(int(option) for option in genome)
    return Plan(space, Schedule("alone", "Alone", (phase,)), steps, 0, only=only)


def images_that_fit(seconds: dict[int, float], processes: int) -> int:
    """The most training images for which everything fits into the time."""
    able = [limit for limit, total in seconds.items() if total / processes <= BUDGET_S]
    return max(able, default=min(seconds))


def train_spec(subject: Subject, schedule: Schedule, seed: int, effort: Effort) -> TrainSpec:
    """The training of a supernet, by the product's defaults."""
    return TrainSpec(
        space=subject.document,
        data=subject.data,
        schedule=schedule,
        seed=seed,
        calibration_images=min(1000, effort.calibration),
        validation_images=500,
    )


def steps_of(limit: int, batch: int = 64) -> int:
    """Steps of an epoch."""
    return math.floor(limit / batch)
