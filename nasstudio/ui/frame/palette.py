"""The command palette: type a few letters of any action, Enter does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
)
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QWidget

from nasstudio.ui import fonts
from nasstudio.ui.commands import GROUPS, Commands, sequences, translated
from nasstudio.ui.icons import pixmap
from nasstudio.ui.kit.fields import SearchField
from nasstudio.ui.kit.labels import label
from nasstudio.ui.kit.popover import Popover
from nasstudio.ui.theme import theme

_WIDTH = 560
_ROWS = 9
_ROW = 34


def score(query: str, text: str) -> float | None:
    """How well `query` is a subsequence of `text`, higher is better; None if it is not.

    Letters at the start of a word and letters that follow each other count more; a short text wins a tie.
    """
    wanted, where = query.casefold().replace(" ", ""), text.casefold()
    if not wanted:
        return 0.0
    best = where.find(query.casefold().strip())
    total, at, last = 0.0, 0, -2
    for letter in wanted:
        found = where.find(letter, at)
        if found < 0:
            return None
        total += 1.0
        if found == last + 1:
            total += 1.5
        if found == 0 or not where[found - 1].isalnum():
            total += 2.0
        last, at = found, found + 1
    if best >= 0:
        total += 6.0 + (4.0 if best == 0 or not where[best - 1].isalnum() else 0.0)
    return total - len(text) * 0.01


@dataclass(frozen=True)
class Entry:
    """A command as the palette shows it."""

    command_id: str
    text: str
    group: str
    shortcut: str
    icon: str
    enabled: bool


def ranked(entries: Sequence[Entry], query: str, recent: Sequence[str] = ()) -> list[Entry]:
    """The entries that `query` finds, best first; what can't be done comes last.

    Without a query: what was used last, then everything in its order.
    """
    found: list[tuple[bool, float, int, Entry]] = []
    for place, entry in enumerate(entries):
        value = score(query, entry.text)
        if value is None:
            value = score(query, f"{entry.group} {entry.text}")
            if value is None:
                continue
            value -= 3.0
        if entry.command_id in recent:
            value += 20.0 - recent.index(entry.command_id) if not query else 0.5
        found.append((not entry.enabled, -value, place, entry))
    return [entry for *_, entry in sorted(found, key=lambda item: item[:3])]


class _Entries(QAbstractListModel):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.entries: list[Entry] = []

    def show_entries(self, entries: list[Entry]) -> None:
        self.beginResetModel()
        self.entries = entries
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self.entries)

    def data(
        self,
        index: QModelIndex | QPersistentModelIndex,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> object:
        entry = self.entries[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return entry.text
        if role == Qt.ItemDataRole.UserRole:
            return entry
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return " ".join(part for part in (entry.text, entry.group, entry.shortcut) if part)
        return None

    def flags(self, index: QModelIndex | QPersistentModelIndex) -> Qt.ItemFlag:
        enabled = index.isValid() and self.entries[index.row()].enabled
        return super().flags(index) if enabled else Qt.ItemFlag.NoItemFlags


class _Row(QStyledItemDelegate):
    def sizeHint(self, option, index) -> QSize:
        return QSize(_WIDTH - 32, _ROW)

    def paint(self, painter: QPainter, option, index) -> None:
        entry: Entry = index.data(Qt.ItemDataRole.UserRole)
        colors = theme()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = option.rect.adjusted(0, 1, 0, -1)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        if chosen:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colors.color("soft"))
            painter.drawRoundedRect(box, 6, 6)
        ink = "faint" if not entry.enabled else ("on_soft" if chosen else "text")
        quiet = "on_soft" if chosen else ("muted" if entry.enabled else "faint")
        if entry.icon:
            painter.drawPixmap(box.left() + 10, box.center().y() - 7, pixmap(entry.icon, 16, quiet))
        painter.setPen(colors.color(ink))
        painter.setFont(fonts.font(13, fonts.MEDIUM))
        middle = Qt.AlignmentFlag.AlignVCenter
        text = QRect(box.left() + 36, box.top(), box.width() - 200, box.height())
        painter.drawText(text, middle | Qt.AlignmentFlag.AlignLeft, entry.text)
        used = painter.fontMetrics().horizontalAdvance(entry.text)
        painter.setPen(colors.color(quiet))
        painter.setFont(fonts.font(11))
        painter.drawText(
            text.adjusted(used + 10, 0, 0, 0), middle | Qt.AlignmentFlag.AlignLeft, entry.group
        )
        painter.setFont(fonts.font(11, fonts.SEMIBOLD))
        painter.drawText(
            box.adjusted(0, 0, -12, 0), middle | Qt.AlignmentFlag.AlignRight, entry.shortcut
        )
        painter.restore()


class Palette(Popover):
    """Every command of the window. `open_over` shows it; arrows choose, Enter does, Esc closes."""

    def __init__(self, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent, width=_WIDTH)
        self._commands = commands
        self._entries: list[Entry] = []
        self._recent: list[str] = []
        self.setAccessibleName(self.tr("Find an action"))
        self.body.setContentsMargins(12, 12, 12, 10)
        self.field = SearchField(self.tr("Find an action"), "find")
        self.field.edit.installEventFilter(self)
        self.field.changed.connect(self._filter)
        self.field.submitted.connect(self._do_chosen)
        self.list = QListView(self)
        self.list.setAccessibleName(self.tr("Actions"))
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setItemDelegate(_Row(self.list))
        self.list.setUniformItemSizes(True)
        self.list.setMouseTracking(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.list.setFixedHeight(_ROWS * _ROW)
        self.list.setProperty("kind", "floating")
        self._model = _Entries(self)
        self.list.setModel(self._model)
        self.list.clicked.connect(self._clicked)
        self._nothing = label(self.tr("No action has these letters."), "secondary", "muted")
        self.body.addWidget(self.field)
        self.body.addWidget(self._nothing)
        self.body.addWidget(self.list)
        self._nothing.hide()

    def open_over(self, window: QWidget) -> None:
        """Show at the top of `window`, in its middle, with an empty field."""
        self._commands.refresh()
        self._entries = [self._entry(command.id) for command in self._commands.all()]
        self.field.edit.clear()
        self._filter("")
        x = (window.width() - self.sizeHint().width()) // 2
        self.show_at(window.mapToGlobal(QPoint(x, 48)))
        self.field.edit.setFocus()

    def shown(self) -> list[Entry]:
        """What is listed now."""
        return self._model.entries

    def _entry(self, command_id: str) -> Entry:
        command = self._commands.command(command_id)
        action = self._commands.action(command_id)
        keys = sequences(command.shortcut)
        return Entry(
            command_id,
            action.text().replace("&", ""),
            translated(dict(GROUPS).get(command.group, "")).replace("&", ""),
            keys[0].toString(keys[0].SequenceFormat.NativeText) if keys else "",
            command.icon,
            action.isEnabled(),
        )

    def _filter(self, query: str) -> None:
        found = ranked(self._entries, query, self._recent)
        self._model.show_entries(found)
        self._nothing.setVisible(not found)
        if found and found[0].enabled:
            self.list.setCurrentIndex(self._model.index(0))
        self.list.scrollToTop()

    def _move(self, step: int) -> None:
        rows = [i for i, entry in enumerate(self._model.entries) if entry.enabled]
        if not rows:
            return
        now = self.list.currentIndex().row()
        at = rows.index(now) if now in rows else -1
        wraps = abs(step) == 1
        at = (at + step) % len(rows) if wraps else max(0, min(len(rows) - 1, at + step))
        self.list.setCurrentIndex(self._model.index(rows[at]))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        down = event.type() == QEvent.Type.KeyPress
        if down and isinstance(event, QKeyEvent) and watched is self.field.edit:
            step = {
                Qt.Key.Key_Down: 1,
                Qt.Key.Key_Up: -1,
                Qt.Key.Key_PageDown: _ROWS,
                Qt.Key.Key_PageUp: -_ROWS,
            }.get(Qt.Key(event.key()))
            if step is not None:
                self._move(step)
                return True
            if event.key() == Qt.Key.Key_Escape:
                self.hide()
                return True
        return super().eventFilter(watched, event)

    def _clicked(self, index: QModelIndex) -> None:
        self._do(self._model.entries[index.row()])

    def _do_chosen(self) -> None:
        index = self.list.currentIndex()
        if index.isValid():
            self._do(self._model.entries[index.row()])

    def _do(self, entry: Entry) -> None:
        if not entry.enabled:
            return
        self.hide()
        self._recent = [entry.command_id, *(r for r in self._recent if r != entry.command_id)][:5]
        self._commands.action(entry.command_id).trigger()
