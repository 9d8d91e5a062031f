import struct
import zlib
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

from nasstudio.engine.data.decode import decode
from nasstudio.engine.errors import InvalidInput

pytestmark = pytest.mark.filterwarnings("ignore")  # as the cache does around decoding


def saved(path, image, **options):
    image.save(path, **options)
    return decode(path, 8)


def bomb(width, height):
    """A PNG of a few bytes that claims to be huge."""

    def chunk(name, content):
        return (
            struct.pack(">I", len(content))
            + name
            + content
            + struct.pack(">I", zlib.crc32(name + content))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + header
        + chunk(b"IDAT", zlib.compress(bytes(100)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(11_000, 11_000), (60_000, 60_000), (2**31 - 1, 2)])
def test_that_a_decompression_bomb_is_refused_by_name(tmp_path, size):
    path = tmp_path / "bomb.png"
    path.write_bytes(bomb(*size))

    with pytest.raises(InvalidInput, match=r"bomb\.png.*fill the memory.*Remove the file"):
        decode(path, 8)


def test_that_the_centre_is_cut_out_of_a_wide_image(tmp_path):
    pixels = np.zeros((16, 48, 3), dtype=np.uint8)
    pixels[:, 16:32] = 200

    decoded = saved(tmp_path / "wide.png", Image.fromarray(pixels)).pixels

    assert (decoded[:, 1:-1] == 200).all()  # the filter smooths across the cut edges
    assert (decoded > 150).all()


def test_that_an_image_of_the_right_size_is_not_touched(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)

    np.testing.assert_array_equal(saved(tmp_path / "a.png", Image.fromarray(pixels)).pixels, pixels)


def test_that_transparency_lies_on_white(tmp_path):
    clear = Image.new("RGBA", (9, 9), (255, 0, 0, 0))
    half = Image.new("LA", (9, 9), (0, 128))

    assert (saved(tmp_path / "clear.png", clear).pixels == 255).all()
    assert abs(int(saved(tmp_path / "half.png", half).pixels[0, 0, 0]) - 127) <= 1


def test_that_a_palette_is_looked_up_and_its_clear_colour_is_white(tmp_path):
    image = Image.new("P", (8, 8), 0)
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((0, 0), 1)

    plain = saved(tmp_path / "plain.png", image).pixels
    clear = saved(tmp_path / "clear.png", image, transparency=1).pixels

    assert plain[0, 0].tolist() == [40, 50, 60]
    assert plain[3, 3].tolist() == clear[3, 3].tolist() == [10, 20, 30]
    assert clear[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize(
    ("mode", "name"),
    [
        ("1", "a.png"),
        ("L", "a.jpg"),
        ("CMYK", "a.jpg"),
        ("RGB", "a.webp"),
        ("P", "a.gif"),
        ("L", "a.tif"),
        ("RGB", "a.bmp"),
        ("L", "a.pgm"),
    ],
)
def test_that_every_usual_mode_and_format_becomes_three_channels(tmp_path, mode, name):
    decoded = saved(tmp_path / name, Image.new(mode, (20, 11)))

    assert decoded.pixels.shape == (8, 8, 3)
    assert decoded.pixels.dtype == np.uint8


def test_that_16_bit_grey_keeps_its_upper_byte(tmp_path):
    image = Image.fromarray(np.full((8, 8), 0x8070, dtype=np.uint16))

    assert (saved(tmp_path / "deep.png", image).pixels == 0x80).all()


def test_that_floating_point_pixels_are_a_problem_and_no_guess(tmp_path):
    decoded = saved(tmp_path / "float.tif", Image.new("F", (8, 8), 0.5))

    assert decoded.pixels is None
    assert "floating-point" in decoded.problem


def test_that_the_orientation_tag_is_followed(tmp_path):
    pixels = np.zeros((8, 8, 3), dtype=np.uint8)
    pixels[0] = 255
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down

    turned = saved(tmp_path / "a.png", Image.fromarray(pixels), exif=exif).pixels

    assert turned[7].min() == 255
    assert turned[0].max() == 0


def test_that_a_large_photo_keeps_its_mean_colour(tmp_path):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (400, 300, 3), dtype=np.uint8)

    decoded = saved(tmp_path / "photo.jpg", Image.fromarray(pixels), quality=95)

    assert decoded.pixels.mean() == pytest.approx(pixels.mean(), abs=6)


@pytest.mark.parametrize(
    "content",
    [b"", b"GIF89a", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"%!PS-Adobe-3.0 EPSF-3.0\n"],
)
def test_that_damage_of_any_kind_is_a_reason_and_no_exception(tmp_path, content):
    path = tmp_path / "image.png"
    path.write_bytes(content)

    decoded = decode(path, 8)

    assert decoded.pixels is None
    assert decoded.problem


def test_that_any_truncation_or_changed_byte_is_decoded_or_explained(tmp_path):
    path = tmp_path / "image.png"
    for suffix in ("png", "jpg", "gif", "tif", "webp", "bmp"):
        sound = tmp_path / f"sound.{suffix}"
        Image.effect_noise((12, 12), 50).convert("RGB").save(sound)
        content = sound.read_bytes()
        rng = np.random.default_rng(0)
        for _ in range(40):
            damaged = bytearray(
                content[: rng.integers(1, len(content))] if rng.random() < 0.5 else content
            )
            damaged[rng.integers(len(damaged))] ^= int(rng.integers(1, 256))
            path.write_bytes(damaged)
            with suppress(InvalidInput):  # a damaged header may claim a giant
                decoded = decode(path, 8)
                assert (decoded.pixels is None) == bool(decoded.problem)


def test_that_a_file_that_is_gone_is_a_reason(tmp_path):
    assert "No such file" in decode(tmp_path / "gone.png", 8).problem
