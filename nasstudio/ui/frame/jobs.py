"""The list of jobs: what runs, what waits, what has been; as rows of plain data and a model of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from PySide6.QtCore import (
    QAbstractTableModel,
    QCoreApplication,
    QModelIndex,
    QPersistentModelIndex,
    QRectF,
    Qt,
)
from PySide6.QtGui import QPainter, QPixmap

from nasstudio.ui import fonts
from nasstudio.ui.icons import pixel_ratio
from nasstudio.ui.kit.number import written
from nasstudio.ui.kit.statemark import paint_state
from nasstudio.ui.theme import theme

ACTIVE = ("running", "paused", "waiting", "created")

_MARKS = {
    "created": "queued",
    "waiting": "queued",
    "running": "running",
    "paused": "paused",
    "done": "done",
    "failed": "failed",
    "stopped": "empty",
    "interrupted": "stale",
}


@dataclass(frozen=True)
class JobRow:
    """A job as the tray shows it.

    Parameters
    ----------
    id : of its run.
    name : "Evolution · generation 31 of 50".
    state : a state of a run: created, running, paused, waiting, done, failed, stopped, interrupted.
    done, total : of its progress, in any unit; `total` None while it is not known.
    left_s : seconds that are left, None if not known.
    text : what it is doing or why it waits, "Other jobs wait".
    disk_mib : what its folder takes.
    started : when, None if it has not begun.
    seconds : how long it ran.
    resumable : it can go on from where it was.
    """

    id: str
    name: str
    state: str
    done: float = 0.0
    total: float | None = None
    left_s: float | None = None
    text: str = ""
    disk_mib: float = 0.0
    started: datetime | None = None
    seconds: float | None = None
    resumable: bool = False


def mark_of(state: str) -> str:
    """State mark of a run's state."""
    return _MARKS[state]


def state_words(state: str) -> str:
    """A run's state in words."""
    words = {
        "created": QCoreApplication.translate("Jobs", "Queued"),
        "waiting": QCoreApplication.translate("Jobs", "Waiting"),
        "running": QCoreApplication.translate("Jobs", "Running"),
        "paused": QCoreApplication.translate("Jobs", "Paused"),
        "done": QCoreApplication.translate("Jobs", "Done"),
        "failed": QCoreApplication.translate("Jobs", "Failed"),
        "stopped": QCoreApplication.translate("Jobs", "Stopped"),
        "interrupted": QCoreApplication.translate("Jobs", "Interrupted"),
    }
    return words[state]


def span(seconds: float) -> str:
    """A duration as people say it: "18 s", "2 min", "2 h 04 min"."""
    whole = max(0, round(seconds))
    if whole < 90:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 60 * 48:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"


def left_text(row: JobRow) -> str:
    """What stands beside the bar: the time left, or why there is none."""
    if row.state != "running":
        return row.text or state_words(row.state)
    if row.left_s is not None:
        return QCoreApplication.translate("Jobs", "{span} left").format(span=span(row.left_s))
    return row.text


def percent_text(row: JobRow) -> str:
    """As "62 %"; nothing if the whole is not known."""
    return f"{min(1.0, row.done / row.total):.0%}".replace("%", " %") if row.total else ""


def current(rows: Sequence[JobRow]) -> JobRow | None:
    """The job that the strip shows: the one that runs, else one that is paused or waits."""
    for state in ACTIVE:
        for row in rows:
            if row.state == state:
                return row
    return None


class JobModel(QAbstractTableModel):
    """Rows: jobs, newest first as given. Columns: job, state, progress, duration, disk, started."""

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._rows: list[JobRow] = []
        self._marks: dict[tuple[str, str, float], QPixmap] = {}

    def rows(self) -> list[JobRow]:
        """What is listed."""
        return self._rows

    def row_of(self, run_id: str) -> int:
        """Row of a run, -1 if it is not listed."""
        return next((i for i, row in enumerate(self._rows) if row.id == run_id), -1)

    def set_jobs(self, rows: Sequence[JobRow]) -> None:
        """List these. The same runs in the same order only change in place, so that the selection stays."""
        new = list(rows)
        if [r.id for r in new] == [r.id for r in self._rows]:
            changed = [i for i, (a, b) in enumerate(zip(self._rows, new, strict=True)) if a != b]
            self._rows = new
            last = self.columnCount() - 1
            for i in changed:
                self.dataChanged.emit(self.index(i, 0), self.index(i, last))
            return
        self.beginResetModel()
        self._rows = new
        self.endResetModel()

    def rename(self, run_id: str, name: str) -> None:
        """Show another name until the next `set_jobs`."""
        at = self.row_of(run_id)
        if at >= 0:
            self._rows[at] = replace(self._rows[at], name=name)
            self.dataChanged.emit(self.index(at, 0), self.index(at, 0))

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:
        return 0 if parent.isValid() else 6

    def headerData(self, section, orientation, role=Qt.ItemDataRole.DisplayRole) -> object:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole and section >= 2:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        return (
            self.tr("Job"),
            self.tr("State"),
            self.tr("Progress (%)"),
            self.tr("Duration"),
            self.tr("Disk (MB)"),
            self.tr("Started"),
        )[section]

    def data(
        self,
        index: QModelIndex | QPersistentModelIndex,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> object:
        row, column = self._rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, column)
        if role == Qt.ItemDataRole.DecorationRole and column == 0:
            return self._mark(mark_of(row.state))
        if role == Qt.ItemDataRole.FontRole and column == 0:
            return fonts.font(13, fonts.SEMIBOLD)
        if role == Qt.ItemDataRole.TextAlignmentRole and column >= 2:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ForegroundRole and column == 1 and row.state == "failed":
            return theme().color("bad")
        if role == Qt.ItemDataRole.ToolTipRole:
            return row.text or None
        if role == Qt.ItemDataRole.UserRole:
            return row
        return None

    def _text(self, row: JobRow, column: int) -> str:
        if column == 0:
            return row.name
        if column == 1:
            return state_words(row.state)
        if column == 2:
            return percent_text(row).removesuffix(" %") or "–"
        if column == 3:
            return "–" if row.seconds is None else span(row.seconds)
        if column == 4:
            # Decimal megabytes, as disks are sold and as the heading says.
            return written(row.disk_mib * 1.048576, 0 if row.disk_mib >= 10 else 1)
        return "–" if row.started is None else when(row.started)

    def _mark(self, mark: str) -> QPixmap:
        ratio = pixel_ratio()
        key = (mark, theme().name, ratio)
        if key not in self._marks:
            made = QPixmap(round(12 * ratio), round(12 * ratio))
            made.setDevicePixelRatio(ratio)
            made.fill(Qt.GlobalColor.transparent)
            painter = QPainter(made)
            paint_state(painter, QRectF(0, 0, 12, 12), mark)
            painter.end()
            self._marks[key] = made
        return self._marks[key]


def when(moment: datetime, now: datetime | None = None) -> str:
    """A moment as people say it: "today, 09:41", "yesterday, 18:02", "2026-03-14"."""
    here = moment.astimezone() if moment.tzinfo else moment
    today = (now or datetime.now(here.tzinfo)).date()
    days = (today - here.date()).days
    if days == 0:
        return QCoreApplication.translate("Jobs", "today, {time}").format(time=f"{here:%H:%M}")
    if days == 1:
        return QCoreApplication.translate("Jobs", "yesterday, {time}").format(time=f"{here:%H:%M}")
    return f"{here:%Y-%m-%d}"
