"""Published checkpoints: does every subnet answer what the original answers after its supernet was imported?

For each published supernet the original (`ofa`, the extra `peers`) is built, every one of its tensors is changed
(weights, kernel matrices, scale, shift and statistics of every batch norm), it is saved, and the file is imported. Then
20 subnets are drawn at random, at random resolutions, run in eval mode on both sides and compared: theirs by
`get_active_subnet`, ours by `extract`. Figures, in units of the standard deviation of the original's logits:

- SPACE/logit_difference: the largest difference of a logit, over all subnets. Aim: at most 1e-4.
- SPACE/subnets_differ: the least that two different subnets differ by, on the same images. If it were not
  far above the first figure, that one would say nothing.
- SPACE/tensors, SPACE/subnets: how many tensors were imported, how many different subnets compared.
- SPACE/predictor_difference: for the two published accuracy predictors, the largest difference of a prediction over 500
  random networks, in standard deviations of the original's predictions. Aim: at most 1e-4. Resolutions between those it
  knows are among them for MobileNetV3; for ResNet50 the original has none. There, widths 0.65 and 0.8 inside the stem
  are one network, which the original predicts as two: only one of its names is asked for.

The weights are not the published ones, which nothing here downloads: names, shapes and arithmetic are what is checked.
Takes about 2 minutes on one core; --quick half a minute, with three subnets of each space at low resolution.
"""

from __future__ import annotations

import itertools
import math
import random
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from reporting import contract
from torch import Tensor, nn

from nasstudio.engine.net.published import resnet
from nasstudio.engine.net.published.checkpoint import read_checkpoint
from nasstudio.engine.net.published.supernet import PRESETS, published_supernet
from nasstudio.engine.net.shared import SharedNetwork
from nasstudio.engine.predictor.published import published_predictor
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.resnet import ResNetSpace
from nasstudio.engine.space.space import Genome, SearchSpace

SEED = 2026
SUBNETS, QUICK_SUBNETS = 20, 3
IMAGES = 2
PX, QUICK_PX = (128, 160, 192, 224), (128,)
ARCHITECTURES, QUICK_ARCHITECTURES = 500, 50
FIGURES = ("logit_difference", "subnets_differ", "tensors", "subnets")
PREDICTED = ("ofa_mbv3_w12", "ofa_resnet50")

Architecture = dict[str, list[Any]]


@dataclass(frozen=True)
class Subject:
    """A published supernet: how the original is made, and how one of its architectures is a genome of ours."""

    make: Callable[[], nn.Module]
    genome: Callable[[SearchSpace, Architecture, int], Genome]


def subjects() -> dict[str, Subject]:
    """The published supernets, by our name of their space."""
    from ofa.imagenet_classification.elastic_nn.networks import (
        OFAMobileNetV3,
        OFAProxylessNASNets,
        OFAResNets,
    )

    def mobile(kind: type[nn.Module], width: float) -> Subject:
        options = {"ks_list": [3, 5, 7], "expand_ratio_list": [3, 4, 6], "depth_list": [2, 3, 4]}
        return Subject(lambda: kind(dropout_rate=0, width_mult=width, **options), mobile_genome)

    def residual() -> nn.Module:
        return OFAResNets(
            dropout_rate=0,
            depth_list=[0, 1, 2],
            expand_ratio_list=[0.2, 0.25, 0.35],
            width_mult_list=[0.65, 0.8, 1.0],
        )

    return {
        "ofa_mbv3": mobile(OFAMobileNetV3, 1.0),
        "ofa_mbv3_w12": mobile(OFAMobileNetV3, 1.2),
        "ofa_proxyless_w13": mobile(OFAProxylessNASNets, 1.3),
        "ofa_resnet50": Subject(residual, resnet_genome),
    }


def mobile_genome(space: SearchSpace, architecture: Architecture, px: int) -> Genome:
    """``{"ks": ..., "e": ..., "d": ...}``, four blocks a stage, as a genome in canonical form."""
    wanted: dict[str, float] = {"resolution": px}
    blocks = zip(architecture["ks"], architecture["e"], strict=True)
    for index, (kernel, ratio) in enumerate(blocks):
        block = f"stage{index // 4 + 1}.block{index % 4 + 1}"
        wanted |= {f"{block}.kernel": kernel, f"{block}.expand": ratio}
    wanted |= {f"stage{s}.depth": depth for s, depth in enumerate(architecture["d"], start=1)}
    chosen = [gene.options.index(wanted[gene.name]) if len(gene) > 1 else 0 for gene in space.genes]
    return space.checked([chosen])[0]


