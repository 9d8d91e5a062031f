"""A device by the name that a person types."""

import pytest

from nasstudio.cli.jobs import device_of
from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import InvalidInput

DEVICES = [
    Device("cpu", "onnxruntime", "1", threads=threads, precision=precision)
    for precision in ("fp32", "int8")
    for threads in (1, 2)
] + [Device("cpu", "openvino", "1"), Device("cpu", "executorch", "1", threads=2)]


class Known:
    """A project that knows the devices."""

    def get(self, key, kind, default):
        assert (key, kind) == ("devices", list[Device])
        return DEVICES


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ("ort:1", 0),
        ("onnxruntime:2", 1),
        ("ort-int8:1", 2),
        ("onnxruntime-int8:2", 3),
        ("openvino", 4),
        ("ov:1", 4),
        ("executorch:2", 5),
        ("xnn", 5),
        (DEVICES[3].id, 3),
    ],
)
def test_that_a_device_is_found_by_runtime_precision_and_threads_or_by_its_identity(wanted, index):
    assert device_of(Known(), wanted) == DEVICES[index]


@pytest.mark.parametrize(
    ("wanted", "count"), [("ort", 2), ("ort-int8", 2), ("openvino-int8:1", 0), ("abacus", 0)]
)
def test_that_a_name_of_none_or_several_lists_what_there_is(wanted, count):
    with pytest.raises(InvalidInput, match=f"'{wanted}' names {count} devices") as caught:
        device_of(Known(), wanted)
    assert all(device.id in caught.value.remedy for device in DEVICES)
