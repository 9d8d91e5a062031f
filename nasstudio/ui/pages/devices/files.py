"""Tables in and out of files, and missing cells filled: what the table card asks for, done off the window's thread."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Qt, QThreadPool, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from nasstudio.engine.atomic import write_atomic
from nasstudio.engine.cost import fill
from nasstudio.engine.cost.formats import read_table, to_csv, to_json
from nasstudio.engine.cost.table import LatencyTable
from nasstudio.engine.device.device import Device
from nasstudio.resources import resource
from nasstudio.ui.kit.number import written
from nasstudio.ui.tables.change import Block, TableChange, whole
from nasstudio.ui.tables.latency_model import LatencyModel
from nasstudio.ui.tables.undo import FillCells, ImportTable
from nasstudio.ui.workers.tasks import Task

ENDINGS = (".csv", ".tsv", ".txt", ".json")
LECTURE = "presets/tables/lecture.csv"


class TableFiles(QObject):
    """Imports, exports and fills.

    `said(tone, title, text)` when something is done, `failed(StudioError)` when it could not be.
    """

    said = Signal(str, str, str)
    failed = Signal(object)

    def __init__(self, model: LatencyModel, pool: QThreadPool, window: QWidget) -> None:
        super().__init__(window)
        self._model = model
        self._pool = pool
        self._window = window

    def _later(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        Task(self, work, then, self.failed.emit).start(self._pool)

    # -- in -----------------------------------------------------------------------------------------------------

    def ask_import(self) -> None:
        """Let a person choose a table file."""
        dialog = QFileDialog(self._window, self.tr("Import a latency table"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters(
            [self.tr("Tables (*.csv *.tsv *.txt *.json)"), self.tr("All files (*)")]
        )
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda name: self.take_in(Path(name)))
        dialog.open()

    def take_in(self, path: Path, name: str = "") -> None:
        """Add the times of a file to the table."""

        def arrived(table: LatencyTable) -> None:
            change = whole(table)
            self._model.undo_stack.push(ImportTable(self._model, change, name or path.name))
            devices = ", ".join(device.name for device in table.devices[:4])
            self.said.emit(
                "good",
                self.tr("{0} times of {1} operations from {2}").format(
                    written(len(change)), written(len(table.labels)), name or path.name
                ),
                self.tr("Columns: {0}. Undo takes them out again.").format(devices),
            )

        self._later(lambda: read_table(path), arrived)

    def take_sample(self) -> None:
        """Add the lecture's table."""
        self.take_in(resource(LECTURE), self.tr("the lecture's sample"))

    # -- out ----------------------------------------------------------------------------------------------------

    def ask_export(self, table: LatencyTable, kind: str, title: str) -> None:
        """Let a person choose where to write a table. kind: ``csv`` or ``json``."""
        dialog = QFileDialog(self._window, self.tr("Export the latency table"))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter(f"{kind.upper()} (*.{kind})")
        dialog.setDefaultSuffix(kind)
        dialog.selectFile(f"{title} latency.{kind}")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda name: self.hand_out(table, Path(name)))
        dialog.open()

    def hand_out(self, table: LatencyTable, path: Path) -> None:
        """Write a table; CSV where the name ends so, else JSON."""

        def work() -> None:
            csv = path.suffix.lower() == ".csv"
            write_atomic(path, to_csv(table).encode() if csv else to_json(table))

        def arrived(_: None) -> None:
            kept = (
                self.tr("Spread, count and source are not kept in CSV; JSON keeps them.")
                if path.suffix.lower() == ".csv"
                else ""
            )
            self.said.emit("good", self.tr("Written: {0}").format(path.name), kept)

        self._later(work, arrived)

    # -- fill ---------------------------------------------------------------------------------------------------

    def interpolate(self, device: Device) -> None:
        """Fill a device's missing cells between their neighbours."""
        table = self._model.table.copy()
        self._later(
            lambda: fill.interpolate(table, device),
            lambda filling: self._fill(table, device, filling, self.tr("between neighbours")),
        )

    def scale(self, source: Device, device: Device) -> None:
        """Fill a device's missing cells from those of another one."""
        table = self._model.table.copy()
        self._later(
            lambda: fill.scale_from(table, source, device),
            lambda filling: self._fill(
                table, device, filling, self.tr("from {0}").format(source.name)
            ),
        )

    def _fill(self, table: LatencyTable, device: Device, filling: fill.Filling, how: str) -> None:
        if not filling.rows:
            self.said.emit(
                "warn",
                self.tr("Nothing could be filled {0}").format(how),
                self.tr("A missing row needs known rows around it. Measure the rest instead."),
            )
            return
        labels = tuple(table.labels[row] for row in filling.rows)
        change = TableChange((Block(device, labels, filling.cells),))
        self._model.undo_stack.push(FillCells(self._model, change))
        error = (
            self.tr(
                "The error of this rule is {0} % on {1} known cells that were held back."
            ).format(written(100 * filling.error, 1), written(filling.held_back))
            if filling.error is not None
            else self.tr("Its error is not known: there was nothing to hold back.")
        )
        self.said.emit(
            "soft", self.tr("Filled {0} cells {1}").format(written(len(labels)), how), error
        )


def droppable(path: str) -> bool:
    """Whether a dropped file may be a table."""
    return path.lower().endswith(ENDINGS)
