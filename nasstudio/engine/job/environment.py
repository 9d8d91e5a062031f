"""The environment of a job's child process, which is part of the job."""

from __future__ import annotations

from nasstudio.engine.device.environment import compute_environment
from nasstudio.engine.job.specification import AnySpec


def child_environment(spec: AnySpec) -> dict[str, str]:
    """The whole environment in which a job's child runs."""
    return compute_environment(spec.threads)
