"""The fit job: accuracy pairs in, accuracy predictor out.

Pairs are lines of JSON, ``{"genome": [...], "accuracy": 0.87}``; other fields are passed over. A last line without its
end is one that a running collection has not finished, and is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np

from nasstudio.engine.atomic import replace_atomic
from nasstudio.engine.cost.counts import macs
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.job.context import JobContext
from nasstudio.engine.job.specification import FitSpec
from nasstudio.engine.predictor.ensemble import fit
from nasstudio.engine.space.families import build
from nasstudio.engine.space.space import SearchSpace


class Pair(msgspec.Struct, frozen=True):
    """One measured network: option indices, and validation accuracy as a share 0..1.

    `images` is on how many, `halves` the accuracy on each half of them; 0 and None where nobody said so.
    """

    genome: tuple[int, ...]
    accuracy: float
    images: Annotated[int, msgspec.Meta(ge=0)] = 0
    halves: tuple[float, float] | None = None


def run(spec: FitSpec, job: JobContext) -> dict[str, Any]:
    """Fit and write `predictor.npz`. The summary is the predictor's report without the scatter."""
    space = build(spec.space)
    pairs: list[Pair] = []
    for reference in spec.pairs:
        pairs += read_pairs(job.input(reference), space)
    job.log(f"{len(pairs)} pairs.")
    job.progress(0, 1, unit="fit", label="Fitting")
    job.check()
    genomes = [pair.genome for pair in pairs]
    predictor = fit(
        space,
        genomes,
        [pair.accuracy for pair in pairs],
        np.random.default_rng(spec.seed),
        spec.held_back,
        halves=_halves(pairs),
        images=min((pair.images for pair in pairs), default=0),
        costs=macs(space, space.checked(genomes)) if genomes else None,
    )
    path = job.path / "predictor.npz"
    replace_atomic(path, predictor.save)
    report = msgspec.to_builtins(predictor.report)
    about = {"space": space.name, "space_hash": space.hash, **report}
    job.artefact("predictor", path, about=about)
    job.progress(1, 1, unit="fit", label="Fitted")
    summary = {key: value for key, value in about.items() if key not in ("predicted", "actual")}
    job.result("predictor", summary)
    return {**summary, "pairs": len(pairs)}


def _halves(pairs: Sequence[Pair]) -> list[tuple[float, float]] | None:
    """Accuracies on the halves of the images, if all pairs have them."""
    found = [pair.halves for pair in pairs if pair.halves is not None]
    return found if found and len(found) == len(pairs) else None


def read_pairs(path: Path, space: SearchSpace) -> list[Pair]:
    """The pairs of one file.

    Raises
    ------
    InvalidInput
        A line is not a pair of this space; its number is named.
    """
    pairs = []
    for number, line in enumerate(path.read_bytes().splitlines(keepends=True), start=1):
        if not line.endswith(b"\n"):
            break
        if line.strip():
            pairs.append(_pair(line, f"{path}, line {number}", space))
    return pairs


def _pair(line: bytes, where: str, space: SearchSpace) -> Pair:
    remedy = "Remove the line, or collect the pairs again."
    try:
        pair = msgspec.json.decode(line, type=Pair)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise InvalidInput(
            f"This is not a pair of genome and accuracy: {problem}.", where=where, remedy=remedy
        ) from None
    for share in (pair.accuracy, *(pair.halves or ())):
        if 0 <= share <= 1:
            continue
        raise InvalidInput(
            f"An accuracy of {share:g} is not a share of images.",
            where=where,
            remedy=remedy,
        )
    try:
        space.checked([pair.genome])
    except InvalidInput as problem:
        raise InvalidInput(problem.what, where=where, remedy=problem.remedy or remedy) from None
    except OverflowError:
        raise InvalidInput("An option is too large.", where=where, remedy=remedy) from None
    return pair
