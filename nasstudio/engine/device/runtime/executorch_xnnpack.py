"""ExecuTorch with XNNPACK on this machine's processor: the kernels that phones run, in fp32.

What is lowered is a program (.pte) in which XNNPACK has the whole chain as one delegate, images channels last at both
ends as XNNPACK works inside. To get there, an average over windows of 2x2 is given an odd border twice, global pooling
is written as a mean and the hard sigmoid as a clamped line; as they are, `torch.export` leaves them, or a copy or two
of constants, outside the delegate. Outputs equal torch's to rounding.

Lowering takes about a second a layer and 10 to 15 s a network of twenty, nearly all of it Python in ExecuTorch's passes
over the graph; garbage collection is held meanwhile, which saves a quarter. The number of threads is a setting of the
process, made when a program is loaded by ExecuTorch's own (experimental) call; one and two threads were measured to use
1.0 and 1.9 s of processor time a second. XNNPACK has no depthwise kernel above 25 taps: 7x7 takes over ten times as
long as 5x5.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from nasstudio.engine.device.device import Device, processor
from nasstudio.engine.device.runtime import offer, torch_runtime
from nasstudio.engine.device.runtime.refusal import refused
from nasstudio.engine.device.runtime.runtime import Call
from nasstudio.engine.errors import InvalidInput, NeedsExtra
from nasstudio.engine.space.layer import LayerSpec

_METHOD = "forward"
_STDERR = 2


class ExecutorchXnnpack:
    """ExecuTorch's runtime with the XNNPACK backend."""

    name = "executorch"
    precisions = ("fp32",)

    def available(self) -> None:
        for package, extra in (("torch", "engine"), ("executorch", "executorch")):
            if find_spec(package) is None:
                raise NeedsExtra(package, extra)

    def version(self) -> str:
        return version("executorch")

    def devices_here(self) -> list[Device]:
        return offer.devices(processor(), self.name, self.version())

    def lower(self, layers: Sequence[LayerSpec], device: Device) -> bytes:
        """The chain as an ExecuTorch program; no layers: one number through one operator of XNNPACK.

        Raises
        ------
        InvalidInput
            A layer can't be built, or does not take what the one before it gives.
        """
        from torch import nn

        torch_runtime.check(layers)
        module = torch_runtime.network(layers) if layers else nn.ReLU()
        return lowered(module, torch_runtime.shape_of(layers, device.batch))

    def takes_onnx(self, device: Device) -> bool:
        return False

    def lower_onnx(self, path: Path, device: Device) -> bytes:
        raise InvalidInput(
            "ExecuTorch does not run ONNX files.",
            where=path,
            remedy="Measure the file on a device of ONNX Runtime or OpenVINO.",
        )

    def begin(self, device: Device) -> None:
        """Nothing: every network is told its threads."""

    def load(self, artefact: bytes, device: Device) -> Call:
        """One execution of the program's method.

        Raises
        ------
        InvalidInput
            It is no program, or one that this ExecuTorch can't run.
        """
        with quiet():
            native = _native()
            native._unsafe_reset_threadpool(device.threads)
            try:
                program = native._load_program_from_buffer(artefact)
                method = program.load_method(_METHOD)
                inputs = _inputs(method.method_meta())
                method(inputs, False)
            except (RuntimeError, ValueError, KeyError, IndexError) as problem:
                raise refused("ExecuTorch can't run it", problem) from problem

        def call(
            method: Any = method, inputs: list[Any] = inputs, holds: Any = (artefact, program)
        ) -> None:
            method(inputs, False)

        return call

    def prepare_module(self, module: Any, shape: tuple[int, ...], device: Device) -> Call:
        """One inference of a torch module a call: lowered, then loaded. Fold its batch norms before.

        Raises
        ------
        InvalidInput
            The module can't be exported.
        """
        return self.load(lowered(module, shape), device)


def lowered(module: Any, shape: tuple[int, ...]) -> bytes:
    """A torch module as an ExecuTorch program with everything that XNNPACK can do delegated to it.

    Raises
    ------
    InvalidInput
        The module can't be exported.
    """
    return serialised(edge_program(module, shape))


