"""The environment in which a process measures: malloc and OpenMP settings that are read only when a process starts.

Measured (glibc): without the malloc settings the same convolution takes 1.4 or 2.5 ms from process to process, because
the heap top is trimmed and regrown. With passive waiting two threads do not spin against another busy process.
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

MALLOC = {
    "MALLOC_TRIM_THRESHOLD_": str(256 * 1024**2),
    "MALLOC_MMAP_THRESHOLD_": str(256 * 1024**2),
    "MALLOC_TOP_PAD_": str(64 * 1024**2),
}


def compute_environment(threads: int) -> dict[str, str]:
    """Environment of this process with what a child that computes needs to be fast, and the same each time."""
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
    # What torch.compile has made for one process is found by the next.
    compiled = Path(platformdirs.user_cache_dir("nasstudio")) / "compiled"
    environment.setdefault("TORCHINDUCTOR_CACHE_DIR", str(compiled))
    environment.pop("PYTHONSTARTUP", None)
    return environment
