"""Look-up tables of Once-for-All's MobileNetV3 (Cai et al. 2020), one file a resolution, into rows of our spaces.

Their rows are cut otherwise than ours. Exactly:

=========================================  =======================================================================
theirs                                     ours
=========================================  =======================================================================
``Conv`` (3x3, stride 2, h-swish)          ``conv 3xHxW -> C k3 s2 hswish``
``expanded_conv`` (``expand:`` is the      ``mbconv CxHxW -> O kK sS m<expand>``; ``se:1`` is squeeze-and-excitation,
number of middle channels)                 ``hs:1`` h-swish, ``hs:0`` relu, ``idskip:1`` the residual
``Conv_1`` + ``AvgPool2D``                 one row, their sum: ``conv CxHxW -> O k1 s1 pool hswish``. Global pooling
                                           belongs to the convolution before it. Alone, each keeps a row of its own
``Conv_2`` (no batch norm)                 ``conv Cx1x1 -> O k1 s1 nobn hswish``
``Logits``                                 ``linear Cx1x1 -> O bias nobn``
=========================================  =======================================================================

The standard deviation of a sum is that of independent times, its count the smaller one. A key that is none of these
keeps its row under its own name. Times are in ms.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nasstudio.engine.cost.formats.published import (
    Entry,
    Key,
    entries,
    measured_again,
    one_after_the_other,
    stride_of,
    table_of,
)
from nasstudio.engine.cost.table import LatencyTable
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.layer import LayerSpec


def from_ofa(contents: Sequence[tuple[str, str | Path]], device: str) -> LatencyTable:
    """One column from the files of a device, a resolution each.

    Parameters
    ----------
    contents : text of each file, and what it is called.

    A row that several files have (the classifier, or an operation at equal size) is the mean of them, by their counts.

    Raises
    ------
    InvalidInput
        A file is not right, with its line.
    """
    rows: dict[LayerSpec | str, tuple[LayerSpec | None, Entry]] = {}
    again = set()
    for content, where in contents:
        for spec, entry in _rows(entries(content, where)):
            name = spec or entry.label
            if name in rows:
                again.add(name)
                entry = measured_again(rows[name][1], entry)
            rows[name] = (spec, entry)
    notes = []
    if any(spec is not None and spec.pooled and spec.kind == "conv" for spec, _ in rows.values()):
        notes.append("Conv_1 and AvgPool2D are one row here, their sum")
    if again:
        are = "1 row is" if len(again) == 1 else f"{len(again)} rows are"
        notes.append(f"{are} in several files: the mean is taken, by count")
    return table_of(list(rows.values()), device, notes)


def _rows(found: list[Entry]) -> list[tuple[LayerSpec | None, Entry]]:
    """Our rows of one file: the final convolution and the pooling after it are one."""
    pools = {e.key.input: e for e in found if e.key is not None and e.key.kind == "AvgPool2D"}
    used = set()
    rows: list[tuple[LayerSpec | None, Entry]] = []
    for entry in found:
        key = entry.key
        pool = pools.get(key.output) if key is not None and key.kind == "Conv_1" else None
        spec = layer_of(key, pooled=pool is not None) if key is not None else None
        if pool is not None and spec is not None:
            used.add(pool.label)
            rows.append((spec, one_after_the_other(entry, pool)))
        else:
            rows.append((spec, entry))
    return [row for row in rows if row[1].label not in used]


def layer_of(key: Key, *, pooled: bool = False) -> LayerSpec | None:
    """The layer of a key; None if it is none that we know."""
    try:
        return _layer(key, pooled)
    except (InvalidInput, KeyError, IndexError, ValueError):
        return None


def _layer(key: Key, pooled: bool) -> LayerSpec | None:
    if key.kind == "Logits":
        (classes,) = key.output
        height, width, channels = key.input
        flat = height == width == 1
        return LayerSpec("linear", channels, 1, 1, classes, norm=False, bias=True) if flat else None
    (height, width, channels), (_, _, out) = key.input, key.output
    stride = stride_of(key)
    if key.kind == "Conv" and stride:
        return LayerSpec("conv", channels, height, width, out, 3, stride, act="hswish")
    if key.kind == "Conv_1" and stride == 1:
        return LayerSpec("conv", channels, height, width, out, act="hswish", pooled=pooled)
    if key.kind == "AvgPool2D" and channels == out:
        return LayerSpec("pool", channels, height, width, out, pooled=True)
    if key.kind == "Conv_2" and height == width == 1:
        return LayerSpec("conv", channels, 1, 1, out, norm=False, act="hswish")
    if key.kind == "expanded_conv":
        return _block(key)
    return None


def _block(key: Key) -> LayerSpec | None:
    (height, width, channels), (height_out, width_out, out) = key.input, key.output
    fields = key.fields
    spec = LayerSpec(
        "mbconv",
        channels,
        height,
        width,
        out,
        fields["kernel"],
        fields["stride"],
        middle=fields["expand"],
        act="hswish" if fields["hs"] else "relu",
        se=bool(fields["se"]),
        residual=bool(fields["idskip"]),
    )
    fits = (spec.height_out, spec.width_out) == (height_out, width_out) and spec.middle >= 1
    return spec if fits else None
