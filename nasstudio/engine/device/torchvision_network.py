"""A classification network of torchvision by name, with random weights: a yardstick for latency, not for accuracy.

Only constructors of classification networks are offered; weights are never loaded.
"""

from __future__ import annotations

import warnings
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import nn
from torch.fx.experimental.optimization import fuse

from nasstudio.engine.errors import InvalidInput, StudioError

LEAST_PX, MOST_PX = 8, 2048


def names() -> list[str]:
    """Names that `build` takes."""
    return list(torchvision.models.list_models(module=torchvision.models))


def build(name: str) -> nn.Module:
    """The network in eval mode, with random weights.

    Raises
    ------
    InvalidInput
        Torchvision has no classification network of that name.
    """
    if name not in names():
        close = get_close_matches(name, names(), n=5, cutoff=0.4) or ["resnet18", "mobilenet_v2"]
        raise InvalidInput(
            f"Torchvision has no classification network '{name[:60]}'.",
            where="reference network",
            remedy=f"Near it or usual: {', '.join(close)}.",
        )
    torch.manual_seed(0)
    options = {"init_weights": True} if name in ("googlenet", "inception_v3") else {}
    network: nn.Module = torchvision.models.get_model(name, weights=None, **options)
    return network.eval()


def folded(network: nn.Module) -> nn.Module:
    """A copy with batch norms folded into their convolutions; the network itself where it can't be traced."""
    try:
        fused: nn.Module = fuse(network)
    except (torch.fx.proxy.TraceError, TypeError, RuntimeError, AttributeError):
        return network
    return fused


def export(network: nn.Module, resolution: int, path: Path) -> None:
    """Write it as ONNX with one image as its input.

    Raises
    ------
    StudioError
        Torch can't export it.
    """
    image = torch.zeros(1, 3, resolution, resolution)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                network, (image,), str(path), input_names=["input"], opset_version=17, dynamo=False
            )
    except (RuntimeError, ValueError, TypeError, torch.onnx.errors.OnnxExporterError) as problem:
        reason = str(problem).strip().splitlines() or [type(problem).__name__]
        raise StudioError(
            f"Torch can't export it as ONNX: {reason[0][:200]}",
            where="reference network",
            remedy="Choose a PyTorch device, or another network or resolution.",
        ) from problem


def count(network: nn.Module, resolution: int) -> tuple[int, int]:
    """Multiply-accumulates for one image, and trainable numbers.

    Convolutions, linear layers and attention by hooks; products of activations outside `nn.MultiheadAttention` (the
    windows of Swin) are not seen.

    Raises
    ------
    InvalidInput
        The network does not take images of that size.
    """
    total = 0

    def seen(module: nn.Module, inputs: Any, output: Any) -> None:
        nonlocal total
        total += _macs(module, inputs, output)

    hooks = [part.register_forward_hook(seen) for part in network.modules() if _counts(part)]
    try:
        with torch.no_grad():
            network(torch.zeros(1, 3, resolution, resolution))
    except (RuntimeError, AssertionError, ValueError) as problem:
        reason = str(problem).strip().splitlines() or [type(problem).__name__]
        raise InvalidInput(
            f"The network does not take {resolution} px: {reason[0][:160]}",
            where="reference network",
            remedy="Choose the size it was made for, e.g. 224.",
        ) from None
    finally:
        for hook in hooks:
            hook.remove()
    return total, sum(p.numel() for p in network.parameters())


def _counts(module: nn.Module) -> bool:
    return isinstance(module, nn.Conv2d | nn.Linear | nn.MultiheadAttention)


def _macs(module: nn.Module, inputs: Any, output: Any) -> int:
    if isinstance(module, nn.Conv2d):
        return int(output.numel() * module.weight[0].numel())
    if isinstance(module, nn.Linear):
        return int(output.numel() * module.in_features)
    query = inputs[0] if inputs else output[0]
    tokens, width = query.shape[-2], query.shape[-1]
    return int(4 * tokens * width**2 + 2 * tokens**2 * width)
