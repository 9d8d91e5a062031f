"""Commands that look at a project or change what it holds, without a job."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from rich.console import Console

from nasstudio.cli import report
from nasstudio.cli.limits import parse_limit
from nasstudio.cli.networks import best, by_name, found_networks
from nasstudio.cli.watch import resume_job
from nasstudio.engine.cost import counts, liveness
from nasstudio.engine.data.catalog import open_set, sets
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.job.supervise import end
from nasstudio.engine.project import plan
from nasstudio.engine.project.ingest import take_all
from nasstudio.engine.project.project import Project
from nasstudio.engine.space import families
from nasstudio.engine.space.mobilenet import with_data
from nasstudio.engine.space.space import SearchSpace, SpaceDocument


@contextmanager
def opened(path: Path, *, write: bool = True) -> Iterator[Project]:
    """A project, closed again at the end."""
    project = Project.open(path, program="nasstudio", write=write)
    try:
        for found in take_all(project) if write else ():
            if found.problem is not None:
                print(
                    f"nasstudio: warning: run {found.run} can't be read: {found.problem}",
                    file=sys.stderr,
                )
        yield project
    finally:
        project.close()


def say(options: argparse.Namespace, values: dict[str, Any], text: str = "") -> int:
    """Print the outcome: one JSON object, or a line for a person."""
    if options.json:
        print(json.dumps(values))
    elif text:
        print(text)
    return 0


def add_project(command: argparse.ArgumentParser) -> None:
    """The project argument that most commands have."""
    command.add_argument("project", type=Path, help="project folder")


# -- new, status, runs ------------------------------------------------------------------------------------------------


def _add_new(command: argparse.ArgumentParser) -> None:
    command.add_argument("project", type=Path, help="folder to make; .nasproj is added")
    command.add_argument("--title", default="", help="name of the project")
    command.add_argument("--space", default="", help="preset of the search space")
    command.add_argument("--data", default="", help="family of the data set")


def _new(options: argparse.Namespace) -> int:
    if options.space:
        families.preset(options.space)
    project = Project.create(options.project, options.title, program="nasstudio")
    try:
        if options.data:
            _choose_data(project, DataDocument(options.data))
        if options.space:
            _choose_space(project, families.preset(options.space))
        return say(options, {"path": str(project.path)}, f"{project.path} is ready.")
    finally:
        project.close()


def _status(options: argparse.Namespace) -> int:
    with opened(options.project, write=False) as project:
        snapshot = project.snapshot()
    if not options.json:
        report.print_status(Console(), snapshot)
        return 0
    return say(options, report.status(snapshot))


def _run_argument(command: argparse.ArgumentParser) -> None:
    add_project(command)
    command.add_argument(
        "run_id", metavar="RUN", help="id of the run, as `nasstudio status` lists it"
    )


def _resume(options: argparse.Namespace) -> int:
    with opened(options.project) as project:
        summary = resume_job(project, project.folder(options.run_id))
    return say(options, summary, "Done.")


def _stop(options: argparse.Namespace) -> int:
    with opened(options.project, write=False) as project:
        end(project.folder(options.run_id), print)
    return say(options, {"run": options.run_id}, "Stopped.")


def _delete(options: argparse.Namespace) -> int:
    with opened(options.project) as project:
        project.delete_run(options.run_id)
    return say(options, {"run": options.run_id}, "Deleted.")


def _add_forget(command: argparse.ArgumentParser) -> None:
    add_project(command)
    command.add_argument("key", help="name of the value, as the error message says it")


def _forget(options: argparse.Namespace) -> int:
    project = Project.open(options.project, program="nasstudio", write=True)
    try:
        project.forget(options.key)
    finally:
        project.close()
    return say(options, {"key": options.key}, "Forgotten.")


# -- space and data ---------------------------------------------------------------------------------------------------


def _add_space(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "project", type=Path, nargs="?", help="project folder; without one a preset is described"
    )
    command.add_argument(
        "--preset", default="", help=f"one of: {', '.join(families.preset_names())}"
    )
    command.add_argument("--file", type=Path, help="a space as JSON")


def _space(options: argparse.Namespace) -> int:
    document = families.read(options.file) if options.file else None
    if options.preset:
        document = families.preset(options.preset)
    if options.project is None:
        if document is None:
            raise InvalidInput(
                "Which space?",
                where="nasstudio space",
                remedy="Name a project, --preset or --file.",
            )
        return _describe_space(options, document)
    with opened(options.project, write=document is not None) as project:
        if document is not None:
            _choose_space(project, document)
        return _describe_space(options, plan.space_document(project))


def _choose_space(project: Project, document: SpaceDocument) -> None:
    data = project.get("data", DataDocument | None, None)  # type: ignore[arg-type]
    if data is not None:
        images = open_set(data)
        document = with_data(document, channels=images.channels, classes=len(images.classes))
    families.build(document)
    project.put("space", document)


def _describe_space(options: argparse.Namespace, document: SpaceDocument) -> int:
    space = families.build(document)
    ends = np.stack([space.smallest(), space.largest()])
    values = {
        "name": space.name,
        "networks": space.size(),
        "layers": len(space.layers),
        "macs": counts.macs(space, ends).tolist(),
        "params": counts.params(space, ends).tolist(),
        "memory_mib": liveness.memory_mib(space, ends).tolist(),
        "size_mib": counts.size_mib(space, ends).tolist(),
        "document": msgspec.to_builtins(document),
    }
    return say(options, values, _space_text(space, values))


def _space_text(space: SearchSpace, values: dict[str, Any]) -> str:
    macs, params = values["macs"], values["params"]
    return (
        f"{space.document.title} ({space.name})\n"
        f"  networks   {space.size():.3g}, {len(space.genes)} genes, {len(space.layers)} distinct layers\n"
        f"  MACs       {macs[0] / 1e6:.2f} M to {macs[1] / 1e6:.2f} M\n"
        f"  parameters {params[0] / 1e3:.0f} k to {params[1] / 1e3:.0f} k"
    )


def _add_data(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "project", type=Path, nargs="?", help="project folder; without one the sets are listed"
    )
    command.add_argument("--family", default="", help="family of the data set")
    command.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help="e.g. folder=/data"
    )


def _data(options: argparse.Namespace) -> int:
    if options.project is None:
        listed = [{"family": s.family, "title": s.title, "present": s.present} for s in sets()]
        return say(
            options, {"sets": listed}, "\n".join(f"{s['family']:22} {s['title']}" for s in listed)
        )
    with opened(options.project, write=bool(options.family)) as project:
        if options.family:
            _choose_data(project, DataDocument(options.family, _typed(options.option)))
        images = open_set(plan.data_document(project))
    sizes = {name: len(images.split(name).labels) for name in ("train", "validation", "test")}
    values = {
        "title": images.title,
        "classes": list(images.classes),
        "channels": images.channels,
        "images": sizes,
        "notes": list(images.notes),
    }
    said = f"{images.title}: {len(images.classes)} classes, {sizes}"
    return say(options, values, "\n".join((said, *images.notes)))


def _typed(pairs: Sequence[str]) -> dict[str, Any]:
    """Options as typed values: numbers and true/false where they read like it."""
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise InvalidInput(
                f"'{pair}' is not an option.", where="--option", remedy="Write it like: size=64"
            )
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def _choose_data(project: Project, document: DataDocument) -> None:
    images = open_set(document)
    project.put("data", document)
    space = project.get("space", SpaceDocument | None, None)  # type: ignore[arg-type]
    if space is not None:
        project.put(
            "space", with_data(space, channels=images.channels, classes=len(images.classes))
        )


# -- networks -------------------------------------------------------------------------------------------------------


def _add_front(command: argparse.ArgumentParser) -> None:
    add_project(command)
    command.add_argument(
        "--limit", action="append", default=[], help="e.g. latency<=5; may be given more than once"
    )
    command.add_argument(
        "--objective", default="", help="metric of the front; the searched one by default"
    )


def _front(options: argparse.Namespace) -> int:
    with opened(options.project, write=False) as project:
        found = found_networks(project)
    limits = [parse_limit(text, found.metrics) for text in options.limit]
    objective = options.objective or next(
        key for key in found.archive.columns if key.startswith("latency:")
    )
    indices = found.archive.front(objective, found.archive.feasible(limits))
    rows = report.front_rows(found, [int(i) for i in indices])
    if not options.json:
        report.print_front(Console(), found, rows, f"{len(rows)} networks on the front")
        if limits and rows:
            print(f"Best under the limits: {found.name(best(found, limits))}")
        return 0
    return say(options, {"front": rows})


def _add_pin(command: argparse.ArgumentParser) -> None:
    add_project(command)
    command.add_argument("network", help="short id of a network, as `nasstudio front` lists it")
    command.add_argument("--off", action="store_true", help="unpin it")


def _pin(options: argparse.Namespace) -> int:
    with opened(options.project) as project:
        found = found_networks(project)
        genome = found.genome(by_name(found, options.network))
        project.pin(found.space.hash, genome, on=not options.off)
    return say(options, {"network": options.network}, "Unpinned." if options.off else "Pinned.")


COMMANDS = (
    ("new", "make a project", _add_new, _new),
    ("status", "show a project", add_project, _status),
    ("space", "show or choose what may be searched", _add_space, _space),
    ("data", "show or choose the data set", _add_data, _data),
    ("front", "list the best networks that the last search found", _add_front, _front),
    ("pin", "pin a network", _add_pin, _pin),
    ("resume", "go on with a run", _run_argument, _resume),
    ("stop", "stop a run that goes on in the background", _run_argument, _stop),
    ("delete", "delete a run and its files", _run_argument, _delete),
    ("forget", "drop a remembered value that does not read", _add_forget, _forget),
)
