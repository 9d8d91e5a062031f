"""Specifications: what a job is to do, typed, validated and tagged.

The window and the command line make the same ones; a run folder holds one as `spec.json`. Paths in a `Reference` are
relative to the project folder, so that a project can be moved.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from nasstudio.engine.data.augmentation import Augmentation
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.search.limit import Algorithm, Limit
from nasstudio.engine.space.space import SpaceDocument
from nasstudio.engine.train.schedule import Schedule

Natural = Annotated[int, msgspec.Meta(ge=0)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Reference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An input made by an earlier job: path relative to the project folder, and its hash."""

    path: str
    sha256: str


class Specification(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="job", forbid_unknown_fields=True
):
    """What every job has.

    `threads` is the number of compute threads of the child process; `exclusive` jobs measure time and let nothing run
    beside them.
    """

    name: str = ""
    seed: Natural = 0
    threads: Positive = 1

    @property
    def kind(self) -> str:
        """The tag, e.g. ``profile``."""
        return str(type(self).__struct_config__.tag)

    @property
    def exclusive(self) -> bool:
        return False


class ProbeSpec(Specification, frozen=True, kw_only=True, tag="probe"):
    """Find the devices of this machine."""


PROFILE_BUDGET_S, PROFILE_NETWORKS = 120.0, 40


class ProfileSpec(Specification, frozen=True, kw_only=True, tag="profile"):
    """Measure layers on one device, then whole networks to calibrate their sum.

    Attributes
    ----------
    space, device : what and where.
    layers : labels of the rows to measure; None: every distinct layer of the space, at a few resolutions if there are
        many (`device.coverage`). What lies between measured layers is interpolated.
    budget_s : time for the layers, s; half as much again for whole networks.
    spread : a row is done when half the width of its median's confidence interval is below this share.
    networks : whole networks measured for the calibration; 0: no calibration.
    table : the table, for layers that are already known; None if all are measured here.
    """

    space: SpaceDocument
    device: Device
    layers: tuple[str, ...] | None = None
    budget_s: float = PROFILE_BUDGET_S
    spread: float = 0.01
    networks: Natural = PROFILE_NETWORKS
    table: Reference | None = None

    @property
    def exclusive(self) -> bool:
        return True


class TrainSpec(Specification, frozen=True, kw_only=True, tag="train"):
    """Train a supernet by a schedule.

    Attributes
    ----------
    batch : images a step.
    accumulate : micro-batches that a batch is divided into, each with batch-norm statistics of its own. Processes that
        `torchrun` starts share them out, so their number changes nothing but the time.
    optimiser : ``sgd`` with Nesterov momentum, or ``adamw``, whose beta 1 is `momentum`.
    smoothing : of the labels.
    dropout : share of the classifier's inputs, of subnets that learn from labels.
    ema : decay of the moving average of the weights, which is what is evaluated and saved; 0: none.
    augmentation : of the training images; what it leaves open is usual for the data.
    temperature : of the teacher's soft labels.
    precision : ``fp32``, or autocast to ``bf16`` or (on a GPU) ``fp16``.
    device : ``cpu`` or ``cuda``.
    calibration_images : images for the batch-norm statistics of an evaluated subnet.
    validation_images : at most so many validation images are used for the curves; 0: all.
    checkpoint_s : time between checkpoints, s.
    start : a supernet to go on from; None: fresh weights.
    teacher : a supernet of the same images, of any space, whose largest network teaches; None: this one's own.
    """

    space: SpaceDocument
    data: DataDocument
    schedule: Schedule
    batch: Positive = 64
    accumulate: Positive = 1
    optimiser: Literal["sgd", "adamw"] = "sgd"
    weight_decay: float = 3e-5
    momentum: Share = 0.9
    smoothing: Share = 0.1
    dropout: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0
    ema: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.999
    augmentation: Augmentation = Augmentation()
    temperature: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    device: Literal["cpu", "cuda"] = "cpu"
    calibration_images: Natural = 1000
    validation_images: Natural = 1000
    checkpoint_s: float = 30.0
    start: Reference | None = None
    teacher: Reference | None = None


