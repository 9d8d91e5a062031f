"""The environment in which a process measures: malloc and OpenMP settings that are read only when a process starts.

Measured (glibc): without the malloc settings the same convolution takes 1.4 or 2.5 ms from process to process, because
the heap top is trimmed and regrown. With passive waiting two threads do not spin against another busy process.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import platformdirs

MALLOC = {
    "MALLOC_TRIM_THRESHOLD_": str(256 * 1024**2),
    "MALLOC_MMAP_THRESHOLD_": str(256 * 1024**2),
    "MALLOC_TOP_PAD_": str(64 * 1024**2),
}

_PACKAGE_ROOT = str(Path(__file__).resolve().parents[3])


def compute_environment(threads: int) -> dict[str, str]:
    """Environment of a child: this process's, what makes it fast and alike each time, and where this package is."""
    environment = dict(os.environ)
    environment.update(MALLOC)
    count = str(max(1, threads))
    environment.update(
        OMP_NUM_THREADS=count,
        MKL_NUM_THREADS=count,
        OPENBLAS_NUM_THREADS=count,
        OMP_WAIT_POLICY="passive",
        PYTHONUNBUFFERED="1",
        PYTHONDONTWRITEBYTECODE=os.environ.get("PYTHONDONTWRITEBYTECODE", ""),
    )
    # A packaged program has no modules to lend, and its libraries are of another build than the interpreter's.
    if not getattr(sys, "frozen", False):
        given = [p for p in environment.get("PYTHONPATH", "").split(os.pathsep) if p]
        places = dict.fromkeys([_PACKAGE_ROOT, *given])
        environment["PYTHONPATH"] = os.pathsep.join(places)
    # What torch.compile has made for one process is found by the next.
    compiled = Path(platformdirs.user_cache_dir("nasstudio")) / "compiled"
    environment.setdefault("TORCHINDUCTOR_CACHE_DIR", str(compiled))
    environment.pop("PYTHONSTARTUP", None)
    return environment


def measuring_environment(threads: int, cores: Sequence[int]) -> dict[str, str]:
    """Environment of a process that measures, alone on its cores.

    Threads wait as they do in an application: two threads of torch that sleep between operators take about twice as
    long. Each has a core of its own where they are known, so that two never meet on one.
    """
    environment = compute_environment(threads)
    del environment["OMP_WAIT_POLICY"]
    if len(cores) == threads > 1:
        places = ",".join(f"{{{core}}}" for core in cores)
        environment.update(OMP_PROC_BIND="true", OMP_PLACES=places)
    return environment
