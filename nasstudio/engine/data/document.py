"""A data set as it is stored and sent: its family and the options that the family needs."""

from __future__ import annotations

from typing import Any

import msgspec


class DataDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `nasstudio.engine.data.catalog.open_set` opens.

    Families: ``fashion_mnist_small`` (shipped), ``fashion_mnist``, ``cifar10``, ``image_folder``.
    """

    family: str
    options: dict[str, Any] = {}
