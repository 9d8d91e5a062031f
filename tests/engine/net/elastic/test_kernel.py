"""Elastic kernels: one weight, learnt transforms."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nasstudio.engine.net.elastic.kernel import ElasticDepthwise

sizes = st.lists(st.sampled_from([1, 3, 5, 7, 9]), min_size=1, max_size=4, unique=True).map(
    lambda found: tuple(sorted(found))
)


@settings(max_examples=30, deadline=None)
@given(sizes, st.integers(1, 6))
def test_that_fresh_kernels_are_centres_of_the_largest(kernels: tuple[int, ...], n: int) -> None:
    layer = ElasticDepthwise(6, kernels, stride=1)
    layer.initialise(torch.Generator().manual_seed(0))
    for size in kernels:
        cut = (kernels[-1] - size) // 2
        centre = layer.weight[:n, :, cut : cut + size, cut : cut + size]
        assert torch.allclose(layer.kernel(size, n), centre, atol=1e-6)


def test_that_transforms_are_chained_as_in_the_paper() -> None:
    layer = ElasticDepthwise(4, (3, 5, 7), stride=1)
    layer.initialise(torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name in ("7to5", "5to3"):
            layer.get_parameter(name).normal_(generator=generator)
    m75, m53 = layer.get_parameter("7to5"), layer.get_parameter("5to3")
    w7 = layer.weight
    w5 = (w7[:, 0, 1:6, 1:6].reshape(4, 25) @ m75.T).reshape(4, 1, 5, 5)
    w3 = (w5[:, 0, 1:4, 1:4].reshape(4, 9) @ m53.T).reshape(4, 1, 3, 3)
    assert torch.allclose(layer.kernel(5, 4), w5, atol=1e-6)
    assert torch.allclose(layer.kernel(3, 4), w3, atol=1e-5)


def test_that_a_small_kernel_trains_the_matrices_on_its_way_only() -> None:
    layer = ElasticDepthwise(4, (3, 5, 7), stride=1)
    layer.initialise(torch.Generator().manual_seed(0))
    layer(torch.randn(2, 3, 9, 9), 5).sum().backward()
    assert layer.get_parameter("7to5").grad is not None
    assert layer.get_parameter("5to3").grad is None
    assert layer.weight.grad is not None
    assert not layer.weight.grad[3].any()


def test_that_one_size_needs_no_matrix() -> None:
    assert [name for name, _ in ElasticDepthwise(4, (3,), 1).named_parameters()] == ["weight"]
