"""Pictures of every page on the sample project, in both themes (`make screenshots`): for the README and for looking at.

Usage: python scripts/screenshots.py FOLDER [--project FOLDER] [--stations search,train] [--scale 2]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("folder", type=Path)
parser.add_argument("--project", type=Path, help="another project; it is copied, not touched")
parser.add_argument("--stations", default="", help="some pages only, separated by commas")
parser.add_argument(
    "--scale", type=float, default=1.0, help="pixels a point, as on a high-DPI screen"
)
options = parser.parse_args()
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["QT_SCALE_FACTOR"] = f"{options.scale:g}"

from PySide6.QtWidgets import QApplication  # noqa: E402 (the platform is chosen above)

from nasstudio.engine.project.sample import copy_sample  # noqa: E402
from nasstudio.ui.app import application, dress  # noqa: E402
from nasstudio.ui.settings import THEME, Settings  # noqa: E402
from nasstudio.ui.theme import theme  # noqa: E402
from nasstudio.ui.window import PAGES, Window  # noqa: E402


def pump(app: QApplication, seconds: float) -> None:
    """Let the window live for a while."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        app.processEvents()
        time.sleep(0.01)


def copied(folder: Path) -> Path:
    """The project to show, as a copy."""
    target = folder / (options.project.name if options.project else "Sample.nasproj")
    return copy_sample(target, options.project)


def main() -> int:
    """Take the pictures. Returns the exit code."""
    app = application(sys.argv[:1])
    settings = Settings.in_memory()
    settings.remember("tour", {"seen": True})
    settings.set(THEME, "light")
    dress(app, settings)
    options.folder.mkdir(parents=True, exist_ok=True)
    stations = [s for s in options.stations.split(",") if s] or list(PAGES)
    with tempfile.TemporaryDirectory() as folder:
        window = Window(settings)
        window.resize(1440, 900)
        window.show()
        pump(app, 0.5)
        window.workbench.open(copied(Path(folder)))
        pump(app, 3)
        for mode in ("light", "dark"):
            theme().set_mode(mode)
            for station in stations:
                window.show_station(station)
                pump(app, 2.5)
                window.grab().save(str(options.folder / f"{station}-{mode}.png"))
                print(f"{station}-{mode}.png")
        window.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