def resnet_genome(space: SearchSpace, architecture: Architecture, px: int) -> Genome:
    """``{"d": ..., "e": ..., "w": ...}`` as a genome in canonical form."""
    assert isinstance(space, ResNetSpace)
    return resnet.genome_of(space, architecture["d"], architecture["e"], architecture["w"], px)


# -- the original ---------------------------------------------------------------------------------------------------


@torch.no_grad()
def perturb(network: nn.Module, generator: torch.Generator) -> None:
    """Change every tensor, and keep the signal alive: statistics are near those of the images that come through."""
    for name, tensor in network.named_parameters():
        noise = torch.randn(tensor.shape, generator=generator)
        if name.endswith("_matrix"):
            tensor.add_(0.2 * noise / math.sqrt(len(tensor)))
        elif "bn" in name.split(".") or name.endswith(".bias"):
            tensor.add_(0.3 * noise)
        else:
            tensor.mul_(1 + 0.1 * noise)
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    kept = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    network.train()(torch.randn(8, 3, 96, 96, generator=generator))
    for norm, momentum in zip(norms, kept, strict=True):
        norm.momentum = momentum
        if norm.num_batches_tracked == 0:
            norm.reset_running_stats()
        noise = torch.randn(2, len(norm.running_var), generator=generator)
        norm.running_mean.add_(0.3 * noise[0] * norm.running_var.sqrt())
        norm.running_var.mul_(torch.exp(0.3 * noise[1]))
    network.eval()


@torch.no_grad()
def answers(
    theirs: nn.Module,
    ours: SharedNetwork,
    subject: Subject,
    count: int,
    sizes: tuple[int, ...],
    generator: torch.Generator,
) -> list[tuple[Tensor, Tensor]]:
    """Logits of different random subnets on the same images, the original's and ours. `(images, classes)` each."""
    images = torch.randn(IMAGES, 3, max(sizes), max(sizes), generator=generator)
    seen: set[bytes] = set()
    found = []
    while len(found) < count:
        architecture = theirs.sample_active_subnet()
        px = sizes[len(found) % len(sizes)]
        genome = subject.genome(ours.space, architecture, px)
        if genome.tobytes() in seen:
            continue
        seen.add(genome.tobytes())
        scaled = F.interpolate(images, size=(px, px), mode="bilinear", antialias=True)
        subnet = theirs.get_active_subnet(preserve_weight=True).eval()
        found.append((subnet(scaled), ours.extract(genome).eval()(scaled)))
    return found


def figures_of(name: str, subject: Subject, *, quick: bool) -> dict[str, float | int]:
    """The figures of one published supernet."""
    random.seed(SEED)  # the original draws its subnets from it
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    theirs = subject.make()
    perturb(theirs, generator)
    with tempfile.TemporaryDirectory(prefix="checkpoints-") as folder:
        path = Path(folder) / name
        torch.save({"state_dict": theirs.state_dict()}, path)
        tensors = read_checkpoint(path)
        ours, about = published_supernet(tensors, path)
    if about.space.name != name:
        raise RuntimeError(f"{name} was taken for {about.space.name}")
    count, sizes = (QUICK_SUBNETS, QUICK_PX) if quick else (SUBNETS, PX)
    found = answers(theirs, ours.eval(), subject, count, sizes, generator)
    return {
        "logit_difference": max(_distance(a, b) for a, b in found),
        "subnets_differ": min(
            _distance(a, b) for (a, _), (b, _) in itertools.combinations(found, 2)
        ),
        "tensors": len(tensors),
        "subnets": len(found),
    }


# -- accuracy predictors --------------------------------------------------------------------------------------------


