"""Published supernets: every tensor of the file has its place, and subnets compute what the original's formulas say.

`tiny_names.txt` holds names and shapes as the original spells them, of a space that is much smaller than the published.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from nasstudio.engine.errors import CorruptFile, InvalidInput
from nasstudio.engine.net.published.supernet import (
    MEAN,
    PRESETS,
    STD,
    published_supernet,
    recognised,
)
from nasstudio.engine.net.storage import load_supernet, save_supernet
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.layer import expanded, make_divisible
from nasstudio.engine.space.mobilenet import MobileNetSpace
from nasstudio.engine.space.space import SpaceDocument

STAGES = [
    {"channels": 8, "stride": 2, "depth": [1, 2], "kernel": [3, 5, 7], "expand": [2, 3]},
    {
        "channels": 16,
        "stride": 1,
        "depth": [1, 2],
        "kernel": [3, 5, 7],
        "expand": [2, 3],
        "act": "hswish",
        "se": True,
    },
]
OPTIONS = {
    "resolution": [16, 24],
    "stem": 8,
    "head": [16, 24],
    "channels": 3,
    "classes": 5,
    "stages": STAGES,
}
TINY = SpaceDocument("mobilenetv3", "tiny", "Tiny", OPTIONS)
FILE = Path("net.pth")


@pytest.fixture
def tensors() -> dict[str, torch.Tensor]:
    """A file of the tiny space, every tensor random."""
    generator = torch.Generator().manual_seed(5)
    made = {}
    for line in Path(__file__).with_name("tiny_names.txt").read_text().splitlines():
        name, *sizes = line.split()
        shape = [int(size) for size in sizes]
        noise = torch.randn(shape, generator=generator)
        if name.endswith("num_batches_tracked"):
            made[name] = torch.tensor(77)
        elif name.endswith("_matrix"):
            made[name] = torch.eye(shape[0]) + 0.1 * noise
        elif name.endswith("running_var"):
            made[name] = torch.exp(0.3 * noise)
        else:
            made[name] = 0.4 * noise + (1.0 if name.endswith("bn.weight") else 0.0)
    return made


# -- the original's formulas ----------------------------------------------------------------------------------------


def normed(x, tensors, place):
    n = x.shape[1]
    mean, var, weight, bias = (
        tensors[f"{place}.{leaf}"][:n, None, None]
        for leaf in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / torch.sqrt(var + 1e-5) * weight + bias


def hswish(x):
    return x * F.relu6(x + 3) / 6


def kernel_of(tensors, place, size, channels):
    """The depthwise weight of a size: the centre of the next larger, times its matrix."""
    weight = tensors[f"{place}.conv.conv.weight"][:channels, 0]
    for large, small in pairwise((7, 5, 3)):
        if large <= size:
            break
        centre = weight[:, 1:-1, 1:-1].reshape(channels, -1)
        weight = centre @ tensors[f"{place}.conv.{large}to{small}_matrix"].T
        weight = weight.reshape(channels, small, small)
    return weight[:, None]


def block(x, tensors, number, stage, kernel, ratio, stride):
    place = f"blocks.{number}.conv"
    act = hswish if stage.get("se") else F.relu
    channels, middle = x.shape[1], expanded(x.shape[1], ratio)
    wide = tensors[f"{place}.inverted_bottleneck.conv.conv.weight"][:middle, :channels]
    y = act(normed(F.conv2d(x, wide), tensors, f"{place}.inverted_bottleneck.bn.bn"))
    depthwise = kernel_of(tensors, f"{place}.depth_conv", kernel, middle)
    y = F.conv2d(y, depthwise, None, stride, kernel // 2, 1, middle)
    y = act(normed(y, tensors, f"{place}.depth_conv.bn.bn"))
    if stage.get("se"):
        gate, inner = y.mean(3, keepdim=True).mean(2, keepdim=True), make_divisible(middle // 4)
        held = {
            n: tensors[f"{place}.depth_conv.se.fc.{n}"]
            for n in ("reduce.weight", "reduce.bias", "expand.weight", "expand.bias")
        }
        gate = F.relu(
            F.conv2d(gate, held["reduce.weight"][:inner, :middle], held["reduce.bias"][:inner])
        )
        gate = F.conv2d(gate, held["expand.weight"][:middle, :inner], held["expand.bias"][:middle])
        y = y * F.relu6(gate + 3) / 6
    narrow = tensors[f"{place}.point_linear.conv.conv.weight"][:, :middle]
    y = normed(F.conv2d(y, narrow), tensors, f"{place}.point_linear.bn.bn")
    return y + x if stride == 1 and y.shape[1] == channels else y


def original(tensors, values, images):
    """Logits of a subnet, straight from the file's tensors."""
    x = F.conv2d(images, tensors["first_conv.conv.weight"], None, 2, 1)
    x = hswish(normed(x, tensors, "first_conv.bn"))
    y = F.conv2d(x, tensors["blocks.0.conv.depth_conv.conv.weight"], None, 1, 1, 1, 8)
    y = F.relu(normed(y, tensors, "blocks.0.conv.depth_conv.bn"))
    y = F.conv2d(y, tensors["blocks.0.conv.point_linear.conv.weight"])
    x = x + normed(y, tensors, "blocks.0.conv.point_linear.bn")
    for s, stage in enumerate(STAGES, start=1):
        for b in range(1, int(values[f"stage{s}.depth"]) + 1):
            x = block(
                x,
                tensors,
                2 * (s - 1) + b,
                stage,
                int(values[f"stage{s}.block{b}.kernel"]),
                values[f"stage{s}.block{b}.expand"],
                stage["stride"] if b == 1 else 1,
            )
    x = F.conv2d(x, tensors["final_expand_layer.conv.weight"])
    x = hswish(normed(x, tensors, "final_expand_layer.bn")).mean((2, 3), keepdim=True)
    x = hswish(F.conv2d(x, tensors["feature_mix_layer.conv.weight"])).flatten(1)
    return F.linear(x, tensors["classifier.linear.weight"], tensors["classifier.linear.bias"])


