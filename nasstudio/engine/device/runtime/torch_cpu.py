"""Torch eager on this machine's processor: batch norm folded, channels last, inference mode.

The number of threads is a setting of the whole process: a device is prepared and measured before the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nasstudio.engine.device.device import Device, processor
from nasstudio.engine.device.runtime.runtime import Call, thread_counts
from nasstudio.engine.errors import InvalidInput, NeedsExtra
from nasstudio.engine.space.layer import LayerSpec

if TYPE_CHECKING:
    from torch import nn

_SEED = 0


class TorchCpu:
    """Torch eager on the CPU."""

    name = "torch"

    def available(self) -> None:
        try:
            import torch  # noqa: F401
        except ImportError:
            raise NeedsExtra("torch", "engine") from None

    def version(self) -> str:
        import torch

        return str(torch.__version__)

    def devices_here(self) -> list[Device]:
        return [
            Device(processor(), self.name, self.version(), threads=threads)
            for threads in thread_counts()
        ]

    def prepare_empty(self, device: Device) -> Call:
        from torch import nn

        return self.prepare_module(nn.Identity(), (1, 1, 1, 1), device)

    def prepare_layer(self, spec: LayerSpec, device: Device) -> Call:
        from nasstudio.engine.net.static import build_layer, fused

        shape = (1, spec.channels_in, spec.height, spec.width)
        return self.prepare_module(with_even_weights(fused(build_layer(spec))), shape, device)

    def prepare_network(self, layers: Sequence[LayerSpec], device: Device) -> Call:
        from nasstudio.engine.net.static import StaticNetwork, fused

        first = layers[0]
        shape = (1, first.channels_in, first.height, first.width)
        network = with_even_weights(fused(StaticNetwork(layers)))
        return self.prepare_module(network, shape, device)

    def prepare_onnx(self, path: Path, device: Device) -> Call:
        raise InvalidInput(
            "PyTorch does not run ONNX files.",
            where=path,
            remedy="Measure the file on a device of ONNX Runtime.",
        )

    def prepare_module(self, module: Any, shape: tuple[int, ...], device: Device) -> Call:
        """One inference of a module a call. Its batch norms are taken as they are: fold them before."""
        import torch

        torch.set_num_threads(device.threads)
        module = module.eval()
        generator = torch.Generator().manual_seed(_SEED)
        image = torch.randn(shape, generator=generator)
        if len(shape) == 4:
            module = module.to(memory_format=torch.channels_last)
            image = image.contiguous(memory_format=torch.channels_last)
        inference_mode = torch.inference_mode

        def call() -> None:
            with inference_mode():
                module(image)

        call()
        return call


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
