"""Every component of the kit and the frame, in both themes, as pictures.

Run ``QT_QPA_PLATFORM=offscreen python tests/ui/kit/gallery.py [FOLDER]``; it writes ``gallery-*.png`` into the folder
(the system's temporary one by default). The pictures are looked at, not compared.
"""

from __future__ import annotations

import math
import os
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QAbstractTableModel, QModelIndex, Qt
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QMainWindow,
    QVBoxLayout,
    QWidget,
)

from nasstudio.engine.errors import InvalidInput
from nasstudio.ui.commands import Commands
from nasstudio.ui.frame.about import AboutDialog, ShortcutsDialog
from nasstudio.ui.frame.jobs import JobRow
from nasstudio.ui.frame.notifications import NoteList, Notifications
from nasstudio.ui.frame.palette import Palette
from nasstudio.ui.frame.rail import Rail
from nasstudio.ui.frame.report import ReportDialog
from nasstudio.ui.frame.settings_dialog import SettingsDialog
from nasstudio.ui.frame.topbar import TopBar
from nasstudio.ui.frame.tray import Tray
from nasstudio.ui.icons import names, pixmap
from nasstudio.ui.kit.badge import TONES, Badge
from nasstudio.ui.kit.buttons import (
    ghost_button,
    link_button,
    primary_button,
    secondary_button,
    soft_button,
    tool_button,
)
from nasstudio.ui.kit.card import Card, Panel
from nasstudio.ui.kit.chip import Chip
from nasstudio.ui.kit.empty import EmptyState
from nasstudio.ui.kit.fields import Combo, SearchField, labelled
from nasstudio.ui.kit.header import PageHeader
from nasstudio.ui.kit.keyvalue import KeyValueList
from nasstudio.ui.kit.labels import Divider, SectionCaption, label
from nasstudio.ui.kit.notice import ErrorNotice, InlineNotice
from nasstudio.ui.kit.number import NumberField
from nasstudio.ui.kit.progress import ProgressBar
from nasstudio.ui.kit.segmented import SegmentedControl, Tabs
from nasstudio.ui.kit.slider import LimitSlider
from nasstudio.ui.kit.sparkline import Sparkline
from nasstudio.ui.kit.stat import StatCard
from nasstudio.ui.kit.statemark import STATES, StateMark
from nasstudio.ui.kit.table import DataTable
from nasstudio.ui.plots.plot import Plot
from nasstudio.ui.settings import Settings
from nasstudio.ui.theme import theme


class Rows(QAbstractTableModel):
    HEADS = ("Rank", "Network", "Accuracy (%)", "Pixel CPU (ms)", "Difference", "Depth")

    def rowCount(self, parent=QModelIndex()):
        return 0 if parent.isValid() else 6

    def columnCount(self, parent=QModelIndex()):
        return 0 if parent.isValid() else len(self.HEADS)

    def headerData(self, section, orientation, role=Qt.ItemDataRole.DisplayRole):
        if orientation == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return self.HEADS[section]
            if role == Qt.ItemDataRole.TextAlignmentRole and section != 1:
                return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index, role=Qt.ItemDataRole.DisplayRole):
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            row = index.row()
            return (
                row + 1,
                f"ofa-{row * 977 + 4096:04x}",
                76.4 - row * 0.3,
                24.6 - row,
                -0.2 - row,
                17,
            )[index.column()]
        return None


def row(*widgets: QWidget) -> QWidget:
    made = QWidget()
    layout = QHBoxLayout(made)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(8)
    for widget in widgets:
        layout.addWidget(widget)
    layout.addStretch(1)
    return made


