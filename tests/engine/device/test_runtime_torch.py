"""The torch runtimes: a list of layers as the artefact, compiled calls, CUDA graphs on a card that is not there."""

import contextlib

import msgspec
import pytest

torch = pytest.importorskip("torch")

from nasstudio.engine.device.device import Device, processor  # noqa: E402
from nasstudio.engine.device.runtime import registry, torch_compile, torch_runtime  # noqa: E402
from nasstudio.engine.device.runtime.runtime import DeviceTimed  # noqa: E402
from nasstudio.engine.device.runtime.torch_cuda import CudaCall, TorchCuda  # noqa: E402
from nasstudio.engine.errors import InvalidInput, NeedsExtra  # noqa: E402
from nasstudio.engine.space.layer import parse  # noqa: E402

CHAIN = [
    parse("conv 1x8x8 -> 8 k3 s1 hswish"),
    parse("mbconv 8x8x8 -> 8 k3 s1 e2 se res hswish"),
    parse("conv 8x8x8 -> 16 k1 s1 pool hswish"),
    parse("linear 16x1x1 -> 4 k1 s1 nobn bias"),
]


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_that_the_artefact_is_a_readable_list_of_the_layers():
    runtime = registry.get("torch")
    artefact = runtime.lower(CHAIN, runtime.devices_here()[0])
    document = msgspec.json.decode(artefact)
    assert document["layers"][0] == "conv 1x8x8 -> 8 k3 s1 hswish"
    assert torch_runtime.layers_of(artefact) == CHAIN


@pytest.mark.parametrize(
    "artefact",
    [
        b'{"type":"layers","layers":["conv 1x8x8 -> 8 k3 wrong"]}',
        b'{"type":"layers","layers":[1]}',
        b'{"type":"layers","layers":[],"more":1}',
        b'{"type":"other","layers":[]}',
        b"\xff\xfe",
    ],
)
def test_that_a_list_of_layers_that_is_none_is_refused(artefact):
    with pytest.raises(InvalidInput) as caught:
        torch_runtime.layers_of(artefact)
    assert caught.value.where
    assert "Measure again" in caught.value.remedy


def test_that_the_network_is_folded_channels_last_and_keeps_ordinary_numbers():
    seen = []

    class Recorded(type(registry.get("torch"))):
        def prepare_module(self, module, shape, device):
            seen.append((module, shape))
            return super().prepare_module(module, shape, device)

    runtime = Recorded()
    device = msgspec.structs.replace(runtime.devices_here()[0], batch=3)
    runtime.load(runtime.lower(CHAIN, device), device)()
    module, shape = seen[0]
    assert shape == (3, 1, 8, 8)
    kinds = {type(part) for part in module.modules()}
    assert torch.nn.BatchNorm2d not in kinds
    convs = [part for part in module.modules() if isinstance(part, torch.nn.Conv2d)]
    assert all(c.weight.is_contiguous(memory_format=torch.channels_last) for c in convs)
    with torch.inference_mode():
        result = module(torch_runtime.random_image(shape))
    assert result.shape == (3, 4)
    assert 1e-3 < result.abs().max() < 1e3


# -- torch.compile ----------------------------------------------------------------------------------------------------


