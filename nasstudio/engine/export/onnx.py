"""Writes a deployment as one ONNX file, with what a program needs to use it in the file's metadata.

Metadata values are strings, as ONNX wants them: numbers and lists are JSON. `metadata` reads them back without
running the file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnx
from onnx import helper

from nasstudio.engine.atomic import write_atomic
from nasstudio.engine.errors import CorruptFile, StudioError
from nasstudio.engine.export.deployment import FORMAT_VERSION, Deployment, checked, producer_version
from nasstudio.engine.export.onnx_nodes import IR_VERSION, OPSET, graph

PRODUCER = "NAS Studio"


def write(deployment: Deployment, folder: Path) -> Path:
    """Write ``<name>.onnx`` into a folder that is there; its path is returned.

    Raises
    ------
    InvalidInput
        A layer can't be written.
    StudioError
        The folder can't be written, or the graph is not valid ONNX.
    """
    model = helper.make_model(
        graph(checked(deployment)),
        producer_name=PRODUCER,
        producer_version=producer_version(),
        doc_string=f"{deployment.title}: an image classifier for {len(deployment.labels)} classes.",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    helper.set_model_props(model, _properties(deployment))
    path = folder / f"{deployment.name}.onnx"
    try:
        onnx.checker.check_model(model, full_check=True)
    except (
        Exception
    ) as problem:  # checker and shape inference raise classes of their own, without a common base
        raise StudioError(
            f"The graph is not valid ONNX: {problem}.",
            where=path,
            remedy="Report the problem with the run folder.",
        ) from problem
    write_atomic(path, model.SerializeToString())
    return path


def metadata(path: Path) -> dict[str, Any]:
    """What `write` noted in a file, with lists and numbers as such.

    Raises
    ------
    CorruptFile
        The file can't be read or was not written by this program.
    """
    try:
        model = onnx.load(str(path), load_external_data=False)
        found = {entry.key: json.loads(entry.value) for entry in model.metadata_props}
    except Exception as problem:  # protobuf's DecodeError has no public base
        raise CorruptFile(
            f"The file can't be read as a network of {PRODUCER}: {problem}.",
            where=path,
            remedy="Export the network again.",
        ) from None
    if found.get("format_version") != FORMAT_VERSION:
        raise CorruptFile(
            f"The file was not written by this version of {PRODUCER}.",
            where=path,
            remedy="Export the network again.",
        )
    return found


def _properties(deployment: Deployment) -> dict[str, str]:
    pictures = deployment.preprocessing
    values = {
        "format_version": FORMAT_VERSION,
        "producer": PRODUCER,
        "title": deployment.title,
        "channels": pictures.channels,
        "size": pictures.resolution,
        "source_size": pictures.source_size,
        "scale": 1 / 255,
        "mean": pictures.mean,
        "std": pictures.std,
        "labels": deployment.labels,
        "architecture": deployment.architecture,
        **deployment.facts,
    }
    return {key: json.dumps(value, ensure_ascii=False) for key, value in values.items()}
