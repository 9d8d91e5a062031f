"""Commands that run a job: the same specification as the window's, run by the same child process."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from nasstudio.cli import demo
from nasstudio.cli.limits import metric_key, parse_limit
from nasstudio.cli.networks import best, by_name, found_networks
from nasstudio.cli.projects import add_project, opened, say
from nasstudio.cli.watch import run_job
from nasstudio.engine.atomic import file_sha256
from nasstudio.engine.cost.metric import available
from nasstudio.engine.device.device import SHORT, Device
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.job.specification import (
    PROFILE_BUDGET_S,
    PROFILE_NETWORKS,
    AnySpec,
    ProbeSpec,
    ProfileSpec,
    Reference,
    TrainSpec,
    decode,
    encode,
)
from nasstudio.engine.project import plan
from nasstudio.engine.project.effort import profile_effort
from nasstudio.engine.project.project import Project
from nasstudio.engine.search.limit import Algorithm
from nasstudio.engine.space.families import build
from nasstudio.engine.train.recipe import Recipe
from nasstudio.engine.train.schedule import Schedule, schedule_names, schedule_preset

Make = Callable[[Project, argparse.Namespace], AnySpec]
Outcome = Callable[[dict[str, Any]], str]


def _job(make: Make, outcome: Outcome) -> Callable[[argparse.Namespace], int]:
    """A command that makes one specification and runs it."""

    def run(options: argparse.Namespace) -> int:
        with opened(options.project) as project:
            spec = decode(encode(make(project, options)), "options")  # checks the values
            if options.print_spec:
                print(encode(spec).decode())
                return 0
            if isinstance(spec, ProfileSpec) and options.plan:
                print(profile_effort(spec).say())
                return 0
            if isinstance(spec, TrainSpec) and options.later:
                return _put_off(project, spec, options)
            summary = run_job(project, spec, interpreter=options.interpreter, quiet=options.json)
        return say(options, summary, outcome(summary))

    return run


def _put_off(project: Project, spec: TrainSpec, options: argparse.Namespace) -> int:
    """Make the run folder of a training and say how several processes work on it."""
    folder = project.new_run(spec)
    start = f"torchrun --nproc-per-node {spec.accumulate} -m nasstudio.engine.run {folder.path}"
    return say(options, {"run": folder.id, "folder": str(folder.path), "command": start}, start)


def _add_job(command: argparse.ArgumentParser) -> None:
    add_project(command)
    command.add_argument("--seed", type=int, default=0, help="seed of all randomness")
    command.add_argument(
        "--print-spec", action="store_true", help="print the specification and do nothing"
    )
    command.add_argument(
        "--interpreter", default=None, help="Python that has the engine; this one by default"
    )


def _summary(summary: dict[str, Any]) -> str:
    """A summary's plain values, a line each."""
    plain = {k: v for k, v in summary.items() if isinstance(v, str | int | float | bool)}
    return "\n".join(
        f"{k.replace('_', ' '):24} {v:.4g}"
        if isinstance(v, float)
        else f"{k.replace('_', ' '):24} {v}"
        for k, v in plain.items()
    )


# -- devices ----------------------------------------------------------------------------------------------------------


def _probe(project: Project, options: argparse.Namespace) -> ProbeSpec:
    return ProbeSpec(name="Find devices", seed=options.seed)


def device_of(project: Project, wanted: str) -> Device:
    """A device of this machine by its id, or by runtime, precision and threads: ``ort:1``, ``ort-int8:2``.

    Raises
    ------
    InvalidInput
        There is none, or more than one.
    """
    known: list[Device] = project.get("devices", list[Device], [])
    name, _, threads = wanted.partition(":")
    precision = "int8" if name.endswith("-int8") else "fp32"
    name = name.removesuffix("-int8")
    found = [
        d
        for d in known
        if d.id == wanted
        or (
            name in (d.runtime, SHORT.get(d.runtime))
            and d.precision == precision
            and threads in ("", str(d.threads))
        )
    ]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(d.id for d in known) or "none; run `nasstudio probe` first"
    raise InvalidInput(
        f"'{wanted}' names {len(found)} devices.",
        where="--device",
        remedy=f"Devices here: {listed}.",
    )


def _add_profile(command: argparse.ArgumentParser) -> None:
    _add_job(command)
    command.add_argument(
        "--device",
        required=True,
        help="id of a device, or runtime and threads: ort:1, ort-int8:1, openvino:2, executorch:1",
    )
    command.add_argument(
        "--budget",
        type=float,
        default=PROFILE_BUDGET_S,
        metavar="S",
        help="time for the layers, s",
    )
    command.add_argument(
        "--networks",
        type=int,
        default=PROFILE_NETWORKS,
        help="whole networks for the calibration",
    )
    command.add_argument(
        "--plan", action="store_true", help="say what it would measure and how long, and do nothing"
    )
    command.add_argument("--again", action="store_true", help="measure rows that are known, too")


