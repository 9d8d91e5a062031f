"""The `table` command: latency tables in and out of a project, compared, and filled."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from nasstudio.cli.projects import add_project, opened, say
from nasstudio.engine.atomic import write_atomic
from nasstudio.engine.cost import checks, fill
from nasstudio.engine.cost.additive import gaps
from nasstudio.engine.cost.difference import Difference, compare
from nasstudio.engine.cost.formats.delimited import to_csv
from nasstudio.engine.cost.formats.own_json import to_json
from nasstudio.engine.cost.formats.reader import read_table, read_tables
from nasstudio.engine.cost.table import LatencyTable
from nasstudio.engine.device.device import Device
from nasstudio.engine.device.kit.columns import read_columns
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.project import plan
from nasstudio.engine.project.project import Project
from nasstudio.engine.space.families import build
from nasstudio.engine.space.space import SpaceDocument

_SHOWN = 5


def _add_table(command: argparse.ArgumentParser) -> None:
    add_project(command)
    command.add_argument(
        "--import",
        dest="source",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="read times: CSV, TSV, JSON, the YAML of OFA (all its resolutions at once) or ProxylessNAS, "
        "or a CSV of whole networks",
    )
    command.add_argument(
        "--device",
        default="",
        metavar="NAME",
        help="name of the imported device, or the one to fill",
    )
    command.add_argument(
        "--resolution",
        default="",
        metavar="PX,PX",
        help="take only the files of these input sizes, e.g. 160,192",
    )
    command.add_argument(
        "--fill", choices=("interpolate", "scale"), help="estimate the missing times of --device"
    )
    command.add_argument(
        "--from",
        dest="origin",
        default="",
        metavar="DEVICE",
        help="the device that --fill scale uses",
    )
    command.add_argument(
        "--diff", type=Path, metavar="FILE", help="say what another table has otherwise"
    )
    command.add_argument(
        "--export",
        dest="target",
        type=Path,
        metavar="FILE",
        help="write the table as .csv or .json",
    )


def _table(options: argparse.Namespace) -> int:
    _check(options)
    said: list[str] = []
    values: dict[str, Any] = {}
    with opened(options.project, write=bool(options.source or options.fill)) as project:
        if options.source:
            table = _read(project, options)
            said += _imported(project, table, values)
        if options.fill:
            said.append(_filled(project, options, values))
        if options.diff is not None:
            said.append(_differs(project.table, options.diff, values))
        if options.target is not None:
            csv = options.target.suffix.lower() == ".csv"
            content = to_csv(project.table).encode() if csv else to_json(project.table)
            write_atomic(options.target, content)
        rows, columns = project.table.shape
        known = int(project.table.cells.known.sum())
        flawed = int(project.table.cells.flawed.sum())
    values |= {"rows": rows, "devices": columns, "known": known, "not_times": flawed}
    said.append(f"{rows} operations, {columns} devices, {known} times")
    return say(options, values, "\n".join(said))


def _check(options: argparse.Namespace) -> None:
    """Options that need one another."""
    for given, needed, wrong in (
        ("--fill", "--device", options.fill and not options.device),
        ("--fill scale", "--from", options.fill == "scale" and not options.origin),
        ("--from", "--fill scale", options.origin and options.fill != "scale"),
        ("--resolution", "--import", options.resolution and not options.source),
        ("--device", "--import or --fill", options.device and not (options.source or options.fill)),
    ):
        if wrong:
            raise InvalidInput(
                f"{given} needs {needed}.",
                where="nasstudio table",
                remedy="See `nasstudio table --help`.",
            )


def resolutions(written: str) -> tuple[int, ...]:
    """Input sizes, px, from a list with commas."""
    try:
        return tuple(int(word) for word in written.split(",") if word)
    except ValueError:
        raise InvalidInput(
            f"'{written}' is not a list of input sizes.",
            where="--resolution",
            remedy="Write it like: 160,192",
        ) from None


# -- import ---------------------------------------------------------------------------------------------------------


def _read(project: Project, options: argparse.Namespace) -> LatencyTable:
    """The table of the files, or the columns of a kit's results; these depend on the project's space."""
    document = project.get("space", SpaceDocument | None, None)  # type: ignore[arg-type]
    if len(options.source) == 1:
        brought = read_columns(options.source[0], build(document) if document else None)
        if brought is not None:
            return brought
    return read_tables(options.source, options.device, resolutions(options.resolution))


def _imported(project: Project, table: LatencyTable, values: dict[str, Any]) -> list[str]:
    """Take a table into the project's; what there is to say about it."""
    project.table.take_in(table)
    project.save_table()
    flags = checks.suspicious(table)
    values["flags"] = [
        {
            "operation": table.labels[f.row],
            "device": table.devices[f.column].name,
            "reason": f.reason,
        }
        for f in flags
    ]
    values["notes"] = list(table.notes)
    said = [f"  {note}" for note in table.notes]
    said += _search_gaps(project, table)
    if flags:
        said.append(f"  {len(flags)} cells look wrong:")
        said += [
            f"    {table.labels[f.row]}, {table.devices[f.column].name}: {f.reason}"
            for f in flags[:_SHOWN]
        ]
    return said