class CollectSpec(Specification, frozen=True, kw_only=True, tag="collect"):
    """Evaluate subnets: the pairs that the accuracy predictor learns from.

    Attributes
    ----------
    networks : how many subnets.
    active : share of them that is chosen where a search would go, in rounds, once the others have been measured.
    rounds : of choosing, fitting and measuring; each has its part of these networks.
    objective : the metric on the other axis of the front: ``macs``, or one that `table` gives, e.g.
        ``latency:ort-1t-3f9c2a``.
    table : for an objective that is a latency.
    validation_images : of the first half of the validation split; 0: all.
    """

    space: SpaceDocument
    data: DataDocument
    supernet: Reference
    networks: Positive = 200
    active: Share = 0.4
    rounds: Positive = 4
    objective: str = "macs"
    table: Reference | None = None
    calibration_images: Natural = 1000
    validation_images: Natural = 0


class FitSpec(Specification, frozen=True, kw_only=True, tag="fit"):
    """Fit the accuracy predictor to collected pairs.

    Attributes
    ----------
    held_back : share of the networks that is held back at a time, to judge.
    """

    space: SpaceDocument
    pairs: tuple[Reference, ...]
    held_back: Share = 0.2


class SearchSpec(Specification, frozen=True, kw_only=True, tag="search"):
    """Search for the most accurate networks under limits.

    Attributes
    ----------
    table, predictor : latency and accuracy of every network.
    limits : may be empty: then the whole front is searched.
    objective : the metric on the other axis of the front, e.g. ``latency:ort-1t-3f9c2a``.
    budget : networks to evaluate.
    """

    space: SpaceDocument
    table: Reference
    predictor: Reference
    objective: str
    limits: tuple[Limit, ...] = ()
    algorithm: Algorithm = Algorithm()
    budget: Positive = 20_000
    population: Positive = 100


class VerifySpec(Specification, frozen=True, kw_only=True, tag="verify"):
    """Real validation accuracy and real latency of chosen networks.

    Attributes
    ----------
    genomes : rows of option indices.
    devices : where to measure; only those that are here.
    table : for the promised latency; None: nothing is promised.
    test : also the accuracy on the test split. For the exported network only, once.
    """

    space: SpaceDocument
    data: DataDocument
    supernet: Reference
    genomes: tuple[tuple[int, ...], ...]
    devices: tuple[Device, ...] = ()
    table: Reference | None = None
    calibration_images: Natural = 2000
    test: bool = False

    @property
    def exclusive(self) -> bool:
        return bool(self.devices)


class ExportSpec(Specification, frozen=True, kw_only=True, tag="export"):
    """Write one network for use elsewhere and check what was written.

    Attributes
    ----------
    genome : option indices.
    formats : ``onnx``, ``pytorch``.
    title : name of the exported files and of the network in its card.
    tolerance : largest allowed difference of outputs, as a share of the spread of the logits.
    """

    space: SpaceDocument
    data: DataDocument
    supernet: Reference
    genome: tuple[int, ...]
    title: str
    formats: tuple[str, ...] = ("onnx", "pytorch")
    devices: tuple[Device, ...] = ()
    table: Reference | None = None
    calibration_images: Natural = 2000
    tolerance: float = 1e-3

    @property
    def exclusive(self) -> bool:
        return bool(self.devices)


class ReferenceSpec(Specification, frozen=True, kw_only=True, tag="reference"):
    """Measure a network that the user already has.

    Attributes
    ----------
    source : ``onnx`` or ``torchvision``.
    model : absolute path of an ONNX file, or the name of a torchvision network.
    resolution : input size for a torchvision network, px.
    """

    source: str
    model: str
    devices: tuple[Device, ...]
    data: DataDocument
    resolution: Positive = 224

    @property
    def exclusive(self) -> bool:
        return True


