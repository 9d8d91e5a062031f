"""What all benchmark scripts share: their options and the one JSON object that they print as the last line."""

from __future__ import annotations

import argparse
import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("torch", "onnxruntime", "openvino", "executorch", "numpy", "PySide6-Essentials")

Figure = float | int | str | None


def parser(doc: str | None) -> argparse.ArgumentParser:
    """The options of every script; the script's docstring says what it does and how long it takes."""
    about, _, more = (doc or "").partition("\n\n")
    made = argparse.ArgumentParser(
        description=about, epilog=more, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--quick", action="store_true", help="a part of it, within a minute")
    made.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    made.add_argument("--out", type=Path, help="also write that object to a file")
    return made


def emit(options: argparse.Namespace, name: str, figures: dict[str, Figure]) -> None:
    """Print the figures as the options ask."""
    found: dict[str, Any] = {
        "benchmark": name,
        "version": nasstudio_version(),
        "quick": options.quick,
        "machine": machine(),
        "figures": figures,
    }
    if options.out is not None:
        options.out.write_text(json.dumps(found, indent=1) + "\n")
    if options.json:
        print(json.dumps(found))
    else:
        print(*(f"{key:44} {value}" for key, value in figures.items()), sep="\n")


def machine() -> dict[str, str]:
    """What this is run on, and with which versions of what is measured."""
    from nasstudio.engine.device.device import processor

    found = {
        "processor": processor(),
        "cores": str(os.cpu_count()),
        "system": platform.platform(),
        "python": platform.python_version(),
    }
    return found | {package: _version(package) for package in PACKAGES}


def nasstudio_version() -> str:
    """Version of the installed package."""
    return _version("nasstudio")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
