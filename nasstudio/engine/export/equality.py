"""Does a written file say the same as the network it was written from?

Logits of both are compared on real images. The measure is the largest difference as a share of the spread (largest
less smallest) of the network's own logits over all images, so that it does not depend on how far the logits reach.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from torch import nn

from nasstudio.engine.errors import StudioError

Images = NDArray[np.float32]
Logits = NDArray[np.float32]
SUBPROCESS_S = 300.0

_PACKAGE_RUN = """
import sys
sys.path.insert(0, sys.argv[1])
import network
import torch
from safetensors.torch import load_file, save_file
torch.set_num_threads(1)
images = load_file(sys.argv[2])["images"]
with torch.inference_mode():
    logits = network.load()(images)
foreign = sorted(name for name in sys.modules if name.split(".")[0] == "nasstudio")
if foreign:
    sys.exit(f"the package imported {foreign[0]}")
save_file({"logits": logits.contiguous()}, sys.argv[3])
"""


@dataclass(frozen=True)
class Equality:
    """One comparison.

    Attributes
    ----------
    what : what was compared with the network, e.g. ``ONNX Runtime 1.32.0``.
    batch, images : images at once, and altogether.
    difference : largest difference of a logit as a share of the spread of the network's logits.
    tolerance : the largest that is accepted.
    same_class : share of the images that get the same class.
    """

    what: str
    batch: int
    images: int
    difference: float
    tolerance: float
    same_class: float

    @property
    def passed(self) -> bool:
        """Whether the difference is a number within the tolerance."""
        return self.difference <= self.tolerance


def difference(reference: Logits, found: Logits) -> float:
    """Largest difference as a share of the reference's spread; infinite where a value or the shape is wrong."""
    if reference.shape != found.shape or not np.isfinite(found).all():
        return float("inf")
    largest = float(np.abs(reference.astype(np.float64) - found).max(initial=0.0))
    spread = float(np.ptp(reference)) if reference.size else 0.0
    if spread == 0.0:
        return 0.0 if largest == 0.0 else float("inf")
    return largest / spread


def compare(
    what: str, reference: Logits, found: Logits, *, batch: int, tolerance: float
) -> Equality:
    """The comparison of two `(n, classes)` arrays of logits."""
    same = (
        float((reference.argmax(axis=1) == found.argmax(axis=1)).mean())
        if reference.shape == found.shape
        else 0.0
    )
    return Equality(what, batch, len(reference), difference(reference, found), tolerance, same)


def ensure(checks: Sequence[Equality], where: str | Path) -> None:
    """Nothing, if every comparison passed.

    Raises
    ------
    StudioError
        One did not; it is named with both numbers.
    """
    for check in checks:
        if not check.passed:
            raise StudioError(
                f"The outputs of {check.what} at batch {check.batch} differ from the network's by "
                f"{check.difference:.2g} of the spread of the logits; {check.tolerance:.2g} is allowed.",
                where=where,
                remedy="Nothing was exported. Raise the tolerance, or report the difference with the run folder.",
            )


@torch.inference_mode()
def torch_logits(network: nn.Module, images: Images, batch: int) -> Logits:
    """Logits of a network in eval mode. images: `(n, c, h, w)`. Returns `(n, classes)`."""
    parts = [network(torch.from_numpy(part)).numpy() for part in _batches(images, batch)]
    return np.concatenate(parts).astype(np.float32)


class OnnxNetwork:
    """A written ONNX file under ONNX Runtime on the processor.

    Raises
    ------
    StudioError
        ONNX Runtime does not take the file.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self.session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as problem:  # its errors share no class of their own
            raise StudioError(
                f"ONNX Runtime does not take the file: {problem}.",
                where=path,
                remedy="Update onnxruntime, or report the problem with the run folder.",
            ) from problem
        self.input = self.session.get_inputs()[0].name
        self.what = f"ONNX Runtime {onnxruntime.__version__}"

    def logits(self, images: Images, batch: int) -> Logits:
        """images: `(n, c, h, w)` float32. Returns `(n, classes)`."""
        parts = [self.session.run(None, {self.input: p})[0] for p in _batches(images, batch)]
        return np.concatenate(parts).astype(np.float32)


def package_logits(folder: Path, images: Images) -> Logits:
    """Logits of a written PyTorch package in a Python process of its own, without this program.

    Raises
    ------
    StudioError
        The package does not run; its last words are in the message.
    """
    with tempfile.TemporaryDirectory(prefix="nasstudio-") as scratch:
        given, found = Path(scratch, "images.safetensors"), Path(scratch, "logits.safetensors")
        save_file({"images": np.ascontiguousarray(images)}, given)
        # -I: neither PYTHONPATH nor the working folder is looked at, so only what is installed can be imported.
        command = [
            sys.executable,
            "-I",
            "-B",
            "-c",
            _PACKAGE_RUN,
            str(folder),
            str(given),
            str(found),
        ]
        try:
            ran = subprocess.run(
                command,
                cwd=scratch,
                capture_output=True,
                text=True,
                timeout=SUBPROCESS_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise _package_problem(folder, f"no answer within {SUBPROCESS_S:.0f} s") from None
        if ran.returncode != 0:
            raise _package_problem(folder, (ran.stderr.strip().splitlines() or ["no output"])[-1])
        return np.asarray(load_file(found)["logits"], dtype=np.float32)


def _package_problem(folder: Path, why: str) -> StudioError:
    return StudioError(
        f"The PyTorch package does not run on its own: {why}.",
        where=folder,
        remedy="Report the problem with the run folder.",
    )


def _batches(images: Images, batch: int) -> list[Images]:
    return [images[start : start + batch] for start in range(0, len(images), batch)]
