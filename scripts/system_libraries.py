"""Makes sure that Qt finds the system libraries it needs.

Tries to load each; on Debian and as root the packages of those that fail are installed with apt, unless NO_APT is set.
Otherwise the packages are named. Ends with status 0 in both cases where Qt will work.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys

PACKAGES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libfontconfig.so.1": "libfontconfig1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xinerama.so.0": "libxcb-xinerama0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libglib-2.0.so.0": "libglib2.0-0",
}


def missing() -> list[str]:
    """Packages of the libraries that can't be loaded."""
    found = []
    for library, package in PACKAGES.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            found.append(package)
    return found


def main() -> int:
    """Install or name what is missing. Returns the exit code."""
    if not sys.platform.startswith("linux"):
        return 0
    packages = missing()
    if not packages:
        return 0
    names = " ".join(packages)
    if os.environ.get("NO_APT") or os.geteuid() != 0 or shutil.which("apt-get") is None:
        print(
            f"Qt lacks system libraries. Install them:\n  sudo apt-get install {names}",
            file=sys.stderr,
        )
        return 1
    print(f"Installing system libraries for Qt: {names}")
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    subprocess.run(
        ["apt-get", "update", "-q"], env=environment, check=False, stdout=subprocess.DEVNULL
    )
    done = subprocess.run(
        ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages],
        env=environment,
        check=False,
        stdout=subprocess.DEVNULL,
    )
    left = missing()
    if done.returncode or left:
        print(f"These could not be installed: {' '.join(left) or names}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
