"""What an export has made: accuracy, latency against its promise, checks, files, and the model card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QTextCursor, QTextFrameFormat, QTextTable
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QScrollArea,
    QSizePolicy,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from nasstudio.engine.device import pace
from nasstudio.engine.project.records import Snapshot
from nasstudio.ui import fonts
from nasstudio.ui.kit.badge import Badge
from nasstudio.ui.kit.labels import Divider, ElidedLabel, label
from nasstudio.ui.kit.number import written
from nasstudio.ui.kit.stat import StatCard
from nasstudio.ui.pages.export.rows import DeviceTime, ExportRow, device_times
from nasstudio.ui.pages.train.words import percent, size_text
from nasstudio.ui.theme import theme


def ms_text(value: float | None) -> str:
    """Milliseconds with three significant places; "–" if not known."""
    if value is None:
        return "–"
    return written(value, 3 if value < 1 else 2 if value < 10 else 1)


class Grid(QWidget):
    """A small table of labels: heads, then rows; the first column takes the room."""

    def __init__(self, heads: Sequence[str], name: str, style: str = "name") -> None:
        super().__init__()
        self._style = style
        self._heads = tuple(heads)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(5)
        self._grid.setColumnStretch(0, 1)
        self.setAccessibleName(name)

    def show_rows(self, rows: Sequence[Sequence[str | QWidget]]) -> None:
        """Replace all rows."""
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for at, text in enumerate(self._heads):
            head = label(text, "section", "muted")
            self._grid.addWidget(head, 0, at, right if at else Qt.AlignmentFlag.AlignVCenter)
        self._grid.addWidget(Divider(), 1, 0, 1, len(self._heads))
        for row, cells in enumerate(rows, start=2):
            for at, cell in enumerate(cells):
                if isinstance(cell, QWidget):
                    self._grid.addWidget(cell, row, at, right)
                elif at:
                    self._grid.addWidget(label(cell), row, at, right)
                else:
                    self._grid.addWidget(ElidedLabel(cell, self._style), row, at)


class Results(QScrollArea):
    """The numbers of one export."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: object = None
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        inside = QFrame()
        inside.setProperty("ground", "surface")
        column = QVBoxLayout(inside)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(10)
        cards = QHBoxLayout()
        cards.setSpacing(12)
        self.test = StatCard(self.tr("Test accuracy"))
        self.validation = StatCard(self.tr("Validation accuracy"))
        self.promise = StatCard(self.tr("Latency promises"))
        for card in (self.test, self.validation, self.promise):
            cards.addWidget(card, 1)
            # Beside the inspector the note gives way, not the numbers.
            card.note_label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        column.addLayout(cards)
        self.latency = Grid(
            (self.tr("Latency (ms)"), self.tr("Promised"), self.tr("Measured"), ""),
            self.tr("Latency"),
        )
        self.checks = Grid(
            (
                self.tr("Same outputs"),
                self.tr("Images"),
                self.tr("Largest difference"),
                self.tr("Allowed"),
                "",
            ),
            self.tr("Checks"),
        )
        self.checks.setToolTip(
            self.tr(
                "Difference of a logit from the network's own, as a share of the spread of its logits"
            )
        )
        self.files = Grid((self.tr("File"), self.tr("Size")), self.tr("Files"), "base")
        for grid in (self.latency, self.checks, self.files):
            column.addSpacing(6)
            column.addWidget(grid)
        column.addStretch(1)
        self.setWidget(inside)

    def show_row(self, row: ExportRow, snapshot: Snapshot) -> None:
        """Show the export of a network."""
        exported = row.exported
        if (row, snapshot.devices, snapshot.table.devices) == self._shown:
            return
        self._shown = (row, snapshot.devices, list(snapshot.table.devices))
        onnx = exported.get("test_accuracy_onnx")
        images = written(exported.get("test_images") or 0)
        note = self.tr("{0} images, looked at once").format(images)
        if onnx is not None:
            note = self.tr("ONNX file {0} %, {1} images").format(percent(onnx, 2), images)
        self.test.set(percent(exported.get("test_accuracy"), 2), "%", note)
        images = written(exported.get("validation_images") or 0)
        note = self.tr("{0} images the search never saw").format(images)
        self.validation.set(percent(exported.get("validation_accuracy"), 2), "%", note)
        times = device_times(snapshot, exported)
        self._show_promises(times)
        self.latency.setVisible(bool(times))
        self.latency.show_rows([self._latency_row(time) for time in times])
        self.checks.show_rows([self._check_row(check) for check in exported.get("checks", ())])
        files: Mapping[str, Any] = exported.get("files", {})
        self.files.show_rows([(path, size_text(float(size))) for path, size in files.items()])

    def _show_promises(self, times: Sequence[DeviceTime]) -> None:
        judged = [t for t in times if t.kept is not None]
        kept = sum(bool(t.kept) for t in judged)
        if not judged:
            self.promise.set("–", "", self.tr("no device of this machine has a table"))
            return
        if any(t.busy for t in judged):
            note = self.tr("the machine was busy: measure again")
        elif any(pace.say(t.pace) for t in judged):
            note = self.tr("at another pace than when calibrated")
        else:
            note = self.tr("measured here, in peace")
        self.promise.set(self.tr("{0} of {1} kept").format(kept, len(judged)), "", note)

    def _latency_row(self, time: DeviceTime) -> tuple[str | QWidget, ...]:
        promised = ms_text(time.promised_ms)
        if time.promised_ms is not None and time.error:
            promised += f" ± {written(100 * time.error)} %"
        if time.kept is None:
            badge = Badge(self.tr("no promise"), "muted")
        elif time.kept:
            badge = Badge(self.tr("kept"), "good")
        else:
            over = (time.measured_ms or 0.0) / (time.promised_ms or 1.0) - 1
            badge = Badge(self.tr("{0} % slower").format(written(100 * over)), "warn")
        reasons = [self.tr("other processes kept the machine busy")] if time.busy else []
        reasons += [words] if (words := pace.say(time.pace)) else []
        if reasons:
            badge.setToolTip(self.tr("Meanwhile {0}").format("; ".join(reasons)))
        measured = ms_text(time.measured_ms) + (self.tr(" (busy)") if time.busy else "")
        return time.name, promised, measured, badge

    def _check_row(self, check: Mapping[str, Any]) -> tuple[str | QWidget, ...]:
        passed = float(check["difference"]) <= float(check["tolerance"])
        what = self.tr("{0}, batch {1}").format(check["what"], check["batch"])
        return (
            what,
            written(check["images"]),
            f"{float(check['difference']):.1e}".replace("-", "\u2212"),
            f"{float(check['tolerance']):.0e}".replace("-", "\u2212"),
            Badge(self.tr("same"), "good") if passed else Badge(self.tr("differs"), "bad"),
        )


