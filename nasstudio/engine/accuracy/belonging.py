"""Whether a supernet, a space and a set of images belong together, before anything is judged by them."""

from __future__ import annotations

from pathlib import Path

from nasstudio.engine.data.image_set import ImageSet
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.net.shared import SharedNetwork
from nasstudio.engine.net.storage import SupernetAbout
from nasstudio.engine.space.space import SearchSpace


def check_space(supernet: SharedNetwork, space: SearchSpace, where: Path | str) -> None:
    """See that a supernet holds the networks of a space.

    Raises
    ------
    InvalidInput
        It belongs to another one.
    """
    if supernet.space.hash != space.hash:
        own, asked = supernet.space.document, space.document
        raise InvalidInput(
            f"The supernet belongs to another space: it holds the networks of '{own.title or own.name}', "
            f"not those of '{asked.title or asked.name}'.",
            where=where,
            remedy="Choose the space that it was trained with, or a supernet of this one.",
        )


def check_images(
    supernet: SharedNetwork, about: SupernetAbout, images: ImageSet, where: Path | str
) -> None:
    """See that a supernet may be judged by a set of images.

    Raises
    ------
    InvalidInput
        They have other channels or classes, or it was trained on others, or on another split of them.
    """
    layers = [block.layer for block in supernet.space.blocks(supernet.space.largest())]
    channels, classes = layers[0].channels_in, layers[-1].channels_out
    if (channels, classes) != (images.channels, len(images.classes)):
        raise InvalidInput(
            f"The supernet takes {channels} channels and tells {classes} classes apart; "
            f"{images.title} has {images.channels} and {len(images.classes)}.",
            where=where,
            remedy="Choose the data that the supernet was trained on.",
        )
    if about.fingerprint and about.fingerprint != images.fingerprint:
        raise InvalidInput(
            f"The supernet was trained on other images than {images.title} as it is now, or on another split of them: "
            "some of its training images may be among those that are to judge it.",
            where=where,
            remedy="Choose the data and the split that the supernet was trained on, or train again.",
        )
