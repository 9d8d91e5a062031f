"""Recipe: what the steps of a project's next training have in common, whatever its schedule opens."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from nasstudio.engine.data.augmentation import Augmentation

Below = Annotated[float, msgspec.Meta(ge=0, lt=1)]


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The fields of `job.specification.TrainSpec` that a project keeps between trainings; see there.

    Attributes
    ----------
    augmentation : of the training images; what it leaves open is usual for the data.
    """

    batch: Annotated[int, msgspec.Meta(ge=1)] = 64
    accumulate: Annotated[int, msgspec.Meta(ge=1)] = 1
    optimiser: Literal["sgd", "adamw"] = "sgd"
    weight_decay: Annotated[float, msgspec.Meta(ge=0)] = 3e-5
    smoothing: Below = 0.1
    dropout: Below = 0.0
    ema: Below = 0.999
    augmentation: Augmentation = Augmentation()
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    device: Literal["cpu", "cuda"] = "cpu"
