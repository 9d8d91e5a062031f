import msgspec
import pytest

from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.job.specification import (
    KINDS,
    AnySpec,
    ProbeSpec,
    ProfileSpec,
    decode,
    encode,
)
from nasstudio.engine.space.families import preset


def test_that_a_specification_reads_back_from_its_file():
    spec = ProfileSpec(
        space=preset("mbv3_28"), device=Device("cpu", "torch"), layers=("a",), seed=3
    )
    assert decode(encode(spec)) == spec
    assert spec.kind == "profile"
    assert spec.exclusive


def test_that_every_kind_of_job_has_a_tag_of_its_own():
    tags = [t.__struct_config__.tag for t in AnySpec.__args__]
    assert tuple(tags) == KINDS


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a job specification"),
        (b"[1, 2]", "object"),
        (b'{"job": "dance"}', "dance"),
        (b'{"job": "probe", "speed": 3}', "speed"),
        (b'{"job": "profile", "seed": "one"}', "seed"),
        (b"\x80\x04\x95\x10pickled", "not a job specification"),
    ],
)
def test_that_a_malformed_specification_says_where_and_what_to_do(content, words):
    with pytest.raises(InvalidInput) as caught:
        decode(content, "runs/x/spec.json")
    assert words in str(caught.value)
    assert caught.value.where == "runs/x/spec.json"
    assert caught.value.remedy


def test_that_a_missing_field_is_named():
    content = msgspec.json.encode({"job": "profile"})
    with pytest.raises(InvalidInput, match="space"):
        decode(content)
    assert decode(encode(ProbeSpec())) == ProbeSpec()
