"""Depthwise convolution whose weight gradient is quick on a CPU for large kernels.

The library's gradient with respect to a depthwise weight is fast up to three columns and ten times slower per tap above
(measured, oneDNN on AVX2: 64 channels of 14x14, 64 images: 3x3 0.15 ms, 7x3 0.22 ms, 7x7 5.9 ms). So a wide kernel's
gradient is put together from strips of three columns: the same sums in another order, two to four times faster at
either stride. Forward and the gradient of the images are the library's own.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

_STRIP = 3


def depthwise(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """Convolve each channel with its own kernel, "same" padding. x: `(n, c, h, w)`, weight: `(c, 1, k, k)`."""
    size = weight.shape[-1]
    if x.device.type == "cpu" and size > _STRIP and torch.is_grad_enabled():
        if torch.is_autocast_enabled("cpu"):  # our own function is not cast by itself
            half = torch.get_autocast_dtype("cpu")
            x, weight = x.to(half), weight.to(half)
        result: Tensor = _StripConvolution.apply(x, weight, stride)
        return result
    return F.conv2d(x, weight, None, stride, size // 2, 1, weight.shape[0])


class _StripConvolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride = stride
        return F.conv2d(x, weight, None, stride, weight.shape[-1] // 2, 1, weight.shape[0])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, weight = ctx.saved_tensors
        of_x = of_weight = None
        if ctx.needs_input_grad[0]:
            pad = weight.shape[-1] // 2
            of_x = _backward(grad, x, weight, ctx.stride, pad, (True, False, False))[0]
        if ctx.needs_input_grad[1]:
            of_weight = _weight_gradient(grad, x, weight, ctx.stride)
        return of_x, of_weight, None


def _weight_gradient(grad: Tensor, x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """Strip by strip. A strip sees the padded images from its own first column on.

    Shifting where the padded images begin in memory moves every pixel one column to the left, and the first ones of a
    row to the end of the row before; the gradient is zero there. So no strip needs a copy.
    """
    n, channels, height, width = x.shape
    size = weight.shape[-1]
    pad = size // 2
    rows, columns = height + 2 * pad, width + 2 * pad
    pixels = x.new_zeros(n * rows * columns + size - _STRIP, channels)
    whole = pixels[: n * rows * columns].view(n, rows, columns, channels)
    whole[:, pad : pad + height, pad : pad + width] = x.permute(0, 2, 3, 1)
    reach = (columns - _STRIP) // stride + 1  # columns of what a strip gives
    wide = F.pad(grad, (0, reach - grad.shape[-1])).contiguous(memory_format=torch.channels_last)
    found = weight.new_empty(weight.shape)
    strip = weight.new_empty(channels, 1, size, _STRIP)
    for left in [*range(0, size - _STRIP, _STRIP), size - _STRIP]:
        shifted = pixels[left : left + n * rows * columns].view(whole.shape).permute(0, 3, 1, 2)
        part = _backward(wide, shifted, strip, stride, 0, (False, True, False))[1]
        found[..., left : left + _STRIP] = part
    return found


def _backward(
    grad: Tensor,
    x: Tensor,
    weight: Tensor,
    stride: int,
    pad: int,
    wanted: tuple[bool, bool, bool],
) -> tuple[Tensor, Tensor, Tensor]:
    steps, pads, ones = [stride, stride], [pad, pad], [1, 1]
    found: tuple[Tensor, Tensor, Tensor] = torch.ops.aten.convolution_backward(
        grad, x, weight, None, steps, pads, ones, False, [0, 0], weight.shape[0], wanted
    )
    return found
