"""Identity and names of devices: stable for what is known, different for what differs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasstudio.engine.device.device import RUNTIME_TITLES, SHORT, Device, distinct_names


@pytest.mark.parametrize(
    ("device", "identity"),
    [
        (Device("AMD EPYC", "onnxruntime", "1.32.0"), "ort-1t-fea200"),
        (Device("AMD EPYC", "torch", "2.14.1", threads=2), "torch-2t-db5fa3"),
        (Device("RTX 1", "torch-cuda", "2.14.1"), "cuda-1t-9773ae"),
        (Device("Phone", "table"), "table-1t-b2b680"),
    ],
)
def test_that_identities_of_devices_in_saved_tables_stay(device, identity):
    assert device.id == identity


@pytest.mark.parametrize(
    ("device", "start", "setting"),
    [
        (
            Device("cpu", "onnxruntime", precision="int8"),
            "ort-int8-1t-",
            "ONNX Runtime int8, 1 thread",
        ),
        (Device("cpu", "openvino", threads=2), "ov-2t-", "OpenVINO, 2 threads"),
        (Device("cpu", "executorch"), "xnn-1t-", "ExecuTorch, 1 thread"),
        (
            Device("cpu", "torch-compile", batch=8),
            "torchc-1t-",
            "PyTorch compiled, 1 thread, batch 8",
        ),
        (Device("cpu", "abacus"), "abacus-1t-", "abacus, 1 thread"),
    ],
)
def test_that_identity_and_setting_name_runtime_precision_and_threads(device, start, setting):
    assert device.id.startswith(start)
    assert device.setting == setting
    assert device.name == f"cpu · {setting}"


def test_that_every_runtime_has_a_title_and_a_short_name_of_its_own():
    assert set(RUNTIME_TITLES) == set(SHORT)
    assert len(set(SHORT.values())) == len(SHORT)


_DEVICES = st.builds(
    Device,
    st.sampled_from(["a", "b"]),
    st.sampled_from(sorted(SHORT)),
    st.sampled_from(["1", "2"]),
    st.integers(1, 3),
    st.integers(1, 3),
    st.sampled_from(["fp32", "int8"]),
)


@given(_DEVICES, _DEVICES)
def test_that_devices_have_one_identity_exactly_if_they_are_equal(first, second):
    assert (first.id == second.id) == (first == second)


def test_that_devices_are_told_apart_in_as_few_words_as_possible():
    ort, fast = Device("Chip", "onnxruntime"), Device("Chip", "onnxruntime", precision="int8")
    torch1, torch2 = Device("Chip", "torch"), Device("Chip", "torch", threads=2)
    phone = Device("Phone", "table", title="Pixel")
    assert distinct_names([ort, fast, torch1, torch2, phone]) == [
        "ONNX Runtime",
        "ONNX Runtime int8",
        "PyTorch, 1 thread",
        "PyTorch, 2 threads",
        "Pixel",
    ]
    elsewhere = Device("Other chip", "onnxruntime")
    assert distinct_names([ort, elsewhere]) == ["Chip · ONNX Runtime", "Other chip · ONNX Runtime"]
    assert distinct_names([]) == []
