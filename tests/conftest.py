"""What every test gets: an offscreen window system, a runtime folder of its own, one compute thread."""

from __future__ import annotations

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest


@pytest.fixture(autouse=True)
def private_folders(tmp_path_factory, monkeypatch):
    """No test meets the user's own files, locks or settings."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("NASSTUDIO_RUNTIME", str(home / "runtime"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    return home
