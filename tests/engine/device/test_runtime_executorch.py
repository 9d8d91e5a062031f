"""ExecuTorch: everything is XNNPACK's, the numbers are torch's, threads are those asked for, and it is silent."""

import subprocess
import sys

import msgspec
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("executorch.runtime", exc_type=ImportError)

from nasstudio.engine.device.runtime import executorch_xnnpack, registry, torch_runtime  # noqa: E402
from nasstudio.engine.device.runtime.runtime import thread_counts  # noqa: E402
from nasstudio.engine.errors import InvalidInput  # noqa: E402
from nasstudio.engine.space.layer import parse  # noqa: E402

# Everything a space has, in one chain: lowering takes a second each.
CHAIN = [
    parse("conv 3x18x18 -> 8 k3 s2 hswish"),
    parse("mbconv 8x9x9 -> 8 k3 s1 e2 se res hswish"),
    parse("pool 8x9x9 -> 8 k2 s2"),
    parse("bottleneck 8x5x5 -> 16 k3 s2 m8 relu"),
    parse("maxpool 16x3x3 -> 16 k3 s2 nobn"),
    parse("conv 16x2x2 -> 16 k1 s1 pool swish"),
    parse("linear 16x1x1 -> 4 k1 s1 nobn bias"),
]


@pytest.fixture(scope="module")
def edge():
    module = torch_runtime.network(CHAIN)
    shape = torch_runtime.shape_of(CHAIN, 2)
    return module, shape, executorch_xnnpack.edge_program(module, shape)


def test_that_xnnpack_has_the_whole_chain_as_one_delegate(edge):
    graph = edge[2].exported_program().graph
    targets = [str(node.target) for node in graph.nodes if node.op == "call_function"]
    assert targets.count("executorch_call_delegate") == 1
    assert len(targets) == 2, targets  # the delegate, and the result taken from it


def test_that_the_program_computes_what_torch_computes_at_the_devices_batch(edge):
    from executorch.extension.pybindings import portable_lib

    module, shape, program = edge
    content = executorch_xnnpack.serialised(program)
    image = torch_runtime.random_image(shape)
    with executorch_xnnpack.quiet():
        loaded = portable_lib._load_program_from_buffer(content)
        result = loaded.load_method("forward")([image])[0]
    with torch.no_grad():
        torch.testing.assert_close(result, module(image), rtol=1e-4, atol=1e-5)


def test_that_a_program_is_loaded_with_the_threads_of_the_device(edge):
    from executorch.extension.pybindings import portable_lib

    content = executorch_xnnpack.serialised(edge[2])
    runtime = registry.get("executorch")
    device = runtime.devices_here()[0]
    for threads in (*thread_counts(), 1):
        call = runtime.load(content, msgspec.structs.replace(device, threads=threads))
        assert portable_lib._threadpool_get_thread_count() == threads
        assert call() is None


def test_that_the_empty_network_goes_through_a_delegate_and_modules_are_taken():
    runtime = registry.get("executorch")
    device = runtime.devices_here()[0]
    artefact = runtime.lower([], device)
    assert b"XnnpackBackend" in artefact
    assert runtime.load(artefact, device)() is None
    assert runtime.prepare_module(torch.nn.Linear(4, 2), (1, 4), device)() is None


def test_that_a_module_that_can_not_be_exported_is_refused():
    class Branching(torch.nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    runtime = registry.get("executorch")
    with pytest.raises(InvalidInput, match="can't lower it") as caught:
        runtime.prepare_module(Branching(), (1, 4), runtime.devices_here()[0])
    assert caught.value.remedy


_LOAD = """
import sys
from pathlib import Path
from nasstudio.engine.device.device import Device
from nasstudio.engine.device.runtime import registry
call = registry._load("executorch").load(Path(sys.argv[1]).read_bytes(), Device("x", "executorch"))
call()
print("onnx" in sys.modules, "executorch.exir" in sys.modules)
"""


def test_that_loading_says_nothing_on_standard_error_and_needs_no_compiler(edge, tmp_path):
    path = tmp_path / "net.pte"
    path.write_bytes(executorch_xnnpack.serialised(edge[2]))
    done = subprocess.run(
        [sys.executable, "-c", _LOAD, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert done.stdout.split() == ["False", "False"]


def test_that_being_quiet_ends_with_the_block(capfd):
    import os

    with executorch_xnnpack.quiet():
        os.write(2, b"noise")
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"
