"""The command line: one subcommand a job; without one the window opens.

Exit codes: 0 done, 1 error, 2 bad input, 3 the table lacks layers, 4 no network meets the limits, 5 a package is
missing, 6 the project is open elsewhere, 7 a job failed, 8 the disk is full, 130 stopped by Ctrl-C. With `--json` the
last line of the output is one JSON object. Nothing ever asks a question.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from nasstudio.cli import jobs, kit, projects, published, study, tables
from nasstudio.cli.watch import complain
from nasstudio.engine.errors import StudioError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Returns the exit code."""
    options = parser().parse_args(arguments)
    try:
        if options.command is None:
            return _window(options.project, sample=options.sample)
        code: int = options.run(options)
        return code
    except StudioError as problem:
        return complain(problem)
    except BrokenPipeError:
        return 1
    except KeyboardInterrupt:
        return 130
    except Exception as problem:  # a defect of ours: its trace is for the report
        return _unexpected(problem)


def _unexpected(problem: Exception) -> int:
    """Say what happened and keep the trace in a file. NASSTUDIO_TRACE=1 shows it."""
    if os.environ.get("NASSTUDIO_TRACE"):
        raise problem
    with tempfile.NamedTemporaryFile("w", prefix="nasstudio-", suffix=".log", delete=False) as log:
        traceback.print_exception(problem, file=log)
    what = f"Unexpected {type(problem).__name__}: {problem}"
    remedy = "Try again; if it happens again, send this file with a problem report."
    return complain(StudioError(what, where=log.name, remedy=remedy))


def _window(project: Path | None, *, sample: bool) -> int:
    from nasstudio.ui.app import run  # Qt is loaded only for the window

    return run(project, sample=sample)


def parser() -> argparse.ArgumentParser:
    """The whole grammar."""
    top = argparse.ArgumentParser(
        prog="nasstudio",
        description="Hardware-aware neural architecture search. Without a command the window opens.",
        epilog=(__doc__ or "").split("\n\n", 1)[1],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--project", type=Path, nargs="?", help="project folder that the window opens")
    top.add_argument("--sample", action="store_true", help="open your copy of the sample project")
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    everything = (
        *projects.COMMANDS,
        *tables.COMMANDS,
        *jobs.COMMANDS,
        *study.COMMANDS,
        *kit.COMMANDS,
        *published.COMMANDS,
    )
    for name, about, add, run in everything:
        command = commands.add_parser(name, help=about, description=about)
        command.add_argument("--json", action="store_true", help="print one JSON object at the end")
        add(command)
        command.set_defaults(run=run)
    return top


if __name__ == "__main__":
    sys.exit(main())
