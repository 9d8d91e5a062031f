"""The ONNX graph of a layer is the layer: shapes, counts, and numbers that stay ordinary."""

import numpy as np
import onnx
import pytest

from nasstudio.engine.cost.counts import count
from nasstudio.engine.device.onnx_file import open_onnx
from nasstudio.engine.device.runtime import onnx_graph
from nasstudio.engine.device.runtime.onnxruntime_cpu import session
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.layer import LayerSpec, parse, text

LAYERS = [
    "conv 1x20x20 -> 16 k3 s2 hswish",
    "conv 96x5x5 -> 192 k1 s1 pool hswish",
    "conv 192x1x1 -> 256 k1 s1 nobn hswish",
    "conv 16x9x9 -> 32 k3 s1 g4 relu6",
    "conv 16x9x9 -> 16 k3 s1 se res swish",
    "dwconv 16x9x9 -> 16 k5 s2 g16 gelu",
    "mbconv 16x28x28 -> 16 k3 s1 e1 res relu",
    "mbconv 16x15x15 -> 24 k7 s2 e4 se hswish",
    "mbconv 24x7x7 -> 24 k5 s1 e3 se res hswish",
    "linear 256x1x1 -> 10 k1 s1 nobn bias",
    "linear 64x1x1 -> 32 k1 s1 relu",
    "pool 16x8x8 -> 16 k3 s2",
    "pool 16x8x8 -> 16 k1 s1 pool",
    "maxpool 16x9x9 -> 16 k3 s2 nobn",
    "bottleneck 16x8x8 -> 16 k3 s1 m8 res relu",
    "bottleneck 16x8x8 -> 32 k3 s1 m8 relu",
    "bottleneck 16x8x8 -> 32 k3 s2 m8 hswish",
    "bottleneck 16x9x9 -> 32 k3 s2 m8 pool relu",
]


def _run(content: bytes) -> np.ndarray:
    model = session(content, 1)
    entry = model.get_inputs()[0]
    image = np.random.default_rng(1).normal(size=entry.shape).astype(np.float32)
    return model.run(None, {entry.name: image})[0]


@pytest.mark.parametrize("label", LAYERS)
def test_that_the_graph_of_a_layer_is_valid_and_gives_the_layers_shape(label):
    spec = parse(label)
    model = onnx_graph.layer_model(spec, np.random.default_rng(0))
    onnx.checker.check_model(model, full_check=True)
    result = _run(onnx_graph.serialised(model))
    assert result.shape == onnx_graph.output_shape(spec)
    assert np.isfinite(result).all()


@pytest.mark.parametrize("label", LAYERS)
def test_that_the_graph_of_a_layer_has_the_macs_that_the_formulas_say(label, tmp_path):
    spec = parse(label)
    path = tmp_path / "layer.onnx"
    path.write_bytes(onnx_graph.serialised(onnx_graph.layer_model(spec, np.random.default_rng(0))))
    assert open_onnx(path, resolution=1).macs == count(spec).macs


@pytest.mark.parametrize("label", LAYERS)
def test_that_the_graph_of_a_layer_computes_what_the_torch_layer_computes(label, tmp_path):
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    from nasstudio.engine.net.static import build_layer, fused

    spec = parse(label)
    model = onnx_graph.layer_model(spec, np.random.default_rng(0))
    weights = [onnx.numpy_helper.to_array(t) for t in model.graph.initializer if len(t.dims)]
    layer = fused(build_layer(spec))
    own = list(layer.parameters())
    assert [tuple(p.shape) for p in own] == [w.shape for w in weights]
    with torch.no_grad():
        for parameter, weight in zip(own, weights, strict=True):
            parameter.copy_(torch.from_numpy(np.array(weight)))
        image = np.random.default_rng(1).normal(size=onnx_graph.input_shape(spec))
        given = torch.from_numpy(image.astype(np.float32))
        expected = layer(given).numpy()
    np.testing.assert_allclose(_run(onnx_graph.serialised(model)), expected, rtol=1e-3, atol=1e-4)


def test_that_a_whole_network_keeps_ordinary_numbers_to_its_end():
    space = build(preset("mbv3_28"))
    for genome in (space.smallest(), space.largest()):
        layers = [block.layer for block in space.blocks(genome)]
        result = _run(
            onnx_graph.serialised(onnx_graph.network_model(layers, np.random.default_rng(0)))
        )
        assert result.shape == (1, 10)
        assert 1e-6 < np.abs(result).max() < 1e6


@pytest.mark.parametrize(
    "spec",
    [
        LayerSpec("attention", 8, 4, 1, 8, heads=2),
        LayerSpec("linear", 8, 4, 4, 8),
        LayerSpec("conv", 8, 4, 4, 8, kernel=2),
        LayerSpec("conv", 8, 4, 4, 8, groups=3),
        LayerSpec("mbconv", 8, 4, 4, 16, residual=True, middle=16),
        LayerSpec("pool", 8, 4, 4, 16),
        LayerSpec("maxpool", 8, 4, 4, 8, 3, 2, pooled=True),
        LayerSpec("bottleneck", 8, 4, 4, 8),
    ],
)
def test_that_a_layer_without_a_graph_is_refused_by_name(spec):
    with pytest.raises(InvalidInput, match=r"can't be measured") as caught:
        onnx_graph.layer_model(spec, np.random.default_rng(0))
    assert text(spec) in caught.value.what
    assert caught.value.remedy


def test_that_layers_that_do_not_fit_together_are_refused():
    layers = [LayerSpec("conv", 3, 8, 8, 16), LayerSpec("conv", 24, 8, 8, 16)]
    with pytest.raises(InvalidInput, match="gives 16x8x8, and the next is 'conv 24x8x8"):
        onnx_graph.network_model(layers, np.random.default_rng(0))
    with pytest.raises(InvalidInput, match="at least one layer"):
        onnx_graph.network_model([], np.random.default_rng(0))
