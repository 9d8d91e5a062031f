"""The Export station: pinned networks become files for other programs, checked, timed and described."""

from __future__ import annotations

import shlex
from pathlib import Path

from PySide6.QtCore import QThreadPool, QTimer, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLineEdit,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from nasstudio.engine.errors import CorruptFile
from nasstudio.engine.export.formats import formats
from nasstudio.engine.project import plan
from nasstudio.engine.project.records import Snapshot
from nasstudio.ui.kit.buttons import ghost_button, primary_button, secondary_button
from nasstudio.ui.kit.card import Card
from nasstudio.ui.kit.empty import EmptyState
from nasstudio.ui.kit.header import PageHeader
from nasstudio.ui.kit.labels import Divider, label
from nasstudio.ui.kit.notice import ErrorNotice
from nasstudio.ui.kit.progress import ProgressBar
from nasstudio.ui.kit.segmented import Tabs
from nasstudio.ui.pages.export.network_list import NetworkList
from nasstudio.ui.pages.export.results import CardView, Results
from nasstudio.ui.pages.export.rows import (
    ExportRow,
    Genome,
    Predicted,
    export_rows,
    exporting,
    predict,
)
from nasstudio.ui.pages.page import Page
from nasstudio.ui.pages.train.checkpoint_model import of_space, used_supernet
from nasstudio.ui.workbench import LiveRun, Workbench
from nasstudio.ui.workers.tasks import Task

RESULTS, CARD = "results", "card"


