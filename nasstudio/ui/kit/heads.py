"""Heads of narrow columns: names in one line or two, so that what tells them apart is not what is cut."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics


def in_lines(text: str, metrics: QFontMetrics, room: int) -> str:
    """A head in one line, or in two where it is too long, with its unit at the end; cut only where two do not do."""
    if metrics.horizontalAdvance(text) <= room:
        return text
    name, space, unit = text.rpartition(" ") if text.endswith(")") else (text, "", "")
    before, comma, after = text.partition(", ")
    if comma and max(map(metrics.horizontalAdvance, (before, after))) <= room:
        return f"{before}\n{after}"
    words = name.split(" ")
    # The first line takes as much as fits, so that what tells two devices apart is not the part that is cut.
    count = next(
        (
            n
            for n in range(len(words), 0, -1)
            if metrics.horizontalAdvance(" ".join(words[:n])) <= room
        ),
        1,
    )
    if count == len(words):
        first, second = name, unit
    else:
        first, second = " ".join(words[:count]), " ".join(words[count:]) + space + unit
    short = Qt.TextElideMode.ElideRight
    if metrics.horizontalAdvance(second) > room and unit:
        rest = second.removesuffix(space + unit)
        left = room - metrics.horizontalAdvance(space + unit)
        second = metrics.elidedText(rest, Qt.TextElideMode.ElideMiddle, left) + space + unit
    return "\n".join(metrics.elidedText(line, short, room) for line in (first, second) if line)
