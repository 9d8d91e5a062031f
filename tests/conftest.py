"""What every test gets: an offscreen window system, a runtime folder of its own, one compute thread."""

from __future__ import annotations

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest

from nasstudio.engine.device.calibration import Calibration, fit
from nasstudio.engine.space.layer import parse


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
