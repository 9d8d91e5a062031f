"""What this program is made of, and every shortcut."""

from __future__ import annotations

import platform
from importlib import metadata

from PySide6.QtCore import Qt, qVersion
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from nasstudio.ui import fonts
from nasstudio.ui.commands import Commands
from nasstudio.ui.icons import pixmap
from nasstudio.ui.kit.buttons import primary_button, secondary_button
from nasstudio.ui.kit.fields import SearchField
from nasstudio.ui.kit.keyvalue import KeyValueList
from nasstudio.ui.kit.labels import Divider, SectionCaption, label

_PACKAGES = (
    "PySide6-Essentials",
    "pyqtgraph",
    "numpy",
    "msgspec",
    "psutil",
    "torch",
    "onnxruntime",
)


def version_of(package: str) -> str:
    """Version of an installed package, "–" if it is not there. Reads metadata, imports nothing."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "–"


def versions() -> list[tuple[str, str]]:
    """What runs here: this program, Python, Qt, the packages, the system."""
    rows = [
        ("NAS Studio", version_of("nasstudio")),
        ("Python", platform.python_version()),
        ("Qt", qVersion()),
    ]
    rows += [(package, version_of(package)) for package in _PACKAGES]
    rows.append(("System", f"{platform.system()} {platform.release()}, {platform.machine()}"))
    return rows


class AboutDialog(QDialog):
    """Name, versions, licences."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("About NAS Studio"))
        self.setFixedWidth(460)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 24, 24, 20)
        column.setSpacing(10)
        head = QHBoxLayout()
        head.setSpacing(14)
        logo = QLabel()
        logo.setPixmap(pixmap("logo", 44, "accent"))
        head.addWidget(logo)
        text = QVBoxLayout()
        text.setSpacing(0)
        text.addWidget(label("NAS Studio", "page"))
        text.addWidget(label(self.tr("Find the best network for your device"), "base", "muted"))
        head.addLayout(text, 1)
        column.addLayout(head)
        self.rows = KeyValueList(versions())
        column.addWidget(self.rows)
        column.addWidget(
            label(
                self.tr(
                    "Apache-2.0. Qt is used under the LGPL-3.0, Inter under the SIL Open Font License 1.1."
                ),
                "secondary",
                "muted",
                wrap=True,
            )
        )
        foot = QHBoxLayout()
        copy = secondary_button(self.tr("Copy versions"), "copy")
        copy.clicked.connect(self.copy_versions)
        close = primary_button(self.tr("Close"))
        close.setDefault(True)
        close.clicked.connect(self.accept)
        foot.addWidget(copy)
        foot.addStretch(1)
        foot.addWidget(close)
        column.addSpacing(6)
        column.addLayout(foot)

    def copy_versions(self) -> None:
        """Put the versions on the clipboard."""
        QGuiApplication.clipboard().setText("\n".join(f"{n}: {v}" for n, v in versions()))


class ShortcutsDialog(QDialog):
    """Every command that has a shortcut, by menu, with a filter."""

    def __init__(self, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Shortcuts"))
        self.resize(560, 620)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 20)
        column.setSpacing(12)
        column.addWidget(label(self.tr("Shortcuts"), "page"))
        self.filter = SearchField(self.tr("Filter"), "filter")
        self.filter.changed.connect(self._filter)
        column.addWidget(self.filter)
        holder = QWidget()
        holder.setProperty("ground", "none")
        self._grid = QGridLayout(holder)
        self._grid.setContentsMargins(0, 0, 8, 0)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(0, 1)
        self._rows: list[tuple[str, list[QWidget]]] = []
        group, at = "", 0
        for menu_title, text, keys in commands.shortcuts():
            if menu_title != group:
                group = menu_title
                self._grid.addWidget(SectionCaption(group), at, 0)
                self._grid.setRowMinimumHeight(at, 28)
                at += 1
            name = label(text, "base")
            shown = label(keys, "secondary", "muted")
            shown.setFont(fonts.font(12, fonts.SEMIBOLD))
            self._grid.addWidget(name, at, 0)
            self._grid.addWidget(shown, at, 1, Qt.AlignmentFlag.AlignRight)
            self._rows.append((f"{menu_title} {text} {keys}".casefold(), [name, shown]))
            at += 1
        self._grid.setRowStretch(at, 1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(holder)
        column.addWidget(area, 1)
        column.addWidget(Divider())
        close = primary_button(self.tr("Close"))
        close.setDefault(True)
        close.clicked.connect(self.accept)
        column.addWidget(close, 0, Qt.AlignmentFlag.AlignRight)

    def shown(self) -> int:
        """How many shortcuts are listed."""
        return sum(not widgets[0].isHidden() for _, widgets in self._rows)

    def _filter(self, query: str) -> None:
        for text, widgets in self._rows:
            for widget in widgets:
                widget.setVisible(query.casefold() in text)