@torch.no_grad()
def test_that_every_subnet_answers_what_the_original_answers(tensors):
    supernet, _ = published_supernet(tensors, FILE, TINY)
    supernet.eval()
    space = supernet.space
    answers = []
    images = torch.randn(3, 3, 24, 24, generator=torch.Generator().manual_seed(1))
    population = space.sample(12, np.random.default_rng(2))
    ends = np.stack([space.smallest(), space.largest()])
    for genome in np.concatenate([ends, population]):
        wanted = original(tensors, space.values(genome), images)
        supernet.activate(genome)
        for found in (supernet(images), supernet.extract(genome)(images)):
            torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4 * float(wanted.std()))
        answers.append(wanted)
    assert float((answers[0] - answers[1]).abs().max() / answers[0].std()) > 0.1


def older(name: str) -> str:
    return name.replace(".conv.", ".mobile_inverted_conv.", 1) if "blocks" in name else name


def flat(name: str) -> str:
    return name.replace(".conv.conv.weight", ".conv.weight").replace(".bn.bn.", ".bn.")


@pytest.mark.parametrize("spelling", [older, flat, lambda name: flat(older(name))])
def test_that_older_spellings_of_names_are_read(tensors, spelling):
    spelled = {spelling(name): tensor for name, tensor in tensors.items()}
    assert spelled.keys() != tensors.keys()
    wanted, _ = published_supernet(tensors, FILE, TINY)
    found, _ = published_supernet(spelled, FILE, TINY)
    states = wanted.state_dict(), found.state_dict()
    assert all(map(torch.equal, states[0].values(), states[1].values()))


def test_that_the_imported_supernet_is_a_file_like_any_other(tensors, tmp_path):
    supernet, about = published_supernet(tensors, FILE, TINY)
    save_supernet(tmp_path / "s.safetensors", supernet, about)
    found, said = load_supernet(tmp_path / "s.safetensors")
    assert said == about
    assert (said.mean, said.std, said.space) == (MEAN, STD, TINY)
    assert found.space.hash == MobileNetSpace(TINY).hash
    assert all(map(torch.equal, found.state_dict().values(), supernet.state_dict().values()))


def test_that_counters_of_training_steps_may_be_missing(tensors):
    left = {n: t for n, t in tensors.items() if not n.endswith("num_batches_tracked")}
    published_supernet(left, FILE, TINY)