def _profile(project: Project, options: argparse.Namespace) -> AnySpec:
    return plan.profile(
        project,
        device_of(project, options.device),
        only_missing=not options.again,
        budget_s=options.budget,
        networks=options.networks,
        seed=options.seed,
    )


# -- training ---------------------------------------------------------------------------------------------------------


def _add_train(command: argparse.ArgumentParser) -> None:
    _add_job(command)
    command.add_argument(
        "--schedule", default="", help=f"one of {', '.join(schedule_names())}, or a JSON file"
    )
    command.add_argument("--batch", type=int, help="images a step")
    command.add_argument("--threads", type=int, default=1, help="compute threads")
    command.add_argument(
        "--more", action="store_true", help="go on from the project's newest supernet"
    )
    command.add_argument(
        "--teacher", type=Path, help="a supernet file of the project whose largest network teaches"
    )
    command.add_argument(
        "--optimiser",
        choices=("sgd", "adamw"),
        help="rates of a schedule are for sgd",
    )
    command.add_argument(
        "--weight-decay", type=float, help="of weights; norms and biases have none"
    )
    command.add_argument("--ema", type=float, help="decay of the moving average; 0: none")
    command.add_argument("--dropout", type=float, help="share of the classifier's inputs")
    command.add_argument("--smoothing", type=float, help="share of every label spread over all")
    command.add_argument("--erase", type=float, help="share of images that lose a rectangle")
    command.add_argument("--mixup", type=float, help="alpha of mixing images; 0: none")
    command.add_argument(
        "--accumulate", type=int, help="micro-batches that a batch is divided into"
    )
    command.add_argument("--precision", choices=("fp32", "bf16", "fp16"), help="of the arithmetic")
    command.add_argument("--device", choices=("cpu", "cuda"))
    command.add_argument(
        "--later", action="store_true", help="only make the run and print the torchrun command"
    )


def _recipe(project: Project, options: argparse.Namespace) -> dict[str, Any]:
    """What was asked for beside the project's recipe."""
    fields = (name for name in Recipe.__struct_fields__ if name != "augmentation")
    given = {name: getattr(options, name) for name in fields}
    asked = {name: value for name, value in given.items() if value is not None}
    changes = {name: getattr(options, name) for name in ("erase", "mixup")}
    changes = {name: value for name, value in changes.items() if value is not None}
    if changes:
        kept = project.get("recipe", Recipe, Recipe()).augmentation
        asked["augmentation"] = msgspec.structs.replace(kept, **changes)
    return asked


def _teacher(project: Project, path: Path | None) -> Reference | None:
    """A file of the project as an input.

    Raises
    ------
    InvalidInput
        It is not there, or not in the project.
    """
    if path is None:
        return None
    home = project.path.resolve()
    if not path.is_file() or not path.resolve().is_relative_to(home):
        raise InvalidInput(
            "The teacher is not a file of this project.",
            where=path,
            remedy="Copy the supernet into the project folder, beside `runs`.",
        )
    return Reference(str(path.resolve().relative_to(home)), file_sha256(path))


def schedule_of(name: str) -> Schedule | None:
    """A schedule by preset name or file.

    Raises
    ------
    InvalidInput
        It is neither.
    """
    if not name or not name.endswith(".json"):
        return schedule_preset(name) if name else None
    try:
        return msgspec.json.decode(Path(name).read_bytes(), type=Schedule)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise InvalidInput(
            f"This is not a schedule: {problem}.",
            where=name,
            remedy="See resources/presets/schedules.",
        ) from None


def _train(project: Project, options: argparse.Namespace) -> AnySpec:
    schedule = schedule_of(options.schedule)
    start = project.reference(plan.supernet(project)) if options.more else None
    return plan.train(
        project,
        schedule,
        threads=options.threads,
        seed=options.seed,
        start=start,
        teacher=_teacher(project, options.teacher),
        **_recipe(project, options),
    )


def _add_collect(command: argparse.ArgumentParser) -> None:
    _add_job(command)
    command.add_argument("--networks", type=int, default=200, help="subnets to evaluate")
    command.add_argument(
        "--images", type=int, default=0, help="validation images; 0: all of the first half"
    )
    command.add_argument(
        "--active",
        type=float,
        default=0.4,
        metavar="SHARE",
        help="share of the subnets that is chosen where a search would go, 0 to 1",
    )
    command.add_argument(
        "--objective",
        default="macs",
        metavar="METRIC",
        help="the front's other axis for these: macs, or latency:DEVICE of the project's table",
    )


def _collect(project: Project, options: argparse.Namespace) -> AnySpec:
    return plan.collect(
        project,
        options.networks,
        validation_images=options.images,
        active=options.active,
        objective=options.objective,
        seed=options.seed,
    )


