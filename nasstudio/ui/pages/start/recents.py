"""The list of recent projects: a stamp of the front, stations, best network, disk use, when it was opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFontMetricsF, QPainter
from PySide6.QtWidgets import (
    QHBoxLayout,
    QListView,
    QSizePolicy,
    QStyle,
    QStyledItemDelegate,
    QVBoxLayout,
    QWidget,
)

from nasstudio.ui import fonts
from nasstudio.ui.icons import pixmap
from nasstudio.ui.kit.buttons import ghost_button
from nasstudio.ui.kit.card import Card
from nasstudio.ui.kit.empty import EmptyState
from nasstudio.ui.kit.fields import SearchField
from nasstudio.ui.kit.labels import Divider, label
from nasstudio.ui.kit.notice import InlineNotice
from nasstudio.ui.kit.number import written
from nasstudio.ui.kit.popover import menu
from nasstudio.ui.kit.statemark import paint_state, state_text
from nasstudio.ui.pages.start.glance import SHOWN_STATIONS, Glance, ago
from nasstudio.ui.plots.front_preview import paint_front
from nasstudio.ui.theme import theme

_ROW = 62
_STATIONS, _BEST, _DISK, _OPENED = 152, 108, 84, 128
_NARROW = 680  # below this the marks of the stations give way to the names; the tooltip has them


@dataclass(frozen=True)
class RecentRow:
    """A recent project; `glance` None until it has been looked at."""

    path: str
    title: str
    opened: float
    glance: Glance | None = None

    @property
    def missing(self) -> bool:
        return self.glance is not None and not self.glance.here


class _Model(QAbstractListModel):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.rows: list[RecentRow] = []

    def show_rows(self, rows: list[RecentRow]) -> None:
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
            return row.title
        if role == Qt.ItemDataRole.UserRole:
            return row
        if role == Qt.ItemDataRole.ToolTipRole:
            return "\n".join([row.path, *_station_lines(row.glance)])
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{row.title}, {self.note(row)}, {ago(row.opened)}"
        return None

    def note(self, row: RecentRow) -> str:
        """The second line."""
        found = row.glance
        if found is None:
            return row.path
        if not found.here:
            return self.tr("not there any more: {0}").format(row.path)
        if found.problem:
            return found.problem
        if not found.space:
            return self.tr("no space yet")
        devices = (
            self.tr("1 device")
            if found.devices == 1
            else self.tr("{0} devices").format(found.devices)
        )
        return f"{found.space}, {devices}"


def _station_lines(found: Glance | None) -> list[str]:
    if found is None or not found.states:
        return []
    return [
        f"{station.capitalize()}: {state_text(state)}"
        for station, state in zip(SHOWN_STATIONS, found.states, strict=True)
    ]


class _Delegate(QStyledItemDelegate):
    def sizeHint(self, option, index) -> QSize:
        return QSize(400, _ROW)

    def paint(self, painter: QPainter, option, index) -> None:
        colors = theme()
        row: RecentRow = index.data(Qt.ItemDataRole.UserRole)
        box: QRect = option.rect
        if option.state & (QStyle.StateFlag.State_MouseOver | QStyle.StateFlag.State_HasFocus):
            painter.fillRect(box, colors.color("hover"))
        painter.setPen(colors.color("border"))
        painter.drawLine(box.left() + 16, box.bottom(), box.right() - 16, box.bottom())
        self._stamp(painter, row, QRectF(box.left() + 16, box.top() + 8, 58, 46))
        right = box.right() - 16
        places = []
        narrow = box.width() < _NARROW
        for width in (_OPENED, _DISK, _BEST, 0 if narrow else _STATIONS):
            places.append(QRect(right - width, box.top(), width, box.height()))
            right -= width
        self._names(
            painter,
            index,
            row,
            QRect(box.left() + 90, box.top(), right - box.left() - 98, box.height()),
        )
        opened, disk, best, stations = places
        align = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.setFont(fonts.font(12))
        painter.setPen(colors.color("muted"))
        painter.drawText(opened, align, ago(row.opened))
        found = row.glance
        if found is None or not found.here or found.problem:
            return
        for at, state in enumerate(() if narrow else found.states):
            mark = QRectF(stations.left() + at * 20, stations.center().y() - 6, 12, 12)
            paint_state(painter, mark, state)
        painter.setFont(fonts.font(13, fonts.SEMIBOLD))
        painter.setPen(colors.color("text"))
        painter.drawText(
            best, align, "–" if found.best is None else f"{written(100 * found.best, 1)} %"
        )
        painter.setFont(fonts.font(13))
        painter.drawText(
            disk, align, written(found.disk_bytes / 1e6, 0 if found.disk_bytes > 1e7 else 1)
        )

    def _names(self, painter: QPainter, index, row: RecentRow, box: QRect) -> None:
        colors = theme()
        for text, font, token, top in (
            (row.title, fonts.font(13, fonts.SEMIBOLD), "faint" if row.missing else "text", 13),
            (index.model().note(row), fonts.font(12), "muted", 31),
        ):
            painter.setFont(font)
            painter.setPen(colors.color(token))
            shown = QFontMetricsF(font).elidedText(text, Qt.TextElideMode.ElideMiddle, box.width())
            place = QRect(box.left(), box.top() + top, box.width(), 18)
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, shown)

    def _stamp(self, painter: QPainter, row: RecentRow, box: QRectF) -> None:
        colors = theme()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(colors.color("border"))
        painter.setBrush(colors.color("surface"))
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        painter.restore()
        front = row.glance.front if row.glance else None
        if front is not None:
            limit = row.glance.limit if row.glance else None
            paint_front(painter, box.adjusted(6, 5, -5, -6), front, limit, marks=False)
            return
        name = "warn" if row.missing or (row.glance and row.glance.problem) else "devices"
        painter.drawPixmap(
            int(box.center().x()) - 9, int(box.center().y()) - 9, pixmap(name, 18, "faint")
        )


class _List(QListView):
    """Rows; Delete forgets one."""

    forget = Signal(str)

    def keyPressEvent(self, event) -> None:
        row = self.currentIndex().data(Qt.ItemDataRole.UserRole)
        if event.key() == Qt.Key.Key_Delete and row is not None:
            self.forget.emit(row.path)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and row is not None:
            self.activated.emit(self.currentIndex())
        else:
            super().keyPressEvent(event)


class RecentsCard(Card):
    """Recent projects.

    Signals
    -------
    open_asked, forget_asked, locate_asked(path)
    """

    open_asked = Signal(str)
    forget_asked = Signal(str)
    locate_asked = Signal(str)

    def __init__(self) -> None:
        self.filter = SearchField("Filter")
        super().__init__(self.tr("Recent projects"), trailing=self.filter, flush=True)
        self.filter.edit.setPlaceholderText(self.tr("Filter"))
        self.filter.setFixedWidth(200)
        self._all: list[RecentRow] = []
        self.model = _Model(self)
        self.body.setSpacing(0)
        self.heads = self._heads()
        self.body.addWidget(self.heads)
        self.body.addWidget(Divider())
        self.missing = InlineNotice("warn", "", "", self.tr("Locate"), button_icon="folder")
        self.forget = ghost_button(self.tr("Forget"), "close")
        self.missing.add_button(self.forget)
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(12, 8, 12, 8)
        column.addWidget(self.missing)
        self._missing_holder = holder
        self.body.addWidget(holder)
        self.list = _List()
        self.list.setModel(self.model)
        self.list.setItemDelegate(_Delegate(self.list))
        self.list.setMouseTracking(True)
        self.list.setAccessibleName(self.tr("Recent projects"))
        self.list.setMinimumHeight(_ROW)
        self.list.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self.list.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.body.addWidget(self.list, 1)
        self.nothing = EmptyState(
            "folder", self.tr("No project yet"), self.tr("Those that you open stand here.")
        )
        self.body.addWidget(self.nothing, 1)
        self._missing_path = ""
        self.filter.changed.connect(self._show)
        self.list.clicked.connect(self._picked)
        self.list.activated.connect(self._picked)
        self.list.forget.connect(self.forget_asked)
        self.list.customContextMenuRequested.connect(self._menu)
        self.missing.clicked.connect(lambda: self.locate_asked.emit(self._missing_path))
        self.forget.clicked.connect(lambda: self.forget_asked.emit(self._missing_path))
        self._show()

    def _heads(self) -> QWidget:
        made = QWidget()
        row = QHBoxLayout(made)
        row.setContentsMargins(90, 0, 16, 8)
        row.setSpacing(0)
        row.addWidget(label(self.tr("Project"), "section", "muted"), 1)
        for text, width, right in (
            (self.tr("Stations"), _STATIONS, False), (self.tr("Best network"), _BEST, True),
            (self.tr("Disk (MB)"), _DISK, True), (self.tr("Opened"), _OPENED, True),
        ):  # fmt: skip
            head = label(text, "section", "muted")
            head.setFixedWidth(width)
            if width == _STATIONS:
                self._stations_head = head
            head.setAlignment(Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft)
            row.addWidget(head)
        return made

    def resizeEvent(self, event) -> None:
        super().resizeEvent(event)
        self._stations_head.setVisible(self.width() >= _NARROW)

    def show_rows(self, rows: Sequence[RecentRow]) -> None:
        """Show recent projects, the newest first."""
        self._all = list(rows)
        self._show()

    def rows(self) -> list[RecentRow]:
        """What is shown."""
        return self.model.rows

    def _show(self, *_: object) -> None:
        wanted = self.filter.text().casefold()
        self.model.show_rows([r for r in self._all if wanted in f"{r.title} {r.path}".casefold()])
        self.filter.set_count(len(self.model.rows) if wanted else None)
        self.filter.setVisible(len(self._all) > 1)
        for widget in (self.list, self.heads):
            widget.setVisible(bool(self._all))
        self.nothing.setVisible(not self._all)
        still = any(r.path == self._missing_path and r.missing for r in self._all)
        self._missing_holder.setVisible(still)

    def _picked(self, index: QModelIndex) -> None:
        row: RecentRow = index.data(Qt.ItemDataRole.UserRole)
        if not row.missing:
            self.open_asked.emit(row.path)
            return
        self._missing_path = row.path
        self.missing.set_notice(
            "warn", self.tr("{0} is not where it was").format(row.title), row.path
        )
        self._show()

    def _menu(self, place) -> None:
        index = self.list.indexAt(place)
        if not index.isValid():
            return
        row: RecentRow = index.data(Qt.ItemDataRole.UserRole)
        made = menu(parent=self)
        made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if row.missing:
            made.addAction(self.tr("Locate…"), lambda: self.locate_asked.emit(row.path))
        else:
            made.addAction(self.tr("Open"), lambda: self.open_asked.emit(row.path))
        made.addAction(self.tr("Take out of the list"), lambda: self.forget_asked.emit(row.path))
        made.popup(self.list.viewport().mapToGlobal(place))
