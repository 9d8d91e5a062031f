"""The clock by which the cost of a training is told.

On a processor it is the time that the process itself has computed, all threads together: what other programs take on a
shared machine is not counted, so that two trainings can be compared that did not run side by side. On a GPU it is the
time that passes. No torch.
"""

from __future__ import annotations

import time
from collections.abc import Callable


def work_clock(device: str) -> Callable[[], float]:
    """A clock in s, to be read before and after a step, e.g. ``work_clock("cpu")``."""
    return time.process_time if device == "cpu" else time.monotonic
