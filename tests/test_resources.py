"""The shipped files are found in a checkout and in a wheel, from any working directory."""

import subprocess
import sys
import zipfile
from pathlib import Path

from nasstudio.resources import resource

ROOT = Path(__file__).parent.parent
SCRIPT = (
    "from nasstudio.resources import resource\n"
    "from nasstudio.engine.space.families import build, preset\n"
    "from nasstudio.engine.data.catalog import open_set\n"
    "from nasstudio.engine.data.document import DataDocument\n"
    "print(resource('icons/star.svg').is_file(), len(build(preset('mbv3_28')).genes) > 10,"
    " len(open_set(DataDocument('fashion_mnist_small')).split('test').labels))"
)


def say(path, where):
    return subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(path)!r})\n{SCRIPT}"],
        cwd=where,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()


def test_that_a_checkout_finds_its_files_from_another_folder(tmp_path):
    assert resource("icons/star.svg").is_file()
    assert say(ROOT, tmp_path) == ["True", "True", "2000"]


def test_that_a_wheel_carries_its_files(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
        names = archive.namelist()
    assert any(name.startswith("nasstudio/_resources/fonts/") for name in names)
    assert not any(name.startswith("tests/") for name in names)
    assert say(tmp_path / "site", tmp_path) == ["True", "True", "2000"]
