"""The accuracy predictors that were published with Once-for-All, for our spaces of the same networks (Cai et al. 2020).

A network's features there are the options of its genes, one of each, as here, but in another order (OFA:
``tutorial/accuracy_predictor.py``, ``nas/accuracy_predictor/arch_encoder.py``). So the rows of the first matrix are put
into our order once, and from then on it is a predictor like any other. What is not known of it is said as not known:
it has no rank correlation, no error and no interval.

They know few input resolutions. A network of another resolution is predicted as at the next lower one that they know,
as the original does: so it is never promised more than it was asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.errors import CorruptFile, InvalidInput
from nasstudio.engine.predictor.choice import Model
from nasstudio.engine.predictor.encoding import OneHot
from nasstudio.engine.predictor.ensemble import AccuracyPredictor
from nasstudio.engine.predictor.published_mlp import HIDDEN, LAYERS, PublishedMlp
from nasstudio.engine.predictor.report import PredictorReport
from nasstudio.engine.space.families import preset
from nasstudio.engine.space.gene import Gene
from nasstudio.engine.space.space import SearchSpace

Matrix = NDArray[np.float32]
KIND = "published_mlp"
_REMEDY = "Choose acc_predictor.pth or ofa_resnet50_acc_predictor.pth of Once-for-All."
_BLOCK = re.compile(r"(?P<stage>stage\d+)\.block(?P<number>\d+)\.")


@dataclass(frozen=True)
class _Layout:
    """What one published predictor is about.

    Attributes
    ----------
    preset : the space whose networks it knows, at any width multiplier.
    tensors : names of the matrices and of the biases, from input to output.
    resolutions : those it knows, px, rising.
    features : ``gene=option`` of each feature.
    note : what a person should know.
    """

    preset: str
    tensors: tuple[tuple[str, str], ...]
    resolutions: tuple[int, ...]
    features: tuple[str, ...]
    note: str

    def feature(self, gene: Gene, option: float) -> int | None:
        """Index of the feature of an option; None if it has none."""
        if gene.kind == "resolution":
            option = max(px for px in self.resolutions if px <= option)
        name = f"{gene.name}={option:g}"
        return self.features.index(name) if name in self.features else None


def _options(gene: str, options: tuple[float, ...]) -> list[str]:
    return [f"{gene}={option:g}" for option in options]


def _mobile_features(resolutions: tuple[int, ...]) -> tuple[str, ...]:
    blocks = [f"stage{s}.block{b}" for s in range(1, 6) for b in range(1, 5)]
    kernels = [name for block in blocks for name in _options(f"{block}.kernel", (3, 5, 7))]
    ratios = [name for block in blocks for name in _options(f"{block}.expand", (3, 4, 6))]
    return (*kernels, *ratios, *_options("resolution", resolutions))


def _resnet_features(resolutions: tuple[int, ...]) -> tuple[str, ...]:
    widths = ["stem.inner", "stem.width", *(f"stage{s}.width" for s in range(1, 5))]
    blocks = [
        f"stage{s}.block{b}" for s, most in enumerate((4, 4, 6, 4), 1) for b in range(1, most + 1)
    ]
    return (
        *_options("resolution", resolutions),
        *_options("stem.depth", (0, 1)),
        *(name for width in widths for name in _options(width, (0.65, 0.8, 1))),
        *(name for block in blocks for name in _options(f"{block}.expand", (0.2, 0.25, 0.35))),
    )


_MOBILE_PX = (112, 128, 144, 160, 176, 192, 208, 224)
_RESNET_PX = (128, 144, 160, 176, 192, 224, 240, 256)
_UNKNOWN = (
    "It was published with Once-for-All and not fitted here: its rank correlation and its error are not known. "
    "It predicts the accuracy on ImageNet, on training images that were held out"
)
_MOBILE = _Layout(
    "ofa_mbv3",
    (
        ("0.weight", "0.bias"),
        ("2.weight", "2.bias"),
        ("4.weight", "4.bias"),
        ("6.weight", "6.bias"),
    ),
    _MOBILE_PX,
    _mobile_features(_MOBILE_PX),
    f"{_UNKNOWN}: four published networks have 3.5 points less on the validation images. "
    "It was made for width 1.2.",
)
_RESNET = _Layout(
    "ofa_resnet50",
    (
        ("layers.0.0.weight", "layers.0.0.bias"),
        ("layers.1.0.weight", "layers.1.0.bias"),
        ("layers.2.0.weight", "layers.2.0.bias"),
        ("layers.3.weight", "base_acc"),
    ),
    _RESNET_PX,
    _resnet_features(_RESNET_PX),
    f"{_UNKNOWN}.",
)


def is_predictor(names: Mapping[str, Any]) -> bool:
    """Whether a file's tensors look like those of a published predictor."""
    return _layout(names) is not None