def edge_program(module: Any, shape: tuple[int, ...]) -> Any:
    """The module as ExecuTorch's edge program after the partition, for who wants to look at what was delegated.

    Raises
    ------
    InvalidInput
        The module can't be exported.
    """
    import torch

    with quiet(), _no_collection():
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
        from executorch.exir import to_edge_transform_and_lower

        image = torch_runtime.random_image(shape)
        # XNNPACK packs the weights itself and refuses those that are channels last already.
        module = module.eval().to(memory_format=torch.contiguous_format)
        try:
            with torch.no_grad():
                exported = torch.export.export(_portable(module), (image,))
            return to_edge_transform_and_lower(exported, partitioner=[XnnpackPartitioner()])
        except (
            Exception
        ) as problem:  # export, passes and backends have no common base but Exception
            raise refused(
                "ExecuTorch can't lower it",
                problem,
                where="network",
                remedy="Measure it with PyTorch, or export it and measure the ONNX file.",
            ) from problem


def serialised(program: Any) -> bytes:
    """An edge program as the bytes of a .pte file."""
    with quiet(), _no_collection():
        return bytes(program.to_executorch().buffer)


def _portable(module: Any) -> Any:
    """The module with the operators that XNNPACK takes whole (see the module's text)."""
    import torch
    from torch import nn
    from torch.nn import functional
    from torch.overrides import TorchFunctionMode

    def mean(x: Any, size: Any) -> Any:
        whole = size in (1, (1, 1), [1, 1])
        return x.mean((2, 3), keepdim=True) if whole else functional.adaptive_avg_pool2d(x, size)

    def gate(x: Any, inplace: bool = False) -> Any:
        return functional.relu6(x + 3.0) / 6.0

    def pool(
        x: Any,
        size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        **options: Any,
    ) -> Any:
        if ceil_mode and (size, stride, padding) == (2, 2, 0):
            # XNNPACK has whole windows only. A border given twice leaves the mean of what is inside as it is.
            for axis in (2, 3):
                if x.shape[axis] % 2:
                    x = torch.cat([x, x.narrow(axis, x.shape[axis] - 1, 1)], axis)
        floored = functional.avg_pool2d(x, size, stride, padding, ceil_mode=False, **options)
        if not ceil_mode:
            return floored
        # Where rounding up is rounding down, XNNPACK takes the second only.
        ceiled = functional.avg_pool2d(x, size, stride, padding, ceil_mode=True, **options)
        return floored if floored.shape == ceiled.shape else ceiled

    instead = {
        functional.adaptive_avg_pool2d: mean,
        functional.hardsigmoid: gate,
        functional.avg_pool2d: pool,
    }

    class Rewriting(TorchFunctionMode):
        def __torch_function__(
            self, function: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            return instead.get(function, function)(*args, **(kwargs or {}))

    class Portable(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = module

        def forward(self, x: Any) -> Any:
            with Rewriting():
                return self.network(x)

    return Portable().eval()


def _native() -> Any:
    """ExecuTorch's native module itself.

    Its public face, `executorch.runtime`, imports the whole compiler: three seconds in every process that measures.
    """
    import torch  # noqa: F401  (the native module is linked to torch's libraries)
    from executorch.extension.pybindings import _C

    return _C


def _inputs(meta: Any) -> list[Any]:
    """Random images of the sizes that the program says."""
    return [
        torch_runtime.random_image(tuple(meta.input_tensor_meta(index).sizes()))
        for index in range(meta.num_inputs())
    ]


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Hold the garbage collector: the passes make millions of objects that live until the end anyway."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Nothing on standard error meanwhile: ExecuTorch's library and the export print there what is nobody's fault.

    Native code writes to the descriptor, so it is stopped there, for the whole process; what goes wrong comes as an
    exception all the same.
    """
    sys.stderr.flush()
    logger_level = logging.root.manager.disable
    kept = os.dup(_STDERR)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), _STDERR)
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logger_level)
        sys.stderr.flush()
        os.dup2(kept, _STDERR)
        os.close(kept)
