"""Names the class of pictures: python predict.py PICTURE...

Prints the most probable classes of each picture. Grey, colour and transparent pictures of any size are taken: the
centre square of the picture, upright, transparency on white, is scaled to the size of the training images and then to
that of the network's input (preprocess.json). Needs torch, safetensors, numpy and pillow.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch
from network import load  # type: ignore[import-not-found]
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor, nn

FOLDER = Path(__file__).resolve().parent


def open_picture(path: Path, channels: int, size: int) -> Image.Image:
    """The picture's centre square as grey (1 channel) or colour (3), (size, size)."""
    with Image.open(path) as opened:
        picture: Image.Image = ImageOps.exif_transpose(opened)
    if picture.mode == "F":
        raise OSError("floating-point pixels have no known range")
    if picture.mode.startswith("I"):  # 16-bit grey: its upper byte
        upper = np.clip(np.asarray(picture).astype(np.int64) >> 8, 0, 255)
        picture = Image.fromarray(upper.astype(np.uint8))
    if picture.has_transparency_data:
        seen = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")
    picture = picture.convert("L" if channels == 1 else "RGB")
    return ImageOps.fit(picture, (size, size), Image.Resampling.BILINEAR)


def prepare(picture: Image.Image, preprocess: dict) -> Tensor:  # type: ignore[type-arg]
    """The network's input, (1, channels, height, width)."""
    values = np.array(picture, dtype=np.float32).reshape(picture.height, picture.width, -1)
    images = torch.from_numpy(values).permute(2, 0, 1)[None]
    size = preprocess["size"]
    if images.shape[2:] != (size, size):
        images = nn.functional.interpolate(
            images, size=(size, size), mode="bilinear", antialias=True, align_corners=False
        )
    mean = torch.tensor(preprocess["mean"]).view(-1, 1, 1)
    std = torch.tensor(preprocess["std"]).view(-1, 1, 1)
    return (images / 255 - mean) / std


def main() -> int:
    """Read the command line, print one line a picture. Returns the exit code: 2 if a picture can't be read."""
    parser = argparse.ArgumentParser(description="Name the class of pictures.")
    parser.add_argument("pictures", metavar="PICTURE", nargs="+", type=Path)
    parser.add_argument("--top", type=int, default=3, help="classes to print (default: 3)")
    options = parser.parse_args()
    preprocess = json.loads((FOLDER / "preprocess.json").read_text("utf-8"))
    labels = (FOLDER / "labels.txt").read_text("utf-8").splitlines()
    network, code = load(FOLDER), 0
    for path in options.pictures:
        try:
            picture = open_picture(path, preprocess["channels"], preprocess["source_size"])
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as problem:
            print(f"{path}: not a picture that can be read ({problem})", file=sys.stderr)
            code = 2
            continue
        with torch.inference_mode():
            shares = network(prepare(picture, preprocess)).softmax(dim=1)[0]
        best = shares.topk(max(1, min(options.top, len(labels))))
        named = [
            f"{labels[i]} {100 * p:.1f} %" for p, i in zip(*(t.tolist() for t in best), strict=True)
        ]
        print(f"{path}: {', '.join(named)}")
    return code


if __name__ == "__main__":
    sys.exit(main())