def refusal(tensors) -> CorruptFile:
    with pytest.raises(CorruptFile) as problem:
        published_supernet(tensors, FILE, TINY)
    assert problem.value.where == str(FILE)
    assert problem.value.remedy
    return problem.value


@pytest.mark.parametrize(
    "name",
    [
        "blocks.2.conv.depth_conv.conv.7to5_matrix",
        "blocks.4.conv.depth_conv.se.fc.reduce.bias",
        "final_expand_layer.bn.running_mean",
        "classifier.linear.weight",
    ],
)
def test_that_a_missing_tensor_is_named(tensors, name):
    del tensors[name]
    assert name in refusal(tensors).what


@pytest.mark.parametrize("name", ["blocks.5.conv.point_linear.conv.conv.weight", "teacher.bias"])
def test_that_a_tensor_without_a_place_is_named(tensors, name):
    tensors[name] = torch.zeros(3)
    said = refusal(tensors).what
    assert name.replace(".conv.conv.", ".conv.") in said
    assert "no place" in said


NAME = "blocks.3.conv.depth_conv.bn.bn.running_var"


@pytest.mark.parametrize(
    ("tensor", "said"),
    [
        (torch.ones(7), "(7,)"),
        (torch.ones(24, dtype=torch.int64), "int64"),
        (torch.full((24,), torch.nan), "not finite"),
        (-torch.ones(24), "negative"),
        (torch.ones(24, device="meta"), "(24,)"),
        (torch.ones(24).to_sparse(), "(24,)"),
    ],
)
def test_that_a_tensor_that_is_wrong_is_named(tensors, tensor, said):
    tensors[NAME] = tensor
    what = refusal(tensors).what
    assert NAME.replace(".bn.bn.", ".bn.") in what
    assert said in what


def test_that_a_tensor_in_two_spellings_is_refused(tensors):
    tensors[older(NAME)] = tensors[NAME]
    assert "twice" in refusal(tensors).what


# -- which space ----------------------------------------------------------------------------------------------------


def ends(name: str, channels: int, classes: int) -> dict[str, torch.Tensor]:
    """The first and the last weight of a published supernet, without numbers."""
    space = build(preset(name))
    layers = [block.layer for block in space.blocks(space.largest())]
    first = "input_stem.0" if space.document.family == "resnet" else "first_conv"
    return {
        f"{first}.conv.weight": torch.empty(layers[0].channels_out, channels, 3, 3, device="meta"),
        "classifier.linear.weight": torch.empty(classes, layers[-1].channels_in, device="meta"),
    }


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize(("channels", "classes"), [(3, 1000), (1, 37)])
def test_that_a_published_space_is_recognised_from_the_tensors(name, channels, classes):
    document = recognised(ends(name, channels, classes), FILE)
    assert document.name == name
    assert (document.options["channels"], document.options["classes"]) == (channels, classes)


def test_that_other_widths_are_refused_with_what_was_found(tensors):
    with pytest.raises(CorruptFile, match=r"8 outputs .* 24 inputs"):
        published_supernet(tensors, FILE)


def test_that_another_networks_file_is_refused(tensors):
    with pytest.raises(CorruptFile, match=r"first_conv\.conv\.weight and input_stem"):
        published_supernet({"features.0.weight": torch.zeros(3)}, FILE)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (SpaceDocument("mobilenetv3", "ten", "Ten", {**OPTIONS, "classes": 10}), "10"),
        (preset("mbv3_28"), "mbv3_28"),
    ],
)
def test_that_a_file_of_another_space_than_the_wanted_one_is_refused(tensors, wanted, said):
    with pytest.raises(InvalidInput, match="not of the space") as problem:
        published_supernet(tensors, FILE, wanted)
    assert said in problem.value.what


def test_that_fewer_resolutions_are_still_the_same_supernet(tensors):
    wanted = SpaceDocument("mobilenetv3", "one", "One", {**OPTIONS, "resolution": [24]})
    supernet, about = published_supernet(tensors, FILE, wanted)
    assert about.space == wanted
    assert supernet.space.genes[0].options == (24,)
