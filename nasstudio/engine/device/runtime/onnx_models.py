"""What the runtimes that take ONNX models share: layers and files are lowered to such a model, in fp32 or int8.

Only lowering needs the onnx package; a process that loads what was lowered needs nothing but the runtime.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from nasstudio.engine.device.device import Device, processor
from nasstudio.engine.device.runtime import offer
from nasstudio.engine.device.runtime.runtime import Call
from nasstudio.engine.space.layer import LayerSpec


class OnnxModelRuntime(ABC):
    """A runtime on this machine's processor that loads ONNX models; a subclass says how.

    Attributes
    ----------
    channels_last : whether an int8 model's ends are channels last (see `onnx_int8`).
    """

    name: str
    precisions: tuple[str, ...] = ("fp32", "int8")
    channels_last: bool

    @abstractmethod
    def version(self) -> str: ...

    @abstractmethod
    def load(self, artefact: bytes, device: Device) -> Call: ...

    @abstractmethod
    def check(self, model: bytes, device: Device, where: Path) -> None:
        """Raise `InvalidInput` if the runtime can't run a model that came from a file."""

    def devices_here(self) -> list[Device]:
        return offer.devices(processor(), self.name, self.version(), self.precisions)

    def lower(self, layers: Sequence[LayerSpec], device: Device) -> bytes:
        """The chain as an ONNX model; in int8 its ends are uint8."""
        from nasstudio.engine.device.runtime import onnx_artefact

        return onnx_artefact.lowered(layers, device, channels_last=self.channels_last)

    def takes_onnx(self, device: Device) -> bool:
        return True

    def lower_onnx(self, path: Path, device: Device) -> bytes:
        from nasstudio.engine.device.runtime import onnx_artefact

        content = onnx_artefact.lowered_file(path, device, channels_last=self.channels_last)
        self.check(content, device, path)
        return content
