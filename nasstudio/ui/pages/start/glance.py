"""A project at a glance, without opening it: stations, best network, disk use, a front. Reads files; takes no lock.

A project that somebody has open can be looked at, too; nothing is ever written.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QDate, QLocale

from nasstudio.engine.cost.metric import latency_metrics
from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import CorruptFile, StudioError
from nasstudio.engine.project import schema
from nasstudio.engine.project.project import Project
from nasstudio.engine.project.records import Snapshot
from nasstudio.engine.project.stations import StationState, built_space, station_states
from nasstudio.engine.search.archive import ACCURACY
from nasstudio.engine.search.archive_file import ArchiveReader
from nasstudio.ui.kit.number import locale
from nasstudio.ui.plots.front_preview import Front, front_of
from nasstudio.ui.views.limits import from_choice
from nasstudio.ui.views.search_runs import searches

SHOWN_STATIONS = ("data", "space", "devices", "train", "search", "compare", "export")


@dataclass(frozen=True)
class Glance:
    """What the list of recent projects shows.

    Attributes
    ----------
    here : whether the folder is there; `problem` says what is wrong with one that is.
    best : highest accuracy that a search has found, share; None if nothing was searched.
    limit : what Search holds the cost of `front` to; None if it holds nothing.
    """

    path: Path
    title: str
    here: bool = True
    problem: str = ""
    states: tuple[StationState, ...] = ()
    space: str = ""
    devices: int = 0
    best: float | None = None
    disk_bytes: int = 0
    front: Front | None = None
    limit: float | None = None


def snapshot_of(path: Path) -> Snapshot:
    """What a project holds, read without holding it.

    Raises
    ------
    StudioError
        It is damaged or of another version.
    """
    if (path / "project.db-wal").exists():
        return _read(path, path / "project.db")
    # Nobody holds it. SQLite would leave files beside a database that it reads, or fail in a read-only folder.
    with tempfile.TemporaryDirectory(prefix="nasstudio-") as folder:
        try:
            copy = shutil.copyfile(path / "project.db", Path(folder) / "project.db")
        except OSError as problem:
            raise CorruptFile(
                f"The project can't be read: {problem.strerror}.",
                where=path,
                remedy="Check that you may read the folder.",
            ) from None
        return _read(path, copy)


def _read(path: Path, database_file: Path) -> Snapshot:
    database = schema.connect(database_file, readonly=True)
    project = Project(path, database, None, "")
    try:
        return project.snapshot()
    finally:
        project.close()


def glance(path: Path, title: str) -> Glance:
    """Look at a project; never raises for one that can't be read: it says so in `problem`."""
    if not (path / "project.db").is_file():
        return Glance(path, title, here=False)
    try:
        snapshot = snapshot_of(path)
        fronts_found = fronts(snapshot)
        states = station_states(snapshot)
    except StudioError as problem:
        return Glance(path, title, problem=problem.what)
    key, front = next(iter(fronts_found.items()), ("", None))
    return Glance(
        path=path,
        title=snapshot.title,
        states=tuple(states[station] for station in SHOWN_STATIONS),
        space=snapshot.space.name if snapshot.space else "",
        devices=len(snapshot.table.devices),
        best=None if front is None else float(front.front_accuracy[-1]),
        disk_bytes=_disk_bytes(path),
        front=front,
        limit=_held_limit(snapshot, key),
    )


def _held_limit(snapshot: Snapshot, key: str) -> float | None:
    """The limit on a metric that Search remembers, if it holds."""
    stored = snapshot.choices.get("search")
    limits = from_choice(stored.get("limits")) if isinstance(stored, dict) else {}
    return limits[key].most if key in limits and limits[key].on else None


def fronts(snapshot: Snapshot) -> dict[str, Front]:
    """Fronts of the newest search, by the key of the latency on the other axis; that of its objective comes first."""
    for run in searches(snapshot):
        folder = run.path / "archive"
        if not (folder / "archive.json").is_file():
            continue
        reader = ArchiveReader(folder)
        values = reader.read_new().values
        columns = reader.header.columns
        wanted = getattr(run.spec, "objective", "")
        keys = [key for key in columns if key.startswith("latency:")]
        keys.sort(key=lambda key: key != wanted)
        accuracy = values[:, columns.index(ACCURACY)]
        made = {key: front_of(values[:, columns.index(key)], accuracy) for key in keys}
        found = {key: front for key, front in made.items() if front is not None}
        if found:
            return found
    return {}


@dataclass(frozen=True)
class Sample:
    """The sample project as the guide needs it: its devices with a complete table, and a front for each."""

    path: Path
    devices: tuple[Device, ...]
    fronts: dict[str, Front]

    def key(self, device: Device) -> str:
        """The metric of a device."""
        return f"latency:{device.id}"


def sample_of(path: Path) -> Sample:
    """Look at the sample project.

    Raises
    ------
    StudioError
        It can't be read, or holds no search.
    """
    snapshot = snapshot_of(path)
    space = built_space(snapshot)
    found = fronts(snapshot)
    ready = [m.device for m in latency_metrics(space, snapshot.table)] if space else []
    devices = tuple(d for d in ready if f"latency:{d.id}" in found)
    if not devices:
        raise StudioError(
            "The sample project holds no search.",
            where=path,
            remedy="Make it again with `make sample`.",
        )
    return Sample(path, devices, found)


def _disk_bytes(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(parent, name)).st_size
            except OSError:
                continue  # it has gone meanwhile
    return total


def ago(moment: float, now: float | None = None) -> str:
    """When something was opened, as people say it: ``today, 09:41``, ``yesterday``, ``3 days ago``."""
    then = datetime.fromtimestamp(moment)
    today: date = datetime.fromtimestamp(time.time() if now is None else now).date()
    days = (today - then.date()).days
    if days <= 0:
        return _tr("today, {0}").format(then.strftime("%H:%M"))
    if days == 1:
        return _tr("yesterday")
    if days < 31:
        return _tr("{0} days ago").format(days)
    day = QDate(then.year, then.month, then.day)
    return locale().toString(day, QLocale.FormatType.ShortFormat)


def _tr(text: str) -> str:
    return QCoreApplication.translate("Start", text)
