"""Published Once-for-All supernets as supernets of ours (Cai et al. 2020).

Which space a file belongs to follows from its tensors: the widths of its first and last layers are those of one
published space, and its numbers of channels and classes may be any. Every tensor of the file must then have its place
and every place a tensor. Nothing is computed: the tensors are copied as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from msgspec.structs import replace
from torch import Tensor

from nasstudio.engine.errors import CorruptFile, InvalidInput
from nasstudio.engine.net.families import supernet_of
from nasstudio.engine.net.published import resnet
from nasstudio.engine.net.published.names import FIRST, LAST, counted, plain, published_names
from nasstudio.engine.net.shared import SharedNetwork
from nasstudio.engine.net.storage import SupernetAbout
from nasstudio.engine.net.tensor_file import Tensors
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.mobilenet import with_data
from nasstudio.engine.space.space import SearchSpace, SpaceDocument

PRESETS = ("ofa_mbv3", "ofa_mbv3_w12", "ofa_proxyless_w13", "ofa_resnet50")
PHASE = "Published"
# What the original normalises images with.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

_REMEDY = "Choose a file of a whole supernet, such as ofa_mbv3_d234_e346_k357_w1.0."
_OTHER_SPACE = "Import it into a project without a space: it takes the file's."


@dataclass(frozen=True)
class _Family:
    """How the original calls the supernets of a family: its first weight, and all tensors by our names."""

    first: str
    names: Callable[[Iterable[str]], dict[str, str]]


_FAMILIES = {
    "mobilenetv3": _Family(FIRST, published_names),
    "resnet": _Family(
        resnet.FIRST, lambda names: {name: resnet.published_name(name) for name in names}
    ),
}


def published_supernet(
    tensors: Tensors,
    where: Path,
    wanted: SpaceDocument | None = None,
    resolutions: Sequence[int] = (),
) -> tuple[SharedNetwork, SupernetAbout]:
    """A published supernet; it is on the CPU, in training mode, its largest subnet active.

    Parameters
    ----------
    tensors : of a file (`checkpoint.read_checkpoint`).
    where : that file, for messages.
    wanted : the space that it must be of; None: whichever published space it is of.
    resolutions : the input sizes of that published space, px; empty: all that it was trained with.

    Raises
    ------
    InvalidInput
        It is of another space than the wanted one, or a resolution is not one that a space may have.
    CorruptFile
        It is no supernet that is known; the tensor is named.
    """
    tensors = _spelled(tensors, where)
    if wanted is None:
        document = recognised(tensors, where)
        if resolutions:
            sizes = sorted(set(resolutions))
            document = replace(document, options=dict(document.options, resolution=sizes))
        space = build(document)
    else:
        space = build(wanted)
        _check_space(tensors, space, where)
    supernet = supernet_of(space)
    _fill(supernet, tensors, where)
    three = _ends_of(space).channels == len(MEAN)
    about = SupernetAbout(
        space=space.document,
        mean=MEAN if three else (),
        std=STD if three else (),
        phase=PHASE,
    )
    return supernet, about


# -- which space ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Ends:
    """What tells spaces apart: outputs of the first layer, inputs of the classifier; and the data's shape."""

    first: int
    last: int
    channels: int
    classes: int


def recognised(tensors: Tensors, where: str | Path) -> SpaceDocument:
    """The published space that a file's tensors belong to, with the file's channels and classes.

    Raises
    ------
    CorruptFile
        None fits.
    """
    family = next((name for name, known in _FAMILIES.items() if known.first in tensors), None)
    if family is None:
        firsts = " and ".join(known.first for known in _FAMILIES.values())
        raise CorruptFile(
            f"This is no published supernet: the tensors {firsts} are missing.",
            where=where,
            remedy=_REMEDY,
        )
    found = _ends(tensors, family, where)
    for document in map(preset, PRESETS):
        if document.family == family:
            own = _ends_of(build(document))
            if (own.first, own.last) == (found.first, found.last):
                return with_data(document, channels=found.channels, classes=found.classes)
    raise CorruptFile(
        f"This is no published supernet that is known: {_FAMILIES[family].first} has {found.first} outputs "
        f"and {LAST} has {found.last} inputs.",
        where=where,
        remedy=_REMEDY,
    )


