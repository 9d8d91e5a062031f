import gzip
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from nasstudio.engine.data.idx import read_idx, write_idx
from nasstudio.engine.errors import CorruptFile, InvalidInput


def write(path, shape, content, magic=b"\0\0\x08\x03"):
    path.write_bytes(gzip.compress(magic + struct.pack(f">{len(shape)}I", *shape) + content))
    return path


@pytest.mark.parametrize("suffix", ["", ".gz"])
@given(
    array=arrays(
        np.uint8, array_shapes(min_dims=1, max_dims=3, max_side=5), elements=st.integers(0, 255)
    )
)
def test_that_what_is_written_is_read_again(tmp_path_factory, suffix, array):
    path = tmp_path_factory.mktemp("idx") / f"array{suffix}"

    write_idx(path, array)

    np.testing.assert_array_equal(read_idx(path, array.ndim, "again"), array)


def test_that_the_same_array_gives_the_same_bytes(tmp_path):
    array = np.arange(60, dtype=np.uint8).reshape(3, 4, 5)
    for name in ("a.gz", "b.gz"):
        write_idx(tmp_path / name, array)

    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


def test_that_a_truncated_gzip_file_is_named_with_its_remedy(tmp_path):
    path = write(tmp_path / "images.gz", (50, 8, 8), np.random.default_rng(0).bytes(3200))
    path.write_bytes(path.read_bytes()[:1500])

    with pytest.raises(CorruptFile, match=r"not downloaded completely") as caught:
        read_idx(path, 3, "Get it again.")

    assert str(path) in str(caught.value)
    assert caught.value.remedy == "Get it again."


def test_that_a_changed_byte_of_a_gzip_file_is_noticed(tmp_path):
    path = write(tmp_path / "images.gz", (50, 8, 8), np.random.default_rng(0).bytes(3200))
    content = bytearray(path.read_bytes())
    content[2000] ^= 0xFF
    path.write_bytes(content)

    with pytest.raises(CorruptFile):
        read_idx(path, 3, "again")


def test_that_a_file_that_is_not_gzipped_is_noticed(tmp_path):
    (tmp_path / "images.gz").write_bytes(b"<html>404 not found</html>")

    with pytest.raises(CorruptFile, match=r"images\.gz"):
        read_idx(tmp_path / "images.gz", 3, "again")


@pytest.mark.parametrize("magic", [b"\0\0\x08\x01", b"\0\0\x0d\x03", b"\x93NUM"])
def test_that_a_wrong_magic_number_is_noticed(tmp_path, magic):
    path = write(tmp_path / "images.gz", (2, 2, 2), bytes(8), magic)

    with pytest.raises(CorruptFile, match=magic.hex()):
        read_idx(path, 3, "again")


@pytest.mark.parametrize("size", [7, 9])
def test_that_a_length_that_differs_from_the_header_is_noticed(tmp_path, size):
    path = write(tmp_path / "images.gz", (2, 2, 2), bytes(size))

    with pytest.raises(CorruptFile, match="promises 8 bytes"):
        read_idx(path, 3, "again")


@pytest.mark.parametrize(
    "shape", [(2**32 - 1,) * 3, (2**31 - 1, 2, 2), (2**30, 2**30, 2**4), (0, 28, 28)]
)
def test_that_an_absurd_header_reserves_no_memory(tmp_path, shape):
    path = write(tmp_path / "images.gz", shape, bytes(100))

    with pytest.raises(CorruptFile, match="header claims"):
        read_idx(path, 3, "again")


def test_that_a_header_that_ends_early_is_noticed(tmp_path):
    path = write(tmp_path / "images.gz", (2,), b"")

    with pytest.raises(CorruptFile, match="ends inside its header"):
        read_idx(path, 3, "again")


def test_that_a_folder_in_place_of_a_file_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="can't be read"):
        read_idx(tmp_path, 3, "again")