class KitSpec(Specification, frozen=True, kw_only=True, tag="kit"):
    """Write a kit that measures a device which is not here.

    Attributes
    ----------
    target : absolute path of the folder to make, or of a file that ends in ``.zip``.
    layers : labels of the layers; None: those that a profile would measure (`device.coverage`).
    networks : whole networks for the calibration.
    formats : ``onnx``, ``executorch``, ``litert``.
    """

    space: SpaceDocument
    target: str
    layers: tuple[str, ...] | None = None
    networks: Natural = 40
    formats: tuple[str, ...] = ("onnx",)


class ImportSpec(Specification, frozen=True, kw_only=True, tag="importing"):
    """Take a published supernet or accuracy predictor into the project.

    Attributes
    ----------
    source : absolute path of the file; which of the two it is, its tensors say.
    space : the project's space, which the file must belong to; None: a supernet brings its own.
    resolutions : input sizes of the space that it brings, px; empty: those of the published one.
    """

    source: str
    space: SpaceDocument | None = None
    resolutions: tuple[Positive, ...] = ()


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A network of a study, and what it was chosen for.

    Attributes
    ----------
    device : id of the device; empty: for none in particular.
    limit_ms : latency limit that it was chosen under, ms.
    """

    genome: tuple[int, ...]
    device: str = ""
    limit_ms: float | None = None


class StudySpec(Specification, frozen=True, kw_only=True, tag="study"):
    """Once-for-All against training alone: train each target's network by itself and compare.

    Attributes
    ----------
    training : how the supernet was trained: the recipe of every network here.
    supernet : what that training made.
    targets : the networks.
    epochs : of each network; 0: as many as the supernet's whole schedule.
    rates : learning rates that are tried; the better one is chosen on images that are not reported. Empty: that of the
        supernet's first phase, and half of it.
    taught : train each network a second time with a teacher, the supernet's largest subnet.
    tuning_epochs, tuning_rate : train the supernet's subnet on for so long; 0: not at all.
    seeds : trainings of each kind, with seeds from `seed` on.
    calibration_images : for the batch-norm statistics of every network that is evaluated.
    pairs_s, search_s : measured seconds of collecting accuracy pairs and fitting the predictor, and of one search.
    """

    training: TrainSpec
    supernet: Reference
    targets: tuple[Target, ...]
    epochs: Natural = 0
    rates: tuple[float, ...] = ()
    taught: bool = False
    tuning_epochs: Natural = 0
    tuning_rate: float = 0.01
    seeds: Positive = 1
    calibration_images: Natural = 2000
    pairs_s: float | None = None
    search_s: float | None = None

    @property
    def space(self) -> SpaceDocument:
        return self.training.space

    @property
    def data(self) -> DataDocument:
        return self.training.data


AnySpec = (
    ProbeSpec
    | ProfileSpec
    | TrainSpec
    | CollectSpec
    | StudySpec
    | FitSpec
    | SearchSpec
    | VerifySpec
    | ExportSpec
    | ReferenceSpec
    | KitSpec
    | ImportSpec
)
KINDS = (
    "probe",
    "profile",
    "train",
    "collect",
    "study",
    "fit",
    "search",
    "verify",
    "export",
    "reference",
    "kit",
    "importing",
)


def encode(spec: AnySpec) -> bytes:
    """The specification as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(spec), indent=2)


def decode(content: bytes, where: str | Path = "specification") -> AnySpec:
    """A specification from JSON.

    Raises
    ------
    InvalidInput
        It is not one; the place in it is named.
    """
    try:
        spec: AnySpec = msgspec.json.decode(content, type=AnySpec)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise InvalidInput(
            f"This is not a job specification: {problem}.",
            where=where,
            remedy="Make it again in the window or with `nasstudio JOB --print-spec`.",
        ) from None
    return spec
