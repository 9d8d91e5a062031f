"""Runner of a reference: a network that the user already has, measured with the same core as everything else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from PIL import Image

from nasstudio.engine.data.catalog import open_set
from nasstudio.engine.data.image_set import ImageSet
from nasstudio.engine.device.device import Device
from nasstudio.engine.device.measure import time_module, time_onnx
from nasstudio.engine.device.onnx_file import OnnxNetwork, macs_by_running, open_onnx
from nasstudio.engine.device.runtime.onnxruntime_cpu import INPUT_TYPES, session
from nasstudio.engine.device.runtime.registry import runtime_of
from nasstudio.engine.device.runtime.runtime import ModuleRuntime
from nasstudio.engine.device.timing import Timing
from nasstudio.engine.errors import InvalidInput, StudioError
from nasstudio.engine.job.context import JobContext
from nasstudio.engine.job.specification import ReferenceSpec

BUDGET_S = 5.0


def run(spec: ReferenceSpec, job: JobContext) -> dict[str, Any]:
    """Measure the network on the devices, count it, and evaluate it where it fits the data."""
    sources = {"onnx": _onnx, "torchvision": _torchvision}
    if spec.source not in sources:
        raise InvalidInput(
            f"'{spec.source}' is not a source of networks.",
            where="source",
            remedy=f"Known: {', '.join(sources)}.",
        )
    values = sources[spec.source](spec, job)
    job.result("reference", values)
    return {"title": values["title"], "devices": len(values["latency"])}


# -- an ONNX file -----------------------------------------------------------------------------------------------


def _onnx(spec: ReferenceSpec, job: JobContext) -> dict[str, Any]:
    path = Path(spec.model)
    data = _data(spec, job)
    channels = data.channels if data is not None else 3
    network = open_onnx(path, resolution=spec.resolution, channels=channels)
    fixed = job.path / "reference.onnx"
    onnx.save_model(network.model, str(fixed))
    timings = {}
    for device in _able(spec, job, onnx_only=True):
        timings[device.id] = _said(time_onnx(fixed, device, BUDGET_S, job.check), device, job)
    accuracy = None
    if data is not None and _fits(network, data, job):
        accuracy = _accuracy(fixed, network, data, spec, job)
    title = path.stem
    about = {"source": "onnx", "model": path.name, "resolution": network.size[0]}
    macs = macs_by_running(network) if network.macs is None else network.macs
    return _values(title, about, timings, macs, network.params, accuracy)


def _data(spec: ReferenceSpec, job: JobContext) -> ImageSet | None:
    """The data set; without it there is no accuracy, and the rest goes on."""
    try:
        return open_set(spec.data)
    except StudioError as problem:
        job.warn(f"No accuracy: the data set can't be opened. {problem}")
        return None


def _fits(network: OnnxNetwork, data: ImageSet, job: JobContext) -> bool:
    if network.channels == data.channels and network.outputs == len(data.classes):
        return True
    outputs = "no vector" if network.outputs is None else f"{network.outputs} outputs"
    job.log(
        f"No accuracy: the network takes {network.channels or 'no'} channels and gives {outputs}; "
        f"{data.title} has {data.channels} channels and {len(data.classes)} classes."
    )
    return False


def _accuracy(
    path: Path, network: OnnxNetwork, data: ImageSet, spec: ReferenceSpec, job: JobContext
) -> float:
    """Share of validation images whose class it names, with the data set's own normalisation."""
    model = session(str(path), max(1, spec.threads), where=path)
    split = data.split("validation")
    mean, std = (np.array(v, dtype=np.float32) for v in (data.mean, data.std))
    kind = np.dtype(INPUT_TYPES[model.get_inputs()[0].type])
    right = 0
    for position in range(len(split)):
        if position % 100 == 0:
            job.check()
            job.progress(position, len(split), unit="images", label="accuracy")
        image = _resized(split.images([position])[0], network.size)
        values = image if kind == np.uint8 else (image / np.float32(255) - mean) / std
        if not network.channels_last:
            values = values.transpose(2, 0, 1)
        values = np.ascontiguousarray(values[None].astype(kind))
        logits = model.run(None, {network.input_name: values})[0]
        right += int(np.argmax(logits)) == int(split.labels[position])
    job.progress(len(split), len(split), unit="images", label="accuracy")
    return right / len(split)


def _resized(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(h, w, c) uint8 at another size, bilinear."""
    height, width = size
    if image.shape[:2] == size:
        return image
    flat = image[..., 0] if image.shape[2] == 1 else image
    scaled = np.asarray(Image.fromarray(flat).resize((width, height), Image.Resampling.BILINEAR))
    return scaled.reshape(height, width, image.shape[2])


# -- a torchvision network --------------------------------------------------------------------------------------


def _torchvision(spec: ReferenceSpec, job: JobContext) -> dict[str, Any]:
    from nasstudio.engine.device import torchvision_network

    low, high = torchvision_network.LEAST_PX, torchvision_network.MOST_PX
    if not low <= spec.resolution <= high:
        raise InvalidInput(
            f"{spec.resolution} px is not between {low} and {high}.",
            where="resolution",
            remedy="Choose the size the network was made for, e.g. 224.",
        )
    network = torchvision_network.build(spec.model)
    macs, params = torchvision_network.count(network, spec.resolution)
    folded = torchvision_network.folded(network)
    shape = (1, 3, spec.resolution, spec.resolution)
    exported = job.path / "reference.onnx"
    timings = {}
    for device in _able(spec, job, onnx_only=False):
        if isinstance(runtime_of(device), ModuleRuntime):
            timing = time_module(folded, shape, device, BUDGET_S, job.check)
        else:
            if not exported.exists():
                torchvision_network.export(network, spec.resolution, exported)
            timing = time_onnx(exported, device, BUDGET_S, job.check)
        timings[device.id] = _said(timing, device, job)
    about = {"source": "torchvision", "model": spec.model, "resolution": spec.resolution}
    return _values(spec.model, about, timings, macs, params, None)


# -- both -------------------------------------------------------------------------------------------------------


def _able(spec: ReferenceSpec, job: JobContext, *, onnx_only: bool) -> list[Device]:
    """The devices that can run it; the others are named in a warning.

    Raises
    ------
    InvalidInput
        None can.
    """
    able = []
    for device in spec.devices:
        try:
            runtime = runtime_of(device)
        except StudioError as problem:
            job.warn(f"Not measured on {device.name}: {problem}")
            continue
        if onnx_only and not runtime.takes_onnx(device):
            job.warn(f"Not measured on {device.name}: it does not run ONNX files.")
            continue
        able.append(device)
    if not able:
        raise InvalidInput(
            "None of the chosen devices can run this network.",
            where="devices",
            remedy="Choose a device of this machine; for an ONNX file one of ONNX Runtime.",
        )
    return able


def _said(timing: Timing, device: Device, job: JobContext) -> Timing:
    if timing.busy:
        job.warn(f"The machine was busy while {device.name} was measured.")
    return timing


def _values(
    title: str,
    about: dict[str, Any],
    timings: dict[str, Timing],
    macs: int | None,
    params: int,
    accuracy: float | None,
) -> dict[str, Any]:
    return about | {
        "title": title,
        "latency": {key: timing.median_ms for key, timing in timings.items()},
        "p10": {key: timing.p10_ms for key, timing in timings.items()},
        "p90": {key: timing.p90_ms for key, timing in timings.items()},
        "macs": macs,
        "params": params,
        "accuracy": accuracy,
    }