class ExportPage(Page):
    """Writes networks for use elsewhere."""

    station = "export"

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(workbench, parent)
        self._predicted: dict[Genome, Predicted] = {}
        self._predict_key: object = None
        self._card_key = ""
        self._typed = False
        self._supernet = ""
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._draw = QTimer(self, singleShot=True, interval=100)
        self._draw.timeout.connect(self._refresh)
        self._build()
        self._connect()
        if workbench.snapshot is not None:
            self._opened(workbench.snapshot)
        self._refresh()

    # -- widgets ------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        self.header = PageHeader(self.tr("Export"))
        self.copy = ghost_button(self.tr("Copy as command"), "terminal")
        self.stop = secondary_button(self.tr("Stop"), "stop")
        self.main = primary_button(self.tr("Export"), "export")
        for widget in (self.copy, self.stop, self.main):
            self.header.add_action(widget)
        outer.addWidget(self.header)
        self.stack = QStackedLayout()
        outer.addLayout(self.stack, 1)
        body = QWidget()
        self.stack.addWidget(body)
        self.empty = EmptyState("pin", self.tr("Pin a network first"), "", self.tr("Go to Search"))
        self.stack.addWidget(self.empty)
        column = QVBoxLayout(body)
        column.setContentsMargins(16, 8, 16, 16)
        column.setSpacing(16)
        self.error = ErrorNotice(has_log=False)
        column.addWidget(self.error)
        across = QHBoxLayout()
        across.setSpacing(16)
        left = QVBoxLayout()
        left.setSpacing(16)
        left.addWidget(self._networks_card(), 1)
        left.addWidget(self._formats_card())
        across.addLayout(left, 2)
        across.addWidget(self._result_card(), 3)
        column.addLayout(across, 1)

    def _networks_card(self) -> Card:
        heads = QWidget()
        row = QHBoxLayout(heads)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for text in (self.tr("Predicted (%)"), self.tr("Verified (%)")):
            row.addWidget(label(text, "section", "muted"))
        card = Card(self.tr("Networks"), trailing=heads, flush=True)
        self.list = NetworkList()
        card.body.setSpacing(0)
        card.body.addWidget(Divider())
        card.body.addWidget(self.list, 1)
        return card

    def _formats_card(self) -> Card:
        card = Card(self.tr("What to write"))
        self.title = QLineEdit()
        self.title.setAccessibleName(self.tr("Name of the exported network"))
        self.title.setToolTip(self.tr("Name of the files and of the network in its card"))
        self.title.setMaxLength(120)
        caption = label(self.tr("Name"), "section", "muted")
        caption.setBuddy(self.title)
        card.body.addWidget(caption)
        card.body.addWidget(self.title)
        self.boxes: dict[str, QCheckBox] = {}
        for name, item in formats().items():
            box = QCheckBox(item.title)
            box.setChecked(name in ("onnx", "pytorch"))
            box.setToolTip(item.purpose)
            box.toggled.connect(self._show_actions)
            self.boxes[name] = box
            purpose = label(item.purpose, "caption", "muted", wrap=True)
            purpose.setContentsMargins(24, 0, 0, 0)
            card.body.addSpacing(2)
            card.body.addWidget(box)
            card.body.addWidget(purpose)
        self.where = label("", "caption", "muted", wrap=True)
        card.body.addWidget(Divider())
        card.body.addWidget(self.where)
        return card

    def _result_card(self) -> Card:
        self.open_folder = secondary_button(self.tr("Open folder"), "folder").set_small()
        self.tabs = Tabs(
            [(RESULTS, self.tr("Results")), (CARD, self.tr("Model card"))], self.tr("Export")
        )
        card = Card(flush=True)
        card.setAccessibleName(self.tr("Result of the export"))
        top = QHBoxLayout()
        top.setContentsMargins(16, 6, 16, 0)
        top.addWidget(self.tabs)
        top.addStretch(1)
        top.addWidget(self.open_folder)
        self.progress = QWidget()
        line = QVBoxLayout(self.progress)
        line.setContentsMargins(16, 12, 16, 12)
        self.progress_text = label("", "secondary", "muted")
        self.bar = ProgressBar()
        line.addWidget(self.progress_text)
        line.addWidget(self.bar)
        holder = QWidget()
        self.pages = QStackedLayout(holder)
        self.results, self.card, self.nothing = (
            Results(),
            CardView(),
            EmptyState("export", " ", " "),
        )
        for widget in (self.results, self.card, self.nothing):
            self.pages.addWidget(widget)
        card.body.setContentsMargins(0, 0, 0, 0)
        card.body.setSpacing(0)
        card.body.addLayout(top)
        card.body.addWidget(Divider())
        card.body.addWidget(self.progress)
        card.body.addWidget(holder, 1)
        return card

    def _connect(self) -> None:
        bench = self.workbench
        bench.opened.connect(self._opened)
        bench.closed.connect(self._closed)
        bench.changed.connect(self._changed)
        bench.runs_changed.connect(self._soon)
        bench.run_ended.connect(self._ended)
        bench.selected.connect(self._selected)
        self.list.chosen.connect(self._chosen)
        self.title.textEdited.connect(self._title_typed)
        self.main.clicked.connect(self.start)
        self.stop.clicked.connect(self.stop_export)
        self.copy.clicked.connect(self._copy_command)
        self.open_folder.clicked.connect(self._open_folder)
        self.tabs.changed.connect(self._show_result)
        self.empty.clicked.connect(self._go_on)

    # -- the project --------------------------------------------------------------------------------------------

    def _opened(self, snapshot: Snapshot) -> None:
        self._closed()
        self._know_supernet(snapshot.supernet)
        self._changed(snapshot)

    def _know_supernet(self, sha256: str) -> None:
        self._supernet = sha256
        self._refresh()

    def _closed(self) -> None:
        self._predicted, self._predict_key, self._card_key = {}, None, ""
        self._supernet, self._typed = "", False
        self.error.set_error(None)
        self._refresh()

    def _changed(self, snapshot: Snapshot) -> None:
        self._predict(snapshot)
        self._refresh()

    def _soon(self) -> None:
        if not self._draw.isActive():
            self._draw.start()

    def _ended(self, run: LiveRun) -> None:
        if run.kind == "export" and run.failure is not None:
            self.error.set_error(run.failure)

    def _predict(self, snapshot: Snapshot) -> None:
        """Work out the predicted numbers off the thread, when networks, table or predictor have changed."""
        space = self.workbench.space
        if space is None:
            return
        genomes = tuple(row.genome for row in export_rows(snapshot, space, {}))
        found = of_space(snapshot, space, "predictor")
        path = snapshot.path / found[-1].path if found else None
        key = (space.hash, snapshot.table_sha256, path, genomes)
        if key == self._predict_key or not genomes:
            return
        self._predict_key = key
        table = snapshot.table

        def arrived(predicted: dict[Genome, Predicted]) -> None:
            if key == self._predict_key:
                self._predicted = predicted
                self._refresh()

        Task(
            self, lambda: predict(space, table, path, genomes), arrived, self.error.set_error
        ).start(self._pool)

    # -- what is shown ------------------------------------------------------------------------------------------

    @property
    def live(self) -> LiveRun | None:
        """The export that runs."""
        found = self.workbench.running("export")
        return found[0] if found else None

    def rows(self) -> list[ExportRow]:
        """Networks of the list."""
        snapshot, space = self.workbench.snapshot, self.workbench.space
        if snapshot is None:
            return []
        used = used_supernet(snapshot, space, self._supernet)
        return export_rows(snapshot, space, self._predicted, used.sha256 if used else "")

    def _refresh(self) -> None:
        snapshot, rows = self.workbench.snapshot, self.rows()
        live = self.live
        busy = exporting(snapshot, live.id) if snapshot and live else None
        self.list.show_rows(rows, busy)
        self.stack.setCurrentIndex(0 if rows else 1)
        if not rows:
            self._show_empty(snapshot)
        self._show_title()
        self._show_where(snapshot)
        self._show_progress(live)
        self._show_actions()
        self._show_result()

    def _show_empty(self, snapshot: Snapshot | None) -> None:
        if snapshot is None:
            self.empty.set_text(
                self.tr("No project is open"), self.tr("Open one, or make a new one.")
            )
            self.empty.button.set_text(self.tr("Go to Start"))
        else:
            self.empty.set_text(
                self.tr("Pin a network first"),
                self.tr(
                    "Search for one, pin it, and it stands here, ready to be written for other programs."
                ),
            )
            self.empty.button.set_text(self.tr("Go to Search"))

    def _show_actions(self) -> None:
        live, row = self.live, self.list.current()
        shown = row is not None
        for widget in (self.copy, self.main):
            widget.setVisible(shown)
        self.stop.setVisible(live is not None)
        chosen = any(box.isChecked() for box in self.boxes.values())
        self.main.setEnabled(shown and chosen and live is None and self.workbench.writable)
        self.main.setToolTip(
            self.tr("Write it, compare its outputs, judge it on the test images, and time it")
            if chosen
            else self.tr("Choose a format first")
        )
        rows = self.rows()
        exported = sum(bool(r.exported) for r in rows)
        self.header.set_subtitle(
            self.tr(
                "{0} networks, {1} exported. Each is checked and timed before it leaves."
            ).format(len(rows), exported)
            if rows
            else self.tr(
                "Files for other programs, checked against the network and timed on the device."
            )
        )

    def _show_title(self) -> None:
        row = self.list.current()
        if row is not None and not self._typed:
            self.title.setText(row.title)

    def _show_where(self, snapshot: Snapshot | None) -> None:
        here = [d.name for d in snapshot.table.devices if d.here] if snapshot else []
        if here:
            text = self.tr(
                "Timed on {0}, while other jobs rest. The test images are looked at here and nowhere else."
            )
            self.where.setText(text.format(", ".join(here)))
        else:
            self.where.setText(
                self.tr("No device of this machine has a table, so that nothing is timed.")
            )

    def _show_progress(self, live: LiveRun | None) -> None:
        self.progress.setVisible(live is not None)
        if live is None:
            return
        self.bar.set_progress(live.done, live.total)
        step = f" · {live.label}" if live.label else ""
        waits = f" · {live.said}" if live.state == "waiting" and live.said else ""
        self.progress_text.setText(f"{live.name}{step}{waits}")

    def _show_result(self, *_: object) -> None:
        row, snapshot = self.list.current(), self.workbench.snapshot
        exported = row is not None and bool(row.exported)
        self.open_folder.setEnabled(exported)
        self.tabs.setEnabled(exported)
        if row is None or snapshot is None or not exported:
            self.pages.setCurrentWidget(self.nothing)
            self.nothing.set_text(
                self.tr("Not exported yet"),
                self.tr(
                    "Choose what to write and press Export: files, checks and the model card come here."
                ),
            )
            return
        self.pages.setCurrentWidget(self.results if self.tabs.key() == RESULTS else self.card)
        self.results.show_row(row, snapshot)
        self._read_card(snapshot.path / row.folder / "card.md")

    def _read_card(self, path: Path) -> None:
        if str(path) == self._card_key:
            return
        self._card_key = key = str(path)

        def read() -> str:
            try:
                return path.read_text("utf-8")
            except (OSError, UnicodeDecodeError):
                raise CorruptFile(
                    "The model card does not read.", where=path, remedy="Export the network again."
                ) from None

        def arrived(text: str) -> None:
            if key == self._card_key:
                self.card.show_text(text)

        Task(self, read, arrived, self.error.set_error).start(self._pool)

    # -- what a person asks for ---------------------------------------------------------------------------------

    def _chosen(self, row: ExportRow) -> None:
        self._typed = False
        self.workbench.select(row.genome)
        self._refresh()

    def _selected(self, genome: Genome | None) -> None:
        if genome is not None:
            self.list.select(genome)

    def _title_typed(self) -> None:
        self._typed = bool(self.title.text().strip())

    def _go_on(self) -> None:
        self.go_to.emit("search" if self.workbench.snapshot is not None else "start")

    def chosen_formats(self) -> tuple[str, ...]:
        """Names of the chosen formats."""
        return tuple(name for name, box in self.boxes.items() if box.isChecked())

    def start(self) -> None:
        """Export the selected network."""
        row = self.list.current()
        if row is None:
            return
        self.error.set_error(None)
        genome, title, chosen = row.genome, self.title.text().strip(), self.chosen_formats()
        self.workbench.start(
            lambda project: plan.export(project, genome, title, formats=chosen),
            problem=self.error.set_error,
        )

    def stop_export(self) -> None:
        """Stop the export; nothing of it is left."""
        if self.live is not None:
            self.workbench.stop(self.live.id)

    def _open_folder(self) -> None:
        row, snapshot = self.list.current(), self.workbench.snapshot
        if row is not None and snapshot is not None and row.folder:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(snapshot.path / row.folder)))

    def _copy_command(self) -> None:
        QGuiApplication.clipboard().setText(self.command_line())

    def command_line(self) -> str:
        """The command that exports the selected network."""
        row, snapshot = self.list.current(), self.workbench.snapshot
        if row is None or snapshot is None:
            return ""
        parts = [
            "nasstudio",
            "export",
            str(snapshot.path),
            "--network",
            row.name.rsplit("-", 1)[-1],
        ]
        parts += ["--title", self.title.text().strip() or row.title]
        for name in self.chosen_formats():
            parts += ["--format", name]
        return shlex.join(parts)
