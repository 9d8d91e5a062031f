"""The ONNX file says what the network says, for any chain of layers, and carries its metadata."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from torch import nn

from nasstudio.engine.cost import counts
from nasstudio.engine.errors import CorruptFile, InvalidInput
from nasstudio.engine.export import onnx as onnx_export
from nasstudio.engine.export.deployment import Deployment, Preprocessing
from nasstudio.engine.export.equality import OnnxNetwork, difference, torch_logits
from nasstudio.engine.export.folded import folded_weights
from nasstudio.engine.net.static import StaticNetwork
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.layer import LayerSpec
from nasstudio.engine.space.space import Block


def test_that_the_batch_is_open(
    deployment: Deployment, network: nn.Module, images: np.ndarray, tmp_path: Path
) -> None:
    written = OnnxNetwork(onnx_export.write(deployment, tmp_path))
    reference = torch_logits(network, images, 20)
    for batch in (1, 8, 20):
        assert difference(reference, written.logits(images, batch)) < 1e-5


def test_that_a_file_tells_how_to_use_it(deployment: Deployment, tmp_path: Path) -> None:
    path = onnx_export.write(deployment, tmp_path)
    found = onnx_export.metadata(path)
    assert path.name == "tiny-net.onnx"
    assert found["labels"] == list(deployment.labels)
    assert (found["channels"], found["size"]) == deployment.input_shape[:2]
    assert (found["mean"], found["std"]) == ([0.3], [0.25])
    assert found["architecture"] == deployment.architecture
    assert found["accuracy"] == 0.75
    model = onnx.load(path)
    assert [entry.version for entry in model.opset_import] == [14]
    assert [entry.name for entry in model.graph.input] == ["images"]
    assert [entry.name for entry in model.graph.output] == ["logits"]


def test_that_names_in_the_graph_are_those_of_the_weights(
    deployment: Deployment, tmp_path: Path
) -> None:
    model = onnx.load(onnx_export.write(deployment, tmp_path))
    assert {tensor.name for tensor in model.graph.initializer} == set(deployment.weights)
    assert not any(node.op_type == "BatchNormalization" for node in model.graph.node)


def test_that_a_weight_that_is_not_finite_is_not_written(
    deployment: Deployment, tmp_path: Path
) -> None:
    name = next(iter(deployment.weights))
    broken = dict(deployment.weights, **{name: np.full_like(deployment.weights[name], np.nan)})
    with pytest.raises(InvalidInput, match=name):
        onnx_export.write(replace(deployment, weights=broken), tmp_path)
    assert not list(tmp_path.iterdir())


def test_that_classes_and_logits_must_agree(deployment: Deployment, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="3 logits for 2 classes"):
        onnx_export.write(replace(deployment, labels=deployment.labels[:2]), tmp_path)


def test_that_a_layer_of_another_kind_is_named(deployment: Deployment, tmp_path: Path) -> None:
    odd = Block("1", 9, 9, LayerSpec("attention", 16, 4, 1, 16, heads=2, middle=16))
    blocks = (*deployment.blocks[:-1], odd, deployment.blocks[-1])
    with pytest.raises(InvalidInput, match="attention"):
        onnx_export.write(replace(deployment, blocks=blocks), tmp_path)


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x07"])
def test_that_another_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(content)
    with pytest.raises(CorruptFile) as problem:
        onnx_export.metadata(path)
    assert problem.value.where == str(path)


@pytest.mark.parametrize("name", ["mbv3_28_fast", "mbv3_28"])
def test_that_a_file_is_as_large_as_the_space_says(name: str, tmp_path: Path) -> None:
    space = build(preset(name))
    population = np.stack([space.smallest(), *space.sample(2, np.random.default_rng(0))])
    for number, genome in enumerate(population):
        blocks = space.blocks(genome)
        weights = folded_weights(StaticNetwork([block.layer for block in blocks]).eval())
        shown = Preprocessing(1, blocks[0].layer.height, 28, (0.3,), (0.25,))
        labels = tuple(f"class {i}" for i in range(blocks[-1].layer.channels_out))
        facts = {"accuracy": 0.75}
        exported = Deployment(
            f"net-{number}",
            "Net",
            tuple(blocks),
            weights,
            labels,
            shown,
            space.values(genome),
            facts,
        )
        size = onnx_export.write(exported, tmp_path).stat().st_size / counts.MIB
        assert counts.size_mib(space, genome[None])[0] == pytest.approx(size, rel=0.02)
