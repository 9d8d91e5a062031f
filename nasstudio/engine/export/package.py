"""Writes a deployment as a folder of plain PyTorch that runs without this program.

``network.py`` spells the network out, ``weights.safetensors`` holds its weights, ``predict.py`` names the class of a
picture, ``preprocess.json`` and ``labels.txt`` say what goes in and what comes out.
"""

from __future__ import annotations

import json
from importlib.metadata import version as version_of
from importlib.resources import files
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from nasstudio.engine.atomic import write_atomic
from nasstudio.engine.export.deployment import (
    FORMAT_VERSION,
    Deployment,
    checked,
    producer_version,
)
from nasstudio.engine.export.network_source import network_source

_README = """# {title}

An image classifier for {classes} classes, found and written by NAS Studio {version}. It needs Python, torch,
safetensors, numpy and pillow, and nothing of NAS Studio.

    pip install -r requirements.txt
    python predict.py picture.png

It was checked with {checked}. In a program of your own:

    import torch
    from network import load

    network = load()
    logits = network(images)          # (n, {channels}, {size}, {size}) float32, see preprocess.json

| File | What it holds |
| --- | --- |
| `network.py` | the network, layer by layer |
| `weights.safetensors` | its weights, batch norms folded in |
| `predict.py` | from pictures to names of classes |
| `preprocess.json` | channels, size, mean and standard deviation of the input |
| `labels.txt` | names of the classes, in the order of the logits |
| `LICENSE.txt` | terms for code and weights |

Of a picture of any size the centre square is taken and scaled to {source}×{source} px, then to {size}×{size} px with
antialiasing; transparent parts become white. The network was trained on {kind} images of {source}×{source} px: pictures
that look different from those are named too, and wrongly.
The model card beside this folder says how good it is and how it was made.
"""

_LICENCE = """Code: network.py and predict.py were written by NAS Studio and may be used under the Apache License,
Version 2.0 (https://www.apache.org/licenses/LICENSE-2.0), without warranty of any kind.

Weights: weights.safetensors was trained on {data}. The terms of that data{terms} and of whoever
trained the network apply to it; NAS Studio adds none.
"""


def write(deployment: Deployment, folder: Path) -> Path:
    """Write the folder ``<name>-pytorch`` into a folder that is there.

    Returns the path of its ``weights.safetensors``; everything else is beside it.

    Raises
    ------
    InvalidInput
        A layer can't be written.
    StudioError
        The folder can't be written.
    """
    checked(deployment)
    package = folder / f"{deployment.name}-pytorch"
    package.mkdir(parents=True)
    for name, content in _texts(deployment).items():
        write_atomic(package / name, content.encode())
    weights = package / "weights.safetensors"
    named = {
        f"layers.{key}": np.ascontiguousarray(value) for key, value in deployment.weights.items()
    }
    about = {"format": "pt", "nasstudio": FORMAT_VERSION, "title": deployment.title}
    write_atomic(weights, save(named, about))
    return weights


def _texts(deployment: Deployment) -> dict[str, str]:
    templates = files("nasstudio.engine.export.templates")
    predict = templates.joinpath("predict.py").read_text("utf-8")
    return {
        "network.py": network_source(deployment, producer_version()),
        "predict.py": predict.replace("  # type: ignore[import-not-found]", "").replace(
            "  # type: ignore[type-arg]", ""
        ),
        "preprocess.json": json.dumps(_preprocess(deployment), indent=2) + "\n",
        "labels.txt": "".join(f"{_line(label)}\n" for label in deployment.labels),
        "requirements.txt": _requirements(),
        "README.md": _readme(deployment),
        "LICENSE.txt": _licence(deployment),
    }


def _preprocess(deployment: Deployment) -> dict[str, object]:
    channels, size, _ = deployment.input_shape
    pictures = deployment.preprocessing
    return {
        "format_version": FORMAT_VERSION,
        "channels": channels,
        "source_size": deployment.preprocessing.source_size,
        "size": size,
        "scaling": "bilinear with antialiasing",
        "scale": 1 / 255,
        "mean": list(pictures.mean),
        "std": list(pictures.std),
    }


def _readme(deployment: Deployment) -> str:
    channels, size, _ = deployment.input_shape
    return _README.format(
        title=_line(deployment.title),
        classes=len(deployment.labels),
        version=producer_version(),
        channels=channels,
        size=size,
        kind="grey" if channels == 1 else "colour",
        source=deployment.preprocessing.source_size,
        checked=_checked_with(),
    )


def _licence(deployment: Deployment) -> str:
    data = _line(str(deployment.facts.get("data", "data of the user")))
    licence = _line(str(deployment.facts.get("data_licence", "")))
    return _LICENCE.format(data=data, terms=f" ({licence})" if licence else "")


# The least versions that have what the code uses: antialiased scaling, transparency data.
_LEAST = {"torch": "2.0", "safetensors": "0.4", "numpy": "1.26", "pillow": "10.1"}


def _requirements() -> str:
    return "".join(f"{name}>={number}\n" for name, number in _LEAST.items())


def _checked_with() -> str:
    return ", ".join(f"{name} {version_of(name).split('+')[0]}" for name in _LEAST)


def _line(words: str) -> str:
    """On one line: a label or a title may hold anything."""
    return " ".join(words.split())
