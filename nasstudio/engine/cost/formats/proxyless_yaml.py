"""Look-up tables of ProxylessNAS (Cai et al. 2019; ``mobile_trim.yaml``) as rows of our spaces.

``expand:`` is the ratio, with ``round(channels * ratio)`` middle channels; every activation is relu6; there is no
squeeze-and-excitation; the spread is ``var``, a variance. ``Conv_1`` is the feature mix and ``Logits`` "all operations
after" it: pooling and classifier. Ours have the pooling with the convolution, ``conv 320x7x7 -> 1280 k1 s1 pool relu6``
and ``linear 1280x1x1 -> 1000 bias nobn``. The pooling's share of ``Logits`` is not told and stays there; the two rows
are always used together, so the sum of a network is exact. Times are in ms.
"""

from __future__ import annotations

from pathlib import Path

from nasstudio.engine.cost.formats.published import Entry, Key, entries, stride_of, table_of
from nasstudio.engine.cost.table import LatencyTable
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.layer import LayerSpec


def from_proxyless(content: str, device: str, where: str | Path = "latency table") -> LatencyTable:
    """One column from a file.

    Raises
    ------
    InvalidInput
        The file is not right, with its line; or two keys are one layer.
    """
    rows: dict[LayerSpec | str, Entry] = {}
    found: list[tuple[LayerSpec | None, Entry]] = []
    for entry in entries(content, where, variance=True):
        spec = _layer_of(entry.key) if entry.key is not None else None
        if spec is not None and spec in rows:
            raise InvalidInput(
                f"'{entry.label[:80]}' and '{rows[spec].label[:80]}' are the same layer.",
                where=where,
                remedy="Remove one of the two entries.",
            )
        rows[spec or entry.label] = entry
        found.append((spec, entry))
    notes = []
    if any(spec is not None and spec.pooled for spec, _ in found):
        notes.append(
            "the time of global pooling is in the row of the classifier, as Logits holds it"
        )
    return table_of(found, device, notes)


def _layer_of(key: Key) -> LayerSpec | None:
    try:
        return _layer(key)
    except (InvalidInput, KeyError, IndexError, ValueError):
        return None


def _layer(key: Key) -> LayerSpec | None:
    if key.kind == "Logits":
        (classes,) = key.output
        _, _, channels = key.input
        return LayerSpec("linear", channels, 1, 1, classes, norm=False, bias=True)
    (height, width, channels), (height_out, width_out, out) = key.input, key.output
    stride = stride_of(key)
    if key.kind == "Conv" and stride:
        return LayerSpec("conv", channels, height, width, out, 3, stride, act="relu6")
    if key.kind == "Conv_1" and stride == 1:
        return LayerSpec("conv", channels, height, width, out, act="relu6", pooled=True)
    if key.kind != "expanded_conv" or key.fields["expand"] < 1:
        return None
    spec = LayerSpec(
        "mbconv",
        channels,
        height,
        width,
        out,
        key.fields["kernel"],
        key.fields["stride"],
        middle=round(channels * key.fields["expand"]),
        act="relu6",
        residual=bool(key.fields["idskip"]),
    )
    return spec if (spec.height_out, spec.width_out) == (height_out, width_out) else None
