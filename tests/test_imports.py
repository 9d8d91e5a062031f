"""The window's process stays light: what is marked torch-free in the architecture is torch-free."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "nasstudio"
HEAVY = (
    "torch",
    "torchvision",
    "sklearn",
    "scipy",
    "pandas",
    "onnx",
    "onnxruntime",
    "openvino",
    "executorch",
)
LIGHT_FOLDERS = (
    "ui",
    "cli",
    "engine/space",
    "engine/cost",
    "engine/predictor",
    "engine/search",
    "engine/project",
    "engine/job",
)
LIGHT_MODULES = (
    "engine/data/catalog.py",
    "engine/train/schedule.py",
    "engine/device/device.py",
    "engine/device/calibration.py",
    "engine/export/formats.py",
)


def light_modules():
    files = [f for folder in LIGHT_FOLDERS for f in (ROOT / folder).rglob("*.py")]
    files += [ROOT / name for name in LIGHT_MODULES]
    names = {".".join(f.relative_to(ROOT.parent).with_suffix("").parts) for f in files}
    return sorted(name.removesuffix(".__init__") for name in names if not name.endswith("__main__"))


def loaded_by(*modules):
    script = (
        "import importlib, sys\n"
        f"for name in {list(modules)!r}: importlib.import_module(name)\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_that_the_window_loads_no_torch():
    assert loaded_by("nasstudio.ui.app") == "[]"


def test_that_every_torch_free_module_is_torch_free():
    assert loaded_by(*light_modules()) == "[]"


@pytest.mark.parametrize("folder", ["engine", "engine/space", "engine/net", "ui", "cli"])
def test_that_package_files_are_empty(folder):
    assert all(not f.read_text().strip() for f in (ROOT / folder).rglob("__init__.py"))
