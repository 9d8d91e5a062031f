"""The left panel of the Space page: family, preset, and the input that the data set decides."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QVBoxLayout, QWidget

from nasstudio.engine.space.families import preset_names
from nasstudio.ui.icons import pixmap
from nasstudio.ui.kit import metrics
from nasstudio.ui.kit.card import Panel
from nasstudio.ui.kit.fields import Combo, labelled
from nasstudio.ui.kit.labels import SectionCaption, label
from nasstudio.ui.kit.notice import InlineNotice
from nasstudio.ui.kit.number import NumberField
from nasstudio.ui.theme import theme

# (key, title, what is searched, whether this version has it)
FAMILIES = (
    ("mobilenetv3", "MobileNet, ProxylessNAS", "d, w per stage; k, e per block", True),
    ("mnasnet", "MnasNet", "blocks, op per stage", False),
    ("resnet", "ResNet", "width, depth, expand", False),
    ("vit", "ViT", "embed, heads, MLP", False),
    ("bert", "BERT", "attention, FFN, conv", False),
    ("efficientnet", "EfficientNet scaling", "α, β, γ, φ", False),
    ("tabular", "Tabular", "from a table", False),
)


class _FamilyRow(QAbstractButton):
    def __init__(
        self, title: str, about: str, *, present: bool, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setCheckable(True)
        self.setEnabled(present)
        self.setFixedHeight(44)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 4, 30, 4)
        column.setSpacing(0)
        tone = "" if present else "faint"
        self._title = label(title, "name" if present else "base", tone)
        note = about if present else self.tr("not in this version")
        self._note = label(note, "secondary", "muted" if present else "faint")
        for widget in (self._title, self._note):
            widget.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            column.addWidget(widget)
        self.setAccessibleName(f"{title}, {note}")
        self.setToolTip(about if present else self.tr("{0}: not in this version").format(title))
        theme().changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(180, 44)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        if self.isChecked():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme().color("soft"))
            painter.drawRoundedRect(box, metrics.RADIUS, metrics.RADIUS)
            painter.drawPixmap(self.width() - 26, 14, pixmap("check", 16, "on_soft"))
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme().color("accent"), 1))
            painter.drawRoundedRect(box, metrics.RADIUS, metrics.RADIUS)


class SpacePanel(Panel):
    """What the space starts from.

    `preset_chosen(name)`, `input_changed(channels, classes)`.
    """

    preset_chosen = Signal(str)
    input_changed = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("left", 224, parent)
        self.body.setContentsMargins(8, 16, 8, 16)
        self.body.setSpacing(2)
        self.body.addWidget(_caption(self.tr("Family")))
        self.families: dict[str, _FamilyRow] = {}
        for key, title, about, present in FAMILIES:
            row = _FamilyRow(title, about, present=present)
            row.setChecked(present)
            row.setAutoExclusive(True)
            self.families[key] = row
            self.body.addWidget(row)
        self.body.addSpacing(12)
        inside = QVBoxLayout()
        inside.setContentsMargins(8, 0, 8, 0)
        inside.setSpacing(8)
        inside.addWidget(SectionCaption(self.tr("Preset")))
        self.preset = Combo(
            [(name, _preset_title(name)) for name in preset_names()], name=self.tr("Preset")
        )
        self.preset.setToolTip(self.tr("Start from a space that ships with the program"))
        self.preset.setSizeAdjustPolicy(
            Combo.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.preset.chosen.connect(lambda name: self.preset_chosen.emit(str(name)))
        inside.addWidget(self.preset)
        inside.addSpacing(4)
        inside.addWidget(SectionCaption(self.tr("Input")))
        self.classes = NumberField(10, minimum=2, maximum=100_000, name=self.tr("Classes"))
        self.channels = NumberField(3, minimum=1, maximum=16, name=self.tr("Channels"))
        for text, field in (
            (self.tr("Classes"), self.classes),
            (self.tr("Channels"), self.channels),
        ):
            field.setFixedWidth(96)
            field.committed.connect(self._input_changed)
            inside.addWidget(labelled(text, field))
        inside.addSpacing(8)
        inside.addWidget(
            InlineNotice(
                "muted",
                self.tr("Start with a good space"),
                self.tr("A search cannot find what is not there. Watch the extremes."),
                icon="lightbulb",
            )
        )
        self.body.addLayout(inside)
        self.body.addStretch(1)

    def show_input(self, channels: int, classes: int, *, fixed_by: str, enabled: bool) -> None:
        """Show channels and classes; `fixed_by` names the data set that decides them, if one does."""
        for field, value in ((self.channels, channels), (self.classes, classes)):
            field.set_value(value)
            field.setEnabled(enabled and not fixed_by)
            field.setToolTip(
                self.tr("From the data set: {0}").format(fixed_by)
                if fixed_by
                else self.tr("Choose a data set and it decides this")
            )
        self.preset.setEnabled(enabled)

    def _input_changed(self, _: float) -> None:
        self.input_changed.emit(int(self.channels.value()), int(self.classes.value()))


def _caption(text: str) -> SectionCaption:
    caption = SectionCaption(text)
    caption.setContentsMargins(8, 0, 8, 4)
    return caption


def _preset_title(name: str) -> str:
    """A preset's short name for a narrow list."""
    return {
        "mbv3_28": "Small images, 28 px",
        "mbv3_28_fast": "28 px, half size first",
        "mbv3_28_width": "28 px, elastic width",
        "proxyless_28": "ProxylessNAS, 28 px",
        "mbv3_32": "Small images, 32 px",
        "ofa_mbv3": "Once-for-All, 224 px",
        "ofa_mbv3_w12": "Once-for-All, width 1.2",
        "ofa_proxyless_w13": "Once-for-All, Proxyless",
    }.get(name, name)
