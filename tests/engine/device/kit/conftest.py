"""A tiny kit, written once and run once for all tests of its folder."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from nasstudio.engine.device.kit.choose import networks_of
from nasstudio.engine.device.kit.write import KitWriter
from nasstudio.engine.space.families import build
from nasstudio.engine.space.space import SpaceDocument

STAGE = {"channels": 8, "stride": 2, "depth": [1, 2], "kernel": [3], "expand": [2.0, 3.0]}
OPTIONS = {
    "resolution": [8, 12],
    "stem": 8,
    "stem_stride": 1,
    "head": [16, 16],
    "channels": 1,
    "classes": 4,
    "stages": [STAGE],
}


@pytest.fixture(scope="session")
def space():
    return build(SpaceDocument("mobilenetv3", "tiny", "Tiny", OPTIONS))


@pytest.fixture(scope="session")
def kit(space, tmp_path_factory):
    """The folder of a kit."""
    target = tmp_path_factory.mktemp("kits") / "tiny kit"
    networks = networks_of(space, space.layers, 6, np.random.default_rng(0))
    KitWriter(target, space, space.layers, networks).write()
    return target


def start(kit, *options, script="run_kit.py"):
    return subprocess.run(
        [sys.executable, str(kit / script), *options],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )


@pytest.fixture(scope="session")
def runner():
    """runner(kit, *options) -> the finished process of a script of the kit."""
    return start


@pytest.fixture(scope="session")
def measured(kit, tmp_path_factory):
    """The results of a quick run, and what it said."""
    out = tmp_path_factory.mktemp("out")
    done = start(kit, "--quick", "--title", "Test board", "--out", str(out))
    assert done.returncode == 0, done.stderr
    return out / "results-Test-board.json", done.stdout


@pytest.fixture
def results(measured):
    """The results as values that a test may change."""
    return json.loads(measured[0].read_text())
