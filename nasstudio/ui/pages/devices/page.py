"""The Devices station: measure devices, edit their latency table, see how well it predicts whole networks."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
from PySide6.QtCore import QPoint, QThreadPool
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QUndoStack
from PySide6.QtWidgets import QHBoxLayout, QMenu, QVBoxLayout, QWidget

from nasstudio.engine.cost.table import Cells, LatencyTable
from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import StudioError
from nasstudio.engine.job.specification import AnySpec, ProbeSpec
from nasstudio.engine.project import plan
from nasstudio.engine.project.project import Project
from nasstudio.engine.project.records import Snapshot
from nasstudio.ui.kit.buttons import primary_button, secondary_button, tool_button
from nasstudio.ui.kit.header import PageHeader
from nasstudio.ui.kit.number import written
from nasstudio.ui.pages.devices import menus
from nasstudio.ui.pages.devices.accuracy import AccuracyCards
from nasstudio.ui.pages.devices.editor import TableCard
from nasstudio.ui.pages.devices.files import TableFiles, droppable
from nasstudio.ui.pages.devices.flags import CHOICE, FlagFinder, kept_key
from nasstudio.ui.pages.devices.panel import DevicePanel
from nasstudio.ui.pages.devices.saver import TableSaver
from nasstudio.ui.pages.devices.state import (
    DeviceState,
    details,
    device_states,
    mark_of,
    profiles,
    summary,
)
from nasstudio.ui.pages.page import Page
from nasstudio.ui.tables.change import Block, TableChange
from nasstudio.ui.tables.latency_model import LatencyModel
from nasstudio.ui.tables.undo import AddDevice, RemoveDevice
from nasstudio.ui.workbench import LiveRun, Make, Workbench


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
        self.flags = FlagFinder(self.model, self._pool, self)
        self.files = TableFiles(self.model, self._pool, self)
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
        self.more = tool_button("down", self.tr("More ways to profile"))
        self.main = primary_button(self.tr("Profile"), "gauge")
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
        self.panel.probe_asked.connect(self.probe)
        self.panel.measure_here_asked.connect(self._measure_here)
        card = self.card
        card.can_measure = self._can_measure
        card.fill_asked.connect(lambda button: self._pop(menus.fill(self), button))
        card.import_asked.connect(self.files.ask_import)
        card.export_asked.connect(lambda button: self._pop(menus.export(self), button))
        card.sample_asked.connect(self.files.take_sample)
        card.device_menu.connect(self._column_menu)
        card.measure_asked.connect(self._measure_row)
        card.keep_asked.connect(self._keep_flag)
        card.strip.pause_asked.connect(bench.pause)
        card.strip.resume_asked.connect(bench.resume)
        card.strip.stop_asked.connect(bench.stop)

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
            self.probe()
        self._changed(snapshot)

    def _closed(self) -> None:
        self.undo_stack.clear()
        self._chosen = ""
        self.model.take(LatencyTable(), None)
        self.flags.set_kept(())
        self._flags_found(0)
        self._refresh()

    def _changed(self, snapshot: Snapshot) -> None:
        self.model.editable = snapshot.writable
        self._show_table(snapshot)
        kept = snapshot.choices.get(CHOICE, [])
        self.flags.set_kept(
            [key for key in kept if isinstance(key, str)] if isinstance(kept, list) else []
        )
        self.flags.check_soon()
        self._refresh()

    def _show_table(self, snapshot: Snapshot) -> None:
        table = self.saver.laid_over(snapshot.table)
        chosen = self.chosen_device
        if chosen is not None and chosen.runtime != "table":
            table.add_device(chosen)
        self.model.take(table, self.workbench.space)

    @property
    def chosen_device(self) -> Device | None:
        """The device that the panel shows as chosen."""
        snapshot = self.workbench.snapshot
        if snapshot is None:
            return None
        known = {d.id: d for d in (*snapshot.table.devices, *snapshot.devices)}
        if self._chosen not in known:
            busy = [d for d in profiles(snapshot, self.workbench.running("profile")) if d in known]
            first = next(iter(snapshot.devices), None) or next(iter(snapshot.table.devices), None)
            measured = {d.id for d in snapshot.table.devices}
            best = next((d for d in snapshot.devices if d.id in measured), first)
            self._chosen = busy[0] if busy else (best.id if best is not None else "")
        return known.get(self._chosen)

    @property
    def chosen_state(self) -> DeviceState | None:
        """How far the chosen device is."""
        return next((s for s in self._states if s.device.id == self._chosen), None)

    def choose(self, device_id: str) -> None:
        """Show a device's details, and its column."""
        self._chosen = device_id
        if self.workbench.snapshot is not None:
            self._show_table(self.workbench.snapshot)
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
        names: tuple[str, ...] = ()
        space = self.workbench.space
        if calibration is not None and space is not None and calibration.space_hash == space.hash:
            genomes = np.asarray(calibration.genomes, dtype=np.int16)
            names = tuple(space.identity(genome) for genome in genomes) if genomes.ndim == 2 else ()
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
        run = next(iter(busy.values()), None)
        if run is not None:
            paused = run.state == "paused"
            self._label_main(
                self.tr("Go on profiling") if paused else self.tr("Pause profiling"),
                "play" if paused else "pause",
                self.tr("Nothing that is measured is lost"),
                enabled=True,
            )
            return
        state = self.chosen_state if device is not None else None
        missing = state.total - state.known if state is not None else 0
        can = writable and state is not None and state.found and self.workbench.space is not None
        if self.workbench.space is None:
            tip = self.tr("Choose a space first: its layers are what is measured")
        elif state is None or not state.found:
            tip = self.tr("Choose a device of this machine at the left")
        elif missing:
            tip = self.tr("Measure the {0} missing rows on {1}, then whole networks").format(
                written(missing), state.device.name
            )
        else:
            tip = self.tr("Every row is known: measure whole networks again")
        self._label_main(self.tr("Profile"), "gauge", tip, enabled=can)
        self.more.setEnabled(can)

    def _label_main(self, text: str, icon: str, tip: str, *, enabled: bool) -> None:
        self.main.set_icon(icon)
        self.main.set_text(text)
        self.main.setToolTip(tip)
        self.main.setEnabled(enabled)
        self.more.setEnabled(enabled)

    def _flags_found(self, count: int) -> None:
        self._flag_count = count
        self.card.show_flags(count)
        self.header.set_subtitle(summary(self.model.table, self.workbench.space, count))

    # -- measuring ----------------------------------------------------------------------------------------------

    def probe(self) -> None:
        """Find the devices of this machine."""
        if not self.workbench.running("probe"):
            self.workbench.start(
                lambda p: ProbeSpec(name="Find devices"), problem=self.card.show_error
            )

    def start(self) -> None:
        """Profile the chosen device, or pause or go on with the profile that runs."""
        live = self.workbench.running("profile")
        if live:
            run = live[0]
            (self.workbench.resume if run.state == "paused" else self.workbench.pause)(run.id)
        elif (device := self.chosen_device) is not None:
            self.profile([device])

    def profile(self, devices: list[Device], *, only_missing: bool = True) -> None:
        """Measure devices one after another: rows, then whole networks."""
        makes = [_profile_make(device, only_missing=only_missing) for device in devices]
        if makes:
            self.card.show_error(None)
            self.workbench.start(*makes, problem=self.card.show_error)

    def devices_here(self) -> list[Device]:
        """Devices that can be measured."""
        return [state.device for state in self._states if state.found]

    def _measure_here(self) -> None:
        here = self.devices_here()
        if here:
            self.choose(here[0].id)
            self.profile([here[0]])

    def _can_measure(self, row: int, column: int) -> bool:
        device = self.model.table.devices[column]
        here = any(device.id == other.id for other in self.devices_here())
        return (
            here and bool(self.model.facts.in_space[row]) and not self.workbench.running("profile")
        )

    def _measure_row(self, row: int, column: int) -> None:
        device, layer = self.model.table.devices[column], self.model.table.labels[row]

        def make(project: Project) -> AnySpec:
            spec = plan.profile(project, device, only_missing=False, networks=0, budget_s=15.0)
            return msgspec.structs.replace(spec, layers=(layer,), name=f"Measure {layer} again")

        self.workbench.start(make, problem=self.card.show_error)

    def _keep_flag(self, row: int, column: int) -> None:
        key = kept_key(self.model.table, row, column)

        def keep(project: Project) -> None:
            choices = project.get("choices", dict, {})
            project.put("choices", {**choices, CHOICE: [*choices.get(CHOICE, []), key]})

        self.workbench.do(keep, problem=self.card.show_error)

    def table_to_export(self) -> LatencyTable:
        """The table as it is saved, or about to be."""
        snapshot = self.workbench.snapshot
        return self.saver.laid_over(snapshot.table) if snapshot is not None else LatencyTable()

    def _column_menu(self, column: int, place: QPoint) -> None:
        device = self.model.device_at(column)
        if device is not None:
            menus.column(self, device, place)

    # -- columns ------------------------------------------------------------------------------------------------

    def add_column(self, name: str) -> None:
        """An empty column for a device known by its name only; nothing if there is one of that name."""
        device = Device(name, "table", title=name)
        if any(device.id == other.id for other in self.model.table.devices):
            problem = StudioError(self.tr("There is a device {0} already.").format(name),
                                  remedy=self.tr("Give another name."))  # fmt: skip
            self.card.show_error(problem)
            return
        change = TableChange((Block(device, (), Cells.missing((0,))),))
        self.undo_stack.push(AddDevice(self.model, change))
        self.choose(device.id)

    def remove_device(self, device_id: str) -> None:
        """Take a column out of the table; undo brings it back."""
        device = next((d for d in self.model.table.devices if d.id == device_id), None)
        if device is not None:
            change = TableChange(remove_devices=(device_id,))
            self.undo_stack.push(RemoveDevice(self.model, change, device.name))

    def _edited(self, change: TableChange) -> None:
        self.card.show_error(None)
        self.saver.push(change)
        self.flags.check_soon()
        self._refresh()

    def _not_saved(self, problem: StudioError) -> None:
        self.undo_stack.clear()
        if self.workbench.snapshot is not None:
            self._show_table(self.workbench.snapshot)
        self._refresh()
        self.card.show_error(problem)

    # -- files dropped onto the page ----------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        urls = event.mimeData().urls()
        if self.model.editable and any(droppable(url.toLocalFile()) for url in urls):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        for url in event.mimeData().urls():
            if droppable(url.toLocalFile()):
                self.files.take_in(Path(url.toLocalFile()))
        event.acceptProposedAction()

    def take_file(self, path: Path) -> None:
        """A table that was dropped on the window."""
        self.files.take_in(path)

    def command_line(self) -> str:
        """The command that does what the primary button does."""
        snapshot, device = self.workbench.snapshot, self.chosen_device
        if snapshot is None or device is None:
            return ""
        path = str(snapshot.path)
        quoted = f"'{path}'" if " " in path else path
        return f"nasstudio profile {quoted} --device {device.id}"


def _profile_make(device: Device, *, only_missing: bool) -> Make:
    return lambda project: plan.profile(project, device, only_missing=only_missing)