def test_that_a_missing_compiler_is_said_with_the_package_that_brings_it(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(NeedsExtra, match=r"C\+\+ compiler") as caught:
        registry.get("torch-compile")
    assert "g++" in caught.value.remedy


def test_that_a_network_is_compiled_once_for_its_shape_and_layers_do_not_share_their_code(
    monkeypatch,
):
    asked = []

    def compile_(module, **options):
        asked.append((module, options))
        return module

    monkeypatch.setattr(torch, "compile", compile_)
    runtime = registry.get("torch-compile")
    device = runtime.devices_here()[0]
    for layers in ([], CHAIN[:1], CHAIN):
        runtime.load(runtime.lower(layers, device), device)()
    assert all(options == {"dynamic": False, "fullgraph": True} for _, options in asked)
    codes = {type(module).forward.__code__ for module, _ in asked}
    assert len(codes) == 3


def test_that_what_can_not_be_compiled_is_refused(monkeypatch):
    def compile_(module, **options):
        def fail(image):
            raise RuntimeError("graph break\nand more")

        return fail

    monkeypatch.setattr(torch, "compile", compile_)
    runtime = registry.get("torch-compile")
    with pytest.raises(InvalidInput, match="can't compile it: graph break") as caught:
        runtime.prepare_module(torch.nn.ReLU(), (1, 1, 1, 1), runtime.devices_here()[0])
    assert caught.value.remedy


def test_that_a_module_that_can_not_be_traced_is_compiled_as_it_is():
    class Branching(torch.nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    module = Branching()
    assert torch_compile._own_code(module) is module
    assert isinstance(torch_compile._own_code(torch.nn.ReLU()), torch.fx.GraphModule)


# -- CUDA -------------------------------------------------------------------------------------------------------------


class FakeCuda:
    """Stands for `torch.cuda`: two equal cards and one of another model, and a clock of its own.

    What is launched while a graph is captured is put into the graph and does not run.
    """

    def __init__(self, names=("RTX 1", "RTX 1", "RTX 2"), *, captures=True):
        self.names = names
        self.captures = captures
        self.capturing = None
        self.now_ms = 0.0
        self.pending_ms = 0.0
        self.said = []

    def launch(self, ms):
        if self.capturing is not None:
            self.capturing.ms += ms
        else:
            self.pending_ms += ms

    def is_available(self):
        return bool(self.names)

    def device_count(self):
        return len(self.names)

    def get_device_name(self, index):
        return self.names[index]

    def synchronize(self, place):
        self.now_ms += self.pending_ms
        self.pending_ms = 0.0
        self.said.append("synchronise")

    def device(self, place):
        return contextlib.nullcontext()

    def Stream(self):
        return self.current_stream()

    def current_stream(self):
        class Stream:
            def wait_stream(self, other):
                return None

        return Stream()

    def stream(self, stream):
        return contextlib.nullcontext()

    def CUDAGraph(self):
        cuda = self

        class Graph:
            ms = 0.0
            replays = 0

            def replay(self):
                self.replays += 1
                cuda.launch(self.ms)

        return Graph()

    @contextlib.contextmanager
    def graph(self, graph):
        if not self.captures:
            raise RuntimeError("operation not permitted when stream is capturing")
        self.capturing = graph
        try:
            yield
        finally:
            self.capturing = None

    def Event(self, enable_timing):
        cuda = self

        class Event:
            def record(self):
                self.at_ms = cuda.now_ms + cuda.pending_ms

            def elapsed_time(self, other):
                return other.at_ms - self.at_ms

        assert enable_timing
        return Event()


def test_that_cards_are_offered_by_model_and_found_again_by_name():
    runtime = TorchCuda(FakeCuda())
    devices = runtime.devices_here()
    assert [d.hardware for d in devices] == ["RTX 1", "RTX 2"]
    assert [runtime.index(d) for d in devices] == [0, 2]
    with pytest.raises(InvalidInput, match="no 'RTX 9'"):
        runtime.index(Device("RTX 9", "torch-cuda"))
    assert TorchCuda(FakeCuda(())).devices_here() == []
    assert not any(d.hardware == processor() for d in devices)


@pytest.mark.parametrize("captures", [True, False])
def test_that_a_call_on_a_card_is_timed_by_events_after_the_card_has_finished(captures):
    cuda = FakeCuda(captures=captures)
    ran = []

    def infer():
        ran.append(1)
        cuda.launch(2.0)

    call = CudaCall(infer, cuda, "cuda:0")
    assert call.captured is captures
    assert isinstance(call, DeviceTimed)
    before, since = len(ran), len(cuda.said)
    call()
    assert cuda.said[since:] == ["synchronise"]
    cuda.launch(5.0)
    assert call.time_ns(5) == 10_000_000
    assert len(ran) - before == (0 if captures else 6)
