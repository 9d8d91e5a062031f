"""How a page of the manual looks: a document made from Markdown, dressed in the type and the colours of the theme.

Qt's style sheets for documents are for HTML only, so formats are set block by block. Dressing again after a change of
theme gives the same document in the other colours.
"""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtGui import (
    QBrush,
    QTextBlock,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
    QTextFrame,
    QTextLength,
    QTextTable,
)

from nasstudio.ui import fonts
from nasstudio.ui.theme import theme

# Heading level: size, px; space above; space below.
_HEADINGS = {1: (18, 0, 10), 2: (15, 20, 6), 3: (13, 14, 4)}
_LINE_HEIGHT = 140.0


def dress(document: QTextDocument) -> None:
    """Set the formats of every block, piece of text and table."""
    document.setUndoRedoEnabled(False)
    document.setDefaultFont(fonts.font())
    cursor = QTextCursor(document)
    cursor.beginEditBlock()
    for block in _blocks(document):
        _dress_block(block)
    for table in _tables(document.rootFrame()):
        _dress_table(table)
    cursor.endEditBlock()


def _blocks(document: QTextDocument) -> Iterator[QTextBlock]:
    block = document.begin()
    while block.isValid():
        yield block
        block = block.next()


def _tables(frame: QTextFrame) -> Iterator[QTextTable]:
    for child in frame.childFrames():
        if isinstance(child, QTextTable):
            yield child
        yield from _tables(child)


def _is_code(block: QTextBlock) -> bool:
    return block.blockFormat().hasProperty(QTextFormat.Property.BlockCodeFence)


def _dress_block(block: QTextBlock) -> None:
    cursor = QTextCursor(block)
    shape = QTextBlockFormat()
    level = block.blockFormat().headingLevel()
    in_table = cursor.currentTable() is not None
    proportional = QTextBlockFormat.LineHeightTypes.ProportionalHeight.value
    if _is_code(block):
        shape.setBackground(theme().color("sunk"))
        shape.setLeftMargin(0)
        shape.setTopMargin(0 if _is_code(block.previous()) else 4)
        shape.setBottomMargin(0 if _is_code(block.next()) else 12)
        shape.setIndent(0)
        shape.setTextIndent(10)
    elif level:
        _, above, below = _HEADINGS.get(level, _HEADINGS[3])
        shape.setTopMargin(above)
        shape.setBottomMargin(below)
    else:
        shape.setTopMargin(0)
        below = 0 if in_table else 4 if block.textList() is not None else 9
        shape.setBottomMargin(below)
        shape.setLineHeight(_LINE_HEIGHT, proportional)
    cursor.mergeBlockFormat(shape)
    for start, end, format_ in list(_pieces(block)):
        cursor.setPosition(start)
        cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
        cursor.setCharFormat(_dressed(format_, level, code=_is_code(block)))


def _pieces(block: QTextBlock) -> Iterator[tuple[int, int, QTextCharFormat]]:
    piece = block.begin()
    while not piece.atEnd():
        fragment = piece.fragment()
        if fragment.isValid():
            start = fragment.position()
            yield start, start + fragment.length(), fragment.charFormat()
        piece += 1


def _dressed(was: QTextCharFormat, level: int, *, code: bool) -> QTextCharFormat:
    made = QTextCharFormat(was)
    made.clearProperty(QTextFormat.Property.FontSizeAdjustment)  # Markdown's size of a heading
    bold = was.fontWeight() > fonts.MEDIUM.value
    fixed = code or was.fontFixedPitch()
    if level:
        size = _HEADINGS.get(level, _HEADINGS[3])[0]
        font = fonts.font(size, fonts.SEMIBOLD)
    elif fixed:
        font = fonts.monospace(12)
        font.setFixedPitch(True)
    else:
        font = fonts.font(13, fonts.SEMIBOLD if bold else fonts.REGULAR)
    font.setItalic(was.fontItalic())
    made.setFont(font, QTextCharFormat.FontPropertiesInheritanceBehavior.FontPropertiesAll)
    made.setForeground(theme().color("accent_text" if was.isAnchor() else "text"))
    made.setFontUnderline(False)
    if fixed and not level and not code:
        made.setBackground(theme().color("sunk"))
    return made


def _dress_table(table: QTextTable) -> None:
    shape = table.format()
    shape.setBorderCollapse(True)
    shape.setBorder(1)
    shape.setBorderBrush(QBrush(theme().color("border")))
    shape.setCellPadding(6)
    shape.setCellSpacing(0)
    shape.setTopMargin(2)
    shape.setBottomMargin(12)
    shape.setWidth(QTextLength(QTextLength.Type.PercentageLength, 100))
    table.setFormat(shape)
    for column in range(table.columns()):
        cell = table.cellAt(0, column)
        cell_shape = cell.format()
        cell_shape.setBackground(theme().color("sunk"))
        cell.setFormat(cell_shape)
        cursor = cell.firstCursorPosition()
        cursor.setPosition(cell.lastCursorPosition().position(), QTextCursor.MoveMode.KeepAnchor)
        head = QTextCharFormat()
        head.setFont(fonts.font(12, fonts.SEMIBOLD))
        head.setForeground(theme().color("muted"))
        cursor.mergeCharFormat(head)
