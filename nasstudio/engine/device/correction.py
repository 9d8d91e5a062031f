"""Correction: what a layer's time, measured alone, counts for in a whole network.

Every correction here is additive over the rows of a network, so that a search stays a table look-up: each layer gets an
*effective* time, and a network is their sum and one constant. The family is nested, from the plain sum to a residual
model; `device.calibration` chooses among them. The parameters of many folds are fitted at once, robustly, in relative
error. Nothing here measures, and nothing judges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.space.layer import LayerSpec

Values = NDArray[np.float64]

FAMILY = ("sum", "scale", "line", "kinds", "residual")  # from the simplest to the richest
FLOOR = 0.05  # a row never counts for less than this share of its scaled time
FEATURES = {
    "input": "ms a MiB of input",
    "output": "ms a MiB of output",
    "middle": "ms a MiB between expansion and projection",
    "weights": "ms a MiB of weights",
    "se": "ms a squeeze-and-excitation",
    "stride": "share of the time of a layer with a stride",
    "kernel": "share of the time of a layer with a kernel of 5 or more",
    "image": "share of the time of a layer that reads the image",
    "vector": "share of the time of a layer without positions",
}

_IMAGE_CHANNELS = 4
_BYTES, _MIB = 4, 1024**2
_ROUNDS = 12
_HUBER = 1.345  # 95 % efficient where errors are normal (Huber 1964)
_LEAST_SCALE = 1e-4
_FACTOR_SD, _ROW_SD = (
    0.3,
    0.5,
)  # how far a kind's factor, a row's cost (in mean rows) are expected to be off
_RIDGES = (100.0, 30.0, 10.0, 3.0, 1.0)  # in networks' worth of evidence against each feature


class Correction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Additive correction of the rows of a network.

    A layer of kind k and measured time t counts for ``factors[k] * t + row_ms + residual . features``, never less
    than `FLOOR` of scale * t; a network is the sum of its layers and `constant_ms`.

    Attributes
    ----------
    name : one of `FAMILY`.
    scale : factor of kinds that `factors` does not name.
    constant_ms : once a network; ms.
    row_ms : once a layer; ms. Negative where a layer alone carries a cost that it has not in a network.
    factors : by kind, see `kind_of`.
    residual : coefficients by feature, see `FEATURES`.
    """

    name: str = "sum"
    scale: float = 1.0
    constant_ms: float = 0.0
    row_ms: float = 0.0
    factors: dict[str, float] = {}
    residual: dict[str, float] = {}

    def effective_ms(self, layers: Sequence[LayerSpec], times_ms: Values) -> Values:
        """What each layer counts for in a network. `(layers,)` ms."""
        times = np.asarray(times_ms, dtype=float)
        factors = np.array([self.factors.get(kind_of(layer), self.scale) for layer in layers])
        found = factors * times + self.row_ms
        if self.residual:
            names = list(FEATURES)
            wanted = np.array([self.residual.get(name, 0.0) for name in names])
            found = found + features(layers, times) @ wanted
        effective: Values = np.maximum(found, FLOOR * max(self.scale, 0.0) * times)
        return effective

    @property
    def finite(self) -> bool:
        """Whether every number is one."""
        numbers = [self.scale, self.constant_ms, self.row_ms]
        return bool(np.isfinite([*numbers, *self.factors.values(), *self.residual.values()]).all())


def kind_of(layer: LayerSpec) -> str:
    """The kind that shares a factor: ``mbconv``, ``mbconv with SE``, ``conv``, ..."""
    if layer.kind == "conv" and layer.groups > 1 and layer.groups == layer.channels_in:
        return "dwconv"
    return f"{layer.kind} with SE" if layer.se else layer.kind


def features(layers: Sequence[LayerSpec], times_ms: Values) -> Values:
    """What a layer's time alone can't show, in the order of `FEATURES`. `(layers, features)`.

    Measured alone, a layer finds its input and its weights in the cache, and its output is read by nobody.
    """
    rows = []
    for layer, ms in zip(layers, times_ms, strict=True):
        inside = layer.channels_in * layer.height * layer.width
        after = layer.height_out * layer.width_out
        outside = layer.channels_out * (1 if layer.pooled else after)
        rows.append(
            (
                inside * _BYTES / _MIB,
                outside * _BYTES / _MIB,
                layer.middle * after * _BYTES / _MIB,
                _weights(layer) * _BYTES / _MIB,
                float(layer.se),
                ms * (layer.stride > 1),
                ms * (layer.kernel >= 5),
                ms * (layer.channels_in <= _IMAGE_CHANNELS),
                ms * (layer.height * layer.width == 1),
            )
        )
    return np.array(rows, dtype=float).reshape(len(rows), len(FEATURES))