def _layout(names: Mapping[str, Any]) -> _Layout | None:
    return next((known for known in (_MOBILE, _RESNET) if known.tensors[0][0] in names), None)


def published_predictor(
    space: SearchSpace, arrays: Mapping[str, NDArray[Any]], where: str | Path
) -> AccuracyPredictor:
    """A published predictor for the networks of a space.

    Parameters
    ----------
    space : the published one, at any width multiplier and with any of its options left out.
    arrays : the file's tensors by their names.

    Raises
    ------
    CorruptFile
        A tensor is missing, has no place, or another shape; it is named. Or what it predicts are no shares.
    InvalidInput
        The space has networks that the predictor does not know.
    """
    layout = _layout(arrays)
    if layout is None:
        raise CorruptFile("This is no published accuracy predictor.", where=where, remedy=_REMEDY)
    weights, biases = _checked(layout, arrays, where)
    _check_space(layout, space)
    first, bias = _in_our_order(layout, space, weights[0], biases[0])
    ensemble = PublishedMlp(
        {f"w{i}": w for i, w in enumerate((first, *weights[1:]))}
        | {f"b{i}": b for i, b in enumerate((bias, *biases[1:]))}
    )
    _check_shares(ensemble, space, where)
    model = Model(ensemble, mean=0.0, scale=1.0)
    return AccuracyPredictor(space, model, None, None, _report(layout, space))


def _checked(
    layout: _Layout, arrays: Mapping[str, NDArray[Any]], where: str | Path
) -> tuple[list[Matrix], list[Matrix]]:
    """The matrices `(inputs, outputs)` and the biases, from input to output."""
    wanted = [name for pair in layout.tensors for name in pair]
    for name in [*wanted, *arrays]:
        if name not in arrays or name not in wanted:
            word = "is missing" if name in wanted else "has no place in it"
            raise CorruptFile(
                f"This is no published accuracy predictor: the tensor {name} {word}.",
                where=where,
                remedy=_REMEDY,
            )
    sizes = (len(layout.features), *[HIDDEN] * (LAYERS - 1), 1)
    found: dict[str, Matrix] = {}
    for i, (weight, bias) in enumerate(layout.tensors):
        for name, shape in ((weight, (sizes[i + 1], sizes[i])), (bias, (sizes[i + 1],))):
            array = arrays[name]
            if array.shape != shape or array.dtype.kind != "f" or not np.isfinite(array).all():
                raise CorruptFile(
                    f"The tensor {name} is {array.shape} {array.dtype}; {shape} finite numbers are needed.",
                    where=where,
                    remedy=_REMEDY,
                )
            found[name] = np.ascontiguousarray(array.T, dtype=np.float32)
    return [found[weight] for weight, _ in layout.tensors], [
        found[bias] for _, bias in layout.tensors
    ]


