"""Torch eager on an NVIDIA graphics card. Offered only where `torch.cuda.is_available()`.

The card works behind the caller's back: a call waits for it, and times come from events on the card's own stream, taken
over a whole inner loop, after everything before has finished.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nasstudio.engine.device.device import Device
from nasstudio.engine.device.runtime.runtime import Call
from nasstudio.engine.device.runtime.torch_cpu import TorchCpu, with_even_weights
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.layer import LayerSpec


class TorchCuda:
    """Torch eager on CUDA. `cuda` is `torch.cuda`, or what stands for it in a test."""

    name = "torch-cuda"

    def __init__(self, cuda: Any = None) -> None:
        self._given = cuda

    @property
    def _cuda(self) -> Any:
        if self._given is not None:
            return self._given
        import torch

        return torch.cuda

    def available(self) -> None:
        TorchCpu().available()

    def version(self) -> str:
        return TorchCpu().version()

    def devices_here(self) -> list[Device]:
        """One device for each model of card; several equal cards are one device."""
        if not self._cuda.is_available():
            return []
        names = [self._cuda.get_device_name(i) for i in range(self._cuda.device_count())]
        return [Device(name, self.name, self.version()) for name in dict.fromkeys(names)]

    def index(self, device: Device) -> int:
        """Number of the first card of that model.

        Raises
        ------
        InvalidInput
            There is no such card.
        """
        count = self._cuda.device_count() if self._cuda.is_available() else 0
        for number in range(count):
            if self._cuda.get_device_name(number) == device.hardware:
                return number
        raise InvalidInput(
            f"There is no '{device.hardware}' in this machine.",
            where="device",
            remedy="Look for devices again, or choose a device that is here.",
        )

    def prepare_empty(self, device: Device) -> Call:
        from torch import nn

        return self.prepare_module(nn.Identity(), (1, 1, 1, 1), device)

    def prepare_layer(self, spec: LayerSpec, device: Device) -> Call:
        from nasstudio.engine.net.static import build_layer, fused

        shape = (1, spec.channels_in, spec.height, spec.width)
        return self.prepare_module(with_even_weights(fused(build_layer(spec))), shape, device)

    def prepare_network(self, layers: Sequence[LayerSpec], device: Device) -> Call:
        from nasstudio.engine.net.static import StaticNetwork, fused

        shape = (1, layers[0].channels_in, layers[0].height, layers[0].width)
        network = with_even_weights(fused(StaticNetwork(layers)))
        return self.prepare_module(network, shape, device)

    def prepare_onnx(self, path: Path, device: Device) -> Call:
        return TorchCpu().prepare_onnx(path, device)

    def prepare_module(self, module: Any, shape: tuple[int, ...], device: Device) -> Call:
        """One inference of a module a call, on the card."""
        import torch

        place = torch.device("cuda", self.index(device))
        layout = torch.channels_last if len(shape) == 4 else torch.contiguous_format
        image = torch.randn(shape).to(place, memory_format=layout)
        module = module.eval().to(place, memory_format=layout)

        def infer() -> None:
            with torch.inference_mode():
                module(image)

        return CudaCall(infer, self._cuda, place)


class CudaCall:
    """A call on a card that waits until the card has finished (see `DeviceTimed`)."""

    def __init__(self, infer: Call, cuda: Any, place: Any) -> None:
        self._infer = infer
        self._cuda = cuda
        self._place = place

    def __call__(self) -> None:
        self._infer()
        self._cuda.synchronize(self._place)

    def time_ns(self, calls: int) -> int:
        """Time of so many calls by the card's clock, ns."""
        with self._cuda.device(self._place):
            begin = self._cuda.Event(enable_timing=True)
            end = self._cuda.Event(enable_timing=True)
            self._cuda.synchronize(self._place)
            begin.record()
            for _ in range(calls):
                self._infer()
            end.record()
            self._cuda.synchronize(self._place)
        return round(float(begin.elapsed_time(end)) * 1e6)
