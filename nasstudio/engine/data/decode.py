"""One image file as a square of pixels, or the reason why it isn't one.

The short side is scaled to the wanted size and the centre is cut out. Orientation tags are followed, transparency lies
on white, 16-bit grey keeps its upper byte. What a file claims about itself is checked before memory is spent on it.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from nasstudio.engine.errors import InvalidInput

_FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
_MOST_PIXELS = 120_000_000
_MOST_BYTES = 256_000_000


@dataclass(frozen=True)
class Decoded:
    """What became of a file.

    Attributes
    ----------
    pixels : (size, size, 3) uint8, or None.
    problem : why there are no pixels.
    digest : SHA-256 of the file, hex; empty if it could not be read.
    """

    pixels: NDArray[np.uint8] | None
    digest: str = ""
    problem: str = ""

    @property
    def grey(self) -> bool:
        """Whether red, green and blue are the same everywhere."""
        return self.pixels is not None and bool((self.pixels == self.pixels[..., :1]).all())


def decode(path: Path, size: int) -> Decoded:
    """Read and scale an image file.

    Raises
    ------
    InvalidInput
        It claims so many pixels that decoding it would fill the memory. Any other damage is a `problem`.
    """
    content_digest = ""
    try:
        if path.stat().st_size > _MOST_BYTES:
            return Decoded(None, problem=f"larger than {_MOST_BYTES // 10**6} MB")
        content = path.read_bytes()
        content_digest = hashlib.sha256(content).hexdigest()
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise _giant(path, f"{image.width} x {image.height} px")
            image.draft(None, (2 * size, 2 * size))  # a JPEG is decoded at a fraction of its size
            pixels = np.asarray(_square(image, size))
    except InvalidInput:
        raise
    except Image.DecompressionBombError as problem:
        raise _giant(path, str(problem).split("(")[-1].split(")")[0]) from None
    except Image.UnidentifiedImageError:
        return Decoded(None, content_digest, "not an image of a known format")
    except Exception as problem:  # Pillow's readers raise errors of any kind on damaged files
        reason = getattr(problem, "strerror", None) or str(problem) or type(problem).__name__
        return Decoded(None, content_digest, reason)
    return Decoded(pixels, content_digest)


def _square(image: Image.Image, size: int) -> Image.Image:
    return ImageOps.fit(
        _rgb(ImageOps.exif_transpose(image)), (size, size), Image.Resampling.BILINEAR
    )


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise ValueError("floating-point pixels have no known range")
    if image.mode.startswith("I"):
        upper = np.clip(np.asarray(image).astype(np.int64) >> 8, 0, 255)
        return Image.fromarray(upper.astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        opaque = image.convert("RGBA")
        white = Image.new("RGBA", opaque.size, "white")
        return Image.alpha_composite(white, opaque).convert("RGB")
    return image.convert("RGB")


def _giant(path: Path, claim: str) -> InvalidInput:
    return InvalidInput(
        f"The image claims to have {claim}; it would fill the memory.",
        where=path,
        remedy="Remove the file, or make it smaller.",
    )
