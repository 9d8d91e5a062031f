"""Tables in and out of files, and missing cells filled: what the table card asks for, done off the window's thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Qt, QThreadPool, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from nasstudio.engine.atomic import write_atomic
from nasstudio.engine.cost import additive, fill
from nasstudio.engine.cost.formats.delimited import from_csv, to_csv
from nasstudio.engine.cost.formats.own_json import to_json
from nasstudio.engine.cost.formats.reader import read_table, read_tables
from nasstudio.engine.cost.table import LatencyTable
from nasstudio.engine.device.device import Device
from nasstudio.engine.device.kit.columns import read_columns
from nasstudio.resources import resource
from nasstudio.ui.kit.number import written
from nasstudio.ui.tables.change import Block, TableChange, inverse, whole
from nasstudio.ui.tables.latency_model import LatencyModel
from nasstudio.ui.tables.scale import is_time
from nasstudio.ui.tables.undo import FillCells, ImportTable
from nasstudio.ui.workers.tasks import Task

ENDINGS = (".csv", ".tsv", ".txt", ".json", ".yaml", ".yml")
YAML = (".yaml", ".yml")
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
        self.ask(
            self.tr("Import a latency table"),
            lambda paths: self.take_in_all(paths),
            several=True,
        )

    def ask(self, title: str, then: Callable[[list[Path]], None], *, several: bool) -> None:
        """Let a person choose table files."""
        dialog = QFileDialog(self._window, title)
        mode = QFileDialog.FileMode
        dialog.setFileMode(mode.ExistingFiles if several else mode.ExistingFile)
        patterns = " ".join(f"*{ending}" for ending in ENDINGS)
        dialog.setNameFilters([self.tr("Tables ({0})").format(patterns), self.tr("All files (*)")])
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.filesSelected.connect(lambda names: then([Path(name) for name in names]))
        dialog.open()

    def take_in_all(self, paths: Sequence[Path]) -> None:
        """Add the times of files. Several look-up tables, one a resolution as OFA publishes them, are one device."""
        if len(paths) > 1 and all(path.suffix.lower() in YAML for path in paths):
            name = self.tr("{0} files of {1}").format(len(paths), paths[0].parent.name)
            self._take(lambda: read_tables(paths), name)
            return
        for path in paths:
            self.take_in(path)

    def take_in(self, path: Path, name: str = "") -> None:
        """Add the times of a file to the table; results of a kit become columns of the project's space."""
        space = self._model.space
        self._take(lambda: read_columns(path, space) or read_table(path), name or path.name)

    def take_text(self, text: str) -> None:
        """Add the times of a table that was pasted."""
        name = self.tr("the clipboard")
        self._take(lambda: from_csv(text, name), name)

    def _take(self, read: Callable[[], LatencyTable], name: str) -> None:
        model = self._model

        def work() -> tuple[LatencyTable, TableChange, TableChange, int]:
            revision = model.revision
            table = read()
            change = whole(table, model.table)
            return table, change, inverse(model.table, change), revision

        def arrived(answer: tuple[LatencyTable, TableChange, TableChange, int]) -> None:
            table, change, back, revision = answer
            fresh = back if revision == model.revision else None
            model.undo_stack.push(ImportTable(model, change, name, fresh))
            devices = ", ".join(device.name for device in table.devices[:4])
            self.said.emit(
                "good",
                self.tr("{0} times of {1} operations from {2}").format(
                    written(len(change)), written(len(table.labels)), name
                ),
                " ".join(
                    [
                        self.tr("Columns: {0}.").format(devices),
                        *(
                            f"{device}: {additive.summary(model)}."
                            for device, model in _fitted(table)
                        ),
                        *table.notes,
                        self.tr("Undo takes them out again."),
                    ]
                ),
            )

        self._later(work, arrived)

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
        table = self._model.table
        self._later(
            lambda: fill.interpolate(table, device),
            lambda filling: self._fill(table, device, filling, self.tr("between neighbours")),
        )

    def interpolate_cells(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> None:
        """Fill those of some cells that hold no time between their neighbours, device by device."""
        table = self._model.table
        gaps = ~is_time(table.cells.ms[rows, columns])
        for column in np.unique(columns[gaps]):
            wanted = frozenset(rows[gaps & (columns == column)].tolist())
            device = table.devices[column]

            def arrived(
                filling: fill.Filling, device: Device = device, wanted: frozenset[int] = wanted
            ) -> None:
                some = [i for i, row in enumerate(filling.rows) if row in wanted]
                only = replace(
                    filling,
                    rows=[filling.rows[i] for i in some],
                    columns=[filling.columns[i] for i in some],
                    cells=filling.cells.at(some),
                )
                self._fill(table, device, only, self.tr("between neighbours"))

            self._later(lambda device=device: fill.interpolate(table, device), arrived)  # type: ignore[misc]
        if not gaps.any():
            self.said.emit(
                "muted",
                self.tr("Nothing to fill"),
                self.tr("Every selected cell has a time. Clear those that are to be estimated."),
            )

    def scale(self, source: Device, device: Device) -> None:
        """Fill a device's missing cells from those of another one."""
        table = self._model.table
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


def _fitted(table: LatencyTable) -> list[tuple[str, additive.AdditiveModel]]:
    names = {device.id: device.name for device in table.devices}
    return [(names[device_id], model) for device_id, model in table.fitted.items()]


def droppable(path: str) -> bool:
    """Whether a dropped file may be a table."""
    return path.lower().endswith(ENDINGS)
