"""What is written says what the network says: for any chain of layers of every kind that can be exported."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from nasstudio.engine.export import onnx
from nasstudio.engine.export.deployment import Deployment, Preprocessing
from nasstudio.engine.export.equality import Logits, OnnxNetwork, difference, torch_logits
from nasstudio.engine.export.folded import folded_weights
from nasstudio.engine.export.network_source import network_source
from nasstudio.engine.net.static import StaticNetwork
from nasstudio.engine.space.layer import ACTIVATIONS, LayerSpec
from nasstudio.engine.space.space import Block

_CHANNELS = st.sampled_from([4, 8, 12])
_ACTS = st.sampled_from(ACTIVATIONS)


@st.composite
def chains(draw: st.DrawFn) -> tuple[Block, ...]:
    """One to four spatial layers, a mean over the image, and a classifier of three classes."""
    channels, size = draw(st.sampled_from([1, 3, 4])), draw(st.integers(5, 9))
    layers: list[LayerSpec] = []
    shape = (channels, size, size)
    for _ in range(draw(st.integers(1, 4))):
        layer = draw(_layer(shape))
        layers.append(layer)
        shape = (layer.channels_out, layer.height_out, layer.width_out)
    layers.append(
        LayerSpec("conv", *shape, 8, act=draw(_ACTS), pooled=True, norm=draw(st.booleans()))
    )
    if draw(st.booleans()):
        act, residual = draw(_ACTS), draw(st.booleans())
        layers.append(LayerSpec("linear", 8, 1, 1, 8, act=act, residual=residual, bias=True))
    layers.append(LayerSpec("linear", 8, 1, 1, 3, norm=False, bias=draw(st.booleans())))
    return tuple(Block("1", i, i, layer) for i, layer in enumerate(layers))


@st.composite
def _layer(draw: st.DrawFn, shape: tuple[int, int, int]) -> LayerSpec:
    channels = shape[0]
    kind = draw(st.sampled_from(["conv", "dwconv", "mbconv", "bottleneck", "pool", "maxpool"]))
    stride, kernel = draw(st.sampled_from([1, 2])), draw(st.sampled_from([1, 3, 5]))
    if kind in ("pool", "maxpool"):
        kernel = draw(st.sampled_from([2, 3])) if stride == 2 else 3
        return LayerSpec(kind, *shape, channels, kernel, stride)
    out = channels if kind == "dwconv" else draw(_CHANNELS)
    blocks = ("mbconv", "bottleneck")
    residual = draw(st.booleans()) and stride == 1 and out == channels
    return LayerSpec(
        kind,
        *shape,
        out,
        kernel,
        stride,
        groups=draw(st.sampled_from([1, 4])) if kind == "conv" and channels % 4 == 0 else 1,
        middle=draw(st.sampled_from([channels, 8, 16])) if kind in blocks else 0,
        act=draw(_ACTS),
        se=kind != "bottleneck" and draw(st.booleans()),
        residual=residual,
        norm=draw(st.booleans()),
        bias=kind not in blocks and draw(st.booleans()),
    )


def _onnx_logits(deployment: Deployment, images: np.ndarray) -> Logits:
    with tempfile.TemporaryDirectory() as folder:
        written = OnnxNetwork(onnx.write(deployment, Path(folder)))
    return written.logits(images, len(images))


def _source_logits(deployment: Deployment, images: np.ndarray) -> Logits:
    """Of the written source, run as it is: it may not need anything of this program."""
    source = network_source(deployment, "0")
    assert "nasstudio" not in source
    names = {"__file__": "network.py", "__name__": "network"}
    exec(compile(source, "network.py", "exec", dont_inherit=True), names)
    network: nn.Module = names["Network"]()  # type: ignore[operator]
    weights = {f"layers.{k}": torch.from_numpy(v) for k, v in deployment.weights.items()}
    network.load_state_dict(weights, strict=True)
    return torch_logits(network.eval(), images, len(images))


@pytest.mark.parametrize("written_logits", [_onnx_logits, _source_logits])
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(blocks=chains())
def test_that_any_chain_of_layers_gives_the_same_logits_as_written(
    written_logits: Callable[[Deployment, np.ndarray], Logits],
    blocks: tuple[Block, ...],
    lived_in: Callable[..., nn.Module],
) -> None:
    first = blocks[0].layer
    channels, size = first.channels_in, first.height
    network = lived_in(StaticNetwork([b.layer for b in blocks]), (channels, size, size))
    pictures = Preprocessing(channels, size, 9, (0.5,) * channels, (0.5,) * channels)
    deployment = Deployment(
        "chain", "Chain", blocks, folded_weights(network), ("a", "b", "c"), pictures
    )
    images = np.random.default_rng(1).normal(size=(5, channels, size, size)).astype(np.float32)
    reference = torch_logits(network, images, 5)
    assert difference(reference, written_logits(deployment, images)) < 1e-4
