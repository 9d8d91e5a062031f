"""The Pareto front as a PNG, for terminals: drawn with Pillow, since no window may be there.

The same marks as in the window: points, a step line with circles for the front, a star for the network chosen under the
limit, a square for what was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from nasstudio.resources import resource

_SCALE = 2
_SIZE = (960, 600)
_MARGIN = (72, 84, 28, 60)  # left, top, right, bottom
_TEXT, _MUTED, _GRID = "#1A1E24", "#5A6472", "#EDF0F4"
_POINT, _FRONT, _STAR, _MEASURED = "#A9B4C2", "#0072B2", "#E69F00", "#009E73"
Point = tuple[float, float]


def draw_front(
    path: Path,
    *,
    title: str,
    x_title: str,
    points: tuple[NDArray[np.float64], NDArray[np.float64]],
    front: Sequence[int],
    chosen: Sequence[int] = (),
    measured: Sequence[Point] = (),
) -> None:
    """Write the plot of accuracy (share) against latency (ms).

    Parameters
    ----------
    points : latency and accuracy of every network, each `(n,)`.
    front, chosen : indices into them.
    measured : latency and accuracy as verified, of each chosen network.
    """
    x, y = points[0], 100 * points[1]
    shown = np.unique(
        np.r_[np.linspace(0, len(x) - 1, min(len(x), 6000)).astype(int), np.array(front, int)]
    )
    axes = _Axes(x[shown], np.r_[y[shown], [100 * m[1] for m in measured]])
    image = Image.new("RGB", (_SIZE[0] * _SCALE, _SIZE[1] * _SCALE), "#FFFFFF")
    draw = ImageDraw.Draw(image, "RGBA")
    _frame(draw, axes, title, x_title)
    for index in shown:
        _dot(draw, axes(x[index], y[index]), 1.5, _POINT + "88")
    order = sorted(front, key=lambda i: float(x[i]))
    steps: list[Point] = []
    for index in order:
        here = axes(x[index], y[index])
        if steps:
            steps.append((here[0], steps[-1][1]))
        steps.append(here)
    if len(steps) > 1:
        draw.line(steps, fill=_FRONT, width=2 * _SCALE)
    for index in order:
        _dot(draw, axes(x[index], y[index]), 3, _FRONT)
    for index, (ms, accuracy) in zip(chosen, measured, strict=False):
        real = axes(ms, 100 * accuracy)
        draw.line([axes(x[index], y[index]), real], fill=_MEASURED, width=_SCALE)
        side = 4.5 * _SCALE
        draw.rectangle(
            [real[0] - side, real[1] - side, real[0] + side, real[1] + side], fill=_MEASURED
        )
    for index in chosen:
        _star(draw, axes(x[index], y[index]))
    _legend(draw, bool(measured))
    image.resize(_SIZE, Image.Resampling.LANCZOS).save(path)


class _Axes:
    """From values to pixels."""

    def __init__(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
        self.x_ticks, self.y_ticks = _ticks(x.min(), x.max()), _ticks(y.min(), y.max())
        left, top, right, bottom = (m * _SCALE for m in _MARGIN)
        self.box = (left, top, _SIZE[0] * _SCALE - right, _SIZE[1] * _SCALE - bottom)

    def __call__(self, x: float, y: float) -> Point:
        left, top, right, bottom = self.box
        across = (x - self.x_ticks[0]) / (self.x_ticks[-1] - self.x_ticks[0])
        up = (y - self.y_ticks[0]) / (self.y_ticks[-1] - self.y_ticks[0])
        return left + float(across) * (right - left), bottom - float(up) * (bottom - top)


def _ticks(low: float, high: float) -> list[float]:
    """Round values that enclose a range."""
    span = max(float(high - low), 1e-9)
    step = 10.0 ** np.floor(np.log10(span / 4))
    step *= next(m for m in (1, 2, 5, 10) if span / (step * m) <= 7)
    first, last = int(np.floor(low / step)), int(np.ceil(high / step))
    return [float(i * step) for i in range(first, max(last, first + 1) + 1)]


def _font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    wanted = "SemiBold" if bold else "Regular"
    for file in sorted(resource("fonts").glob(f"*{wanted}*.[ot]tf")):
        return ImageFont.truetype(str(file), size * _SCALE)
    return ImageFont.load_default(size * _SCALE)


def _frame(draw: ImageDraw.ImageDraw, axes: _Axes, title: str, x_title: str) -> None:
    left, top, right, bottom = axes.box
    small = _font(11)
    for value in axes.x_ticks:
        x, _ = axes(value, axes.y_ticks[0])
        draw.line([x, top, x, bottom], fill=_GRID, width=_SCALE)
        draw.text((x, bottom + 8 * _SCALE), f"{value:g}", fill=_MUTED, font=small, anchor="ma")
    for value in axes.y_ticks:
        _, y = axes(axes.x_ticks[0], value)
        draw.line([left, y, right, y], fill=_GRID, width=_SCALE)
        draw.text((left - 8 * _SCALE, y), f"{value:g}", fill=_MUTED, font=small, anchor="rm")
    draw.text((left, 18 * _SCALE), title, fill=_TEXT, font=_font(15, bold=True))
    draw.text(
        ((left + right) / 2, bottom + 30 * _SCALE), x_title, fill=_MUTED, font=small, anchor="ma"
    )
    draw.text((left, top - 16 * _SCALE), "Accuracy (%)", fill=_MUTED, font=small, anchor="ls")


def _dot(draw: ImageDraw.ImageDraw, at: Point, radius: float, fill: str) -> None:
    r = radius * _SCALE
    draw.ellipse([at[0] - r, at[1] - r, at[0] + r, at[1] + r], fill=fill)


def _star(draw: ImageDraw.ImageDraw, at: Point) -> None:
    angles = np.pi / 2 + np.arange(10) * np.pi / 5
    radii = np.where(np.arange(10) % 2 == 0, 9, 4) * _SCALE
    corners = [
        (at[0] + r * np.cos(a), at[1] - r * np.sin(a)) for a, r in zip(angles, radii, strict=True)
    ]
    draw.polygon(corners, fill=_STAR, outline=_TEXT, width=_SCALE)


def _legend(draw: ImageDraw.ImageDraw, measured: bool) -> None:
    items = [(_FRONT, "Front"), (_POINT, "Evaluated"), (_STAR, "Chosen, as predicted")]
    items += [(_MEASURED, "Chosen, as measured")] if measured else []
    x, y = _SIZE[0] * _SCALE - _MARGIN[2] * _SCALE, 64 * _SCALE
    font = _font(11)
    for colour, name in reversed(items):
        width = draw.textlength(name, font=font)
        x -= width
        draw.text((x, y), name, fill=_MUTED, font=font, anchor="lm")
        _dot(draw, (x - 9 * _SCALE, y), 4, colour)
        x -= 30 * _SCALE
