"""Writes the source of one network: short Python that needs torch and safetensors and nothing of this program.

The layers' classes are copied from `templates/blocks.py` (only those that the network uses); the network itself is
spelled out layer by layer. The names of its weights are those of `Deployment.weights` after ``layers.``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from importlib.resources import files

from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.export.deployment import Deployment
from nasstudio.engine.space.layer import LayerSpec, text

_ACT = {
    "relu": "F.relu",
    "relu6": "F.relu6",
    "hswish": "F.hardswish",
    "swish": "F.silu",
    "gelu": "F.gelu",
}
_CLASSES = {
    "conv": "Convolution",
    "dwconv": "Convolution",
    "mbconv": "InvertedBottleneck",
    "linear": "Linear",
    "pool": "AveragePool",
    "bottleneck": "ResidualBottleneck",
    "maxpool": "MaxPool",
}

_BIASES = {"conv.bias", "linear.bias", "project.bias", "widen.bias"}

_HEAD = '''"""{title}: an image classifier, found and written by NAS Studio {version}.

Input: (n, {channels}, {size}, {size}) float32 images, (value / 255 - mean) / std as in preprocess.json.
Output: (n, {classes}) logits in the order of labels.txt. Batch norms are folded into the convolutions.
Needs torch and safetensors. Use it with predict.py, or: `network = load()`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

Activation = Callable[[Tensor], Tensor]
'''

_NETWORK = '''
class Network(nn.Module):
    """The chain of layers, from image to logits."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
{lines}
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def load(folder: Path = Path(__file__).parent) -> Network:
    """The network with its weights, ready to predict."""
    network = Network()
    network.load_state_dict(load_file(folder / "weights.safetensors"))
    return network.eval()
'''


def network_source(deployment: Deployment, version: str) -> str:
    """Source of ``network.py``. `version` is that of this program."""
    channels, size, _ = deployment.input_shape
    head = _HEAD.format(
        title=_in_docstring(deployment.title),
        version=version,
        channels=channels,
        size=size,
        classes=len(deployment.labels),
    )
    classes = "".join(f"\n\n{source}\n" for source in _class_sources(deployment.layers))
    return f"{head}{classes}\n{_NETWORK.format(lines=_layer_lines(deployment))}"


def _in_docstring(title: str) -> str:
    """The title on one line, with nothing that could end or escape a docstring."""
    return " ".join(title.replace("\\", "/").replace('"', "'").split())


def _layer_lines(deployment: Deployment) -> str:
    lines, stage = [], None
    for index, block in enumerate(deployment.blocks):
        if block.stage != stage:
            stage = block.stage
            title = {"In": "input", "Out": "output"}.get(stage, f"stage {stage}")
            lines.append(f"            # {title}")
        biased = not _BIASES.isdisjoint(deployment.of(index))
        lines.append(f"            {_call(block.layer, biased=biased)},")
    return "\n".join(lines)


def _call(layer: LayerSpec, *, biased: bool) -> str:
    """The constructor call of one layer."""
    if layer.kind == "pool":
        arguments = [str(layer.kernel), str(layer.stride), *(["pooled=True"] * layer.pooled)]
        return f"AveragePool({', '.join(arguments)})"
    if layer.kind == "maxpool":
        return f"MaxPool({layer.kernel}, {layer.stride})"
    arguments = [str(layer.channels_in), str(layer.channels_out)]
    if layer.kind in ("mbconv", "bottleneck"):
        arguments.append(f"middle={layer.middle or layer.channels_in}")
    if layer.kind != "linear":
        arguments += _geometry(layer)
    if layer.act != "none":
        arguments.append(f"act={_ACT[layer.act]}")
    elif layer.kind in ("mbconv", "bottleneck"):
        arguments.append("act=nn.Identity()")
    if not biased:
        arguments.append("bias=False")
    if layer.residual:
        arguments.append("residual=True")
    if layer.pooled and layer.kind != "linear":
        arguments.append("pooled=True")
    return f"{_class_name(layer)}({', '.join(arguments)})"


def _geometry(layer: LayerSpec) -> list[str]:
    arguments = [f"kernel={layer.kernel}", f"stride={layer.stride}"]
    groups = layer.channels_in if layer.kind == "dwconv" else layer.groups
    if groups != 1 and layer.kind != "mbconv":
        arguments.append(f"groups={groups}")
    if layer.se:
        arguments.append(f"squeeze={layer.squeeze}")
    return arguments


def _class_name(layer: LayerSpec) -> str:
    try:
        return _CLASSES[layer.kind]
    except KeyError:
        raise InvalidInput(
            f"A layer of the kind '{layer.kind}' can't be written as PyTorch code.",
            where=text(layer),
            remedy="Choose another format.",
        ) from None


def _class_sources(layers: Iterable[LayerSpec]) -> list[str]:
    """Source of each class that the layers need, in the order of the template."""
    layers = tuple(layers)
    needed = {_class_name(layer) for layer in layers}
    if any(layer.se for layer in layers) or needed & {"Convolution", "InvertedBottleneck"}:
        needed.add("SqueezeExcite")  # the two name it, whether or not this network has a gate
    source = files("nasstudio.engine.export.templates").joinpath("blocks.py").read_text("utf-8")
    return [
        ast.get_source_segment(source, node) or ""
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef) and node.name in needed
    ]
