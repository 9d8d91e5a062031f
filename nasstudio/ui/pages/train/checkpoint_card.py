"""The list of supernets: what each can do, which one Search uses, and what to do with one."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFontMetricsF, QPainter
from PySide6.QtWidgets import (
    QHBoxLayout,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QVBoxLayout,
    QWidget,
)

from nasstudio.ui import fonts
from nasstudio.ui.kit.buttons import secondary_button, soft_button, tool_button
from nasstudio.ui.kit.empty import EmptyState
from nasstudio.ui.kit.keyvalue import KeyValueList
from nasstudio.ui.kit.labels import Divider, label
from nasstudio.ui.pages.train.checkpoint_model import Checkpoint
from nasstudio.ui.pages.train.words import clock, percent, size_text
from nasstudio.ui.theme import theme

_ROW = 52
_COLUMN = 64


class _Model(QAbstractListModel):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.rows: list[Checkpoint] = []

    def show_rows(self, rows: list[Checkpoint]) -> None:
        if rows != self.rows:
            self.beginResetModel()
            self.rows = rows
            self.endResetModel()

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def data(
        self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole
    ):
        row = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return self.name(row)
        if role == Qt.ItemDataRole.UserRole:
            return row
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return self.tr("{0}: largest {1} %, smallest {2} %{3}").format(
                self.name(row), percent(row.largest), percent(row.smallest),
                self.tr(", used by Search") if row.used else "",
            )  # fmt: skip
        return None

    def name(self, row: Checkpoint) -> str:
        if not row.epoch:  # it was not trained here
            return row.phase
        return self.tr("{0}, epoch {1}").format(row.phase, row.epoch)


class _Delegate(QStyledItemDelegate):
    def sizeHint(self, option, index) -> QSize:
        return QSize(200, _ROW)

    def paint(self, painter: QPainter, option, index) -> None:
        colors = theme()
        row: Checkpoint = index.data(Qt.ItemDataRole.UserRole)
        box: QRect = option.rect
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        if chosen:
            painter.fillRect(box, colors.color("soft"))
            painter.fillRect(QRect(box.left(), box.top(), 3, box.height()), colors.color("accent"))
        painter.setPen(colors.color("border"))
        painter.drawLine(box.left() + 16, box.bottom(), box.right() - 16, box.bottom())
        left, right = box.left() + 16, box.right() - 16
        strong, small = fonts.font(13, fonts.SEMIBOLD), fonts.font(11)
        note = (
            clock(row.created)
            if row.size is None
            else f"{clock(row.created)} · {size_text(row.size)}"
        )
        room = right - 2 * _COLUMN - left
        painter.setFont(strong)
        painter.setPen(colors.color("text"))
        name = QFontMetricsF(strong).elidedText(index.data(), Qt.TextElideMode.ElideRight, room)
        painter.drawText(QRect(left, box.top() + 7, room, 18), Qt.AlignmentFlag.AlignVCenter, name)
        align = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for at, value in enumerate((row.largest, row.smallest)):
            place = QRect(right - (2 - at) * _COLUMN, box.top() + 7, _COLUMN, 18)
            painter.drawText(place, align, percent(value))
        painter.setFont(small)
        painter.setPen(colors.color("muted"))
        painter.drawText(QRect(left, box.top() + 26, room, 16), Qt.AlignmentFlag.AlignVCenter, note)
        if row.used:
            painter.setFont(fonts.font(11, fonts.SEMIBOLD))
            painter.setPen(colors.color("on_soft"))
            place = QRect(right - 2 * _COLUMN, box.top() + 26, 2 * _COLUMN, 16)
            painter.drawText(place, align, self.tr("in Search"))


class CheckpointPanel(QWidget):
    """Supernets of the project.

    Signals
    -------
    use_asked, continue_asked(Checkpoint) : search with it, or train on from it.
    delete_asked(str) : delete a training with all its files.
    """

    use_asked = Signal(object)
    continue_asked = Signal(object)
    delete_asked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.total = label("", "section", "muted")
        self._model = _Model(self)
        self._build()
        self.show_checkpoints([], busy=False, writable=False, live="")

    def _build(self) -> None:
        heads = QHBoxLayout()
        heads.setContentsMargins(16, 10, 16, 8)
        heads.setSpacing(0)
        heads.addWidget(self.total)
        heads.addStretch(1)
        for text in (self.tr("Largest (%)"), self.tr("Smallest (%)")):
            head = label(text, "section", "muted")
            head.setAlignment(Qt.AlignmentFlag.AlignRight)
            head.setMinimumWidth(_COLUMN + 8)
            heads.addWidget(head)
        self.view = QListView()
        self.view.setModel(self._model)
        self.view.setItemDelegate(_Delegate(self.view))
        self.view.setAccessibleName(self.tr("Checkpoints"))
        self.view.setMinimumHeight(_ROW * 2)
        self.view.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.empty = EmptyState(
            "layers",
            self.tr("No supernet yet"),
            self.tr("One is kept after every phase of a training."),
        )
        self._some = QWidget()
        some = QVBoxLayout(self._some)
        some.setContentsMargins(0, 0, 0, 0)
        some.setSpacing(0)
        some.addLayout(heads)
        some.addWidget(Divider())
        some.addWidget(self.view, 1)
        some.addWidget(Divider())
        foot = QVBoxLayout()
        foot.setContentsMargins(16, 10, 16, 16)
        foot.setSpacing(6)
        self.name = label("", "name")
        self.facts = KeyValueList(lines=False)
        self.delete = tool_button(
            "trash", self.tr("Delete this training with all its checkpoints"), small=True
        )
        top = QHBoxLayout()
        top.addWidget(self.name, 1)
        top.addWidget(self.delete)
        foot.addLayout(top)
        foot.addWidget(self.facts)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        self.use = soft_button(self.tr("Search with this one"), "search")
        self.go_on = secondary_button(self.tr("Continue"), "play")
        buttons.addWidget(self.use, 1)
        buttons.addWidget(self.go_on)
        foot.addSpacing(4)
        foot.addLayout(buttons)
        some.addLayout(foot)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._some, 1)
        outer.addWidget(self.empty, 1)
        self.use.clicked.connect(lambda: self._ask(self.use_asked))
        self.go_on.clicked.connect(lambda: self._ask(self.continue_asked))
        self.delete.clicked.connect(self._ask_delete)

    def current(self) -> Checkpoint | None:
        """The selected checkpoint."""
        row = self.view.currentIndex().row()
        return self._model.rows[row] if 0 <= row < len(self._model.rows) else None

    def show_checkpoints(
        self, rows: Sequence[Checkpoint], *, busy: bool, writable: bool, live: str
    ) -> None:
        """Show supernets. `busy`: a training runs; `live`: id of the run, which can't be deleted."""
        before = self.current()
        self._model.show_rows(list(rows))
        at = next((i for i, r in enumerate(rows) if before and r.path == before.path), -1)
        if at < 0:
            at = next((i for i, r in enumerate(rows) if r.used), 0)
        if rows:
            self.view.setCurrentIndex(self._model.index(at))
        self._can = (busy, writable, live)
        selection = self.view.selectionModel()
        selection.currentChanged.connect(self._show_current, Qt.ConnectionType.UniqueConnection)
        self._some.setVisible(bool(rows))
        self.empty.setVisible(not rows)
        sizes = [r.size for r in rows if r.size is not None]
        if rows and len(sizes) == len(rows):
            files = self.tr("1 file") if len(rows) == 1 else self.tr("{0} files").format(len(rows))
            self.total.setText(self.tr("{0} in {1}").format(size_text(sum(sizes)), files))
        else:
            self.total.setText("")
        self._show_current()

    def _show_current(self, *_: object) -> None:
        row = self.current()
        if row is None:
            return
        busy, writable, live = self._can
        self.name.setText(self._model.name(row))
        low, high = row.accuracy.get("random_p10"), row.accuracy.get("random_p90")
        spread = f"{percent(low)} to {percent(high)}" if low is not None else "–"
        self.facts.set_rows(
            [
                (self.tr("Sampled networks, mean (%)"), percent(row.accuracy.get("random_mean"))),
                (self.tr("10 to 90 % of them (%)"), spread),
            ]
        )
        self.use.setEnabled(writable and not row.used)
        self.use.set_text(
            self.tr("Used by Search") if row.used else self.tr("Search with this one")
        )
        self.use.setToolTip(self.tr("Pairs, verification and export use this supernet, too"))
        self.go_on.setEnabled(writable and not busy)
        self.go_on.setToolTip(
            self.tr("Train on from these weights, by the schedule below, in a new training")
        )
        self.delete.setEnabled(writable and row.run != live)

    def _ask(self, signal) -> None:
        row = self.current()
        if row is not None:
            signal.emit(row)

    def _ask_delete(self) -> None:
        row = self.current()
        if row is not None:
            self.delete_asked.emit(row.run)
