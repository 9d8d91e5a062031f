"""torch.compile on this machine's processor: inductor's C++ kernels, static shapes, channels last, inference mode.

Nothing is lowered beforehand: a process compiles when it loads, in seconds a layer the first time. Inductor keeps what
it made in the folder of ``TORCHINDUCTOR_CACHE_DIR``; with one folder for all processes of a measurement, every process
but the first finds its kernels there. Kernels are tied to the number of threads they were made for.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

from nasstudio.engine.device.device import Device, processor
from nasstudio.engine.device.runtime import offer
from nasstudio.engine.device.runtime.refusal import refused
from nasstudio.engine.device.runtime.runtime import Call
from nasstudio.engine.device.runtime.torch_runtime import TorchRuntime, random_image
from nasstudio.engine.errors import NeedsExtra, StudioError

if TYPE_CHECKING:
    from torch import nn


class NeedsCompiler(NeedsExtra):
    """The C++ compiler that inductor calls is missing; no package of Python brings it."""

    def __init__(self) -> None:
        self.package, self.extra = "g++", "engine"
        StudioError.__init__(
            self,
            f"torch.compile needs a C++ compiler, and there is no '{_compiler()}'.",
            where="device",
            remedy="Install one: the system's package g++ (Debian), gcc-c++ (Fedora), or Xcode's command line tools.",
        )


def _compiler() -> str:
    """The command that inductor will call (its `config.cpp.cxx`, without importing inductor)."""
    return os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")


class TorchCompile(TorchRuntime):
    """torch.compile on the CPU."""

    name = "torch-compile"

    def available(self) -> None:
        super().available()
        if shutil.which(_compiler()) is None:
            raise NeedsCompiler

    def devices_here(self) -> list[Device]:
        return offer.devices(processor(), self.name, self.version())

    def empty(self) -> nn.Module:
        """One number through one kernel: a graph without any is not compiled, and its call would cost less."""
        from torch import nn

        return nn.ReLU()

    def prepare_module(self, module: Any, shape: tuple[int, ...], device: Device) -> Call:
        """One inference of a module a call, compiled for this shape.

        Raises
        ------
        InvalidInput
            The module can't be compiled as one graph.
        """
        import torch
        from torch._inductor import config

        _quiet()
        torch.set_num_threads(device.threads)
        config.fx_graph_cache = True
        config.compile_threads = 1  # no pool of compiling processes beside a measurement
        config.cpp.threads = device.threads
        image = random_image(shape)
        module = module.eval()
        if len(shape) == 4:
            module = module.to(memory_format=torch.channels_last)
        compiled: Any = torch.compile(_own_code(module), dynamic=False, fullgraph=True)
        inference_mode = torch.inference_mode

        def call() -> None:
            with inference_mode():
                compiled(image)

        try:
            call()
        except (
            Exception
        ) as problem:  # dynamo, inductor and the compiler have no common base but Exception
            raise refused(
                "torch.compile can't compile it",
                problem,
                where="network",
                remedy="Measure it with PyTorch as it is, or export it and measure the ONNX file.",
            ) from problem
        return call


def _own_code(module: Any) -> Any:
    """The module with a `forward` of its own.

    Dynamo keeps what it compiles by the code of `forward` and gives up after a few variants; all layers of a kind share
    theirs. What can't be traced symbolically stays as it is: it is one network, not one of hundreds.
    """
    import torch

    trace: Any = torch.fx.symbolic_trace
    try:
        return trace(module)
    except (torch.fx.proxy.TraceError, TypeError, RuntimeError, AttributeError):
        return module


def _quiet() -> None:
    """Drop the warning that a processor's machine has no graphics card."""
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
