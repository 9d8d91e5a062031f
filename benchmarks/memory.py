"""Peak memory: what is predicted of a network against what the runtime's allocator gives out.

For each runtime and space networks are drawn at random, at a batch at which each needs at least 32 MiB, and run in a
process of its own, on one thread. Figures: MAPE, Kendall's tau, the largest error, the same for the plain largest layer
(`mape_layer`), and how far the runtime's own books are from a count of malloc and free (`books`, three networks; null
without gcc and glibc). The rules come from how the runtimes work and were compared with single networks of mbv3_28 and
ofa_mbv3 at batches of 8, 64 and 128; mbv3_32, the networks here and their batches had no part in that.

ONNX Runtime is measured with its two settings: `onnxruntime` with a buffer a tensor, `onnxruntime-block` as it is by
default. The whole takes about 3 minutes on one core and 2 GB of memory; --quick half a minute, with few networks and
small batches.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from reporting import contract

from nasstudio.engine.cost.liveness import MIB, RULES, Rules, memory_mib, peak_bytes
from nasstudio.engine.device.calibration import kendall_tau
from nasstudio.engine.device.memory import measured_peaks
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.layer import LayerSpec, text

HERE = Path(__file__).resolve().parent
SPACES = ("mbv3_28", "mbv3_32", "ofa_mbv3")
SEED = 2026
NETWORKS, LEAST_MIB = 50, 32.0
QUICK_NETWORKS, QUICK_MIB = 6, 4.0
CHECKED = 3
FIGURES = ("mape", "tau", "worst", "mape_layer", "books", "n", "batch", "peak_min_mib")

Network = Sequence[LayerSpec]


def figures_of(
    rules: Rules, space_name: str, *, networks: int, least_mib: float, heap: Path | None
) -> dict[str, float | int | None]:
    """The figures of one runtime on one space."""
    space = build(preset(space_name))
    population = space.sample(networks, np.random.default_rng(SEED))
    one = memory_mib(space, population, rules).min()
    batch = int(np.ceil(1.02 * least_mib / one / 8)) * 8
    chains = [[block.layer for block in space.blocks(genome)] for genome in population]
    measured = np.array(measured_peaks(chains, rules, batch)) / MIB
    predicted = memory_mib(space, population, rules, batch)
    layer = [max(peak_bytes(row, rules, batch) for row in chain) / MIB for chain in chains]
    errors = np.abs(predicted / measured - 1)
    return {
        "mape": float(errors.mean()),
        "tau": kendall_tau(predicted, measured),
        "worst": float(errors.max()),
        "mape_layer": float(np.abs(np.array(layer) / measured - 1).mean()),
        "books": books(chains[:CHECKED], measured, rules, batch, heap),
        "n": len(chains),
        "batch": batch,
        "peak_min_mib": float(measured.min()),
    }


def books(
    chains: Sequence[Network], measured: np.ndarray, rules: Rules, batch: int, heap: Path | None
) -> float | None:
    """Largest difference of what a runtime says from what malloc gave, as a share; None if it can't be counted."""
    if heap is None:
        return None
    differences = []
    for chain, said in zip(chains, measured, strict=False):
        environment = dict(
            os.environ, LD_PRELOAD=str(heap), PYTHONPATH=str(HERE.parent), OMP_NUM_THREADS="1"
        )
        done = subprocess.run(
            [sys.executable, str(HERE / "heap" / "call.py"), rules, str(batch)],
            input="\n".join(text(layer) for layer in chain),
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        differences.append(abs(float(said) * MIB / int(done.stdout.split()[-1]) - 1))
    return max(differences)


def counting_library(folder: Path) -> Path | None:
    """`heap.c` compiled; None where it can't be."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or platform.libc_ver()[0] != "glibc":
        return None
    made = folder / "heap.so"
    source = str(HERE / "heap" / "heap.c")
    done = subprocess.run(
        [compiler, "-O2", "-shared", "-fPIC", "-o", str(made), source], check=False
    )
    return made if done.returncode == 0 else None


def main() -> int:
    options = contract.parser(__doc__).parse_args()
    figures: dict[str, float | int | None] = {}
    with tempfile.TemporaryDirectory(prefix="memory-") as folder:
        heap = None if options.quick else counting_library(Path(folder))
        for rules in RULES:
            for space in SPACES:
                found = figures_of(
                    rules,
                    space,
                    networks=QUICK_NETWORKS if options.quick else NETWORKS,
                    least_mib=QUICK_MIB if options.quick else LEAST_MIB,
                    heap=heap,
                )
                figures |= {f"{rules}/{space}/{key}": found[key] for key in FIGURES}
                print(f"{rules} on {space}: {found}", file=sys.stderr)
    contract.emit(options, "memory", figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
