"""The menus of the Devices page, made when they are opened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFileDialog, QLineEdit, QMenu

from nasstudio.engine.device.device import Device
from nasstudio.engine.project import plan
from nasstudio.ui.kit.buttons import soft_button
from nasstudio.ui.kit.labels import label
from nasstudio.ui.kit.number import written
from nasstudio.ui.kit.popover import Popover, menu

if TYPE_CHECKING:
    from nasstudio.ui.pages.devices.page import DevicesPage


def _entry(made: QMenu, text: str, act: Callable[[], object], enabled: bool = True) -> None:
    action = made.addAction(text)
    action.triggered.connect(lambda _=False: act())
    action.setEnabled(enabled)


def profile(page: DevicesPage) -> QMenu:
    """What may be measured."""
    made = menu(parent=page)
    here = page.devices_here()
    idle = not page.workbench.running("profile")
    device = page.chosen_device
    if device is not None:
        name = device.name
        _entry(made, page.tr("Measure the missing rows of {0}").format(name),
               lambda: page.profile([device]), idle)  # fmt: skip
        _entry(made, page.tr("Measure everything again on {0}").format(name),
               lambda: page.profile([device], only_missing=False), idle)  # fmt: skip
        made.addSeparator()
    _entry(made, page.tr("All {0} devices here, one after another").format(len(here)),
           lambda: page.profile(here), idle and len(here) > 1)  # fmt: skip
    return made


def fill(page: DevicesPage) -> QMenu:
    """How the chosen device's missing cells may be filled."""
    made = menu(parent=page)
    device, state = page.chosen_device, page.chosen_state
    devices = page.model.table.devices
    column = next((i for i, d in enumerate(devices) if device and d.id == device.id), None)
    if device is None or state is None or column is None:
        _entry(made, page.tr("Choose a device at the left first"), lambda: None, False)
        return made
    gaps = int((~page.model.table.cells.known[:, column]).sum())
    made.addSection(page.tr("{0}: {1} missing").format(device.name, written(gaps)))
    _entry(made, page.tr("Interpolate between similar rows"),
           lambda: page.files.interpolate(device), gaps > 0)  # fmt: skip
    for other in devices:
        if other.id != device.id:
            _entry(made, page.tr("Scale from {0}").format(other.name),
                   _scaling(page, other, device), gaps > 0)  # fmt: skip
    made.addSeparator()
    missing = state.total - state.known
    can = state.found and missing > 0 and page.workbench.space is not None
    can = can and not page.workbench.running("profile")
    _entry(made, page.tr("Measure just these {0} rows").format(written(missing)),
           lambda: page.profile([device]), can)  # fmt: skip
    return made


def _scaling(page: DevicesPage, source: Device, device: Device) -> Callable[[], None]:
    return lambda: page.files.scale(source, device)


def add(page: DevicesPage) -> QMenu:
    """Where a column may come from."""
    made = menu(parent=page)
    _entry(made, page.tr("From a table file…"), page.files.ask_import)
    _entry(made, page.tr("The lecture's sample"), page.files.take_sample)
    _entry(made, page.tr("An empty column…"), lambda: ask_name(page))
    made.addSeparator()
    _entry(made, page.tr("Make a kit for another device…"), lambda: ask_kit(page),
           page.workbench.space is not None)  # fmt: skip
    return made


def ask_kit(page: DevicesPage) -> QFileDialog:
    """Ask where a kit goes, and write it there: the device is measured with it, and its results are dropped here."""
    space = page.workbench.space
    dialog = QFileDialog(page, page.tr("Make a kit for another device"))
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setOption(QFileDialog.Option.DontConfirmOverwrite)  # nothing is overwritten
    dialog.setNameFilters([page.tr("Packed kit (*.zip)"), page.tr("Folder (*)")])
    dialog.setDefaultSuffix("zip")
    dialog.filterSelected.connect(
        lambda chosen: dialog.setDefaultSuffix("zip" if "*.zip" in chosen else "")
    )
    dialog.selectFile(f"{space.name if space is not None else 'space'}-kit.zip")
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.fileSelected.connect(lambda name: make_kit(page, Path(name)))
    dialog.open()
    return dialog


def make_kit(page: DevicesPage, target: Path) -> None:
    """Write a kit of the project's space."""
    page.card.show_error(None)
    page.workbench.start(lambda project: plan.kit(project, target), problem=page.card.show_error)


def export(page: DevicesPage) -> QMenu:
    """What the table may be written as."""
    made = menu(parent=page)
    snapshot = page.workbench.snapshot
    title = snapshot.title if snapshot is not None else "table"
    _entry(made, page.tr("CSV, for a spreadsheet…"),
           lambda: page.files.ask_export(page.table_to_export(), "csv", title))  # fmt: skip
    _entry(made, page.tr("JSON, with spread, count and source…"),
           lambda: page.files.ask_export(page.table_to_export(), "json", title))  # fmt: skip
    return made


def column(page: DevicesPage, device: Device, place: QPoint) -> None:
    """The menu of a column's head."""
    made = menu(parent=page)
    made.aboutToHide.connect(made.deleteLater)
    _entry(made, page.tr("Show details"), lambda: page.choose(device.id))
    _entry(made, page.tr("Remove the column"), lambda: page.remove_device(device.id),
           page.model.editable)  # fmt: skip
    made.popup(place)


def ask_name(page: DevicesPage) -> Popover:
    """Ask for the name of an empty column."""
    popover = Popover(page, width=280)
    popover.body.addWidget(label(page.tr("Name of the device"), "name"))
    field = QLineEdit()
    field.setAccessibleName(page.tr("Name of the device"))
    field.setPlaceholderText(page.tr("e.g. Pixel 8, big core"))
    button = soft_button(page.tr("Add the column"), "plus")
    popover.body.addWidget(field)
    popover.body.addWidget(button)
    popover.closed.connect(popover.deleteLater)

    def take() -> None:
        name = field.text().strip()
        if name:
            popover.hide()
            page.add_column(name)

    button.clicked.connect(take)
    field.returnPressed.connect(take)
    popover.show_beside(page.add)
    field.setFocus()
    return popover
