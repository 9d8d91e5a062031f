"""What a runtime loads, kept in a folder: each network or layer is lowered once, and every process reads the file.

Lowering may take over a second a layer (ExecuTorch); a measurement that was stopped finds its files again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from nasstudio.engine.atomic import write_atomic
from nasstudio.engine.device.device import Device
from nasstudio.engine.device.runtime.registry import runtime_of
from nasstudio.engine.space.layer import LayerSpec, text


class LoweredFiles:
    """Artefacts of one device in a folder.

    Parameters
    ----------
    folder : is made if it is not there; the device's files go into a folder of their own in it, `self.folder`.

    Raises
    ------
    InvalidInput
        The device is not here.
    NeedsExtra
        Its runtime is not installed.
    """

    def __init__(self, folder: Path, device: Device) -> None:
        self.device = device
        self._runtime = runtime_of(device)
        self.folder = folder / device.id
        self.folder.mkdir(parents=True, exist_ok=True)

    @property
    def takes_onnx(self) -> bool:
        """Whether the device runs ONNX files."""
        return self._runtime.takes_onnx(self.device)

    def chain(self, layers: Sequence[LayerSpec]) -> Path:
        """The file of a chain of layers; without layers that of an empty call."""
        key = "\n".join(text(layer) for layer in layers)
        name = hashlib.sha256(key.encode()).hexdigest()[:20]
        path = self.folder / f"{name}.bin"
        if not path.exists():
            write_atomic(path, self._runtime.lower(layers, self.device))
        return path

    def chains(
        self,
        networks: Sequence[Sequence[LayerSpec]],
        check: Callable[[], None] = lambda: None,
        on_lowered: Callable[[int], None] = lambda done: None,
    ) -> list[Path]:
        """The file of each chain; `on_lowered` is told how many are ready."""
        found = []
        for layers in networks:
            check()
            found.append(self.chain(layers))
            on_lowered(len(found))
        return found

    def onnx(self, path: Path) -> Path:
        """What the runtime loads for an ONNX file.

        Raises
        ------
        InvalidInput
            The runtime does not run it.
        """
        content = self._runtime.lower_onnx(path, self.device)
        target = self.folder / f"{hashlib.sha256(content).hexdigest()[:20]}.bin"
        if not target.exists():
            write_atomic(target, content)
        return target