def limits() -> Panel:
    panel = Panel()
    body = panel.body
    body.addWidget(SectionCaption("Objective"))
    body.addWidget(Combo(["Validation accuracy", "Latency"], name="Objective"))
    body.addSpacing(8)
    caption = row(SectionCaption("Limits"))
    caption.layout().addWidget(link_button("Add", "plus"))
    body.addWidget(caption)
    for name, runtime, unit, high, value, decimals, best, checked, tone in (
        ("Pixel-class CPU", "XNNPACK", "ms", 60, 25.0, 1, 24.6, True, "limit"),
        ("Desktop CPU", "ONNX Runtime", "ms", 20, 12.0, 1, 9.8, True, "accent"),
        ("NVIDIA GPU", "CUDA fp16", "ms", 2, 1.5, 2, 0.86, False, "accent"),
        ("Peak memory", "", "MB", 48, 24.0, 1, 20.6, True, "accent"),
    ):
        made = LimitSlider(
            name, runtime, unit, high / 50, high, value, decimals, checked=checked, tone=tone
        )
        made.set_best(best)
        body.addWidget(made)
    body.addWidget(
        InlineNotice("muted", "Latency is what binds", "+1.0 ms would buy +0.2 %", icon="star")
    )
    body.addWidget(SectionCaption("Algorithm"))
    body.addWidget(Combo(["Evolution on the supernet", "NSGA-II"], name="Algorithm"))
    body.addWidget(labelled("Budget", _wide(NumberField(5000, "networks", 0, 1, 1e6))))
    body.addWidget(labelled("Population", _wide(NumberField(100, "", 0, 1, 1e6))))
    body.addWidget(labelled("Weight", _wide(NumberField(-0.07, "", 2, -1, 1))))
    check = QCheckBox("Keep what is pinned")
    check.setChecked(True)
    body.addWidget(check)
    body.addStretch(1)
    return panel


def _wide(field):
    field.setFixedWidth(124)
    return field


def controls() -> Card:
    card = Card("Components", "every one of them", Badge("break-even at 2", "good"))
    body = card.body
    disabled = primary_button("Not now")
    disabled.setEnabled(False)
    body.addWidget(
        row(
            primary_button("Pause search", "pause"),
            secondary_button("Verify", "gauge"),
            soft_button("Search with this one", "search"),
            ghost_button("Copy as command", "terminal"),
            disabled,
        )
    )
    checked = tool_button("cursor", "Select", checkable=True)
    checked.setChecked(True)
    body.addWidget(
        row(
            checked,
            tool_button("rect", "Brush"),
            tool_button("fit", "Fit"),
            tool_button("more", "More"),
            *(Badge(tone, tone) for tone in TONES),
            *(StateMark(state) for state in STATES),
        )
    )
    body.addWidget(
        row(*(Chip(str(v), v in (3, 5)) for v in (3, 5, 7)), SegmentedControl(["ms", "spread", "n"]),
            Tabs(["Candidates", "Parallel", "History"]))
    )  # fmt: skip
    search = SearchField("Filter", "filter")
    search.set_count(38)
    search.setFixedWidth(220)
    spark = Sparkline(high=1.0)
    spark.set_values(0.5 + 0.4 * math.sin(i / 4) for i in range(60))
    bar = ProgressBar()
    bar.set_progress(62, 100)
    bar.setFixedWidth(160)
    body.addWidget(row(search, Combo(["Accuracy"], name="Axis"), spark, bar))
    body.addWidget(InlineNotice("warn", "Kernel 7 in stage 5 cannot be asked of Server CPU",
        "Its table has no such rows. 18 rows are missing.", "Measure 18 rows", button_icon="gauge"))  # fmt: skip
    body.addWidget(
        InlineNotice("soft", "A job is going on", "It began before this window.", "Attach")
    )
    error = InvalidInput(
        "The table has no column named ms.", where="lut_server.csv:1", remedy="Name the column."
    )
    body.addWidget(ErrorNotice(error, has_log=True))
    heat = QFrame()
    heat_row = QHBoxLayout(heat)
    heat_row.setSpacing(2)
    for i in range(9):
        cell = label(f"{i / 8:.2f}")
        cell.setStyleSheet(
            f"background: {theme().heat(i / 8).name()}; color: {theme().heat_text().name()}; padding: 4px"
        )
        heat_row.addWidget(cell)
    body.addWidget(heat)
    return card