def _check_space(layout: _Layout, space: SearchSpace) -> None:
    document = preset(layout.preset)
    same = space.document.family == document.family and _shape(space.document.options) == _shape(
        document.options
    )
    if not same:
        raise InvalidInput(
            f"The predictor knows the networks of {document.name}, not those of {space.name}.",
            where=f"space {space.name}",
            remedy=f"Choose that space first: nasstudio space PROJECT --preset {document.name}",
        )
    for gene in space.genes:
        for option in gene.options:
            known = (
                option >= layout.resolutions[0]
                if gene.kind == "resolution"
                else layout.feature(gene, option) is not None or _needs_none(layout, gene)
            )
            if not known:
                raise InvalidInput(
                    f"The predictor does not know {gene.name} = {option:g}.",
                    where=f"space {space.name}",
                    remedy="Leave that option out of the space.",
                )


def _needs_none(layout: _Layout, gene: Gene) -> bool:
    """Whether a gene's options show in other genes' features (depth), or there is nothing to choose."""
    told = any(name.startswith(f"{gene.name}=") for name in layout.features)
    return not told and (gene.kind == "depth" or len(gene) == 1)


def _shape(options: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """What of a space's stages the predictor takes for granted."""
    keys = ("channels", "stride")
    return [tuple(stage.get(key) for key in keys) for stage in options.get("stages", ())]


# -- the first matrix -----------------------------------------------------------------------------------------------


def _in_our_order(
    layout: _Layout, space: SearchSpace, weight: Matrix, bias: Matrix
) -> tuple[Matrix, Matrix]:
    """First matrix and bias for our features of the space.

    A gene with one option is no feature here, but is one there while its block is present: it is counted with the
    depths at which that is so, or always.
    """
    ours = {name: row for row, name in enumerate(OneHot(space).names)}
    first, constant = np.zeros((len(ours), HIDDEN), dtype=np.float32), bias.copy()
    for gene in space.genes:
        for option in gene.options:
            index = layout.feature(gene, option)
            if index is None:
                continue
            for name in _holders(space, gene, option):
                if name is None:
                    constant += weight[index]
                else:
                    first[ours[name]] += weight[index]
    return first, constant


def _holders(space: SearchSpace, gene: Gene, option: float) -> Iterator[str | None]:
    """Our features that say that an option is active, at most one of them at a time; None: it always is."""
    if len(gene) > 1:
        yield f"{gene.name}={option:g}"
        return
    block = _BLOCK.match(gene.name)
    if block is None:
        yield None
        return
    depth = next(g for g in space.genes if g.name == f"{block['stage']}.depth")
    for blocks in depth.options:
        if blocks >= int(block["number"]):
            yield f"{depth.name}={blocks:g}" if len(depth) > 1 else None


# -- what is said about it ------------------------------------------------------------------------------------------


def _report(layout: _Layout, space: SearchSpace) -> PredictorReport:
    sizes = next(gene.options for gene in space.genes if gene.kind == "resolution")
    between = [px for px in sizes if px not in layout.resolutions]
    note = layout.note
    if between:
        known = ", ".join(str(px) for px in layout.resolutions)
        note += (
            f" It knows the resolutions {known} px; a network between two is predicted as at the lower one, "
            "so the search has no reason to take it."
        )
    return PredictorReport(
        kind=KIND,
        networks=0,
        n_held=0,
        tau=None,
        tau_top=None,
        n_top=0,
        rmse_points=None,
        optimism_points=None,
        interval_points=None,
        holding=None,
        taus={},
        taus_top={},
        noise_points=None,
        predicted=(),
        actual=(),
        note=note,
    )


def _check_shares(ensemble: PublishedMlp, space: SearchSpace, where: str | Path) -> None:
    """See that it predicts shares of images for the ends of the space, before predictions are cut off at 0 and 1."""
    found = ensemble.mean(OneHot(space).of(np.stack([space.smallest(), space.largest()])))
    if not ((found > 0) & (found < 1)).all():
        raise CorruptFile(
            f"It predicts {found.min():g} and {found.max():g} for the smallest and the largest network: no shares.",
            where=where,
            remedy=_REMEDY,
        )
