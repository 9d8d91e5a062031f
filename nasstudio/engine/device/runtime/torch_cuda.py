"""Torch on an NVIDIA graphics card, as a CUDA graph. Offered only where `torch.cuda.is_available()`.

A call is captured once and replayed, so that the card does not wait for Python between two kernels; what can't be
captured runs eagerly. The card works behind the caller's back: a call waits for it, and times come from events on the
card's own stream, taken over a whole inner loop, after everything before has finished.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nasstudio.engine.device.device import Device
from nasstudio.engine.device.runtime.runtime import Call
from nasstudio.engine.device.runtime.torch_runtime import TorchRuntime, random_image
from nasstudio.engine.errors import InvalidInput

if TYPE_CHECKING:
    from torch import nn

_WARM_UP = (
    3  # calls before a capture, on a stream of their own, as torch's notes on CUDA graphs want it
)


class TorchCuda(TorchRuntime):
    """Torch on CUDA. `cuda` is `torch.cuda`, or what stands for it in a test."""

    name = "torch-cuda"

    def __init__(self, cuda: Any = None) -> None:
        self._given = cuda

    @property
    def _cuda(self) -> Any:
        if self._given is not None:
            return self._given
        import torch

        return torch.cuda

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

    def empty(self) -> nn.Module:
        """One number through one kernel: a graph without any can't be captured."""
        from torch import nn

        return nn.ReLU()

    def prepare_module(self, module: Any, shape: tuple[int, ...], device: Device) -> Call:
        """One inference of a module a call, on the card."""
        import torch

        place = torch.device("cuda", self.index(device))
        layout = torch.channels_last if len(shape) == 4 else torch.contiguous_format
        image = random_image(shape).to(place, memory_format=layout)
        module = module.eval().to(place, memory_format=layout)

        def infer() -> None:
            with torch.inference_mode():
                module(image)

        return CudaCall(infer, self._cuda, place)


class CudaCall:
    """A call on a card that waits until the card has finished (see `DeviceTimed`). It has run before it is given out.

    Attributes
    ----------
    captured : whether a call replays a CUDA graph; else it runs `infer`.
    """

    def __init__(self, infer: Call, cuda: Any, place: Any) -> None:
        self._cuda = cuda
        self._place = place
        self._infer = infer  # the graph reads the weights and the image that this holds
        self._graph = self._capture()
        self.captured = self._graph is not None
        self._launch: Call = infer if self._graph is None else self._graph.replay
        self()

    def _capture(self) -> Any:
        """The inference as a graph, or None where something in it can't be captured."""
        cuda = self._cuda
        with cuda.device(self._place):
            side = cuda.Stream()
            side.wait_stream(cuda.current_stream())
            with cuda.stream(side):
                for _ in range(_WARM_UP):
                    self._infer()
            cuda.current_stream().wait_stream(side)
            graph = cuda.CUDAGraph()
            try:
                with cuda.graph(graph):
                    self._infer()
            except RuntimeError:
                cuda.synchronize(self._place)
                return None
        return graph

    def __call__(self) -> None:
        with self._cuda.device(self._place):
            self._launch()
            self._cuda.synchronize(self._place)

    def time_ns(self, calls: int) -> int:
        """Time of so many calls by the card's clock, ns."""
        with self._cuda.device(self._place):
            begin = self._cuda.Event(enable_timing=True)
            end = self._cuda.Event(enable_timing=True)
            self._cuda.synchronize(self._place)
            begin.record()
            for _ in range(calls):
                self._launch()
            end.record()
            self._cuda.synchronize(self._place)
        return round(float(begin.elapsed_time(end)) * 1e6)
