"""The `import` command: published supernets and accuracy predictors into a project."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from nasstudio.cli.projects import add_project, opened, say
from nasstudio.cli.tables import resolutions
from nasstudio.cli.watch import run_job
from nasstudio.engine.atomic import write_atomic
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.project import plan
from nasstudio.engine.space.space import SpaceDocument


def _add(command: argparse.ArgumentParser) -> None:
    add_project(command)
    command.add_argument(
        "files",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="checkpoint of a Once-for-All supernet, or accuracy predictor; which, its tensors say",
    )
    command.add_argument(
        "--resolution",
        default="",
        metavar="PX,PX",
        help="input sizes of the space that a supernet brings into a project without one, e.g. 160,192",
    )
    command.add_argument(
        "--out", type=Path, metavar="FILE", help="also write the one imported file here, as ours"
    )
    command.add_argument(
        "--interpreter", default=None, help="Python that has the engine; this one by default"
    )


def _import(options: argparse.Namespace) -> int:
    if options.out is not None and len(options.files) > 1:
        raise InvalidInput(
            "--out is for one file.", where="--out", remedy="Import the files one by one."
        )
    sizes = resolutions(options.resolution)
    imported: list[dict[str, Any]] = []
    with opened(options.project) as project:
        if sizes and project.get("space", SpaceDocument | None, None) is not None:  # type: ignore[arg-type]
            raise InvalidInput(
                "The project has a space, and that says its resolutions.",
                where="--resolution",
                remedy="Change the space with `nasstudio space`, or import into a new project.",
            )
        for source in options.files:
            spec = plan.importing(project, source, sizes)
            summary = run_job(project, spec, interpreter=options.interpreter, quiet=options.json)
            imported.append(summary)
            if options.out is not None:
                made = project.folder(summary["run"]).path / summary["file"]
                write_atomic(options.out, made.read_bytes())
    return say(options, {"imported": imported}, "\n".join(map(_outcome, imported)))


def _outcome(summary: dict[str, Any]) -> str:
    source, title, space = summary["source"], summary["title"], summary["space"]
    if summary["kind"] == "predictor":
        return f"{source}: accuracy predictor for {title} ({space})."
    return (
        f"{source}: supernet of {title} ({space}), {summary['classes']} classes, "
        f"{summary['channels']} channels, {summary['parameters'] / 1e6:.2f} M parameters."
    )


COMMANDS = (("import", "take in a published supernet or accuracy predictor", _add, _import),)
