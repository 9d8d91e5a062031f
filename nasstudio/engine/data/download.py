"""Downloads with torchvision: `python -m nasstudio.engine.data.download FAMILY FOLDER`.

torchvision knows the mirrors and checks each file's hash. Of CIFAR-10 it would take the pickled version, which we never
read, so here its downloader gets the binary one. Imports torch: nothing but the command line above starts it.
"""

from __future__ import annotations

import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

from torchvision.datasets import FashionMNIST
from torchvision.datasets.utils import download_url

CIFAR10_BINARY = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
CIFAR10_FOLDER = "cifar-10-batches-bin"
CIFAR10_MD5 = "c32a1d4ab5d03f1284b67883e8d87530"


def download(family: str, folder: Path) -> None:
    """Download a set into a folder, as `catalog` finds it there.

    Raises
    ------
    RuntimeError, OSError
        Of torchvision's downloader: no mirror answers, or a hash is wrong.
    """
    if family == "fashion_mnist":
        FashionMNIST(str(folder), download=True)
    elif family == "cifar10":
        download_url(CIFAR10_BINARY, str(folder), md5=CIFAR10_MD5)
        archive = folder / CIFAR10_BINARY.rsplit("/", 1)[1]
        with (
            TemporaryDirectory(dir=folder, prefix=".unpacking-") as part,
            tarfile.open(archive) as tar,
        ):
            tar.extractall(part, filter="data")
            (Path(part) / CIFAR10_FOLDER).rename(folder / CIFAR10_FOLDER)  # whole or not at all
        archive.unlink()
    else:
        raise RuntimeError(f"'{family}' can't be downloaded")


def main(arguments: list[str]) -> int:
    """Download what the command line says; a failure is the last line on the standard error."""
    try:
        family, folder = arguments
        download(family, Path(folder))
    except (RuntimeError, OSError, ValueError, tarfile.TarError) as problem:
        print(f"{problem}".replace("\n", " "), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
