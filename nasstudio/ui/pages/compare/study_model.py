"""What the card of the study shows: which run, its table as rows of text, and its findings as sentences. No widgets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QCoreApplication,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
)

from nasstudio.engine.device.device import Device, distinct_names
from nasstudio.engine.job.specification import StudySpec
from nasstudio.engine.project.records import RunRecord, Snapshot
from nasstudio.engine.project.study import study_spec, supernet_seconds
from nasstudio.engine.space.space import SearchSpace
from nasstudio.engine.study.cost import targets_needed
from nasstudio.engine.study.effort import StudyEffort, study_effort
from nasstudio.engine.study.paired import Interval
from nasstudio.engine.study.report import Routes
from nasstudio.engine.study.result import Row, StudyTable
from nasstudio.ui.kit.number import written
from nasstudio.ui.pages.compare.study_words import points
from nasstudio.ui.pages.train.words import duration_text, percent
from nasstudio.ui.views.network import as_genome, network_name
from nasstudio.ui.views.search_runs import same_space

_Index = QModelIndex | QPersistentModelIndex
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
NETWORK, TARGET, ALONE, SUBNET, DIFFERENCE, COST, TAUGHT, TUNED = range(8)


def _tr(text: str) -> str:
    return QCoreApplication.translate("Compare", text)


def newest_study(snapshot: Snapshot) -> RunRecord | None:
    """The newest study of the project's space."""
    for run in reversed(snapshot.runs):
        if isinstance(run.spec, StudySpec) and same_space(run.spec.space, snapshot.space):
            return run
    return None


def prospect(snapshot: Snapshot, *, taught: bool) -> tuple[StudySpec, StudyEffort]:
    """The study that would be started, and how long it takes. Reads the newest search: not for the window's thread.

    Raises
    ------
    StudioError
        Something that it needs is not there yet.
    """
    spec = study_spec(snapshot, taught=taught)
    return spec, study_effort(spec, supernet_seconds(snapshot, spec))


def effort_text(effort: StudyEffort) -> str:
    """What a study would do, in a few words."""
    words = _tr("{0} networks, {1} trainings").format(effort.networks, effort.trainings)
    if effort.seconds is None:
        return _tr("{0}: {1} times the work of the supernet's training").format(
            words, written(effort.share, 1)
        )
    minutes = max(1, round(effort.seconds / 60))
    # From an hour on with minutes, below without seconds: it is an estimate.
    time = duration_text(60.0 * minutes) if minutes >= 60 else _tr("{0} min").format(minutes)
    return _tr("{0}: about {1} at the pace of the supernet's training").format(words, time)


def interval_text(found: Interval) -> str:
    """A difference with its interval, in points."""
    return _tr("{0}  ({1} to {2})").format(
        points(found.mean), points(found.low), points(found.high)
    )


def accuracy_sentence(table: StudyTable) -> str:
    """What the table says of the accuracies; empty without a finished network."""
    mean = table.mean.get("alone")
    if mean is None:
        return ""
    words = _tr(
        "On average a subnet differs by {0} points from the same network trained alone ({1} to {2}, the 95 % interval"
        " of these images; training again would add to it)."
    ).format(points(mean.mean), points(mean.low), points(mean.high))
    taught = table.mean.get("taught")
    if taught is not None:
        words += " " + _tr("With the supernet as their teacher: {0}, {1} to {2}.").format(
            points(taught.mean), points(taught.low), points(taught.high)
        )
    return words


def cost_sentence(routes: Routes | None) -> str:
    """From how many targets on the supernet costs less."""
    if routes is None:
        return ""
    needed = targets_needed(routes.crossing)
    searched = targets_needed(routes.crossing_with_search)
    first = (
        _tr("Counting training alone, one supernet never costs less.")
        if needed is None
        else _tr("Counting training alone, one supernet costs less from {0} targets on.").format(
            needed
        )
    )
    if searched is None:
        return first
    second = _tr(
        "If each lone network pays for a search of its own, from {0}: assumed are {1} candidates for each target,"
        " each trained for {2} % of the epochs."
    ).format(searched, routes.search.networks, written(100 * routes.search.share))
    return f"{first} {second}"


class StudyRows(QAbstractTableModel):
    """The lecture's table: a row for each target."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[Row, ...] = ()
        self._space: SearchSpace | None = None
        self._names: dict[str, str] = {}
        self._heads = (
            self.tr("Network"), self.tr("Chosen for"), self.tr("Alone (%)"), self.tr("Subnet (%)"),
            self.tr("Difference (95 %)"), self.tr("Alone cost"), self.tr("With a teacher (%)"),
            self.tr("Fine-tuned (%)"),
        )  # fmt: skip
        self._tips = {
            ALONE: self.tr(
                "Accuracy of the network trained by itself, on images that chose nothing"
            ),
            SUBNET: self.tr("Accuracy of the same network as a subnet, on the same images"),
            DIFFERENCE: self.tr(
                "Subnet less alone in points; the 95 % interval is that of the images"
            ),
            COST: self.tr("Computing time of one training at the better rate"),
        }

    def show_rows(
        self, rows: Sequence[Row], space: SearchSpace | None, devices: Sequence[Device]
    ) -> None:
        """Show a table's rows."""
        self.beginResetModel()
        self._rows, self._space = tuple(rows), space
        names = distinct_names(devices)
        self._names = {device.id: name for device, name in zip(devices, names, strict=True)}
        self.endResetModel()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self._heads)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self._heads[section]
        if role == Qt.ItemDataRole.ToolTipRole and orientation == Qt.Orientation.Horizontal:
            return self._tips.get(section)
        if role == Qt.ItemDataRole.TextAlignmentRole and section > TARGET:
            return _RIGHT
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() > TARGET:
            return _RIGHT
        if role == Qt.ItemDataRole.ToolTipRole and index.column() == ALONE:
            alone = self._rows[index.row()].ways.get("alone")
            return (
                _tr("Trained at the rate {0}, the better one").format(f"{alone.rate:g}")
                if alone
                else ""
            )
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return None
        return self._text(self._rows[index.row()], index.column())

    def _text(self, row: Row, column: int) -> str:
        alone = row.ways.get("alone")
        if column == NETWORK:
            return network_name(self._space, as_genome(row.target.genome)) if self._space else ""
        if column == TARGET:
            return self._target(row)
        if column == SUBNET:
            return percent(row.subnet, 2)
        if column in (TAUGHT, TUNED):
            found = row.ways.get("taught" if column == TAUGHT else "tuned")
            return percent(found.accuracy if found else None, 2)
        if alone is None:
            return "–"
        if column == ALONE:
            return percent(alone.accuracy, 2)
        return (
            interval_text(alone.difference)
            if column == DIFFERENCE
            else duration_text(alone.cost.seconds)
        )

    def _target(self, row: Row) -> str:
        target = row.target
        if not target.device:
            return "–"
        name = self._names.get(target.device, target.device)
        if target.limit_ms is None:
            return name
        return _tr("≤ {0} ms, {1}").format(f"{target.limit_ms:.3g}", name)
