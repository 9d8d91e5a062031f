"""The strip-wise weight gradient is the library's."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from nasstudio.engine.net.elastic.depthwise import depthwise


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 3),
    st.sampled_from([1, 3, 8]),
    st.integers(1, 9),
    st.integers(1, 9),
    st.sampled_from([1, 3, 5, 7, 9]),
    st.sampled_from([1, 2]),
    st.booleans(),
)
def test_that_gradients_are_those_of_the_library(
    n: int, channels: int, height: int, width: int, size: int, stride: int, last: bool
) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, channels, height, width, generator=generator)
    if last:
        x = x.contiguous(memory_format=torch.channels_last)
    weight = torch.randn(channels, 1, size, size, generator=generator)
    results = []
    for convolve in (
        depthwise,
        lambda x, w, s: F.conv2d(x, w, None, s, w.shape[-1] // 2, 1, w.shape[0]),
    ):
        leaves = [x.clone().requires_grad_(), weight.clone().requires_grad_()]
        y = convolve(*leaves, stride)
        (y * torch.sin(torch.arange(y.numel()).view(y.shape))).sum().backward()
        results.append([y.detach(), *(leaf.grad for leaf in leaves)])
    for found, expected in zip(*results, strict=True):
        assert found.shape == expected.shape
        assert torch.allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_that_frozen_weights_or_images_get_no_gradient() -> None:
    x, weight = torch.randn(1, 2, 6, 6, requires_grad=True), torch.randn(2, 1, 5, 5)
    depthwise(x, weight, 1).sum().backward()
    assert x.grad is not None
    y, trained = torch.randn(1, 2, 6, 6), torch.randn(2, 1, 5, 5, requires_grad=True)
    depthwise(y, trained, 1).sum().backward()
    assert trained.grad is not None
    assert y.grad is None


def test_that_half_precision_has_the_gradients_of_the_library() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 4, 9, 9, generator=generator).contiguous(memory_format=torch.channels_last)
    weight = torch.randn(4, 1, 5, 5, generator=generator)
    gradients = []
    for convolve in (depthwise, lambda x, w, s: F.conv2d(x, w, None, s, 2, 1, 4)):
        leaf = weight.clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16):
            y = convolve(x, leaf, 1)
        assert y.dtype == torch.bfloat16
        y.float().square().sum().backward()
        assert leaf.grad is not None
        gradients.append(leaf.grad)
    assert torch.allclose(*gradients, rtol=0.02, atol=0.02 * float(gradients[1].abs().max()))
