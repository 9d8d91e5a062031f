import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.layer import ACTIVATIONS, KINDS, LayerSpec, make_divisible, parse, text

sizes = st.integers(1, 4096)
specs = st.builds(
    LayerSpec,
    kind=st.sampled_from(KINDS),
    channels_in=sizes,
    height=sizes,
    width=sizes,
    channels_out=sizes,
    kernel=st.integers(1, 11),
    stride=st.integers(1, 4),
    groups=st.integers(1, 64),
    middle=st.integers(0, 4096),
    heads=st.integers(0, 16),
    act=st.sampled_from(ACTIVATIONS),
    se=st.booleans(),
    residual=st.booleans(),
    norm=st.booleans(),
    bias=st.booleans(),
    pooled=st.booleans(),
)


@given(specs)
def test_that_every_layer_reads_back_from_its_text(spec):
    assert parse(text(spec)) == spec


@pytest.mark.parametrize(
    ("spec", "key"),
    [
        (
            LayerSpec("conv", 3, 224, 224, 16, 3, 2, act="hswish"),
            "conv 3x224x224 -> 16 k3 s2 hswish",
        ),
        (
            LayerSpec("mbconv", 24, 56, 56, 40, 5, 2, middle=144, se=True, act="hswish"),
            "mbconv 24x56x56 -> 40 k5 s2 e6 se hswish",
        ),
        (
            LayerSpec("mbconv", 24, 56, 56, 24, 3, 1, middle=150, residual=True, act="relu"),
            "mbconv 24x56x56 -> 24 k3 s1 m150 res relu",
        ),
        (
            LayerSpec("conv", 160, 7, 7, 960, act="hswish", pooled=True),
            "conv 160x7x7 -> 960 k1 s1 pool hswish",
        ),
        (
            LayerSpec("linear", 1280, 1, 1, 1000, norm=False, bias=True),
            "linear 1280x1x1 -> 1000 k1 s1 nobn bias",
        ),
        (
            LayerSpec("attention", 192, 197, 1, 192, middle=256, heads=4, norm=False),
            "attention 192x197x1 -> 192 k1 s1 m256 h4 nobn",
        ),
        (LayerSpec("dwconv", 64, 56, 56, 64, 3, groups=64), "dwconv 64x56x56 -> 64 k3 s1 g64"),
    ],
)
def test_that_the_keys_of_tables_never_change(spec, key):
    assert text(spec) == key
    assert parse(key) == spec


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("conv 3x8x8", "conv 3x8x8"),
        ("conv 3x8x8 -> 16 q3", "q3"),
        ("conv 3x8x8 -> 16 k3 k5", "k5"),
        ("warp 3x8x8 -> 16 k3 s1", "warp"),
        ("conv 3x8x8 -> 16 k0", "at least 1"),
        ("mbconv 3x8x8 -> 16 einf", "einf"),
        ("mbconv 3x8x8 -> 16 enan", "enan"),
        ("", "not a layer"),
    ],
)
def test_that_a_line_that_is_no_layer_names_what_is_wrong(line, word):
    with pytest.raises(InvalidInput) as caught:
        parse(line)
    assert word in str(caught.value)
    assert caught.value.remedy


def test_that_channels_are_rounded_as_in_the_once_for_all_code():
    assert [make_divisible(v) for v in (1, 11.9, 12, 20, 24 * 1.2, 160 * 1.2, 91)] == [
        8,
        16,
        16,
        24,
        32,
        192,
        88,
    ]