class CardView(QTextBrowser):
    """The model card."""

    def __init__(self) -> None:
        super().__init__()
        self._text = ""
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setProperty("kind", "card-text")
        self.setOpenExternalLinks(True)
        self.setAccessibleName(self.tr("Model card"))
        self.document().setDocumentMargin(16)
        theme().changed.connect(self._restyle)
        self._restyle()

    def show_text(self, text: str) -> None:
        """Show a card, Markdown."""
        if text == self._text:
            return
        self._text = text
        self._restyle()

    def text(self) -> str:
        """The card, Markdown."""
        return self._text

    def _restyle(self) -> None:
        colors = theme()
        self.setStyleSheet(
            f"QTextBrowser {{ background: {colors.color('surface').name()}; border: 0; }}"
        )
        self.document().setDefaultFont(fonts.font(13))
        self.setMarkdown(self._text)
        block = self.document().begin()
        while block.isValid():
            if block.blockFormat().headingLevel():
                form = block.blockFormat()
                form.setTopMargin(14)
                form.setBottomMargin(6)
                QTextCursor(block).setBlockFormat(form)
            block = block.next()
        for frame in self.document().rootFrame().childFrames():
            if isinstance(frame, QTextTable):
                style = frame.format()
                style.setBorderBrush(colors.color("border"))
                style.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
                style.setBorder(1)
                style.setBorderCollapse(True)
                style.setCellPadding(4)
                frame.setFormat(style)
