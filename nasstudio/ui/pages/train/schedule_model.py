"""The schedule as a table: epochs, rate, distillation and networks of each phase can be edited, where they may be.

Every change makes a new `Schedule` that has been checked; what does not pass is refused with its reason and nothing
changes. The model stores nothing: `edited` hands the schedule to whoever keeps it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)

from nasstudio.engine.errors import StudioError
from nasstudio.engine.space.space import SearchSpace
from nasstudio.engine.train.schedule import Phase, Schedule, checked
from nasstudio.ui.kit.number import written
from nasstudio.ui.kit.statemark import state_text
from nasstudio.ui.pages.train.words import duration_text, opened_options

(
    MARK, NAME, KERNEL, DEPTH, EXPAND, WIDTH, RESOLUTION, EPOCHS, RATE, DISTILL, NETWORKS, TIME,
) = range(12)  # fmt: skip
STATE_ROLE = Qt.ItemDataRole.UserRole
EDITABLE_ROLE = Qt.ItemDataRole.UserRole + 1
_KINDS = {
    KERNEL: "kernel",
    DEPTH: "depth",
    EXPAND: "expand",
    WIDTH: "width",
    RESOLUTION: "resolution",
}
_FIELDS = {NAME: "name", EPOCHS: "epochs", RATE: "rate", DISTILL: "distill", NETWORKS: "networks"}
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_Index = QModelIndex | QPersistentModelIndex


class ScheduleModel(QAbstractTableModel):
    """Phases as rows.

    Signals
    -------
    edited(Schedule) : a person has changed it.
    refused(StudioError) : a change that can't be trained.
    """

    edited = Signal(object)
    refused = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.schedule: Schedule | None = None
        self._space: SearchSpace | None = None
        self._states: list[str] = []
        self._times: list[float | None] = []
        self._measured: list[bool] = []
        self._editable = True
        self._heads = (
            "", self.tr("Phase"), self.tr("Kernel"), self.tr("Depth"), self.tr("Expand"),
            self.tr("Width"), self.tr("Resolution (px)"), self.tr("Epochs"), self.tr("Rate"),
            self.tr("KD weight"), self.tr("Networks per step"), self.tr("Time"),
        )  # fmt: skip
        self._tips = {
            EPOCHS: self.tr("Passes over the training images"),
            RATE: self.tr("Highest learning rate of the phase; it falls to 0 along a cosine"),
            DISTILL: self.tr("Weight of the distillation loss: the network after phase 1 teaches"),
            NETWORKS: self.tr("Subnets trained in every step; their gradients are summed"),
            TIME: self.tr("Measured, or estimated (est.) from a training of this project"),
        }

    def show_schedule(
        self,
        schedule: Schedule | None,
        space: SearchSpace | None,
        states: Sequence[str] = (),
        *,
        editable: bool,
    ) -> None:
        """Show a schedule. `states` of the phases, in the words of `StateMark`; none of them has begun by default."""
        count = len(schedule.phases) if schedule else 0
        marks = [*states, *["empty"] * count][:count]
        if (schedule, space, marks, editable) == (
            self.schedule, self._space, self._states, self._editable,
        ):  # fmt: skip
            return
        self.beginResetModel()
        if schedule != self.schedule:
            self._times, self._measured = [], []
        self.schedule, self._space = schedule, space
        self._states, self._editable = marks, editable
        self.endResetModel()

    def set_times(self, seconds: Sequence[float | None], measured: Sequence[bool]) -> None:
        """Seconds of each phase, s, and whether they were measured (else estimated)."""
        self._times, self._measured = list(seconds), list(measured)
        if self.rowCount():
            self.dataChanged.emit(self.index(0, TIME), self.index(self.rowCount() - 1, TIME))

    def total_s(self) -> float | None:
        """Seconds of the whole schedule; None if a phase is not known."""
        known = [t for t in self._times if t is not None]
        return sum(known) if known and len(known) == self.rowCount() else None

    # -- Qt -----------------------------------------------------------------------------------------------------

    def rowCount(self, parent: _Index = QModelIndex()) -> int:
        return len(self.schedule.phases) if self.schedule and not parent.isValid() else 0

    def columnCount(self, parent: _Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self._heads)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._heads[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tips.get(section)
        if role == Qt.ItemDataRole.TextAlignmentRole and section >= EPOCHS:
            return _RIGHT
        return None

    def can_edit(self, row: int) -> bool:
        """Whether a phase may be changed: it has not begun, and the schedule is not in use."""
        return self._editable and self._states[row] == "empty"

    def flags(self, index: _Index) -> Qt.ItemFlag:
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        if index.column() in _FIELDS and self.can_edit(index.row()):
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if self.schedule is None or not index.isValid():
            return None
        row, column = index.row(), index.column()
        phase = self.schedule.phases[row]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._shown(row, column, phase)
        if role == Qt.ItemDataRole.EditRole:
            return (
                getattr(phase, _FIELDS[column])
                if column in _FIELDS
                else self._shown(row, column, phase)
            )
        if role == Qt.ItemDataRole.TextAlignmentRole and column >= EPOCHS:
            return _RIGHT
        if role == STATE_ROLE:
            return self._states[row]
        if role == EDITABLE_ROLE:
            return column in _FIELDS and self.can_edit(row)
        if role == Qt.ItemDataRole.ToolTipRole:
            if column == DISTILL and phase.in_place:
                return self.tr(
                    "Weight of the distillation loss: the largest subnet of each step teaches the others"
                )
            return state_text(self._states[row]) if column == MARK else self._tips.get(column)
        return None

    def _shown(self, row: int, column: int, phase: Phase) -> str:
        if column == NAME:
            return phase.name
        if column in _KINDS:
            return opened_options(self._space, phase, _KINDS[column])
        if column == EPOCHS:
            return written(phase.epochs)
        if column == RATE:
            return f"{phase.rate:.4g}"
        if column == DISTILL:
            return f"{phase.distill:g}"
        if column == NETWORKS:
            return written(phase.networks)
        if column == TIME:
            return self._time(row)
        return ""

    def _time(self, row: int) -> str:
        if row >= len(self._times) or self._times[row] is None:
            return "–"
        text = duration_text(self._times[row])
        return text if self._measured[row] else self.tr("{0}, est.").format(text)

    def setData(self, index: _Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.EditRole or self.schedule is None:
            return False
        field = _FIELDS.get(index.column())
        if field is None or not self.can_edit(index.row()):
            return False
        try:
            typed = _typed(index.column(), value)
        except ValueError:
            problem = StudioError(
                self.tr("'{0}' is not a number.").format(value),
                remedy=self.tr("Type one, as 0.03."),
            )
            self.refused.emit(problem)
            return False
        phase = self.schedule.phases[index.row()]
        if typed == getattr(phase, field):
            return False
        changed = msgspec.structs.replace(phase, **{field: typed})
        changed = msgspec.structs.replace(
            changed, warmup=min(changed.warmup, max(changed.epochs, 0))
        )
        phases = list(self.schedule.phases)
        phases[index.row()] = changed
        return self._offer(phases)

    # -- phases -------------------------------------------------------------------------------------------------

    def add_phase(self) -> bool:
        """A phase at the end, like the last one."""
        if self.schedule is None or not self._editable:
            return False
        last = self.schedule.phases[-1]
        taken = {phase.name for phase in self.schedule.phases}
        number = next(n for n in range(2, len(taken) + 3) if f"{last.name} {n}" not in taken)
        return self._offer(
            [*self.schedule.phases, msgspec.structs.replace(last, name=f"{last.name} {number}")]
        )

    def remove_phase(self, row: int) -> bool:
        """Take a phase out."""
        if self.schedule is None or not self.can_edit(row):
            return False
        return self._offer([p for at, p in enumerate(self.schedule.phases) if at != row])

    def _offer(self, phases: list[Phase]) -> bool:
        assert self.schedule is not None
        made = msgspec.structs.replace(self.schedule, phases=tuple(phases))
        try:
            checked(made)
        except StudioError as problem:
            self.refused.emit(problem)
            return False
        self.edited.emit(made)
        return True


def _typed(column: int, value: Any) -> str | int | float:
    text = str(value).replace("\u2212", "-").strip()
    if column == NAME:
        return text or "Phase"
    if column in (EPOCHS, NETWORKS):
        return int(text)
    return float(text)
