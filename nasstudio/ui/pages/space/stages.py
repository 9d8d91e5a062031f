"""The stages with a chip for each option: a click allows it or not."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from nasstudio.engine.space.space import SpaceDocument
from nasstudio.ui.kit.buttons import secondary_button
from nasstudio.ui.kit.card import Card
from nasstudio.ui.kit.chip import Chip
from nasstudio.ui.kit.labels import Divider, SectionCaption, label
from nasstudio.ui.pages.space import model
from nasstudio.ui.theme import theme

# Left edges of the columns of chips, px: stage, depth, kernel, expand, width.
_COLUMNS = (126, 210, 130, 170)
_PER_ROW = 9


class _ChannelBar(QWidget):
    """Width of a stage, to scale with the widest."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._share = 0.0
        self.setFixedSize(106, 8)

    def set_share(self, share: float) -> None:
        if share != self._share:
            self._share = share
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme().color("front", 0.75))
        painter.drawRoundedRect(QRectF(0, 0, max(4.0, self._share * self.width()), 8), 2, 2)


class Chips(QWidget):
    """The options of one gene. `clicked(value)`."""

    clicked = Signal(float)

    def __init__(self, name: str, tip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name, self._tip = name, tip
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(4)
        self._chips: dict[float, Chip] = {}

    def show_options(
        self, offered: tuple[float, ...], allowed: tuple[float, ...], *, enabled: bool
    ) -> None:
        """Show a chip for each option that is offered."""
        if tuple(self._chips) != offered:
            for chip in self._chips.values():
                self._grid.removeWidget(chip)
                chip.hide()
                chip.deleteLater()
            self._chips = {}
            for number, value in enumerate(offered):
                chip = Chip(f"{value:g}")
                chip.setAccessibleName(f"{self._name} {value:g}")
                chip.setFixedWidth(36 if len(chip.text()) < 3 else 50)
                chip.clicked.connect(partial(self._clicked, value))
                self._chips[value] = chip
                self._grid.addWidget(chip, number // _PER_ROW, number % _PER_ROW)
            self._grid.setColumnStretch(_PER_ROW, 1)
        for value, chip in self._chips.items():
            on = value in allowed
            chip.setChecked(on)
            chip.setEnabled(enabled)
            last = on and len(allowed) == 1
            chip.setToolTip(
                self.tr("{0}: at least one stays").format(self._tip) if last else self._tip
            )

    def chip(self, value: float) -> Chip:
        """The chip of an option. Raises `KeyError`."""
        return self._chips[value]

    def _clicked(self, value: float, _checked: bool = False) -> None:
        # What is checked follows from the document, also where the click changed nothing.
        self.clicked.emit(value)


class StageRow(QFrame):
    """One stage: name, channels, a column of chips for each gene, choices."""

    toggled = Signal(int, str, float)
    chosen = Signal(int)

    def __init__(self, stage: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.stage = stage
        self.selected = False
        outer = QHBoxLayout(self)
        outer.setContentsMargins(16, 12, 16, 12)
        outer.setSpacing(0)
        left = QVBoxLayout()
        left.setSpacing(3)
        self._title = label(self.tr("Stage {0}").format(stage + 1), "name")
        self._about = label("", "secondary", "muted")
        self._bar = _ChannelBar()
        for widget in (self._title, self._about, self._bar):
            left.addWidget(widget)
        left.addStretch(1)
        holder = QWidget()
        holder.setFixedWidth(_COLUMNS[0])
        holder.setLayout(left)
        left.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(holder)
        right = QVBoxLayout()
        right.setSpacing(6)
        row = QHBoxLayout()
        row.setSpacing(0)
        self.chips: dict[str, Chips] = {}
        tips = {
            "depth": self.tr("Blocks in the stage"),
            "kernel": self.tr("Size of the depthwise kernel, px"),
            "expand": self.tr("Middle channels for each input channel"),
            "width": self.tr("Output channels of the stage, as a multiple"),
        }
        for column, kind in enumerate(model.KINDS):
            chips = Chips(self.tr("Stage {0}, {1}").format(stage + 1, kind), tips[kind])
            chips.clicked.connect(partial(self._toggled, kind))
            self.chips[kind] = chips
            if column < 3:
                chips.setFixedWidth(_COLUMNS[column + 1])
            row.addWidget(chips, 0, Qt.AlignmentFlag.AlignLeft)
        row.addStretch(1)
        right.addLayout(row)
        self._choices = label("", "secondary", "muted")
        right.addWidget(self._choices)
        outer.addLayout(right, 1)

    def show_stage(
        self,
        document: SpaceDocument,
        size: int,
        channels: tuple[int, ...],
        widest: int,
        *,
        enabled: bool,
    ) -> None:
        """Show the stage of a document: its output's size and channels at each width; `widest` of all stages."""
        text = self.tr("{0} channels, {1} px")
        if len(channels) > 1:
            text = self.tr("{2}–{0} ch., {1} px")
        self._about.setText(text.format(channels[-1], size, channels[0]))
        self._bar.set_share(channels[-1] / widest)
        count = model.stage_choices(document, self.stage)
        word = self.tr("choice") if count == 1 else self.tr("choices")
        self._choices.setText(
            self.tr("{0} {1} in this stage").format(model.scientific(count), word)
        )
        for kind, chips in self.chips.items():
            chips.show_options(
                model.offered(document, self.stage, kind),
                model.allowed(document, self.stage, kind),
                enabled=enabled,
            )

    def set_selected(self, selected: bool) -> None:
        """Mark the stage that "Apply to all" copies."""
        self.selected = selected
        self.update()

    def _toggled(self, kind: str, value: float) -> None:
        self.chosen.emit(self.stage)
        self.toggled.emit(self.stage, kind, value)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.chosen.emit(self.stage)
        super().mousePressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.selected:
            painter = QPainter(self)
            painter.fillRect(self.rect(), theme().color("hover"))
            painter.fillRect(0, 0, 3, self.height(), theme().color("accent"))


class StagesCard(Card):
    """All stages of a document.

    `toggled(stage or -1, kind, value)` : an option was clicked; -1 is the input. `apply_to_all(stage)`.
    """

    toggled = Signal(int, str, float)
    apply_to_all = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        self.apply = secondary_button("")
        super().__init__(
            self.tr("Stages"), self.tr("click an option to allow it"), trailing=self.apply, flush=True,
            parent=parent,
        )  # fmt: skip
        self.apply.set_text(self.tr("Apply to all"))
        self.apply.setToolTip(
            self.tr("Give every stage the depth, kernel and expand options of the marked one")
        )
        self.apply.clicked.connect(self._apply)
        self._stage = 0
        self.body.setSpacing(0)
        self.body.addWidget(self._heads())
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        inside = QWidget()
        inside.setProperty("ground", "none")
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._input = self._input_row()
        self._column.addWidget(self._input)
        self._column.addWidget(Divider())
        self.rows: list[StageRow] = []
        self._rows_box = QVBoxLayout()
        self._rows_box.setSpacing(0)
        self._column.addLayout(self._rows_box)
        self._head = label("", "secondary", "muted")
        foot = QWidget()
        line = QHBoxLayout(foot)
        line.setContentsMargins(16, 12, 16, 12)
        line.setSpacing(0)
        name = label(self.tr("Head"), "name")
        name.setFixedWidth(_COLUMNS[0])
        line.addWidget(name)
        line.addWidget(self._head, 1)
        self._column.addWidget(foot)
        self._column.addStretch(1)
        scroll.setWidget(inside)
        self.body.addWidget(scroll, 1)

    def _heads(self) -> QWidget:
        bar = QFrame()
        bar.setProperty("ground", "sunk")
        bar.setFixedHeight(32)
        row = QHBoxLayout(bar)
        row.setContentsMargins(16, 0, 16, 0)
        row.setSpacing(0)
        names = (self.tr("Stage"), self.tr("Depth (blocks)"), self.tr("Kernel (px)"),
                 self.tr("Expand ratio"), self.tr("Width (×)"))  # fmt: skip
        for column, name in enumerate(names):
            caption = SectionCaption(name)
            if column < 4:
                caption.setFixedWidth(_COLUMNS[column])
            row.addWidget(caption)
        row.addStretch(1)
        return bar

    def _input_row(self) -> QWidget:
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(16, 12, 16, 12)
        row.setSpacing(0)
        left = QWidget()
        left.setFixedWidth(_COLUMNS[0])
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        column.addWidget(label(self.tr("Input"), "name"))
        column.addWidget(label(self.tr("resolution (px)"), "secondary", "muted"))
        row.addWidget(left, 0, Qt.AlignmentFlag.AlignTop)
        self.resolution = Chips(self.tr("Resolution"), self.tr("Input resolution, px"))
        self.resolution.clicked.connect(partial(self.toggled.emit, -1, "resolution"))
        row.addWidget(self.resolution, 1)
        return box

    def show_document(
        self, document: SpaceDocument, resolutions: tuple[float, ...], *, enabled: bool
    ) -> None:
        """Show a document; `resolutions` are those that are offered."""
        stages = model.stages(document)
        while len(self.rows) > len(stages):
            row = self.rows.pop()
            self._rows_box.removeWidget(row)
            row.hide()
            row.deleteLater()
        while len(self.rows) < len(stages):
            row = StageRow(len(self.rows))
            row.toggled.connect(self.toggled)
            row.chosen.connect(self.choose)
            self.rows.append(row)
            self._rows_box.addWidget(row)
        self.choose(min(self._stage, len(stages) - 1))
        now = model.allowed(document, None, "resolution")
        self.resolution.show_options(resolutions, now, enabled=enabled)
        channels = model.stage_channels(document)
        widest = max(each[-1] for each in channels)
        sizes = model.stage_sizes(document)
        for row, size, own in zip(self.rows, sizes, channels, strict=True):
            row.show_stage(document, size, own, widest, enabled=enabled)
        self._head.setText(self._about_head(document))
        self.apply.setEnabled(enabled and len(stages) > 1)

    def _about_head(self, document: SpaceDocument) -> str:
        classes = document.options.get("classes", 1000)
        channels = self.tr(" and ").join(f"{count:,}" for count in model.head(document))
        if not channels:
            return self.tr("{0:,} classes; the same in every network").format(classes)
        return self.tr("{0} channels, then {1:,} classes; the same in every network").format(
            channels, classes
        )

    def choose(self, stage: int) -> None:
        """Mark a stage."""
        self._stage = max(stage, 0)
        for row in self.rows:
            row.set_selected(row.stage == self._stage)

    @property
    def stage(self) -> int:
        """The marked stage."""
        return self._stage

    def _apply(self) -> None:
        self.apply_to_all.emit(self._stage)
