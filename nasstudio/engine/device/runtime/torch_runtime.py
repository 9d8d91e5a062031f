"""What the torch runtimes share: layers as a small document, and the network that is built from it.

A torch process builds its own network, so there is nothing to lower: the artefact holds the layers' texts, as a table
file does. The network has its batch norms folded and random weights scaled by their fan-in.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from nasstudio.engine.device.device import Device
from nasstudio.engine.device.runtime.refusal import ARTEFACT, LOWER_AGAIN, refused
from nasstudio.engine.device.runtime.runtime import Call
from nasstudio.engine.device.runtime.shapes import check_chain
from nasstudio.engine.errors import InvalidInput, NeedsExtra
from nasstudio.engine.space.layer import LayerSpec, parse, text

if TYPE_CHECKING:
    from torch import nn

_SEED = 0


class Chain(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="layers"):
    """The artefact: each layer as `space.layer.text` writes it, from input to output."""

    layers: list[str]


class TorchRuntime:
    """A runtime that runs torch modules; a subclass says how (`prepare_module`)."""

    name = ""
    precisions = ("fp32",)

    def available(self) -> None:
        try:
            import torch  # noqa: F401
        except ImportError:
            raise NeedsExtra("torch", "engine") from None

    def version(self) -> str:
        import torch

        return str(torch.__version__)

    def lower(self, layers: Sequence[LayerSpec], device: Device) -> bytes:
        """The layers' texts; they are built and joined once, without numbers, to see that they can be.

        Raises
        ------
        InvalidInput
            A layer can't be built, or does not take what the one before it gives.
        """
        check(layers)
        return msgspec.json.encode(Chain([text(layer) for layer in layers]))

    def takes_onnx(self, device: Device) -> bool:
        return False

    def lower_onnx(self, path: Path, device: Device) -> bytes:
        raise InvalidInput(
            "PyTorch does not run ONNX files.",
            where=path,
            remedy="Measure the file on a device of ONNX Runtime or OpenVINO.",
        )

    def begin(self, device: Device) -> None:
        """Nothing: threads are set, and their cores known, before torch is imported."""

    def load(self, artefact: bytes, device: Device) -> Call:
        layers = layers_of(artefact)
        module = network(layers) if layers else self.empty()
        return self.prepare_module(module, shape_of(layers, device.batch), device)

    def empty(self) -> nn.Module:
        """A network that hands its one number on."""
        from torch import nn

        return nn.Identity()

    def prepare_module(self, module: Any, shape: tuple[int, ...], device: Device) -> Call:
        """One inference of a module a call. Its batch norms are taken as they are: fold them before."""
        raise NotImplementedError


def layers_of(artefact: bytes) -> list[LayerSpec]:
    """The layers of an artefact.

    Raises
    ------
    InvalidInput
        It is not one, or names a layer that is none.
    """
    try:
        chain = msgspec.json.decode(artefact, type=Chain)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise refused("This is not a list of layers", problem) from None
    try:
        return [parse(line) for line in chain.layers]
    except InvalidInput as problem:
        raise InvalidInput(problem.what, where=ARTEFACT, remedy=LOWER_AGAIN) from None


def shape_of(layers: Sequence[LayerSpec], batch: int) -> tuple[int, int, int, int]:
    """Shape of the input; of an empty network that of one number a member of the batch."""
    if not layers:
        return (batch, 1, 1, 1)
    return (batch, layers[0].channels_in, layers[0].height, layers[0].width)


def check(layers: Sequence[LayerSpec]) -> None:
    """Build the chain without numbers.

    Raises
    ------
    InvalidInput
        A layer can't be built, or does not take what the one before it gives.
    """
    import torch

    from nasstudio.engine.net.static import build_layer

    with torch.device("meta"):
        for layer in layers:
            build_layer(layer)
    check_chain(layers)


def network(layers: Sequence[LayerSpec]) -> nn.Module:
    """The chain in eval mode, batch norms folded, with even weights (`with_even_weights`)."""
    from nasstudio.engine.net.static import StaticNetwork, fused

    return with_even_weights(fused(StaticNetwork(layers)))


def with_even_weights(module: nn.Module) -> nn.Module:
    """The module with random weights scaled by their fan-in: activations stay ordinary numbers through any depth."""
    import torch
    from torch import nn

    generator = torch.Generator().manual_seed(_SEED)
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, nn.Conv2d | nn.Linear):
                fan_in = part.weight[0].numel()
                part.weight.normal_(0.0, (2 / fan_in) ** 0.5, generator=generator)
                if part.bias is not None:
                    part.bias.normal_(0.0, 0.1, generator=generator)
    return module


def random_image(shape: tuple[int, ...]) -> Any:
    """Normal numbers of that shape, channels last where it is one of images."""
    import torch

    image = torch.randn(shape, generator=torch.Generator().manual_seed(_SEED))
    return image.contiguous(memory_format=torch.channels_last) if len(shape) == 4 else image
