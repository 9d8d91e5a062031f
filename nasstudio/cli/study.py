"""The command `study`: Once-for-All against training alone, with its table on the terminal."""

from __future__ import annotations

import argparse
import math
from typing import Any

from nasstudio.cli.limits import parse_limit
from nasstudio.cli.networks import best, by_name, found_networks
from nasstudio.cli.projects import add_project, opened, say
from nasstudio.cli.watch import run_job
from nasstudio.engine.job.specification import StudySpec, Target, encode
from nasstudio.engine.project import plan
from nasstudio.engine.project.project import Project
from nasstudio.engine.project.study import SPREAD, supernet_seconds
from nasstudio.engine.study.effort import StudyEffort, study_effort

_LATENCY = "latency:"


def _add(command: argparse.ArgumentParser) -> None:
    add_project(command)
    command.add_argument(
        "--network", action="append", default=[], help="short id of a network; may be repeated"
    )
    command.add_argument(
        "--target",
        action="append",
        default=[],
        help="the best network under this limit, e.g. latency<=5; may be repeated",
    )
    command.add_argument(
        "--spread",
        type=int,
        default=SPREAD,
        help="without the two above and without pinned networks: so many, spread over the front",
    )
    command.add_argument(
        "--epochs",
        type=int,
        default=0,
        help="of each network trained alone; 0: as many as the supernet's whole schedule",
    )
    command.add_argument(
        "--rate",
        action="append",
        type=float,
        default=[],
        help="learning rate to try, the best is taken; may be repeated",
    )
    command.add_argument(
        "--taught", action="store_true", help="train each once more with the supernet as teacher"
    )
    command.add_argument(
        "--tune", type=int, default=0, metavar="EPOCHS", help="train the subnet on for so long"
    )
    command.add_argument("--seeds", type=int, default=1, help="trainings of each kind")
    command.add_argument("--seed", type=int, default=0, help="seed of all randomness")
    command.add_argument("--threads", type=int, default=1, help="compute threads")
    command.add_argument(
        "--plan", action="store_true", help="say what it would train and how long, and do nothing"
    )
    command.add_argument(
        "--print-spec", action="store_true", help="print the specification and do nothing"
    )
    command.add_argument(
        "--interpreter", default=None, help="Python that has the engine; this one by default"
    )


def _run(options: argparse.Namespace) -> int:
    with opened(options.project) as project:
        spec = _spec(project, options)
        if options.print_spec:
            print(encode(spec).decode())
            return 0
        if options.plan:
            seconds = supernet_seconds(project.snapshot(), spec)
            return say(options, *_planned(study_effort(spec, seconds)))
        summary = run_job(project, spec, interpreter=options.interpreter, quiet=options.json)
    return say(options, summary, table(summary))


def _spec(project: Project, options: argparse.Namespace) -> StudySpec:
    return plan.study(
        project,
        _targets(project, options),
        spread=options.spread,
        epochs=options.epochs,
        rates=tuple(options.rate),
        taught=options.taught,
        tuning_epochs=options.tune,
        seeds=options.seeds,
        seed=options.seed,
        threads=options.threads,
    )


def _targets(project: Project, options: argparse.Namespace) -> list[Target]:
    if not options.network and not options.target:
        return []
    found = found_networks(project)
    targets = [Target(found.genome(by_name(found, name))) for name in options.network]
    for text in options.target:
        limit = parse_limit(text, found.metrics)
        genome = found.genome(best(found, [limit]))
        if limit.metric.startswith(_LATENCY):
            targets.append(Target(genome, limit.metric.removeprefix(_LATENCY), limit.most))
        else:
            targets.append(Target(genome))
    return targets


def _planned(effort: StudyEffort) -> tuple[dict[str, Any], str]:
    words = f"{effort.networks} networks, {effort.trainings} trainings"
    if effort.seconds is not None:
        words += f": about {max(1, round(effort.seconds / 60))} min"
    values = {
        "networks": effort.networks,
        "trainings": effort.trainings,
        "share_of_supernet": effort.share,
        "seconds": effort.seconds,
    }
    return values, f"{words}."


def table(summary: dict[str, Any]) -> str:
    """The lecture's table of a finished study, as text."""
    lines = [f"{'network':10} {'alone %':>8} {'ofa %':>8} {'ofa - alone':>26}"]
    for row in summary["rows"]:
        for way, found in row["ways"].items():
            name = row["network"] if way == "alone" else f"  {way}"
            lines.append(
                f"{name:10} {100 * found['accuracy']:8.2f} {100 * row['ofa']:8.2f} "
                f"{_interval(found['difference'], found['low95'], found['high95']):>26}"
            )
    if summary.get("difference") is not None:
        mean = (summary["difference"], summary["difference_low95"], summary["difference_high95"])
        lines.append(f"{'mean':10} {'':8} {'':8} {_interval(*mean):>26}")
    lines.append("")
    lines.append(
        f"supernet {_seconds(summary['supernet_s'])}, each network alone {_seconds(summary['alone_s'])}"
        f" ({_seconds(summary['alone_all_rates_s'])} with every rate that was tried)"
    )
    lines.append(f"the supernet costs less from {_targets_said(summary.get('break_even'))}")
    if "break_even_with_search" in summary:
        lines.append(
            f"and from {_targets_said(summary['break_even_with_search'])} if each lone network pays for a search "
            f"of {summary['assumed_search_networks']} networks, each for "
            f"{100 * summary['assumed_search_share']:.0f} % of the epochs (assumed)"
        )
    return "\n".join(lines)


def _interval(mean: float, low: float, high: float) -> str:
    return f"{100 * mean:+.2f} ({100 * low:+.2f} to {100 * high:+.2f})"


def _seconds(value: float | None) -> str:
    return "unknown time" if value is None else f"{value:.0f} s"


def _targets_said(crossing: float | None) -> str:
    if crossing is None:
        return "no number of targets"
    return f"{max(1, math.ceil(crossing - 1e-9))} targets ({crossing:.1f})"


COMMANDS = (("study", "compare subnets with the same networks trained alone", _add, _run),)
