"""What every test gets: an offscreen window system, a runtime folder of its own, one compute thread."""

from __future__ import annotations

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest

from nasstudio.engine.device.calibration import Calibration, fit
from nasstudio.engine.space.layer import parse
from nasstudio.engine.space.space import SpaceDocument


@pytest.fixture(autouse=True)
def private_folders(tmp_path_factory, monkeypatch):
    """No test meets the user's own files, locks or settings."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("NASSTUDIO_RUNTIME", str(home / "runtime"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    return home


@pytest.fixture(scope="session")
def calibrated():
    """calibrated(sums, measured, **options) -> the calibration of networks of one layer each."""

    def make(sums, measured, macs=None, **options) -> Calibration:
        layers = [parse(f"conv 8x8x8 -> {8 + number} k3 s1") for number in range(len(sums))]
        rows = np.arange(len(sums))[:, None]
        return fit(layers, sums, rows, measured, sums if macs is None else macs, **options)

    return make


@pytest.fixture(scope="session")
def tiny_space():
    """A space of one stage, for five classes."""
    stage = {"channels": 8, "stride": 1, "depth": [1, 2], "kernel": [3, 5], "expand": [2, 3]}
    options = {"resolution": [16, 24], "stem": 8, "head": [16, 24], "classes": 5, "stages": [stage]}
    return SpaceDocument("mobilenetv3", "tiny", "Tiny", options)


@pytest.fixture
def save_published():
    """save_published(space, path) -> the tensors of a supernet that is written as the published ones are."""
    import torch

    from nasstudio.engine.net.families import supernet_of
    from nasstudio.engine.net.published.names import counted, published_names
    from nasstudio.engine.space.families import build

    def save(space, path):
        state = supernet_of(build(space)).state_dict()
        names = published_names(counted(state))
        torch.save({names[name]: state[name] for name in names}, path)
        return state

    return save
