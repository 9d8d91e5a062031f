"""The cards at the right of the Start page: the sample, where to drop things, what to look at."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from nasstudio.engine.errors import StudioError
from nasstudio.ui import fonts
from nasstudio.ui.icons import bind_icon, pixmap
from nasstudio.ui.kit.badge import Badge
from nasstudio.ui.kit.buttons import secondary_button, soft_button
from nasstudio.ui.kit.card import Card
from nasstudio.ui.kit.labels import Divider, label, set_property
from nasstudio.ui.kit.number import written
from nasstudio.ui.pages.start.glance import Sample
from nasstudio.ui.plots.front_preview import FrontPreview
from nasstudio.ui.theme import theme


class SampleCard(Card):
    """The sample project with its real front. `open_asked` to open it."""

    open_asked = Signal()

    def __init__(self) -> None:
        self.badge = Badge("", "good")
        super().__init__(self.tr("Sample project"), trailing=self.badge)
        self.note = label(self.tr("Looking for it"), "secondary", "muted", wrap=True)
        self.body.addWidget(self.note)
        self.preview = FrontPreview(self.tr("Front of the sample project"), least=QSize(200, 120))
        self.axis = label(self.tr("Latency"), "caption", "muted")
        self.axis.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.body.addWidget(self.preview, 1)
        self.body.addWidget(self.axis)
        self._spring = QWidget()
        self._spring.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.body.addWidget(self._spring)
        row = QHBoxLayout()
        row.setSpacing(16)
        self.open = soft_button(self.tr("Open the sample"), "search")
        self.open.setFixedHeight(40)
        self.hint = label(
            self.tr("Drag the limit and watch the star."), "secondary", "muted", wrap=True
        )
        row.addWidget(self.open)
        row.addWidget(self.hint, 1)
        self.body.addLayout(row)
        self.open.clicked.connect(self.open_asked)
        self.show_sample(None, None)

    def show_sample(self, sample: Sample | None, problem: StudioError | None) -> None:
        """Show the sample, or why there is none."""
        self.badge.setVisible(sample is not None)
        self.badge.set(self.tr("ready to search"))
        for widget in (self.preview, self.axis):
            widget.setVisible(sample is not None)
        self._spring.setVisible(sample is None)
        self.open.setEnabled(sample is not None)
        self.hint.setVisible(sample is not None)
        if problem is not None:
            self.note.setText(f"{problem.what} {problem.remedy}")
        if sample is None:
            return
        device = sample.devices[0]
        front = sample.fronts[sample.key(device)]
        count = len(sample.devices)
        tables = (
            self.tr("the table of one device")
            if count == 1
            else self.tr("tables of {0} devices").format(count)
        )
        self.note.setText(
            self.tr("A trained supernet, {0}, and {1} networks that a search has seen").format(
                tables, written(front.seen)
            )
        )
        self.axis.setText(self.tr("Latency on {0}").format(device.name))
        low, high = front.ends
        self.preview.show_front(front, low + 0.45 * (high - low))


class DropCard(QFrame):
    """Where things can be dropped. `dropped(Path)`; `choose_asked` to choose a file instead."""

    dropped = Signal(object)
    choose_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("kind", "drop")
        self.setAcceptDrops(True)
        self.setAccessibleName(self.tr("Drop it here"))
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 12, 24, 12)
        column.setSpacing(4)
        column.addStretch(1)
        self._icon = QLabel()
        self._icon.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column.addWidget(self._icon)
        title = label(self.tr("Drop it here"), "title")
        title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column.addWidget(title)
        text = label(
            self.tr("a project folder, a latency table, an ONNX file or a folder of images"),
            "secondary", "muted", wrap=True,
        )  # fmt: skip
        text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column.addWidget(text)
        column.addSpacing(6)
        self.choose = secondary_button(self.tr("Choose a file"), "folder")
        column.addWidget(self.choose, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        self.choose.clicked.connect(self.choose_asked)
        theme().changed.connect(self._recolor)
        self._recolor()

    def _recolor(self) -> None:
        self._icon.setPixmap(pixmap("drop", 28, "accent"))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            set_property(self, "active", "true")
            event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        set_property(self, "active", "false")

    def dropEvent(self, event: QDropEvent) -> None:
        set_property(self, "active", "false")
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.dropped.emit(paths[0])


class _LearnRow(QPushButton):
    """One thing to look at: icon, what, and where it leads."""

    def __init__(self, icon: str, text: str, note: str) -> None:
        super().__init__()
        self.setProperty("kind", "ghost")
        self.setProperty("strong", "true")
        self.setFont(fonts.font(13, fonts.MEDIUM))
        self.setText(f"  {text}")
        self.setStyleSheet("text-align: left;")
        self.setFixedHeight(36)
        self.setAccessibleName(f"{text}, {note}")
        bind_icon(self, icon, 18, "muted")
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 0, 4, 0)
        row.addStretch(1)
        self._note = label(note, "secondary", "muted")
        row.addWidget(self._note)
        self._arrow = QLabel()
        row.addWidget(self._arrow)
        theme().changed.connect(self._recolor)
        self._recolor()

    def resizeEvent(self, event) -> None:
        super().resizeEvent(event)
        text = self.fontMetrics().horizontalAdvance(self.text()) + 56
        self._note.setVisible(self.width() > text + self._note.sizeHint().width() + 24)

    def _recolor(self) -> None:
        self._arrow.setPixmap(pixmap("chevron-right", 14, "muted"))


class LearnCard(Card):
    """What the window itself can show. `asked(key)`: ``flops``, ``matrix``, ``demo`` or ``shortcuts``."""

    asked = Signal(str)

    def __init__(self) -> None:
        super().__init__(self.tr("Learn it in the window"))
        rows = (
            ("flops", "gauge", self.tr("Why FLOPs is not speed"), self.tr("your devices")),
            ("matrix", "compare", self.tr("Best for A, run on B"), self.tr("your searches")),
            (
                "demo",
                "terminal",
                self.tr("The whole road in a terminal"),
                self.tr("copies the command"),
            ),
            ("shortcuts", "keyboard", self.tr("Shortcuts"), self.tr("all of them")),
        )
        self.rows: dict[str, QPushButton] = {}
        self.body.setSpacing(0)
        for at, (key, icon, text, note) in enumerate(rows):
            if at:
                self.body.addWidget(Divider())
            row = _LearnRow(icon, text, note)
            row.clicked.connect(lambda _=False, key=key: self.asked.emit(key))
            self.rows[key] = row
            self.body.addWidget(row)

    def set_open(self, project: bool) -> None:
        """Whether a project is open: two of the rows need one."""
        for key in ("flops", "matrix"):
            self.rows[key].setEnabled(project)
            self.rows[key].setToolTip("" if project else self.tr("Open a project first"))
