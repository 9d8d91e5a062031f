"""A residual network as ONNX file: the supernet's logits, and the size that the space says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from nasstudio.engine.cost import counts
from nasstudio.engine.export import onnx as onnx_export
from nasstudio.engine.export.deployment import Deployment, Preprocessing
from nasstudio.engine.export.equality import OnnxNetwork
from nasstudio.engine.export.folded import folded_weights
from nasstudio.engine.net.resnet_supernet import ResnetSupernet
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.resnet import ResNetSpace
from nasstudio.engine.space.space import Genome, SpaceDocument

STAGE = {"stride": 2, "depth": [1, 2], "expand": [0.25, 0.5], "width": [0.5, 1.0]}
SPACE = ResNetSpace(
    SpaceDocument(
        "resnet",
        "tiny",
        "Tiny",
        {
            "resolution": [18, 24],
            "stages": [{**STAGE, "channels": 32, "stride": 1}, {**STAGE, "channels": 48}],
            "stem": 32,
            "stem_width": [0.5, 1.0],
            "stem_stride": 1,
            "channels": 3,
            "classes": 4,
        },
    )
)


@pytest.fixture(scope="module")
def supernet() -> ResnetSupernet:
    """Trained on noise for a few steps: batch-norm statistics that are not those of a fresh one."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    found = ResnetSupernet(SPACE, generator)
    with torch.no_grad():
        for genome in SPACE.sample(8, np.random.default_rng(0)):
            found.activate(genome)
            found(torch.randn(8, 3, 18, 18, generator=generator) * 2 + 0.5)
    return found.eval()


def deployed(supernet: ResnetSupernet, genome: Genome) -> Deployment:
    space = supernet.space
    px = int(space.resolution(genome[None])[0])
    return Deployment(
        "net",
        "Net",
        tuple(space.blocks(genome)),
        folded_weights(supernet.extract(genome)),
        tuple(f"class {number}" for number in range(space.options.classes)),
        Preprocessing(3, px, 24, (0.5,) * 3, (0.5,) * 3),
        space.values(genome),
        {"accuracy": 0.75},
    )


def test_that_an_exported_subnet_gives_the_supernets_logits(
    supernet: ResnetSupernet, tmp_path: Path
) -> None:
    population = [SPACE.smallest(), SPACE.largest(), *SPACE.sample(4, np.random.default_rng(1))]
    for genome in population:
        deployment = deployed(supernet, genome)
        images = np.random.default_rng(2).normal(size=(3, *deployment.input_shape))
        images = images.astype(np.float32)
        supernet.activate(genome)
        with torch.inference_mode():
            expected = supernet(torch.from_numpy(images)).numpy()
        found = OnnxNetwork(onnx_export.write(deployment, tmp_path)).logits(images, 3)
        assert np.abs(found - expected).max() <= 1e-4 * np.ptp(expected)


def test_that_a_file_is_as_large_as_the_space_says(tmp_path: Path) -> None:
    space = build(preset("resnet_32"))
    assert isinstance(space, ResNetSpace)
    supernet = ResnetSupernet(space).eval()
    for genome in (space.smallest(), space.largest()):
        size = onnx_export.write(deployed(supernet, genome), tmp_path).stat().st_size / counts.MIB
        assert counts.size_mib(space, genome[None])[0] == pytest.approx(size, rel=0.02)
