"""What is lost when processes are killed and files are damaged: nothing, and this shows it.

Four parts: trainings killed at chosen moments and resumed (they must end bit for bit as an uninterrupted one), other
jobs likewise, the window killed during a training, every reader given damaged input, and a table of malformed input
as a person meets it at the command line. With --table the last part alone is run and written as Markdown.

The whole takes about 8 minutes on one core; --quick under one. It needs no data and leaves nothing behind. What was
lost is named on the standard error stream; the exit code is 1 if anything was.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from reporting import contract

HERE = Path(__file__).resolve().parent
PARTS = ("train", "jobs", "window", "readers", "table")
OTHER = ("profile", "collect", "search", "export")
# Readers whose child starts in a fraction of a second: it does not import torch.
FAST = (
    "table JSON",
    "table CSV",
    "specification",
    "schedule",
    "space",
    "archive",
    "predictor",
    "IDX",
)
FULL_INPUTS, QUICK_INPUTS = 250, 20


class Figures:
    """Counts by path; a part that was not run is null."""

    def __init__(self, readers: Iterable[str]) -> None:
        self.values: dict[str, int | None] = {}
        for fault in ("train", *OTHER, "window", "malformed"):
            self.values |= {f"{fault}/{word}": None for word in ("tried", "survived", "lost")}
        for reader in readers:
            self.values |= {f"{reader}/{word}": None for word in ("inputs", "crashes", "hangs")}

    def fault(self, kind: str, title: str, try_it: Callable[[], list[str]]) -> None:
        """Try one fault and count it; what it lost is said."""
        began = time.monotonic()
        lost = try_it()
        print(
            f"{kind}: {title}: {'; '.join(lost) or 'nothing lost'} ({time.monotonic() - began:.1f} s)",
            file=sys.stderr,
        )
        for word, more in (("tried", 1), ("survived", not lost), ("lost", bool(lost))):
            self.values[f"{kind}/{word}"] = int(more) + (self.values[f"{kind}/{word}"] or 0)

    @property
    def nothing_lost(self) -> bool:
        """Whether every count of what must not be is zero."""
        bad = ("/lost", "/crashes", "/hangs")
        return not any(count for name, count in self.values.items() if name.endswith(bad))


def run_kills(figures: Figures, home: Path, parts: set[str], *, quick: bool) -> None:
    """Trainings and the other jobs."""
    from faulting import kills

    trainings = kills.Trainings.fresh(home)
    for fault in kills.FAULTS:
        if "train" in parts and (fault.quick or not quick):
            figures.fault("train", fault.title, lambda fault=fault: trainings.killed(fault))
    if quick:
        return
    if "train" in parts:
        for steps in (2, 7, 13):
            title = f"by kill -9 from outside after {steps} steps"
            figures.fault("train", title, lambda n=steps: trainings.killed_from_outside(n))
        title = "by kill -9 from outside while it is paused"
        figures.fault("train", title, lambda: trainings.killed_from_outside(8, paused=True))
        figures.fault("train", "its terminal waiting", trainings.killed_under_terminal)
        figures.fault("train", "its terminal only", trainings.terminal_killed)
    if "jobs" in parts:
        others = kills.OtherJobs(trainings)
        others.prepare()
        for title, try_it in others.faults():
            figures.fault(title.partition(",")[0], title, try_it)


def run_window(figures: Figures, home: Path) -> None:
    """The window, alone and with its training."""
    from faulting.windows import Windows

    windows = Windows(home)
    figures.fault("window", "killed during a training", windows.killed_alone)
    figures.fault("window", "killed with the training's process", windows.killed_with_job)


def run_readers(figures: Figures, specimens: Path, *, quick: bool) -> None:
    """Every reader, in quick mode some of them."""
    from faulting import readers

    for name in FAST if quick else readers.NAMES:
        began = time.monotonic()
        tried = readers.try_reader(name, specimens, QUICK_INPUTS if quick else FULL_INPUTS)
        figures.values[f"{name}/inputs"] = tried.inputs
        figures.values[f"{name}/crashes"] = len(tried.crashes)
        figures.values[f"{name}/hangs"] = len(tried.hangs)
        print(
            f"{name}: {tried.inputs} inputs, {tried.refused} refused, {tried.read} read as valid, "
            f"{len(tried.crashes)} crashes, {len(tried.hangs)} hangs ({time.monotonic() - began:.1f} s)",
            *tried.crashes,
            *tried.hangs,
            sep="\n  ",
            file=sys.stderr,
        )


def run_table(figures: Figures, specimens: Path, home: Path, *, quick: bool) -> list[Any]:
    """The malformed cases through the command line; returns their outcomes."""
    from faulting import cases, malformed

    outcomes = []
    chosen = [case for case in malformed.CASES if not quick or case.group == cases.GROUPS[1]]
    for number, case in enumerate(chosen):

        def try_it(case: Any = case, number: int = number) -> list[str]:
            place = home / f"case-{number}"
            outcomes.append(cases.tried(case, specimens, place, cases.subprocess_command))
            return outcomes[-1].wrong

        figures.fault("malformed", case.title, try_it)
    return outcomes


def written(outcomes: list[Any]) -> str:
    """The table of malformed input as Markdown."""
    lines = [
        "# Malformed input: what was tried, and what it said",
        "",
        f"{len(outcomes)} cases, each run through the command line in a copy of a small project: a file is damaged, a",
        "command meets it. Checked in each: the message names what is wrong, where, and what to do; there is no",
        "traceback; no pickle is executed; every file and every row that was there before is still there, unchanged",
        "(but for what a command is there to change where it passes something over and goes on: exit code 0).",
        "Paths are shortened. Made by `python benchmarks/faults.py --table docs/faults.md`.",
    ]
    group = ""
    for outcome in outcomes:
        if outcome.case.group != group:
            group = outcome.case.group
            lines += [
                "",
                f"## {group}",
                "",
                "| tried | exit code | what it said |",
                "|---|---|---|",
            ]
        said = outcome.said.replace("|", "\\|").replace("\n", "<br>")
        lines.append(f"| {outcome.case.title} | {outcome.code} | {said} |")
        lines += [f"| **wrong** | | {word} |" for word in outcome.wrong]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = contract.parser(__doc__)
    parser.add_argument(
        "--table", type=Path, help="run the malformed cases only and write them here"
    )
    parser.add_argument("--part", choices=PARTS, action="append", help="only this part; repeatable")
    options = parser.parse_args()
    parts = set(options.part or PARTS) if options.table is None else {"table"}
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        home = Path(name)
        _isolate(home)
        from faulting import readers, specimens

        figures = Figures(readers.NAMES)
        if parts & {"train", "jobs"}:
            run_kills(figures, home, parts, quick=options.quick)
        if "window" in parts and not options.quick:
            run_window(figures, home)
        outcomes = []
        if parts & {"readers", "table"}:
            made = specimens.make(home / "specimens")
            if "readers" in parts:
                run_readers(figures, made, quick=options.quick)
            if "table" in parts:
                outcomes = run_table(figures, made, home, quick=options.quick)
    if options.table is not None:
        options.table.write_text(written(outcomes), "utf-8")
    contract.emit(options, "faults", figures.values)
    return 0 if figures.nothing_lost else 1


def _isolate(home: Path) -> None:
    """Neither wait for the user's own jobs nor touch anything of theirs; children find this checkout and one thread."""
    os.environ.update(
        NASSTUDIO_RUNTIME=str(home / "runtime"),
        XDG_CACHE_HOME=str(home / "cache"),
        XDG_CONFIG_HOME=str(home / "config"),
        XDG_DATA_HOME=str(home / "data"),
        OMP_NUM_THREADS="1",
        PYTHONPATH=str(HERE.parent),
    )


if __name__ == "__main__":
    sys.exit(main())
