"""The job tray: what runs now in a strip of 36 px, all jobs in a list that opens upward.

It is driven by rows of plain data (`JobRow`) and asks for things by signals with the run's id; it starts and stops
nothing itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QMessageBox,
    QVBoxLayout,
    QWidget,
)

from nasstudio.ui import fonts
from nasstudio.ui.commands import Commands
from nasstudio.ui.frame.jobs import (
    ACTIVE,
    JobModel,
    JobRow,
    current,
    left_text,
    mark_of,
    percent_text,
)
from nasstudio.ui.frame.statusmeter import StatusMeter
from nasstudio.ui.kit import metrics
from nasstudio.ui.kit.buttons import Button, ghost_button, tool_button
from nasstudio.ui.kit.labels import Divider, ElidedLabel, label
from nasstudio.ui.kit.popover import menu
from nasstudio.ui.kit.progress import ProgressBar
from nasstudio.ui.kit.statemark import StateMark
from nasstudio.ui.kit.table import DataTable

_LIST_HEIGHT = 240

__all__ = ["JobList", "JobRow", "Tray"]


class JobList(QFrame):
    """All jobs as a table, with what can be done with the selected one above it."""

    pause = Signal(str)
    resume = Signal(str)
    stop = Signal(str)
    log = Signal(str)
    delete = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("ground", "surface")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        bar = QHBoxLayout()
        bar.setContentsMargins(metrics.GAP, 6, metrics.GAP, 6)
        bar.setSpacing(4)
        bar.addWidget(label(self.tr("Jobs"), "name"))
        self.summary = label("", "secondary", "muted")
        bar.addSpacing(8)
        bar.addWidget(self.summary)
        bar.addStretch(1)
        self._buttons: dict[str, Button] = {}
        for key, text, icon in (
            ("resume", self.tr("Resume"), "play"),
            ("pause", self.tr("Pause"), "pause"),
            ("stop", self.tr("Stop"), "stop"),
            ("log", self.tr("Log"), "file"),
            ("delete", self.tr("Delete"), "trash"),
        ):
            button = ghost_button(text, icon).set_small()
            button.setObjectName(key)
            button.clicked.connect(self._pressed)
            bar.addWidget(button)
            self._buttons[key] = button
        column.addLayout(bar)
        self.model = JobModel(self)
        self.table = DataTable(name=self.tr("Jobs"))
        self.table.setModel(self.model)
        self.table.setSelectionMode(DataTable.SelectionMode.SingleSelection)
        head = self.table.horizontalHeader()
        head.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        head.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for section, width in enumerate((0, 110, 110, 120, 100, 150)):
            if width:
                self.table.setColumnWidth(section, width)
        column.addWidget(Divider())
        column.addWidget(self.table, 1)
        self.table.selectionModel().selectionChanged.connect(self._offer)
        self.table.doubleClicked.connect(self._open_log)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.customContextMenuRequested.connect(self._open_menu)
        self.model.modelReset.connect(self._offer)
        self.model.dataChanged.connect(self._offer)
        self._offer()

    def set_jobs(self, rows: Sequence[JobRow]) -> None:
        """List these; the selected run stays selected."""
        chosen = self.selected()
        self.model.set_jobs(rows)
        if chosen is not None and self.selected() is None:
            at = self.model.row_of(chosen.id)
            if at >= 0:
                self.table.selectRow(at)
        active = sum(row.state in ACTIVE for row in rows)
        disk = sum(row.disk_mib for row in rows) * 1.048576
        self.summary.setText(
            self.tr("{active} active of {count}, {disk:,.0f} MB on disk").format(
                active=active, count=len(rows), disk=disk
            )
        )

    def selected(self) -> JobRow | None:
        """The selected job."""
        chosen = self.table.selectionModel().selectedRows()
        return self.model.rows()[chosen[0].row()] if chosen else None

    def can(self, row: JobRow) -> dict[str, bool]:
        """What can be done with a job."""
        active = row.state in ACTIVE
        return {
            "resume": row.state == "paused" or (row.resumable and not active),
            "pause": row.state == "running",
            "stop": active,
            "log": True,
            "delete": not active,
        }

    def _offer(self, *_args: object) -> None:
        row = self.selected()
        can = self.can(row) if row is not None else {}
        for key, button in self._buttons.items():
            button.setEnabled(can.get(key, False))

    def _pressed(self) -> None:
        self._ask(self.sender().objectName())

    def _ask(self, what: str) -> None:
        row = self.selected()
        if row is None:
            return
        if what == "delete":
            self._confirm_delete(row)
        else:
            getattr(self, what).emit(row.id)

    def _open_log(self) -> None:
        self._ask("log")

    def _open_menu(self, place) -> None:
        row = self.selected()
        if row is None:
            return
        made = menu(parent=self)
        made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for key, possible in self.can(row).items():
            action = made.addAction(self._buttons[key].accessibleName())
            action.setEnabled(possible)
            action.triggered.connect(self._buttons[key].click)
        made.popup(self.table.viewport().mapToGlobal(place))

    def _confirm_delete(self, row: JobRow) -> None:
        box = QMessageBox(self)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setWindowTitle(self.tr("Delete a run"))
        box.setText(self.tr("Delete “{name}” and what it made?").format(name=row.name))
        size = f"{row.disk_mib * 1.048576:,.0f}"
        box.setInformativeText(
            self.tr("It frees {size} MB. This can't be undone.").format(size=size)
        )
        yes = box.addButton(self.tr("Delete"), QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
        run_id = row.id

        def answered() -> None:
            if box.clickedButton() is yes:
                self.delete.emit(run_id)

        box.finished.connect(answered)
        box.open()


class Tray(QFrame):
    """The strip at the bottom of the window, and the list above it.

    `pause`, `resume`, `stop`, `log` and `delete` carry the id of a run.
    """

    pause = Signal(str)
    resume = Signal(str)
    stop = Signal(str)
    log = Signal(str)
    delete = Signal(str)
    opened = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "tray")
        self._current: JobRow | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 1, 0, 0)
        column.setSpacing(0)
        self.list = JobList(self)
        self.list.setFixedHeight(_LIST_HEIGHT)
        self.list.hide()
        self._line = Divider()
        self._line.hide()
        column.addWidget(self.list)
        column.addWidget(self._line)
        column.addWidget(self._strip())
        for name in ("pause", "resume", "stop", "log", "delete"):
            getattr(self.list, name).connect(getattr(self, name))
        self.set_jobs([])

    def _strip(self) -> QWidget:
        strip = QWidget(self)
        strip.setFixedHeight(metrics.TRAY_HEIGHT - 1)
        row = QHBoxLayout(strip)
        row.setContentsMargins(10, 0, metrics.GAP, 0)
        row.setSpacing(8)
        self.toggle = ghost_button(self.tr("Jobs"), "up").set_small()
        self.toggle.setFont(fonts.font(13, fonts.SEMIBOLD))
        self.toggle.setProperty("strong", "true")
        self.toggle.setCheckable(True)
        self.toggle.setAccessibleName(self.tr("List of jobs"))
        self.toggle.toggled.connect(self.set_open)
        self.mark = StateMark("empty")
        self.name_label = ElidedLabel("", "name")
        self.name_label.setMaximumWidth(340)
        self.bar = ProgressBar()
        self.bar.setFixedWidth(176)
        self.percent_label = label("", "name")
        self.percent_label.setMinimumWidth(40)
        self.percent_label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.left_label = label("", "secondary", "muted")
        self.pause_button = tool_button("pause", self.tr("Pause the job"), small=True)
        self.stop_button = tool_button(
            "stop", self.tr("Stop the job; it keeps what is done"), small=True
        )
        self.log_button = tool_button("file", self.tr("Show the log"), small=True)
        self.meter = StatusMeter(self)
        line = Divider(vertical=True)
        line.setFixedHeight(18)
        self.nothing_label = label(self.tr("Nothing is running"), "secondary", "muted")
        self._parts = (
            self.mark, self.name_label, self.bar, self.percent_label, self.left_label,
            self.pause_button, self.stop_button, self.log_button,
        )  # fmt: skip
        row.addWidget(self.toggle)
        row.addWidget(line)
        row.addSpacing(4)
        row.addWidget(self.nothing_label)
        for part in self._parts:
            row.addWidget(part)
            if part in (self.name_label, self.left_label):
                row.addSpacing(8)
        row.addStretch(1)
        row.addWidget(self.meter)
        self.pause_button.clicked.connect(self._pause_or_resume)
        self.stop_button.clicked.connect(self._stop)
        self.log_button.clicked.connect(self._show_log)
        return strip

    def bind(self, commands: Commands) -> None:
        """Let the commands of the Run menu act on the current job, and "view.jobs" open the list."""
        commands.bind("run.pause", self._pause_or_resume, self.has_job)
        commands.bind("run.stop", self._stop, self.has_job)
        commands.bind("run.log", self._show_log, self.has_job)
        action = commands.bind("view.jobs", self.set_open)
        self.opened.connect(action.setChecked)

    def has_job(self) -> bool:
        """True if a job runs, waits or is paused."""
        return self._current is not None

    def current(self) -> JobRow | None:
        """The job in the strip."""
        return self._current

    def set_jobs(self, rows: Sequence[JobRow]) -> None:
        """Show these jobs, newest first. Call it from one timer, not per event."""
        self._show(current(rows))
        self.list.set_jobs(rows)

    def is_open(self) -> bool:
        """True if the list can be seen."""
        return self.toggle.isChecked()

    def set_open(self, open_: bool) -> None:
        """Open or close the list."""
        if self.toggle.isChecked() != open_:
            self.toggle.setChecked(open_)
            return
        self.list.setVisible(open_)
        self._line.setVisible(open_)
        self.toggle.set_icon("down" if open_ else "up")
        self.opened.emit(open_)

    def _show(self, row: JobRow | None) -> None:
        if row == self._current and row is not None:
            return
        self._current = row
        self.nothing_label.setVisible(row is None)
        for part in self._parts:
            part.setVisible(row is not None)
        if row is None:
            self.mark.set_state("empty")
            return
        self.mark.set_state(mark_of(row.state))
        self.name_label.setText(row.name)
        self.bar.set_progress(row.done, row.total)
        self.percent_label.setText(percent_text(row))
        self.left_label.setText(left_text(row))
        paused = row.state == "paused"
        self.pause_button.set_icon("play" if paused else "pause")
        self.pause_button.set_tooltip(
            self.tr("Resume the job") if paused else self.tr("Pause the job")
        )
        self.pause_button.setEnabled(row.state in ("running", "paused"))

    def _pause_or_resume(self) -> None:
        if self._current is not None:
            wanted = self.resume if self._current.state == "paused" else self.pause
            wanted.emit(self._current.id)

    def _stop(self) -> None:
        if self._current is not None:
            self.stop.emit(self._current.id)

    def _show_log(self) -> None:
        if self._current is not None:
            self.log.emit(self._current.id)