def _search_gaps(project: Project, table: LatencyTable) -> list[str]:
    """Why a search in the project's space can't use a device that is known by whole networks."""
    document = project.get("space", SpaceDocument | None, None)  # type: ignore[arg-type]
    if document is None or not table.fitted:
        return []
    space = build(plan.space_document(project))
    said = []
    for device in table.devices:
        model = table.fitted.get(device.id)
        missing = gaps(model, space) if model is not None else []
        if missing:
            more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
            said.append(
                f"  A search in {space.name} can't use {device.name}: {'; '.join(missing[:3])}{more}."
            )
    return said


# -- fill and compare -----------------------------------------------------------------------------------------------


def _named(table: LatencyTable, name: str) -> Device:
    """A device by its id or its name."""
    for device in table.devices:
        if name in (device.id, device.name):
            return device
    listed = ", ".join(f"{device.name} ({device.id})" for device in table.devices) or "none"
    raise InvalidInput(
        f"The table has no device '{name}'.", where="latency table", remedy=f"It has: {listed}."
    )


def _filled(project: Project, options: argparse.Namespace, values: dict[str, Any]) -> str:
    table = project.table
    device = _named(table, options.device)
    if options.fill == "scale":
        filling = fill.scale_from(table, _named(table, options.origin), device)
    else:
        filling = fill.interpolate(table, device)
    table.put(filling.rows, filling.columns, filling.cells)
    project.save_table()
    values["filled"] = len(filling.rows)
    values["error"] = filling.error
    values["held_back"] = filling.held_back
    if filling.error is None:
        return f"Filled {len(filling.rows)} cells; the rule's error is not known."
    return (
        f"Filled {len(filling.rows)} cells; the rule's error is {100 * filling.error:.1f} % on "
        f"{filling.held_back} known cells that were held back."
    )


def _differs(table: LatencyTable, path: Path, values: dict[str, Any]) -> str:
    found = compare(table, read_table(path))
    values["diff"] = _facts(found)
    lines = [found.summary]
    for column in found.columns:
        lines += [
            f"    {column.labels[i]}: {column.left_ms[i]:.4g} -> {column.right_ms[i]:.4g} ms "
            f"({column.ratio[i]:.2f} times)"
            for i in column.beyond[:_SHOWN].tolist()
        ]
    return "\n".join(lines)


def _facts(found: Difference) -> dict[str, Any]:
    columns = [
        {
            "left": column.left.name,
            "right": column.right.name,
            "common": len(column.labels),
            "factor": column.factor if len(column.labels) else None,
            "only_left": len(column.only_left),
            "only_right": len(column.only_right),
            "beyond": [
                {"operation": column.labels[i], "ratio": float(column.ratio[i])}
                for i in column.beyond.tolist()
            ],
        }
        for column in found.columns
    ]
    rows = {"only_left": found.only_left, "only_right": found.only_right, "both": len(found.both)}
    return rows | {"columns": columns}


COMMANDS = (("table", "import, export, compare and fill latency tables", _add_table, _table),)