def _ends(tensors: Tensors, family: str, where: str | Path) -> _Ends:
    first = _FAMILIES[family].first
    for name, axes in ((first, 4), (LAST, 2)):
        if name not in tensors or tensors[name].ndim != axes:
            raise CorruptFile(
                f"This is no supernet of the family {family}: the tensor {name} is missing, or has no {axes} axes.",
                where=where,
                remedy=_REMEDY,
            )
    (outputs, channels, *_), (classes, inputs) = tensors[first].shape, tensors[LAST].shape
    return _Ends(outputs, inputs, channels, classes)


def _ends_of(space: SearchSpace) -> _Ends:
    layers = [block.layer for block in space.blocks(space.largest())]
    first, last = layers[0], layers[-1]
    return _Ends(first.channels_out, last.channels_in, first.channels_in, last.channels_out)


def _check_space(tensors: Tensors, space: SearchSpace, where: Path) -> None:
    """See that a file is of the wanted space, before a tensor is said to be missing."""
    family = space.document.family
    if family not in _FAMILIES:
        raise InvalidInput(
            f"No published supernet of the family '{family}' is known.",
            where=f"space {space.name}",
            remedy=_OTHER_SPACE,
        )
    found, wanted = _ends(tensors, family, where), _ends_of(space)
    if found != wanted:
        raise InvalidInput(
            f"The file is not of the space {space.name}: it has {found.first} channels behind its first layer, "
            f"{found.last} before its classifier, {found.channels} in its images, and {found.classes} classes; "
            f"the space has {wanted.first}, {wanted.last}, {wanted.channels} and {wanted.classes}.",
            where=where,
            remedy=_OTHER_SPACE,
        )


# -- the tensors ----------------------------------------------------------------------------------------------------


def _spelled(tensors: Tensors, where: Path) -> Tensors:
    """The tensors by the names used here.

    Raises
    ------
    CorruptFile
        One is there in two spellings.
    """
    found: dict[str, Tensor] = {}
    for name in counted(tensors):
        if plain(name) in found:
            raise CorruptFile(
                f"The tensor {name} is there twice, in two spellings.", where=where, remedy=_REMEDY
            )
        found[plain(name)] = tensors[name]
    return found


def _fill(supernet: SharedNetwork, tensors: Tensors, where: Path) -> None:
    """Copy a file's tensors into a supernet.

    Raises
    ------
    CorruptFile
        A tensor is missing, has no place, another shape or no finite numbers; it is named.
    """
    own = supernet.state_dict()
    names = _FAMILIES[supernet.space.document.family].names(counted(own))
    places = {theirs: own[ours] for ours, theirs in names.items()}
    for name in [*places, *tensors]:
        if name not in tensors or name not in places:
            word = "is missing" if name in places else "has no place in it"
            raise CorruptFile(
                f"This is no supernet of {supernet.space.name}: the tensor {name} {word}.",
                where=where,
                remedy=_REMEDY,
            )
    for name, place in places.items():
        _check_tensor(name, tensors[name], place, where)
    with torch.no_grad():
        for name, place in places.items():
            place.copy_(tensors[name])


def _check_tensor(name: str, found: Tensor, place: Tensor, where: Path) -> None:
    if found.shape != place.shape or not _numbers(found):
        raise CorruptFile(
            f"The tensor {name} is {tuple(found.shape)} {found.dtype}; "
            f"the space needs {tuple(place.shape)} {place.dtype}.",
            where=where,
            remedy=_REMEDY,
        )
    if not bool(torch.isfinite(found).all()):
        raise CorruptFile(
            f"The tensor {name} holds numbers that are not finite.", where=where, remedy=_REMEDY
        )
    if name.endswith(".running_var") and bool((found < 0).any()):
        raise CorruptFile(
            f"The tensor {name} holds negative variances.", where=where, remedy=_REMEDY
        )


def _numbers(tensor: Tensor) -> bool:
    """Whether it is floating-point numbers in memory."""
    here = tensor.device.type == "cpu" and tensor.layout == torch.strided
    return here and tensor.is_floating_point()
