"""Supernets on disk: weights, the space they belong to, and what they were trained on and with."""

from __future__ import annotations

from pathlib import Path

import msgspec

from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.errors import CorruptFile
from nasstudio.engine.net.families import supernet_of
from nasstudio.engine.net.shared import SharedNetwork
from nasstudio.engine.net.tensor_file import copy_into, read_tensors, write_tensors
from nasstudio.engine.space.families import build
from nasstudio.engine.space.space import SpaceDocument

KIND = "nasstudio-supernet"
_REMEDY = "Restore the file, or train the supernet again."


class SupernetAbout(msgspec.Struct, frozen=True, kw_only=True):
    """What is said about a supernet.

    Attributes
    ----------
    fingerprint, classes, mean, std : of the image set it was trained on; images are normalised with mean and std.
    phase, epoch : the last phase, and the epochs trained in all.
    largest : gene kind -> how many of its largest options were trained; a kind that is not named: all of them.
    images : training images seen.
    seconds, passes : what the steps of its training took by `train.clock`, and the images that went forward and
        backward through a network in them (with those of a supernet that it started from); None and 0: not known.
    accuracy : validation accuracy of some subnets after re-calibration, 0 to 1.
    """

    space: SpaceDocument
    data: DataDocument | None = None
    fingerprint: str = ""
    classes: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    phase: str = ""
    epoch: int = 0
    largest: dict[str, int] = {}
    images: int = 0
    seconds: float | None = None
    passes: int = 0
    seed: int = 0
    accuracy: dict[str, float] = {}


def save_supernet(path: Path, supernet: SharedNetwork, about: SupernetAbout) -> None:
    """Write a supernet, whole or not at all.

    Raises
    ------
    StudioError
        The file can't be written.
    """
    write_tensors(path, KIND, dict(supernet.state_dict()), msgspec.json.encode(about))


def load_supernet(path: Path) -> tuple[SharedNetwork, SupernetAbout]:
    """Read a supernet; it is on the CPU, in training mode, its largest subnet active.

    Raises
    ------
    InvalidInput
        The file is not there, or no supernet is known for the family of its space.
    CorruptFile
        It is damaged, of another kind, or a tensor does not fit the space; the tensor is named.
    """
    tensors, text = read_tensors(path, KIND, _REMEDY)
    try:
        about = msgspec.json.decode(text, type=SupernetAbout)
    except (msgspec.DecodeError, RecursionError) as problem:
        raise CorruptFile(
            f"The file's description does not read: {problem}.", where=path, remedy=_REMEDY
        ) from None
    supernet = supernet_of(build(about.space))
    copy_into(dict(supernet.state_dict()), tensors, path, _REMEDY)
    return supernet, about
