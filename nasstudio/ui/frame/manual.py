"""The manual (F1): contents and search at the left, the page at the right. Not modal: one reads and works."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtGui import (
    QDesktopServices,
    QKeySequence,
    QShortcut,
    QTextBlock,
    QTextCursor,
    QTextDocument,
)
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QTextBrowser,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from nasstudio.ui import fonts
from nasstudio.ui.frame.manual_pages import (
    CONTENTS,
    FIRST,
    found,
    page_of,
    plain,
    slug,
    target,
    words_of,
)
from nasstudio.ui.frame.manual_style import dress
from nasstudio.ui.kit.buttons import tool_button
from nasstudio.ui.kit.fields import SearchField
from nasstudio.ui.kit.labels import Divider, label
from nasstudio.ui.theme import theme

Place = tuple[str, str]
_NAME = Qt.ItemDataRole.UserRole


class ManualDialog(QDialog):
    """The manual. `open_at(page)` shows it; it keeps its place while it is closed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Manual"))
        self.resize(940, 700)
        self.setMinimumSize(640, 400)
        self._history: list[Place] = []
        self._at = -1
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self._contents())
        row.addWidget(Divider(vertical=True))
        row.addWidget(self._reader(), 1)
        for keys, does in (
            (QKeySequence.StandardKey.Back, self.back),
            (QKeySequence.StandardKey.Forward, self.forward),
            (QKeySequence.StandardKey.Find, self._find),
        ):
            QShortcut(QKeySequence(keys), self).activated.connect(does)
        theme().changed.connect(self._recolor)
        self._list_pages()

    def _contents(self) -> QWidget:
        panel = QFrame()
        panel.setProperty("ground", "surface")
        panel.setFixedWidth(236)
        column = QVBoxLayout(panel)
        column.setContentsMargins(12, 14, 12, 12)
        column.setSpacing(10)
        self.search = SearchField(self.tr("Search the manual"))
        self.search.changed.connect(self._searched)
        self.search.submitted.connect(self._open_first)
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("Contents of the manual"))
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setProperty("kind", "floating")
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.currentItemChanged.connect(self._chosen)
        self.nothing = label(
            self.tr("No page has these words."), "secondary", "muted", wrap=True, parent=panel
        )
        column.addWidget(self.search)
        column.addWidget(self.nothing)
        column.addWidget(self.list, 1)
        return panel

    def _reader(self) -> QWidget:
        holder = QFrame()
        holder.setProperty("ground", "surface")
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        bar = QHBoxLayout()
        bar.setContentsMargins(16, 10, 16, 6)
        bar.setSpacing(4)
        self.back_button = tool_button("chevron-left", self.tr("Back (Alt+Left)"), small=True)
        self.forward_button = tool_button(
            "chevron-right", self.tr("Forward (Alt+Right)"), small=True
        )
        self.first_button = tool_button("start", self.tr("First page"), small=True)
        self.back_button.clicked.connect(self.back)
        self.forward_button.clicked.connect(self.forward)
        self.first_button.clicked.connect(self._open_start)
        for button in (self.back_button, self.forward_button, self.first_button):
            bar.addWidget(button)
        bar.addStretch(1)
        self.browser = QTextBrowser()
        self.browser.setOpenLinks(False)
        self.browser.setFrameShape(QFrame.Shape.NoFrame)
        self.browser.setStyleSheet("QTextBrowser { border: 0; background: transparent; }")
        self.browser.document().setDocumentMargin(0)
        self.browser.setViewportMargins(28, 4, 20, 12)
        self.browser.setAccessibleName(self.tr("Page of the manual"))
        self.browser.anchorClicked.connect(self._follow)
        column.addLayout(bar)
        column.addWidget(self.browser, 1)
        return holder

    # -- places ---------------------------------------------------------------------------------------------------

    def open_at(self, name: str) -> None:
        """Show a page and come to the front."""
        self.go_to(name)
        self.show()
        self.raise_()
        self.activateWindow()

    def place(self) -> Place:
        """(page, heading's name) that is shown."""
        return self._history[self._at] if self._history else (FIRST, "")

    def go_to(self, name: str, fragment: str = "") -> None:
        """Show a page, at a heading, and remember the way back."""
        place = (page_of(name).name, fragment)
        if not self._history or place != self.place():
            del self._history[self._at + 1 :]
            self._history.append(place)
            self._at = len(self._history) - 1
        self._show()

    def back(self) -> None:
        """To where one came from."""
        self._step(-1)

    def forward(self) -> None:
        """To where one went back from."""
        self._step(1)

    def _step(self, step: int) -> None:
        if 0 <= self._at + step < len(self._history):
            self._at += step
            self._show()

    def _open_start(self) -> None:
        self.go_to(FIRST)

    def _follow(self, url: QUrl) -> None:
        place = target(url.toString(), self.place()[0])
        if place is not None:
            self.go_to(*place)
        elif url.scheme() in ("https", "http"):
            QDesktopServices.openUrl(url)

    # -- showing --------------------------------------------------------------------------------------------------

    def _show(self) -> None:
        name, fragment = self.place()
        self.browser.document().setMarkdown(
            page_of(name).text, QTextDocument.MarkdownFeature.MarkdownDialectGitHub
        )
        dress(self.browser.document())
        # Else the browser scrolls to its cursor, at the end, when it is shown for the first time.
        self.browser.moveCursor(QTextCursor.MoveOperation.Start)
        self._mark_found()
        block = self._heading(fragment) if fragment else None
        top = 0.0
        if block is not None:
            layout = self.browser.document().documentLayout()
            top = layout.blockBoundingRect(block).top()
        self.browser.verticalScrollBar().setValue(int(top))
        self.back_button.setEnabled(self._at > 0)
        self.forward_button.setEnabled(self._at + 1 < len(self._history))
        self._select(name)

    def _heading(self, fragment: str) -> QTextBlock | None:
        block = self.browser.document().begin()
        while block.isValid():
            if block.blockFormat().headingLevel() and slug(block.text()) == fragment:
                return block
            block = block.next()
        return None

    def _recolor(self) -> None:
        dress(self.browser.document())
        self._mark_found()
        self._list_pages()

    # -- contents and search --------------------------------------------------------------------------------------

    def listed(self) -> list[str]:
        """Names of the pages that are listed."""
        items = (self.list.item(row) for row in range(self.list.count()))
        return [item.data(_NAME) for item in items if item.data(_NAME)]

    def _list_pages(self) -> None:
        query = self.search.text()
        pages = found(query)
        self.list.blockSignals(True)
        self.list.clear()
        if words_of(query):
            for page in pages:
                self._add(page.name, page.title)
        else:
            for section, names in CONTENTS:
                self._add("", self.tr(section))
                for name in names:
                    self._add(name, page_of(name).title)
        self.list.blockSignals(False)
        self.search.set_count(len(pages) if words_of(query) else None)
        self.nothing.setVisible(not pages)
        self._select(self.place()[0])

    def _add(self, name: str, text: str) -> None:
        item = QListWidgetItem(plain(text), self.list)
        item.setData(_NAME, name)
        if name:
            item.setFont(fonts.font(13, fonts.MEDIUM))
        else:
            item.setFlags(Qt.ItemFlag.NoItemFlags)
            item.setFont(fonts.font(11, fonts.SEMIBOLD))
            item.setForeground(theme().color("muted"))

    def _select(self, name: str) -> None:
        self.list.blockSignals(True)
        rows = [r for r in range(self.list.count()) if self.list.item(r).data(_NAME) == name]
        self.list.setCurrentRow(rows[0] if rows else -1)
        self.list.blockSignals(False)

    def _chosen(self, item: QListWidgetItem | None) -> None:
        if item is not None and item.data(_NAME):
            self.go_to(item.data(_NAME))

    def _searched(self, _query: str) -> None:
        self._list_pages()
        self._mark_found()

    def _open_first(self) -> None:
        names = self.listed()
        if names and words_of(self.search.text()):
            self.go_to(names[0])

    def _find(self) -> None:
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _mark_found(self) -> None:
        """Mark the words that were searched for on the page, and show the first of them."""
        marks, first = [], None
        document = self.browser.document()
        for word in words_of(self.search.text()):
            cursor = document.find(word, 0)
            while not cursor.isNull():
                mark = QTextEdit.ExtraSelection()
                mark.cursor = cursor
                mark.format.setBackground(theme().color("warn_ground"))
                mark.format.setForeground(theme().color("text"))
                marks.append(mark)
                if first is None or cursor.selectionStart() < first.selectionStart():
                    first = QTextCursor(cursor)
                cursor = document.find(word, cursor)
        self.browser.setExtraSelections(marks)
        if first is not None:
            place = self.browser.cursorRect(first).topLeft() - QPoint(0, 60)
            bar = self.browser.verticalScrollBar()
            if not 0 <= place.y() + 60 < self.browser.viewport().height():
                bar.setValue(bar.value() + place.y())