def mobile_predictor() -> tuple[nn.Module, Callable[[Architecture, int], float]]:
    """The original's predictor for MobileNetV3 with random weights, and what it predicts."""
    from ofa.tutorial.accuracy_predictor import AccuracyPredictor

    theirs = AccuracyPredictor(pretrained=False, device="cpu")
    nn.init.constant_(theirs.model[-1].bias, 0.75)
    return theirs.model, lambda a, px: float(theirs.predict_accuracy([{**a, "r": [px]}]))


def resnet_predictor() -> tuple[nn.Module, Callable[[Architecture, int], float]]:
    """The original's predictor for ResNet50 with random weights, and what it predicts."""
    from ofa.nas.accuracy_predictor import AccuracyPredictor, ResNetArchEncoder

    encoder = ResNetArchEncoder(
        image_size_list=[128, 144, 160, 176, 192, 224, 240, 256],
        depth_list=[0, 1, 2],
        expand_list=[0.2, 0.25, 0.35],
        width_mult_list=[0.65, 0.8, 1.0],
    )
    theirs = AccuracyPredictor(encoder, device="cpu")
    nn.init.constant_(theirs.base_acc, 0.75)

    def predict(architecture: Architecture, px: int) -> float:
        described = {**architecture, "image_size": px}
        return float(theirs.predict_acc([described, described])[0])

    return theirs, predict


def mobile_architecture() -> tuple[Architecture, int]:
    """A random architecture of the original, and a resolution of ours."""
    genes = {"ks": ((3, 5, 7), 20), "e": ((3, 4, 6), 20), "d": ((2, 3, 4), 5)}
    drawn = {name: random.choices(options, k=n) for name, (options, n) in genes.items()}
    return drawn, random.choice(range(128, 225, 4))


def resnet_architecture() -> tuple[Architecture, int]:
    """A random architecture of the original by the first of its names, and a resolution that both know."""
    drawn: Architecture = {
        "d": [random.choice((0, 2)), *random.choices((0, 1, 2), k=4)],
        "e": random.choices((0.2, 0.25, 0.35), k=18),
        "w": [random.choice((0, 2)), *random.choices((0, 1, 2), k=5)],
    }
    return drawn, random.choice((128, 144, 160, 176, 192, 224))


@torch.no_grad()
def predictor_difference(name: str, subject: Subject, count: int) -> float:
    """Largest difference of a predicted accuracy, in standard deviations of the original's."""
    random.seed(SEED)
    torch.manual_seed(SEED)
    residual = name == "ofa_resnet50"
    network, predict = resnet_predictor() if residual else mobile_predictor()
    draw = resnet_architecture if residual else mobile_architecture
    with tempfile.TemporaryDirectory(prefix="checkpoints-") as folder:
        path = Path(folder) / "predictor.pth"
        torch.save(network.state_dict(), path)
        arrays = {key: tensor.numpy() for key, tensor in read_checkpoint(path).items()}
    space = build(preset(name))
    ours = published_predictor(space, arrays, path)
    drawn = [draw() for _ in range(count)]
    theirs = np.array([predict(*one) for one in drawn])
    found = ours.of(np.stack([subject.genome(space, *one) for one in drawn]))
    return float(np.abs(found - theirs).max() / theirs.std())


def _distance(left: Tensor, right: Tensor) -> float:
    """Largest difference of a logit in standard deviations of the left ones."""
    return float((left - right).abs().max() / left.std())


def main() -> int:
    options = contract.parser(__doc__).parse_args()
    torch.set_num_threads(1)
    figures: dict[str, contract.Figure] = {f"{s}/{key}": None for s in PRESETS for key in FIGURES}
    figures |= {f"{s}/predictor_difference": None for s in PREDICTED}
    try:
        known = subjects()
    except ImportError as problem:
        print(f"No figures: the original can't be imported ({problem}).", file=sys.stderr)
        known = {}
    for name, subject in known.items():
        found = figures_of(name, subject, quick=options.quick)
        figures |= {f"{name}/{key}": found[key] for key in FIGURES}
        print(f"{name}: {found}", file=sys.stderr)
        if name in PREDICTED:
            count = QUICK_ARCHITECTURES if options.quick else ARCHITECTURES
            figures[f"{name}/predictor_difference"] = predictor_difference(name, subject, count)
    contract.emit(options, "checkpoints", figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
