"""Menus about the table's cells: what can be done with the selected ones, and what a column is compared with."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QMenu

from nasstudio.engine.device.device import Device
from nasstudio.ui.kit.number import written
from nasstudio.ui.kit.popover import menu
from nasstudio.ui.tables.scale import is_time

if TYPE_CHECKING:
    from nasstudio.ui.pages.devices.page import DevicesPage


def _entry(
    made: QMenu,
    text: str,
    act: Callable[[], object],
    keys: QKeySequence | QKeySequence.StandardKey | None = None,
    *,
    enabled: bool = True,
) -> None:
    action = made.addAction(text)
    action.triggered.connect(lambda _=False: act())
    action.setEnabled(enabled)
    if keys is not None:
        action.setShortcut(QKeySequence(keys))


def cells(page: DevicesPage) -> QMenu:
    """What can be done with the selected cells."""
    made = menu(parent=page)
    view, model = page.card.view, page.model
    chosen, standard = view.chosen, QKeySequence.StandardKey
    some = len(chosen) > 0
    editable = model.editable and model.mode == "ms"
    actions = view.actions_of
    index = view.currentIndex()
    _entry(made, page.tr("Details"), lambda: page.card.show_details(index),
           QKeySequence("Alt+Return"), enabled=model.cell_at(index) is not None)  # fmt: skip
    made.addSeparator()
    _entry(made, page.tr("Cut"), view.cut,
           standard.Cut, enabled=some and editable)  # fmt: skip
    _entry(made, page.tr("Copy"), view.copy, standard.Copy)
    _entry(made, page.tr("Copy with operations and heads"), lambda: view.copy(heads=True))
    _entry(made, page.tr("Paste"), view.paste, standard.Paste, enabled=editable)
    _entry(made, page.tr("Clear"), lambda: actions.clear(chosen), standard.Delete,
           enabled=some and editable)  # fmt: skip
    made.addSeparator()
    block = chosen.block is not None
    _entry(made, page.tr("Copy the first row down"), lambda: actions.copy_down(chosen),
           QKeySequence("Ctrl+D"), enabled=editable and block and len(chosen) > 1)  # fmt: skip
    gaps = int((~is_time(model.table.cells.ms[chosen.rows, chosen.columns])).sum())
    _entry(made, page.tr("Interpolate here ({0} without a time)").format(written(gaps)),
           lambda: page.files.interpolate_cells(chosen.rows, chosen.columns),
           enabled=editable and gaps > 0)  # fmt: skip
    _measure(page, made)
    return made


def _measure(page: DevicesPage, made: QMenu) -> None:
    """Measure the selected rows of the one device that is selected."""
    model, chosen = page.model, page.card.view.chosen
    columns = np.unique(chosen.columns)
    here = [int(c) for c in columns if page.measuring.free(int(c))]
    if len(here) != 1:
        _entry(made, page.tr("Measure just these"), lambda: None, enabled=False)
        made.actions()[-1].setToolTip(
            page.tr("Select times of one device of this machine, while nothing else is profiled")
        )
        return
    device = model.table.devices[here[0]]
    rows = np.unique(chosen.rows[chosen.columns == here[0]])
    labels = [model.table.labels[row] for row in rows[model.facts.in_space[rows]]]
    text = page.tr("Measure just these {0} rows on {1}").format(written(len(labels)), device.name)
    _entry(made, text, lambda: page.measuring.rows(device, labels), enabled=bool(labels))


def compare(page: DevicesPage) -> QMenu:
    """What the chosen device's column is compared with."""
    made = menu(parent=page)
    devices = page.model.table.devices
    chosen = page.chosen_device
    left = next((d for d in devices if chosen is not None and d.id == chosen.id), None)
    left = left or next(iter(devices), None)
    if left is None:
        _entry(made, page.tr("There is no column yet"), lambda: None, enabled=False)
        return made
    made.addSection(page.tr("Compare {0} with").format(left.name))
    for other in devices:
        if other.id != left.id:
            _entry(made, other.name, _comparing(page, left, other))
    made.addSeparator()
    _entry(made, page.tr("A table file…"), lambda: ask_file(page, left.id))
    return made


def _comparing(page: DevicesPage, left: Device, right: Device) -> Callable[[], None]:
    return lambda: page.card.difference.with_device(left.id, right.id)


def ask_file(page: DevicesPage, left: str = "") -> None:
    """Let a person choose a table file to compare with."""
    title = page.tr("Compare with a latency table")
    page.files.ask(title, lambda paths: page.compare_file(paths[0], left), several=False)
