"""Published accuracy predictors: their layout of features, what they know, and what is not known of them.

The predictors here pass every feature through unchanged, so that a prediction is a sum of one number a feature.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from nasstudio.engine.errors import CorruptFile, InvalidInput
from nasstudio.engine.predictor.ensemble import load
from nasstudio.engine.predictor.published import is_predictor, published_predictor
from nasstudio.engine.predictor.report import PredictorReport
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.space import SearchSpace, SpaceDocument

FILE = Path("acc.pth")
MOBILE_PX = (112, 128, 144, 160, 176, 192, 208, 224)
RESNET_PX = (128, 144, 160, 176, 192, 224, 240, 256)


def additive(features: int, last: list[str]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """A predictor whose prediction is 0.5 and the sum of a number for each active feature; and these numbers."""
    values = np.random.default_rng(3).uniform(0, 0.01, features).astype(np.float32)
    first, through = np.zeros((400, features), np.float32), np.eye(400, dtype=np.float32)
    first[:features] = np.eye(features, dtype=np.float32)
    out = np.zeros((1, 400), np.float32)
    out[0, :features] = values
    zeros = np.zeros(400, np.float32)
    arrays = [first, zeros, through, zeros, through, zeros, out, np.array([0.5], np.float32)]
    return dict(zip(last, arrays, strict=True)), values


def mobile():
    return additive(128, [f"{i}.{leaf}" for i in (0, 2, 4, 6) for leaf in ("weight", "bias")])


def residual():
    names = [f"layers.{i}.0.{leaf}" for i in range(3) for leaf in ("weight", "bias")]
    return additive(82, [*names, "layers.3.weight", "base_acc"])


def restricted(name: str, resolution=None, **stage) -> SearchSpace:
    """A published space with fewer options."""
    document = preset(name)
    stages = [{**s, **stage} for s in document.options["stages"]]
    options = {**document.options, "stages": stages}
    if resolution:
        options["resolution"] = list(resolution)
    return build(SpaceDocument(document.family, "less", "Less", options))


def lower(px: float, known: tuple[int, ...]) -> int:
    return max(i for i, size in enumerate(known) if size <= px)


def mobile_features(space: SearchSpace, genome) -> list[int]:
    """Indices of the features that the original sets (OFA: `spec2feats`): kernels, expand ratios, resolution."""
    values = space.values(genome)
    found = [120 + lower(values["resolution"], MOBILE_PX)]
    for s in range(5):
        for b in range(int(values[f"stage{s + 1}.depth"])):
            block = f"stage{s + 1}.block{b + 1}"
            position = 3 * (4 * s + b)
            found.append(position + (3, 5, 7).index(values[f"{block}.kernel"]))
            found.append(60 + position + (3, 4, 6).index(values[f"{block}.expand"]))
    return found


def resnet_features(space: SearchSpace, genome) -> list[int]:
    """Likewise (OFA: `ResNetArchEncoder`): resolution, stem, widths, expand ratios."""
    values = space.values(genome)
    widths = ["stem.inner", "stem.width", *(f"stage{s}.width" for s in range(1, 5))]
    found = [lower(values["resolution"], RESNET_PX), 8 + int(values["stem.depth"])]
    found += [10 + 3 * i + (0.65, 0.8, 1).index(values[w]) for i, w in enumerate(widths)]
    begin = 0
    for s, most in enumerate((4, 4, 6, 4), start=1):
        for b in range(int(values[f"stage{s}.depth"])):
            ratio = values[f"stage{s}.block{b + 1}.expand"]
            found.append(28 + 3 * (begin + b) + (0.2, 0.25, 0.35).index(ratio))
        begin += most
    return found


SPACES = [
    (build(preset("ofa_mbv3")), mobile, mobile_features),
    (build(preset("ofa_mbv3_w12")), mobile, mobile_features),
    (restricted("ofa_mbv3", resolution=[160]), mobile, mobile_features),
    (restricted("ofa_mbv3", resolution=[160, 192], kernel=[5]), mobile, mobile_features),
    (restricted("ofa_mbv3", depth=[3], kernel=[3], expand=[3, 6]), mobile, mobile_features),
    (build(preset("ofa_resnet50")), residual, resnet_features),
    (restricted("ofa_resnet50", expand=[0.25], width=[0.8]), residual, resnet_features),
]


@pytest.mark.parametrize(("space", "made", "features"), SPACES)
def test_that_every_option_counts_as_it_does_in_the_original(space, made, features):
    arrays, values = made()
    predictor = published_predictor(space, arrays, FILE)
    population = space.sample(50, np.random.default_rng(1))
    wanted = [0.5 + values[features(space, genome)].sum() for genome in population]
    np.testing.assert_allclose(predictor.of(population), wanted, atol=1e-6)


def test_that_a_resolution_between_two_is_promised_no_more_than_the_lower_one():
    space = build(preset("ofa_mbv3"))
    arrays, _ = mobile()
    genome = np.repeat(space.largest()[None], 5, axis=0)
    sizes = space.genes[0].options
    genome[:, 0] = [sizes.index(px) for px in (160, 164, 168, 172, 176)]
    found = published_predictor(space, arrays, FILE).of(genome)
    assert len(set(found[:4])) == 1
    assert found[4] != found[0]


def test_that_what_is_not_known_of_it_is_not_said():
    space = build(preset("ofa_mbv3"))
    predictor = published_predictor(space, mobile()[0], FILE)
    report = predictor.report
    judged = (report.tau, report.tau_top, report.rmse_points, report.interval_points)
    assert judged == (None,) * 4
    assert (report.networks, report.n_held, report.predicted) == (0, 0, ())
    assert "not known" in report.note
    assert "3.5 points" in report.note
    assert "lower one" in report.note
    assert np.isnan(predictor.interval(space.largest()[None])).all()
    assert np.isnan(predictor.spread(space.largest()[None])).all()


def test_that_a_space_of_known_resolutions_needs_no_word_about_others():
    space = restricted("ofa_mbv3", resolution=[160, 176])
    assert "lower one" not in published_predictor(space, mobile()[0], FILE).report.note


@pytest.mark.parametrize(("space", "made", "features"), [SPACES[1], SPACES[5]])
def test_that_it_is_stored_and_read_like_any_other(space, made, features, tmp_path):
    predictor = published_predictor(space, made()[0], FILE)
    predictor.save(tmp_path / "p.npz")
    found = load(tmp_path / "p.npz", space)
    population = space.sample(20, np.random.default_rng(1))
    np.testing.assert_array_equal(found.of(population), predictor.of(population))
    assert found.report == predictor.report
    assert found.uncertainty is None
    text = msgspec.json.encode(found.report)
    assert msgspec.json.decode(text, type=PredictorReport) == found.report


# -- refusals -------------------------------------------------------------------------------------------------------


def test_that_it_is_told_from_a_supernet_by_its_tensors():
    assert is_predictor(mobile()[0])
    assert is_predictor(residual()[0])
    assert not is_predictor({"first_conv.conv.weight": 1, "classifier.linear.bias": 1})


@pytest.mark.parametrize(
    ("space", "said"),
    [
        (build(preset("mbv3_28")), "ofa_mbv3"),
        (build(preset("ofa_resnet50")), "ofa_mbv3"),
        (build(preset("ofa_proxyless_w13")), "ofa_mbv3"),
        (restricted("ofa_mbv3", resolution=[96, 128]), "resolution = 96"),
        (restricted("ofa_mbv3", expand=[3, 5]), "expand = 5"),
        (restricted("ofa_mbv3", depth=[4, 5]), "block5"),
        (restricted("ofa_mbv3", width=[0.5, 1.0]), "width = 0.5"),
    ],
)
def test_that_a_space_it_does_not_know_is_refused(space, said):
    with pytest.raises(InvalidInput) as problem:
        published_predictor(space, mobile()[0], FILE)
    assert said in str(problem.value)
    assert problem.value.remedy


@pytest.mark.parametrize(
    ("name", "array", "said"),
    [
        ("2.bias", None, "2.bias is missing"),
        ("8.weight", np.zeros(3), "8.weight has no place"),
        ("4.weight", np.zeros((400, 399), np.float32), "4.weight"),
        ("6.bias", np.array([np.nan], np.float32), "6.bias"),
        ("0.bias", np.zeros(400, np.int64), "int64"),
        ("6.bias", np.array([76.0], np.float32), "no shares"),
    ],
)
def test_that_a_wrong_tensor_is_named(name, array, said):
    arrays = mobile()[0]
    if array is None:
        del arrays[name]
    else:
        arrays[name] = array
    with pytest.raises(CorruptFile) as problem:
        published_predictor(build(preset("ofa_mbv3")), arrays, FILE)
    assert said in problem.value.what
    assert problem.value.where == str(FILE)
