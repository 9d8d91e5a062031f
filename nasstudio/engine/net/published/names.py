"""How the original calls the tensors of our supernet (Cai et al. 2020; the ``ofa`` package).

Two spellings are in use: ``.mobile_inverted_conv.`` became ``.conv.``, and elastic layers hold a level more than plain
ones (``.conv.conv.``, ``.bn.bn.``). Both are read; here a name has neither. Block 0 is the fixed one; the elastic block
i of ours is their block i + 1. Where the head has one convolution (ProxylessNAS), it is their feature mix.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

FIRST, LAST = "first_conv.conv.weight", "classifier.linear.weight"
COUNTER = "num_batches_tracked"  # counts training steps; no result depends on it

_REPEATED = re.compile(r"\.(conv|bn|linear)(\.\1)+(?=\.)")

# The first two parts of our names, and what they call it.
_FIXED = {
    "stem.conv": "first_conv",
    "first.widen": "blocks.0.conv.inverted_bottleneck",
    "first.depthwise": "blocks.0.conv.depth_conv",
    "first.project": "blocks.0.conv.point_linear",
    "last.conv": "final_expand_layer",
    "mix.conv": "feature_mix_layer",
    "classifier.linear": "classifier.linear",
}
_ELASTIC = {
    "widen": "inverted_bottleneck.conv",
    "widen_norm": "inverted_bottleneck.bn",
    "depthwise": "depth_conv.conv",
    "depthwise_norm": "depth_conv.bn",
    "se.reduce": "depth_conv.se.fc.reduce",
    "se.expand": "depth_conv.se.fc.expand",
    "project": "point_linear.conv",
    "project_norm": "point_linear.bn",
}


def published_names(names: Iterable[str]) -> dict[str, str]:
    """The original's name of each of our supernet's tensors, by ours.

    Raises
    ------
    KeyError
        The supernet has a tensor that the original's has not.
    """
    names = list(names)
    mixed = any(name.startswith("mix.") for name in names)
    return {
        name: _elastic(name) if name.startswith("blocks.") else _fixed(name, mixed=mixed)
        for name in names
    }


def _elastic(name: str) -> str:
    _, index, place = name.split(".", 2)
    part, _, leaf = place.rpartition(".")
    leaf = f"{leaf}_matrix" if "to" in leaf else leaf
    return f"blocks.{int(index) + 1}.conv.{_ELASTIC[part]}.{leaf}"


def _fixed(name: str, *, mixed: bool) -> str:
    layer, part, *leaf = name.split(".")
    place = _FIXED[f"{layer}.{part}"] if mixed or layer != "last" else _FIXED["mix.conv"]
    return ".".join([place, *("bn" if word == "norm" else word for word in leaf)])


def plain(name: str) -> str:
    """A name of theirs in the one spelling that is used here."""
    return _REPEATED.sub(r".\1", name.replace(".mobile_inverted_conv.", ".conv."))


def counted(names: Iterable[str]) -> list[str]:
    """Without the counters of training steps."""
    return [name for name in names if not name.endswith(f".{COUNTER}")]