def _weights(layer: LayerSpec) -> int:
    """Weights that a layer reads, without norms and biases."""
    middle, area = layer.middle or layer.channels_out, layer.kernel**2
    squeeze = 2 * layer.squeeze * middle
    if not layer.middle:
        return layer.channels_in // layer.groups * layer.channels_out * area + squeeze
    widen = layer.channels_in * middle if middle != layer.channels_in else 0
    return widen + middle * area + middle * layer.channels_out + squeeze


@dataclass(frozen=True)
class Candidate:
    """A member of the family, as columns of a `Design` and how strongly each is held back.

    Attributes
    ----------
    columns : of the design that it uses.
    sd : how far from 0 each may be expected; inf: free. `(columns,)`.
    ridge : further penalty on the square of each. `(columns,)`.
    """

    name: str
    columns: NDArray[np.intp]
    sd: Values
    ridge: Values


@dataclass(frozen=True)
class Design:
    """Networks as sums of rows, and what a correction may use of them.

    Columns: the measured time; the part of each kind; the number of rows; the features; the constant, last.

    Attributes
    ----------
    layers, times_ms : of each row of a table. `(layers,)`.
    rows : of each network; -1 absent. `(n, positions)`.
    """

    layers: tuple[LayerSpec, ...]
    times_ms: Values
    rows: NDArray[np.intp]

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of the layers that the networks use."""
        used = np.unique(self.rows[self.rows >= 0])
        return tuple(dict.fromkeys(kind_of(self.layers[i]) for i in used))

    @cached_property
    def by_layer(self) -> Values:
        """`(layers, columns - 1)`: all but the constant."""
        kinds = np.array([kind_of(layer) for layer in self.layers])
        shares = [np.where(kinds == kind, self.times_ms, 0.0) for kind in self.kinds]
        plain = np.stack([self.times_ms, *shares, np.ones(len(self.layers))], axis=1)
        return np.hstack([plain, features(self.layers, self.times_ms)])

    @cached_property
    def by_network(self) -> Values:
        """`(n, columns)`."""
        padded = np.vstack([self.by_layer, np.zeros(self.by_layer.shape[1])])
        summed = padded[self.rows].sum(axis=1)
        return np.hstack([summed, np.ones((len(summed), 1))])

    @property
    def sums_ms(self) -> Values:
        """Plain sum of each network. `(n,)`."""
        sums: Values = self.by_network[:, 0]
        return sums

    def candidates(self) -> list[Candidate]:
        """The family that so many networks can tell apart, from the simplest to the richest."""
        n, kinds = len(self.rows), len(self.kinds)
        constant = self.by_network.shape[1] - 1
        free = np.array([np.inf, np.inf])
        line = np.array([0, constant])
        found = [Candidate("sum", np.zeros(0, np.intp), np.zeros(0), np.zeros(0))]
        if n >= 4:
            found.append(Candidate("scale", line[:1], free[:1], np.zeros(1)))
        if n >= 5:
            found.append(Candidate("line", line, free, np.zeros(2)))
        if n < 10:
            return found
        # One kind alone is the scale already.
        parts = np.arange(1, 1 + kinds) if kinds > 1 else np.zeros(0, np.intp)
        columns = np.concatenate([line, parts, [1 + kinds]])
        mean_row = self.sums_ms.sum() / max(self.by_network[:, 1 + kinds].sum(), 1)
        sd = np.concatenate([free, np.full(len(parts), _FACTOR_SD), [_ROW_SD * mean_row or 1e-9]])
        found.append(Candidate("kinds", columns, sd, np.zeros(len(columns))))
        if n < 20:
            return found
        more = np.arange(2 + kinds, constant)
        own = self._own_variance(columns, more)
        columns = np.concatenate([columns, more])
        for strength in _RIDGES:
            ridge = np.concatenate([np.zeros(len(sd)), strength * own])
            found.append(
                Candidate("residual", columns, np.append(sd, np.full(len(more), np.inf)), ridge)
            )
        return found

    def _own_variance(self, columns: NDArray[np.intp], more: NDArray[np.intp]) -> Values:
        """Variance, in shares of the plain sum, that each feature has beyond the other columns; inf if next to none.

        The coefficient of a feature that is nearly a mixture of the others would be large and arbitrary.
        """
        sums = self.sums_ms
        relative = self.by_network / np.where(sums > 0, sums, 1.0)[:, None]
        base, extra = relative[:, columns], relative[:, more]
        left = extra - base @ np.linalg.lstsq(base, extra, rcond=1e-8)[0]
        whole, own = (extra**2).mean(axis=0), (left**2).mean(axis=0)
        return np.where(own > 1e-4 * whole, own, np.inf)

    def fit(
        self, candidate: Candidate, measured_ms: Values, masks: NDArray[np.bool_], noise: float
    ) -> Values:
        """Parameters of a candidate from several subsets of the networks at once. `(fits, columns)`.

        Parameters
        ----------
        masks : networks that each fit sees. `(fits, n)`.
        noise : of a measurement, as a share; 0 if not known.
        """
        found = np.zeros((len(masks), self.by_network.shape[1]))
        if candidate.name == "sum":
            found[:, 0] = 1.0
            return found
        relative = self.by_network[:, candidate.columns] / measured_ms[:, None]
        found[:, candidate.columns] = robust_fit(
            relative, masks, candidate.sd, candidate.ridge, noise
        )
        if not self.sums_ms.any():
            found[:, 0] = 1.0
        else:
            _keep_rising(found, self.sums_ms, measured_ms, masks)
        return found

    def predict(self, parameters: Values) -> Values:
        """Latency of every network by each row of parameters, as the correction is applied. `(fits, n)` ms."""
        effective = parameters[:, :-1] @ self.by_layer.T
        least = FLOOR * np.maximum(parameters[:, :1], 0.0) * self.times_ms
        effective = np.maximum(effective, least)
        padded = np.hstack([effective, np.zeros((len(effective), 1))])
        total: Values = padded[:, self.rows].sum(axis=2) + parameters[:, -1:]
        return np.maximum(total, 0.0)

    def correction(self, candidate: Candidate, parameters: Values) -> Correction:
        """One row of parameters by name."""
        numbers = [float(value) for value in parameters]
        scale, constant = numbers[0], numbers[-1]
        kinds = len(self.kinds)
        if candidate.name in ("sum", "scale", "line"):
            return Correction(candidate.name, scale, constant)
        parts = zip(self.kinds, numbers[1 : 1 + kinds], strict=True)
        residual = dict(zip(FEATURES, numbers[2 + kinds : -1], strict=True))
        return Correction(
            candidate.name,
            scale,
            constant,
            numbers[1 + kinds],
            {kind: scale + part for kind, part in parts},
            residual if candidate.name == "residual" else {},
        )


def robust_fit(
    relative: Values, masks: NDArray[np.bool_], sd: Values, ridge: Values, noise: float
) -> Values:
    """Huber's estimate of `b` in ``relative @ b = 1``, penalised, for several subsets at once. `(fits, columns)`.

    Iteratively reweighted least squares. The penalty is that of a normal prior of standard deviation `sd`, so it
    fades as the networks get more or the error smaller; `ridge` is a further one in the same terms.

    Parameters
    ----------
    relative : columns as a share of the measured latency. `(n, columns)`.
    masks : `(fits, n)`.
    noise : the error is never taken for smaller than half of this; a share.
    """
    size = np.sqrt((relative**2).mean(axis=0))
    size = np.where(size > 0, size, 1.0)
    x = relative / size
    free, extra = np.isinf(sd), np.where(np.isinf(ridge), 1e12, ridge) / size**2
    tight = np.where(free, 0.0, 1 / (np.where(free, 1.0, sd) * size) ** 2)
    n, columns = x.shape
    squares = (x[:, :, None] * x[:, None, :]).reshape(n, -1)
    seen = masks.sum(axis=1)
    # Residuals of a fit are smaller than errors: so many parameters were free to follow them.
    inflation = seen / np.maximum(seen - columns, seen / 3)
    scale: NDArray[Any] = np.full(len(masks), max(0.05, noise))
    within = masks.astype(float)
    weights: NDArray[Any] = within
    diagonal = np.arange(columns)
    found: NDArray[Any] = np.zeros((len(masks), columns))
    for _ in range(_ROUNDS):
        normal = (weights @ squares).reshape(-1, columns, columns)
        normal[:, diagonal, diagonal] += scale[:, None] ** 2 * tight + extra + 1e-9
        found = np.linalg.solve(normal, (weights @ x)[:, :, None])[:, :, 0]
        off = np.abs(1 - found @ x.T)
        middle = np.nanmedian(np.where(masks, off, np.nan), axis=1)
        scale = np.maximum(1.4826 * middle * np.sqrt(inflation), max(noise / 2, _LEAST_SCALE))
        weights = within * np.minimum(1.0, _HUBER * scale[:, None] / np.maximum(off, 1e-12))
    return found / size


def _keep_rising(found: Values, sums: Values, measured: Values, masks: NDArray[np.bool_]) -> None:
    """Where latency would fall with the sum, a nearly flat line: a network never gets faster by slower layers."""
    falling = found[:, 0] <= 0
    if not falling.any():
        return
    found[falling] = 0.0
    weights = masks[falling] / measured**2
    slope = FLOOR * (weights * sums * measured).sum(axis=1) / (weights @ sums**2)
    rest = measured - slope[:, None] * sums
    found[falling, 0] = slope
    found[falling, -1] = (weights * rest).sum(axis=1) / weights.sum(axis=1)
