"""Where the packaged program begins: the window, the command line, and the engine's child processes.

A packaged program is its own Python. It starts its jobs as `PROGRAM -m nasstudio.engine.run FOLDER` and asks
`PROGRAM -s -c QUESTION` what it has, as it would of any engine interpreter; these two are answered here, and so is a
project that a file manager opens by its path alone. Everything else is the command line.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from pathlib import Path

_LIBRARY_PATHS = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LIBPATH")


def restore_library_paths() -> None:
    """Give children the library path that the person had: an engine interpreter must not load our libraries."""
    for name in _LIBRARY_PATHS:
        before = os.environ.pop(f"{name}_ORIG", None)
        if before is not None:
            os.environ[name] = before
        elif getattr(sys, "frozen", False):
            os.environ.pop(name, None)


def main(arguments: list[str]) -> int:
    """Run what the arguments ask for. Returns the exit code."""
    restore_library_paths()
    if arguments[:2] == ["-m", "nasstudio.engine.run"]:
        from nasstudio.engine.run.child import main as child

        return child(Path(arguments[2]))
    if len(arguments) == 3 and arguments[1] == "-c":
        exec(arguments[2], {"__name__": "__main__"})
        return 0
    from nasstudio.cli.main import main as command_line

    if len(arguments) == 1 and (Path(arguments[0]) / "project.db").is_file():
        arguments = ["--project", *arguments]
    return command_line(arguments)


if __name__ == "__main__":
    multiprocessing.freeze_support()
    sys.exit(main(sys.argv[1:]))
