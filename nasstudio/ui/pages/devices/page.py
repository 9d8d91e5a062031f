"""The Devices station: measure devices, edit their latency table, see how well it predicts whole networks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QPoint, QThreadPool
from PySide6.QtGui import (
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QUndoStack,
)
from PySide6.QtWidgets import QHBoxLayout, QMenu, QVBoxLayout, QWidget

from nasstudio.engine.cost.table import LatencyTable
from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import StudioError
from nasstudio.engine.project.records import Snapshot
from nasstudio.ui.commands import Command
from nasstudio.ui.kit.buttons import secondary_button
from nasstudio.ui.kit.header import PageHeader
from nasstudio.ui.pages.devices import cell_menus, choice, columns, menus, orders
from nasstudio.ui.pages.devices.accuracy import AccuracyCards
from nasstudio.ui.pages.devices.editor import TableCard
from nasstudio.ui.pages.devices.files import TableFiles, droppable
from nasstudio.ui.pages.devices.flags import CHOICE, FlagFinder, keeping, kept_key
from nasstudio.ui.pages.devices.measuring import Measuring
from nasstudio.ui.pages.devices.origin import origin
from nasstudio.ui.pages.devices.panel import DevicePanel
from nasstudio.ui.pages.devices.profile_buttons import ProfileButtons
from nasstudio.ui.pages.devices.saver import TableSaver
from nasstudio.ui.pages.devices.source import TableSource
from nasstudio.ui.pages.devices.state import (
    DeviceState,
    details,
    device_states,
    mark_of,
    profiles,
    summary,
)
from nasstudio.ui.pages.page import Page
from nasstudio.ui.tables.change import TableChange
from nasstudio.ui.tables.latency_model import LatencyModel
from nasstudio.ui.tables.undo import AddDevice
from nasstudio.ui.workbench import LiveRun, Workbench


class DevicesPage(Page):
    """Devices, their latency table, and its accuracy."""

    station = "devices"

    def __init__(
        self,
        workbench: Workbench,
        parent: QWidget | None = None,
        *,
        undo_stack: QUndoStack | None = None,
    ) -> None:
        super().__init__(workbench, parent)
        self.undo_stack = undo_stack or QUndoStack(self)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self.model = LatencyModel(self.undo_stack, self)
        self.saver = TableSaver(workbench, self)
        self.source = TableSource(workbench, self.saver, self.model)
        self.flags = FlagFinder(self.model, self._pool, self)
        self.files = TableFiles(self.model, self._pool, self)
        self.measuring = Measuring(
            workbench,
            self.model,
            self.devices_here,
            lambda problem: self.card.show_error(problem),
            self,
        )
        self.model.reload = self._reload
        self.model.origin_of = lambda row, column: origin(
            self.workbench.snapshot, self.model.table, row, column
        )
        self._chosen = ""
        self._states: list[DeviceState] = []
        self._flag_count = 0
        self._probed: Path | None = None
        self._build()
        self._connect()
        self.setAcceptDrops(True)
        if workbench.snapshot is not None:
            self._opened(workbench.snapshot)
        self._refresh()

    # -- widgets ------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        self.header = PageHeader(self.tr("Devices"))
        self.add = secondary_button(self.tr("Add a device"), "plus")
        self.add.setToolTip(
            self.tr("A column from a table file, the lecture's sample, or an empty one")
        )
        self.profile_buttons = ProfileButtons(self)
        self.main, self.more = self.profile_buttons.main, self.profile_buttons.more
        for widget in (self.add, self.more, self.main):
            self.header.add_action(widget)
        outer.addWidget(self.header)
        across = QHBoxLayout()
        across.setSpacing(0)
        self.panel = DevicePanel()
        across.addWidget(self.panel)
        column = QVBoxLayout()
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(16)
        self.card = TableCard(self.model)
        self.accuracy = AccuracyCards()
        column.addWidget(self.card, 5)
        column.addWidget(self.accuracy, 3)
        across.addLayout(column, 1)
        outer.addLayout(across, 1)

    def _connect(self) -> None:
        bench = self.workbench
        bench.opened.connect(self._opened)
        bench.closed.connect(self._closed)
        bench.changed.connect(self._changed)
        bench.runs_changed.connect(self._refresh)
        self.model.changed_by_person.connect(self._edited)
        self.saver.failed.connect(self._not_saved)
        self.flags.found.connect(self._flags_found)
        self.files.said.connect(self.card.say)
        for source in (self.files, self.flags):
            source.failed.connect(self.card.show_error)
        for plot_card in (self.accuracy.predicted, self.accuracy.macs):
            plot_card.plot.failed.connect(self.card.show_error)
        self.main.clicked.connect(self.start)
        self.more.clicked.connect(lambda: self._pop(menus.profile(self), self.more))
        self.add.clicked.connect(lambda: self._pop(menus.add(self), self.add))
        self.panel.chosen.connect(self.choose)
        self.panel.remove_asked.connect(self.remove_device)
        self.panel.probe_asked.connect(self.measuring.probe)
        self.panel.measure_here_asked.connect(self._measure_here)
        card = self.card
        card.can_measure = self.measuring.possible
        card.fill_asked.connect(lambda button: self._pop(menus.fill(self), button))
        card.import_asked.connect(self.files.ask_import)
        card.export_asked.connect(lambda button: self._pop(menus.export(self), button))
        card.sample_asked.connect(self.files.take_sample)
        card.device_menu.connect(self._column_menu)
        card.measure_asked.connect(self._measure_row)
        card.keep_asked.connect(self._keep_flag)
        card.cells_menu.connect(self._cells_menu)
        card.compare_asked.connect(lambda button: self._pop(cell_menus.compare(self), button))
        card.table_pasted.connect(self.files.take_text)
        self.model.taken.connect(self._taken)
        card.strip.pause_asked.connect(bench.pause)
        card.strip.resume_asked.connect(bench.resume)
        card.strip.stop_asked.connect(bench.stop)

    def _cells_menu(self, place: QPoint) -> None:
        made = cell_menus.cells(self)
        made.aboutToHide.connect(made.deleteLater)
        made.popup(place)

    def compare_file(self, path: Path, left: str = "") -> None:
        """Compare a column with a table file, in the table's place."""
        self.card.difference.with_file(path, left)

    def _pop(self, made: QMenu, button: QWidget) -> None:
        made.aboutToHide.connect(made.deleteLater)
        made.popup(button.mapToGlobal(QPoint(0, button.height() + 4)))

    # -- the project --------------------------------------------------------------------------------------------

    def _opened(self, snapshot: Snapshot) -> None:
        self._chosen = ""
        self.undo_stack.clear()
        self.card.show_error(None)
        if not snapshot.devices and snapshot.writable and self._probed != snapshot.path:
            self._probed = snapshot.path
            self.measuring.probe()
        self._changed(snapshot)

    def _closed(self) -> None:
        self.undo_stack.clear()
        self._chosen = ""
        self.source.forget()
        self.model.take(LatencyTable(), None)
        self.flags.set_kept(())
        self._flags_found(0)
        self._refresh()

    def _changed(self, snapshot: Snapshot) -> None:
        self.model.editable = snapshot.writable
        self._reload()
        kept = snapshot.choices.get(CHOICE, [])
        self.flags.set_kept(
            [key for key in kept if isinstance(key, str)] if isinstance(kept, list) else []
        )
        self._refresh()

    def _reload(self) -> None:
        """Show the table as it is now."""
        self.source.show(self.chosen_device)

    def _taken(self) -> None:
        self.flags.check_soon()
        self._refresh()

    @property
    def chosen_device(self) -> Device | None:
        """The device that the panel shows as chosen."""
        snapshot = self.workbench.snapshot
        if snapshot is None:
            return None
        device = choice.device(snapshot, self._chosen, self.workbench.running("profile"))
        self._chosen = device.id if device is not None else ""
        return device

    @property
    def chosen_state(self) -> DeviceState | None:
        """How far the chosen device is."""
        return next((s for s in self._states if s.device.id == self._chosen), None)

    def choose(self, device_id: str) -> None:
        """Show a device's details, and its column."""
        self._chosen = device_id
        if self.workbench.snapshot is not None:
            self._reload()
        self._refresh()

    # -- what is shown ------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        snapshot = self.workbench.snapshot
        live = self.workbench.running("profile") if snapshot is not None else []
        busy = profiles(snapshot, live) if snapshot is not None else {}
        self._states = (
            device_states(
                snapshot,
                self.model.table,
                self.workbench.space,
                {device_id: mark_of(run) for device_id, run in busy.items()},
            )
            if snapshot is not None
            else []
        )
        device = self.chosen_device
        probing = bool(self.workbench.running("probe"))
        self.panel.show_devices(self._states, device.id if device else "", probing=probing)
        self.card.view.head.set_chosen(device.id if device else "")
        self._show_details(snapshot, device)
        self._show_run(busy)
        self._show_actions(snapshot, device, busy)
        text = summary(self.model.table, self.workbench.space, self._flag_count)
        self.header.set_subtitle(text if snapshot is not None else self.tr("Open a project first."))

    def _show_details(self, snapshot: Snapshot | None, device: Device | None) -> None:
        if snapshot is None or device is None:
            self.panel.show_details("", "", [], removable=False)
            self.accuracy.show_calibration(None)
            return
        in_table = any(d.id == device.id for d in snapshot.table.devices)
        rows = details(snapshot, self.model.table, device)
        removable = in_table and snapshot.writable
        self.panel.show_details(device.id, device.name, rows, removable=removable)
        calibration = self.model.table.calibrations.get(device.id)
        names = choice.networks(calibration, self.workbench.space)
        self.accuracy.show_calibration(calibration, names)

    def _show_run(self, busy: dict[str, LiveRun]) -> None:
        found = next(((d, r) for d, r in busy.items() if r.state != "waiting"), None)
        device_id, run = found or next(iter(busy.items()), ("", None))
        name = next((s.device.name for s in self._states if s.device.id == device_id), device_id)
        waiting = any(r.rests_for for r in self.workbench.running())
        self.card.strip.show_run(run, name, others_wait=waiting)
        running = run is not None and run.state == "running"
        self.model.set_measuring(device_id if running else None, run.label if run else "")

    def _show_actions(
        self, snapshot: Snapshot | None, device: Device | None, busy: dict[str, LiveRun]
    ) -> None:
        writable = snapshot is not None and snapshot.writable
        for widget in (self.add, self.card.fill, self.card.take_in, self.card.empty.button):
            widget.setEnabled(writable)
        self.card.hand_out.setEnabled(bool(self.model.table.devices))
        self.card.compare.setEnabled(bool(self.model.table.devices))
        state = self.chosen_state if device is not None else None
        run = next(iter(busy.values()), None)
        self.profile_buttons.show_state(
            run,
            state,
            writable=writable,
            space=self.workbench.space,
            effort=self.measuring.effort(state.device)
            if state is not None and run is None
            else None,
        )

    def _flags_found(self, count: int) -> None:
        self._flag_count = count
        self.card.show_flags(count)
        self.header.set_subtitle(summary(self.model.table, self.workbench.space, count))

    # -- measuring ----------------------------------------------------------------------------------------------

    def devices_here(self) -> list[Device]:
        """Devices that can be measured."""
        return [state.device for state in self._states if state.found]

    def start(self) -> None:
        """Profile the chosen device, or pause or go on with the profile that runs."""
        self.measuring.toggle(self.chosen_device)

    def profile(self, devices: list[Device], *, only_missing: bool = True) -> None:
        """Measure devices one after another: rows, then whole networks."""
        self.measuring.profile(devices, only_missing=only_missing)

    def _measure_here(self) -> None:
        here = self.devices_here()
        if here:
            self.choose(here[0].id)
            self.measuring.profile([here[0]])

    def _measure_row(self, row: int, column: int) -> None:
        table = self.model.table
        self.measuring.rows(table.devices[column], [table.labels[row]])

    def _keep_flag(self, row: int, column: int) -> None:
        key = kept_key(self.model.table, row, column)
        self.workbench.do(keeping(key), problem=self.card.show_error)

    def table_to_export(self) -> LatencyTable:
        """The table as it is saved, or about to be."""
        snapshot = self.workbench.snapshot
        return self.saver.laid_over(snapshot.table) if snapshot is not None else LatencyTable()

    def _column_menu(self, column: int, place: QPoint) -> None:
        device = self.model.device_at(column)
        if device is not None:
            menus.column(self, device, place)

    def commands(self) -> list[Command]:
        return list(orders.COMMANDS)

    def does(self, command_id: str) -> Callable[..., object] | None:
        return orders.does(self, command_id)

    # -- edits --------------------------------------------------------------------------------------------------

    def add_column(self, name: str) -> None:
        """An empty column for a device known by its name only; an error if there is one of that name."""
        try:
            change = columns.added(self.model.table, name)
        except StudioError as problem:
            self.card.show_error(problem)
            return
        self.undo_stack.push(AddDevice(self.model, change))
        self.choose(change.blocks[0].device.id)

    def remove_device(self, device_id: str) -> None:
        """Take a column out of the table; undo brings it back."""
        columns.remove(self.card.view.actions_of, self.model, device_id)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """A table that is pasted anywhere on the page comes in."""
        text = QGuiApplication.clipboard().text()
        if (
            event.matches(QKeySequence.StandardKey.Paste)
            and "\n" in text.strip()
            and self.model.editable
        ):
            self.files.take_text(text)
        else:
            super().keyPressEvent(event)

    def _edited(self, change: TableChange) -> None:
        self.card.show_error(None)
        self.saver.push(change)
        self.flags.check_soon()
        self._refresh()

    def _not_saved(self, problem: StudioError) -> None:
        self.undo_stack.clear()
        self.source.forget()
        if self.workbench.snapshot is not None:
            self._reload()
        self._refresh()
        self.card.show_error(problem)

    # -- files dropped onto the page ----------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        urls = event.mimeData().urls()
        if self.model.editable and any(droppable(url.toLocalFile()) for url in urls):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        names = [url.toLocalFile() for url in event.mimeData().urls()]
        self.files.take_in_all([Path(name) for name in names if droppable(name)])
        event.acceptProposedAction()

    def take_file(self, path: Path) -> None:
        """A table that was dropped on the window."""
        self.files.take_in(path)

    def command_line(self) -> str:
        """The command that does what the primary button does."""
        return orders.command_line(self.workbench.snapshot, self.chosen_device)
