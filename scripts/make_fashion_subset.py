"""Makes the data set that ships with NAS Studio: the first 1,000 training and 200 test images of each class of
Fashion-MNIST, in file order, as the same four IDX files under the same names.

    python scripts/make_fashion_subset.py [SOURCE] [TARGET]

SOURCE holds the original files (default: Debian's package dataset-fashion-mnist). The same source gives the same bytes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from nasstudio.engine.data.fashion import PARTS, find_full, read_part
from nasstudio.engine.data.idx import write_idx
from nasstudio.engine.data.places import default_data_folder
from nasstudio.engine.data.splits import ranks
from nasstudio.engine.errors import StudioError
from nasstudio.resources import resource

EACH = {"train": 1000, "t10k": 200}
REMEDY = "Install dataset-fashion-mnist or name the folder of the original files."


def first_of_each(labels: NDArray[np.int64], n: int) -> NDArray[np.intp]:
    """Positions of the first `n` images of each class, in file order."""
    return np.flatnonzero(ranks(labels) < n)


def make(source: Path, target: Path, each: dict[str, int]) -> None:
    """Write the subset of `source` to `target`, with `each` images a class of the two parts."""
    target.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        images, labels = read_part(source, part, REMEDY)
        first = first_of_each(labels, each[part])
        write_idx(target / f"{part}-images-idx3-ubyte.gz", images[first])
        write_idx(target / f"{part}-labels-idx1-ubyte.gz", labels[first].astype(np.uint8))
        print(f"{part}: {len(first)} of {len(labels)} images")


def main() -> int:
    """Make the subset, or say what is missing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("source", type=Path, nargs="?", default=find_full(default_data_folder()))
    parser.add_argument(
        "target", type=Path, nargs="?", default=resource("data/fashion_mnist_small")
    )
    chosen = parser.parse_args()
    if chosen.source is None:
        parser.error(REMEDY)
    try:
        make(chosen.source, chosen.target, EACH)
    except StudioError as problem:
        print(problem, file=sys.stderr)
        return problem.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
