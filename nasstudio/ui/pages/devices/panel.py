"""The left panel of the Devices page: devices found here, devices by table, and details of the chosen one."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QFrame, QScrollArea, QVBoxLayout, QWidget

from nasstudio.ui.kit import metrics
from nasstudio.ui.kit.buttons import ghost_button, soft_button
from nasstudio.ui.kit.card import Panel
from nasstudio.ui.kit.keyvalue import KeyValueList
from nasstudio.ui.kit.labels import Divider, ElidedLabel, SectionCaption, label
from nasstudio.ui.pages.devices.card import DeviceCard
from nasstudio.ui.pages.devices.state import DeviceState


class DevicePanel(Panel):
    """Cards of devices.

    Signals
    -------
    chosen(device id) : a person chose a device.
    remove_asked(device id), probe_asked(), measure_here_asked().
    """

    chosen = Signal(str)
    remove_asked = Signal(str)
    probe_asked = Signal()
    measure_here_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("left", parent=parent)
        self.body.setContentsMargins(0, 0, 0, 0)
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inside = QWidget()
        inside.setProperty("ground", "none")
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(8, metrics.GAP, 8, metrics.GAP)
        self._column.setSpacing(4)
        scroll.setWidget(inside)
        self.body.addWidget(scroll)
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        self._group.buttonClicked.connect(self._clicked)
        self._cards: dict[str, DeviceCard] = {}
        self._bare: list[str] = []
        self._unfolded = False
        self._found, self._found_box = self._section(self.tr("Found here"))
        self.others = ghost_button("", "down").set_small()
        self.others.setCheckable(True)
        self.others.toggled.connect(self._show_bare)
        self._column.addWidget(self.others, 0, Qt.AlignmentFlag.AlignLeft)
        self._bare_box = QVBoxLayout()
        self._bare_box.setSpacing(0)
        self._column.addLayout(self._bare_box)
        self._nothing = label(
            self.tr("No device of this machine is known yet."), "secondary", "muted", wrap=True
        )
        self._nothing.setContentsMargins(8, 0, 8, 0)
        self._column.addWidget(self._nothing)
        self.probe = ghost_button(self.tr("Look again"), "refresh").set_small()
        self.probe.setToolTip(self.tr("Find the processors and runtimes of this machine"))
        self.probe.clicked.connect(self.probe_asked)
        self._column.addWidget(self.probe, 0, Qt.AlignmentFlag.AlignLeft)
        self._column.addSpacing(8)
        self._tables, self._table_box = self._section(self.tr("By table"))
        self._offer = soft_button(self.tr("Measure this machine"), "gauge").set_small()
        self._offer.setToolTip(
            self.tr("Times from another machine do not hold here: measure this one")
        )
        self._offer.clicked.connect(self.measure_here_asked)
        self._column.addWidget(self._offer)
        self._details(self._column)
        self._column.addStretch(1)

    def _section(self, title: str) -> tuple[SectionCaption, QVBoxLayout]:
        caption = SectionCaption(title)
        caption.setContentsMargins(8, 0, 8, 2)
        self._column.addWidget(caption)
        box = QVBoxLayout()
        box.setSpacing(4)
        self._column.addLayout(box)
        return caption, box

    def _details(self, column: QVBoxLayout) -> None:
        column.addSpacing(12)
        inside = self._inside = QVBoxLayout()
        inside.setContentsMargins(8, 0, 8, 0)
        inside.setSpacing(6)
        self._divider = Divider()
        self._title = ElidedLabel("", "section", "muted")
        self._rows = KeyValueList()
        self._remove = ghost_button(self.tr("Remove the column"), "trash").set_small()
        self._remove.setToolTip(
            self.tr("Take this device's times out of the table; it can be undone")
        )
        self._remove.clicked.connect(self._ask_remove)
        inside.addWidget(self._divider)
        inside.addSpacing(6)
        inside.addWidget(self._title)
        inside.addWidget(self._rows)
        inside.addWidget(self._remove, 0, Qt.AlignmentFlag.AlignLeft)
        column.addLayout(inside)
        self._chosen = ""
        self.show_details("", "", [], removable=False)

    def show_devices(self, states: Sequence[DeviceState], chosen: str, *, probing: bool) -> None:
        """Show all devices; cards that are there already are kept."""
        wanted = {state.device.id: state for state in states}
        for device_id in [d for d in self._cards if d not in wanted]:
            card = self._cards.pop(device_id)
            self._group.removeButton(card)
            card.hide()
            card.deleteLater()
        for state in states:
            self._place(state)
        if chosen in self._cards:
            self._cards[chosen].setChecked(True)
        self._bare = [state.device.id for state in states if state.bare]
        self.others.setVisible(0 < len(self._bare) < len(states))
        if chosen in self._bare and not self._unfolded:
            self.others.setChecked(True)
        self._unfolded = chosen in self._bare
        self._show_bare()
        found = any(state.found for state in states)
        self._nothing.setVisible(not found)
        self._nothing.setText(
            self.tr("Looking for devices…")
            if probing
            else self.tr("No device of this machine is known yet.")
        )
        self.probe.setEnabled(not probing)
        self._tables.setVisible(any(not state.found for state in states))
        self._offer.setVisible(found and any(state.foreign for state in states))

    def _place(self, state: DeviceState) -> None:
        """Show a device's card, in the section where it belongs now."""
        device_id = state.device.id
        if device_id in self._cards:
            self._cards[device_id].show_state(state)
        else:
            self._cards[device_id] = DeviceCard(state)
            self._group.addButton(self._cards[device_id])
        box = self._bare_box if state.bare else self._found_box
        box = box if state.found else self._table_box
        if box.indexOf(self._cards[device_id]) < 0:
            box.addWidget(self._cards[device_id])
            self._cards[device_id].show()

    def _show_bare(self) -> None:
        """Show the devices that nothing is known of where a person wants them, or where there are no others."""
        wanted = self.others.isChecked() or not self.others.isVisibleTo(self)
        for device_id in self._bare:
            self._cards[device_id].setVisible(wanted)
        self.others.set_icon("up" if wanted else "down")
        self.others.set_text(self.tr("{0} not measured").format(len(self._bare)))
        self.others.setToolTip(
            self.tr("Hide them") if wanted else self.tr("Show the devices that have no times yet")
        )

    def show_details(
        self, device_id: str, title: str, rows: list[tuple[str, str]], *, removable: bool
    ) -> None:
        """Show captions and values of the chosen device."""
        self._chosen = device_id
        for widget in (self._divider, self._title, self._rows):
            widget.setVisible(bool(rows))
        self._remove.setVisible(removable)
        self._title.setText(title)
        short = [(name, value if len(value) <= 19 else f"{value[:18]}…") for name, value in rows]
        if len(short) != len(self._rows.rows()):
            # A list that had more rows keeps their height.
            old, self._rows = self._rows, KeyValueList()
            self._inside.replaceWidget(old, self._rows)
            old.hide()
            old.deleteLater()
        self._rows.setVisible(bool(rows))
        self._rows.set_rows(short)
        self._rows.setToolTip("\n".join(f"{name}: {value}" for name, value in rows))

    def card(self, device_id: str) -> DeviceCard:
        """The card of a device. Raises `KeyError`."""
        return self._cards[device_id]

    def _clicked(self, card: DeviceCard) -> None:
        self.chosen.emit(card.device.id)

    def _ask_remove(self) -> None:
        self.remove_asked.emit(self._chosen)