def _fit(project: Project, options: argparse.Namespace) -> AnySpec:
    return plan.fit(project, seed=options.seed)


# -- search -----------------------------------------------------------------------------------------------------------


def _add_search(command: argparse.ArgumentParser) -> None:
    _add_job(command)
    command.add_argument(
        "--limit", action="append", default=[], help="e.g. latency<=5; may be given more than once"
    )
    command.add_argument("--objective", default="", help="metric on the other axis of the front")
    command.add_argument("--algorithm", default="evolution", help="evolution, nsga2 or random")
    command.add_argument("--budget", type=int, default=20_000, help="networks to evaluate")
    command.add_argument("--population", type=int, default=100)


def _search(project: Project, options: argparse.Namespace) -> AnySpec:
    metrics = available(build(plan.space_document(project)), project.table)
    return plan.search(
        project,
        metric_key(options.objective, metrics) if options.objective else "",
        limits=tuple(parse_limit(text, metrics) for text in options.limit),
        algorithm=Algorithm(options.algorithm),
        budget=options.budget,
        population=options.population,
        seed=options.seed,
    )


def _add_choice(command: argparse.ArgumentParser) -> None:
    _add_job(command)
    command.add_argument(
        "--network", action="append", default=[], help="short id of a network; may be repeated"
    )
    command.add_argument(
        "--limit", action="append", default=[], help="the best network under this limit"
    )


def _chosen(project: Project, options: argparse.Namespace) -> list[tuple[int, ...]]:
    found = found_networks(project)
    if options.network:
        return [found.genome(by_name(found, name)) for name in options.network]
    pinned = [
        s.genome for s in project.subnets() if s.pin is not None and s.space == found.space.hash
    ]
    if pinned and not options.limit:
        return pinned
    return [found.genome(best(found, [parse_limit(text, found.metrics) for text in options.limit]))]


def _verify(project: Project, options: argparse.Namespace) -> AnySpec:
    return plan.verify(project, _chosen(project, options), seed=options.seed)


def _add_export(command: argparse.ArgumentParser) -> None:
    _add_choice(command)
    command.add_argument("--title", default="", help="name of the exported files")
    command.add_argument(
        "--format", action="append", default=[], help="onnx, pytorch; both by default"
    )


def _export(project: Project, options: argparse.Namespace) -> AnySpec:
    chosen = _chosen(project, options)
    if len(chosen) > 1:
        raise InvalidInput(
            f"{len(chosen)} networks are meant.",
            where="nasstudio export",
            remedy="Name one: --network ID.",
        )
    formats = tuple(options.format) or ("onnx", "pytorch")
    return plan.export(project, chosen[0], options.title, formats=formats, seed=options.seed)


def _add_reference(command: argparse.ArgumentParser) -> None:
    _add_job(command)
    source = command.add_mutually_exclusive_group(required=True)
    source.add_argument("--onnx", type=Path, help="an ONNX file of your own")
    source.add_argument(
        "--torchvision", help="name of a torchvision network, e.g. mobilenet_v3_small"
    )
    command.add_argument(
        "--resolution", type=int, default=224, help="input size of a torchvision network, px"
    )


def _reference(project: Project, options: argparse.Namespace) -> AnySpec:
    source, model = (
        ("onnx", str(options.onnx.resolve()))
        if options.onnx
        else ("torchvision", options.torchvision)
    )
    return plan.reference(project, source, model, resolution=options.resolution, seed=options.seed)


def _add_demo(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "project",
        type=Path,
        nargs="?",
        help="folder to make; a new one in the current folder by default",
    )
    command.add_argument("--seed", type=int, default=0, help="seed of all randomness")


def _demo(options: argparse.Namespace) -> int:
    return say(options, demo.run(options.project, seed=options.seed, quiet=options.json))


COMMANDS = (
    ("probe", "find the devices of this machine", _add_job, _job(_probe, _summary)),
    (
        "profile",
        "measure the layers of the space on a device",
        _add_profile,
        _job(_profile, _summary),
    ),
    ("train", "train the supernet", _add_train, _job(_train, _summary)),
    (
        "collect",
        "evaluate subnets for the predictor",
        _add_collect,
        _job(_collect, _summary),
    ),
    ("fit", "fit the accuracy predictor", _add_job, _job(_fit, _summary)),
    ("search", "search for the best networks under limits", _add_search, _job(_search, _summary)),
    ("verify", "measure chosen networks for real", _add_choice, _job(_verify, _summary)),
    ("reference", "measure a network of your own", _add_reference, _job(_reference, _summary)),
    ("export", "write one network for use elsewhere", _add_export, _job(_export, _summary)),
    ("demo", "the whole road on the shipped data set, in minutes", _add_demo, _demo),
)
