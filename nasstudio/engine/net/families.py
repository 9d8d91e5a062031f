"""Which supernet holds the networks of which space."""

from __future__ import annotations

import torch

from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.net.resnet_supernet import ResnetSupernet
from nasstudio.engine.net.shared import SharedNetwork
from nasstudio.engine.net.supernet import Supernet
from nasstudio.engine.space.mobilenet import MobileNetSpace
from nasstudio.engine.space.resnet import ResNetSpace
from nasstudio.engine.space.space import SearchSpace


def supernet_of(space: SearchSpace, generator: torch.Generator | None = None) -> SharedNetwork:
    """The supernet of a space, with fresh weights.

    Parameters
    ----------
    generator : source of the weights; None: a generator of seed 0.

    Raises
    ------
    InvalidInput
        No supernet is known for it.
    """
    check_known(space)
    if isinstance(space, ResNetSpace):
        return ResnetSupernet(space, generator)
    assert isinstance(space, MobileNetSpace)
    return Supernet(space, generator)


def check_known(space: SearchSpace) -> None:
    """Raise `InvalidInput` unless there is a supernet for a space."""
    if not isinstance(space, MobileNetSpace | ResNetSpace):
        raise InvalidInput(
            f"No supernet is known for the family '{space.document.family}'.",
            where=f"space {space.name}",
            remedy="Choose a space of the family mobilenetv3 or resnet.",
        )
