"""The table of runs side by side: what each was asked, how long it took and what came of it."""

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

from nasstudio.engine.job.specification import (
    AnySpec,
    CollectSpec,
    ExportSpec,
    FitSpec,
    ProfileSpec,
    ReferenceSpec,
    SearchSpec,
    StudySpec,
    TrainSpec,
    VerifySpec,
)
from nasstudio.engine.project.records import RunRecord
from nasstudio.engine.study.order import epochs_of
from nasstudio.ui.kit.number import written
from nasstudio.ui.pages.compare.study_words import points
from nasstudio.ui.pages.train.words import clock, duration_text, percent

_Index = QModelIndex | QPersistentModelIndex
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
NAME, SETTINGS, BEGUN, DURATION, OUTCOME = range(5)


def _tr(text: str) -> str:
    return QCoreApplication.translate("Compare", text)


def settings_text(spec: AnySpec | None) -> str:
    """What distinguishes a run from others of its kind."""
    match spec:
        case TrainSpec():
            words = _tr("{0}, {1} epochs, batch {2}").format(
                spec.schedule.title, written(spec.schedule.epochs), spec.batch
            )
            return words if spec.start is None else _tr("{0}, continued").format(words)
        case CollectSpec():
            images = written(spec.validation_images) if spec.validation_images else _tr("all")
            return _tr("{0} networks on {1} images").format(written(spec.networks), images)
        case FitSpec():
            return _tr("{0} % held back").format(written(100 * spec.held_back))
        case SearchSpec():
            words = _tr("{0}, {1} networks").format(spec.algorithm.name, written(spec.budget))
            limits = ", ".join(f"{limit.metric} ≤ {limit.most:g}" for limit in spec.limits)
            return f"{words}; {limits}" if limits else _tr("{0}, no limit").format(words)
        case StudySpec():
            words = _tr("{0} networks alone, {1} epochs").format(
                len({target.genome for target in spec.targets}), written(epochs_of(spec))
            )
            return _tr("{0}, with a teacher, too").format(words) if spec.taught else words
        case VerifySpec():
            return _tr("{0} networks on {1} devices").format(len(spec.genomes), len(spec.devices))
        case ExportSpec():
            return ", ".join(spec.formats)
        case ReferenceSpec():
            return f"{spec.source}: {spec.model}"
        case ProfileSpec():
            return spec.device.name
        case _:
            return ""


def outcome_text(run: RunRecord) -> str:
    """What came of a run, in a few words; its state if it has not ended well."""
    if run.state != "done":
        return _tr(run.state)
    found: dict[str, Any] = run.summary
    match run.kind:
        case "train":
            return _tr("largest {0} %, smallest {1} %").format(
                percent(found.get("largest")), percent(found.get("smallest"))
            )
        case "collect":
            return _tr("mean {0} %").format(percent(found.get("mean")))
        case "fit":
            tau = found.get("tau")
            return _tr("τ {0}").format("–" if tau is None else f"{tau:.2f}")
        case "search":
            best = (found.get("best") or {}).get("values", {}).get("accuracy")
            own, random = found.get("hypervolume"), found.get("hypervolume_random")
            words = _tr("best {0} %").format(percent(best))
            if own is None or random is None:
                return words
            return _tr("{0}, hypervolume {1} (random {2})").format(
                words, f"{own:.3f}", f"{random:.3f}"
            )
        case "study":
            mean, crossing = found.get("difference"), found.get("break_even")
            if mean is None:
                return _tr("done")
            words = _tr("subnets {0} points").format(points(mean))
            if crossing is None:
                return words
            return _tr("{0}, break-even {1} targets").format(words, written(crossing, 1))
        case "verify":
            return _tr("{0} networks").format(found.get("networks", "–"))
        case "export":
            return _tr("test {0} %").format(percent(found.get("test_accuracy"), 2))
        case _:
            return _tr("done")


class RunTable(QAbstractTableModel):
    """Runs as rows, the newest first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._runs: list[RunRecord] = []
        self._heads = (
            self.tr("Run"), self.tr("Settings"), self.tr("Begun"),
            self.tr("Duration"), self.tr("Outcome"),
        )  # fmt: skip

    def show_runs(self, runs: Sequence[RunRecord]) -> None:
        """Show runs; devices that were only looked for are left out."""
        shown = [run for run in reversed(runs) if run.kind != "probe"]
        if shown != self._runs:
            self.beginResetModel()
            self._runs = shown
            self.endResetModel()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self._runs)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self._heads)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self._heads[section]
        if role == Qt.ItemDataRole.TextAlignmentRole and section == DURATION:
            return _RIGHT
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        run = self._runs[index.row()]
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() == DURATION:
            return _RIGHT
        if role == Qt.ItemDataRole.ToolTipRole and index.column() == NAME:
            return f"{run.kind.capitalize()}: {run.name}, {run.id}"
        if role == Qt.ItemDataRole.EditRole and index.column() == DURATION:
            return None if run.ended is None else round(run.ended - run.created, 1)
        if role not in (
            Qt.ItemDataRole.DisplayRole,
            Qt.ItemDataRole.ToolTipRole,
            Qt.ItemDataRole.EditRole,
        ):
            return None
        return self._text(run, index.column())

    def _text(self, run: RunRecord, column: int) -> str:
        if column == NAME:
            return run.name
        if column == SETTINGS:
            return settings_text(run.spec)
        if column == BEGUN:
            return clock(run.created)
        if column == DURATION:
            return duration_text(None if run.ended is None else run.ended - run.created)
        return outcome_text(run)