def right() -> QWidget:
    made = QWidget()
    column = QVBoxLayout(made)
    column.setContentsMargins(0, 0, 0, 0)
    stats = QHBoxLayout()
    spark = Sparkline(high=1.0)
    spark.set_values(0.6 + 0.2 * math.sin(i) for i in range(60))
    stats.addWidget(StatCard("Images per second", "1,412", "", "of 1,460 at best", spark))
    stats.addWidget(StatCard("Best, largest network", "76.9", "%", "epoch 131, checkpoint kept"))
    column.addLayout(stats)
    card = Card("Metrics")
    card.body.addWidget(
        KeyValueList(
            [("Accuracy (%)", "76.4 ± 0.3"), ("Pixel CPU (ms)", "24.6 ± 0.4"), ("MACs (M)", "342")]
        )
    )
    column.addWidget(card)
    card = Card("Nothing yet")
    card.body.addWidget(
        EmptyState("drop", "Drop it here", "a project folder, a latency table, an ONNX file", "Choose a file",
                   button_icon="folder")
    )  # fmt: skip
    column.addWidget(card)
    icons = Card("Icons")
    grid = QGridLayout()
    for i, name in enumerate(names()):
        picture = label("")
        picture.setPixmap(pixmap(name, 24, "accent" if name == "logo" else "text"))
        picture.setToolTip(name)
        grid.addWidget(picture, i // 12, i % 12)
    icons.body.addLayout(grid)
    column.addWidget(icons, 1)
    return made


def table_card() -> Card:
    card = Card(
        "Candidates", "42 on the feasible front", tool_button("export", "Export"), flush=True
    )
    table = DataTable(name="Candidates")
    table.setModel(Rows(table))
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
    table.selectRow(0)
    table.setFixedHeight(200)
    card.body.addWidget(table)
    return card


def plot_card() -> Card:
    card = Card("Accuracy")
    plot = Plot("Latency on Pixel-class CPU (ms)", "Accuracy (%)", name="Accuracy")
    x = list(range(10, 61))
    plot.plot(x, [80 - 120 / v for v in x], pen=plot.pen("front", 2))
    plot.setMinimumHeight(210)
    card.body.addWidget(plot)
    return card


def kit_page() -> QWidget:
    page = QFrame()
    page.setProperty("ground", "window")
    outer = QVBoxLayout(page)
    outer.setContentsMargins(0, 0, 0, 0)
    header = PageHeader(
        "Search", "1,184 of 3,100 evaluated networks meet every limit. The best reaches 76.4 %."
    )
    header.add_action(ghost_button("Copy as command", "terminal"))
    header.add_action(primary_button("Pause search", "pause"))
    outer.addWidget(header)
    columns = QHBoxLayout()
    columns.setContentsMargins(0, 0, 16, 16)
    columns.setSpacing(16)
    columns.addWidget(limits())
    middle = QVBoxLayout()
    middle.addWidget(controls())
    middle.addWidget(Divider())
    middle.addWidget(table_card())
    middle.addWidget(plot_card(), 1)
    columns.addLayout(middle, 3)
    columns.addWidget(right(), 2)
    outer.addLayout(columns, 1)
    page.resize(1440, 1000)
    return page


def window() -> QWidget:
    """The frame around a page, driven by made-up rows."""
    made = QMainWindow()
    made.resize(1440, 900)
    commands = Commands(made)
    for command in commands.all():
        commands.bind(command.id, lambda *_: None)
    bar, rail, tray = TopBar(), Rail(), Tray()
    bar.bind(commands)
    rail.bind(commands)
    tray.bind(commands)
    bar.set_project("Pixel launch")
    bar.bell.set_unread(2)
    for station, state in zip(
        ("start", "data", "space", "devices", "train", "search", "compare"),
        ("done", "done", "done", "done", "done", "running", "stale"),
        strict=True,
    ):
        rail.set_state(station, state)
    rail.set_station("search")
    tray.set_jobs(jobs())
    for i in range(60):
        tray.meter.show_sample(30 + 12 * math.sin(i * 1.7), 6.1 * 1024**3, 16 * 1024**3)
    holder = QWidget()
    column = QVBoxLayout(holder)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    column.addWidget(bar)
    middle = QHBoxLayout()
    middle.setSpacing(0)
    middle.addWidget(rail)
    page = QFrame()
    page.setProperty("ground", "window")
    inside = QVBoxLayout(page)
    inside.setContentsMargins(0, 0, 0, 0)
    header = PageHeader(
        "Search", "1,184 of 3,100 evaluated networks meet every limit. The best reaches 76.4 %."
    )
    header.add_action(ghost_button("Copy as command", "terminal"))
    header.add_action(primary_button("Pause search", "pause"))
    inside.addWidget(header)
    row_ = QHBoxLayout()
    row_.setContentsMargins(0, 0, 16, 16)
    row_.setSpacing(16)
    row_.addWidget(limits())
    row_.addWidget(plot_card(), 1)
    inside.addLayout(row_, 1)
    middle.addWidget(page, 1)
    column.addLayout(middle, 1)
    column.addWidget(tray)
    made.setCentralWidget(holder)
    made.commands, made.tray, made.bar = commands, tray, bar
    return made


def jobs() -> list[JobRow]:
    now = datetime.now()
    return [
        JobRow(
            "r5", "Evolution · generation 31 of 50", "running", 3100, 5000, 18, "", 12.4, now, 29
        ),
        JobRow(
            "r4", "Profiling · Pixel-class CPU", "waiting", 0, 374, None, "Other jobs wait", 0.2
        ),
        JobRow(
            "r3",
            "Training · Depth 2",
            "interrupted",
            98,
            220,
            None,
            "",
            528,
            now - timedelta(1),
            7440,
            True,
        ),
        JobRow(
            "r2",
            "Accuracy pairs",
            "failed",
            3,
            400,
            None,
            "The disk is full",
            3.1,
            now - timedelta(3),
            61,
        ),
        JobRow("r1", "Training · Full", "done", 60, 60, None, "", 118, now - timedelta(5), 3120),
    ]


def dialogs(made: QWidget) -> dict[str, QWidget]:
    settings = Settings.in_memory()
    palette = Palette(made.commands, made)
    palette.open_over(made)
    palette.field.edit.setText("the")
    notes = Notifications(made)
    notes.desktop_wanted = False
    notes.notify(
        "Search has ended", "The best network reaches 76.4 % at 24.6 ms.", "good", "Show it", print
    )
    notes.notify(
        "Accuracy pairs failed", "The disk is full. Free 2 GB and resume.", "bad", "Show log", print
    )
    shown = NoteList(notes, made)
    shown.show_beside(made.bar.bell)
    return {
        "palette": palette,
        "notes": shown,
        "settings": SettingsDialog(settings, made),
        "about": AboutDialog(made),
        "shortcuts": ShortcutsDialog(made.commands, made),
        "report": ReportDialog(settings, [], "", made),
    }


def shoot(widget: QWidget, file: Path) -> None:
    app = QApplication.instance()
    for _ in range(3):
        app.processEvents()
    widget.grab().save(str(file))


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.gettempdir())
    app = QApplication.instance() or QApplication([])
    for mode in ("light", "dark"):
        theme().set_mode(mode)
        theme().install(app)
        page = kit_page()
        page.show()
        app.processEvents()
        app.processEvents()
        page.grab().save(str(folder / f"gallery-kit-{mode}.png"))
        page.close()
        page.deleteLater()
        made = window()
        made.show()
        shoot(made, folder / f"gallery-frame-{mode}.png")
        made.tray.set_open(True)
        for name, dialog in dialogs(made).items():
            dialog.show()
            shoot(dialog, folder / f"gallery-{name}-{mode}.png")
            dialog.close()
        shoot(made, folder / f"gallery-tray-{mode}.png")
        made.close()
        made.deleteLater()


if __name__ == "__main__":
    main()
