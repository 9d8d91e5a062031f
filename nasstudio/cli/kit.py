"""The kit: a folder that measures a device which is not here. Its results come back by `nasstudio table --import`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from nasstudio.cli.projects import add_project, opened, say
from nasstudio.cli.watch import run_job
from nasstudio.engine.job.specification import KitSpec, encode
from nasstudio.engine.project import plan
from nasstudio.engine.project.project import Project


def _add(command: argparse.ArgumentParser) -> None:
    add_project(command)
    command.add_argument(
        "--out", type=Path, required=True, help="folder to make; a name that ends in .zip is packed"
    )
    command.add_argument(
        "--networks", type=int, default=40, help="whole networks for the calibration"
    )
    command.add_argument(
        "--formats", default="onnx", metavar="LIST", help="of onnx, executorch, litert; by commas"
    )
    command.add_argument("--seed", type=int, default=0, help="seed of all randomness")
    command.add_argument(
        "--print-spec", action="store_true", help="print the specification and do nothing"
    )
    command.add_argument(
        "--interpreter", default=None, help="Python that has the engine; this one by default"
    )


def _spec(project: Project, options: argparse.Namespace) -> KitSpec:
    return plan.kit(
        project,
        options.out,
        networks=options.networks,
        formats=tuple(name.strip() for name in options.formats.split(",") if name.strip()),
        seed=options.seed,
    )


def _kit(options: argparse.Namespace) -> int:
    with opened(options.project) as project:
        spec = _spec(project, options)
        if options.print_spec:
            print(encode(spec).decode())
            return 0
        summary = run_job(project, spec, interpreter=options.interpreter, quiet=options.json)
    return say(options, summary, _outcome(summary))


def _outcome(summary: dict[str, Any]) -> str:
    return (
        f"{summary['target']} is ready: {summary['layers']} layers, {summary['networks']} networks, "
        f"{summary['mib']} MiB.\nBring it to the device and run it there, as its README says. "
        "Then: nasstudio table PROJECT --import results-NAME.json"
    )


COMMANDS = (("kit", "make a folder that measures a device which is not here", _add, _kit),)
