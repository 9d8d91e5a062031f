"""Torch eager on this machine's processor: batch norm folded, channels last, inference mode.

The number of threads is a setting of the whole process: a process measures one device.
"""

from __future__ import annotations

from typing import Any

from nasstudio.engine.device.device import Device, processor
from nasstudio.engine.device.runtime import offer
from nasstudio.engine.device.runtime.runtime import Call
from nasstudio.engine.device.runtime.torch_runtime import TorchRuntime, random_image


class TorchCpu(TorchRuntime):
    """Torch eager on the CPU."""

    name = "torch"

    def devices_here(self) -> list[Device]:
        return offer.devices(processor(), self.name, self.version())

    def prepare_module(self, module: Any, shape: tuple[int, ...], device: Device) -> Call:
        """One inference of a module a call. Its batch norms are taken as they are: fold them before."""
        import torch

        torch.set_num_threads(device.threads)
        image = random_image(shape)
        module = module.eval()
        if len(shape) == 4:
            module = module.to(memory_format=torch.channels_last)
        inference_mode = torch.inference_mode

        def call() -> None:
            with inference_mode():
                module(image)

        call()
        return call
