"""The schedule of the next training: a preset, its phases as an editable table, and what it will take."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, Signal
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHeaderView,
    QLineEdit,
    QStyleOptionViewItem,
    QWidget,
)

from nasstudio.engine.space.space import SearchSpace
from nasstudio.engine.train.schedule import Schedule, schedule_names, schedule_preset
from nasstudio.ui.kit.buttons import ghost_button, tool_button
from nasstudio.ui.kit.card import Card
from nasstudio.ui.kit.fields import Combo
from nasstudio.ui.kit.notice import ErrorNotice
from nasstudio.ui.kit.statemark import paint_state
from nasstudio.ui.kit.table import DataTable, TableDelegate
from nasstudio.ui.pages.train import schedule_model as sm
from nasstudio.ui.pages.train.recipe_popover import RecipePopover
from nasstudio.ui.pages.train.schedule_model import ScheduleModel
from nasstudio.ui.pages.train.words import duration_text
from nasstudio.ui.theme import theme

CUSTOM = ""
_WIDTHS = {sm.MARK: 34, sm.KERNEL: 72, sm.DEPTH: 72, sm.EXPAND: 72, sm.WIDTH: 92, sm.RESOLUTION: 112,
           sm.EPOCHS: 76, sm.RATE: 76, sm.DISTILL: 84, sm.NETWORKS: 124, sm.TIME: 128}  # fmt: skip


class _Delegate(TableDelegate):
    """Marks at the left; a frame around what can be edited, so that it is seen before it is clicked."""

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        if index.column() == sm.MARK:
            super().paint(painter, option, index)
            box = QRectF(option.rect)
            paint_state(
                painter,
                QRectF(box.left() + 14, box.center().y() - 6, 12, 12),
                index.data(sm.STATE_ROLE),
            )
            return
        super().paint(painter, option, index)
        if index.data(sm.EDITABLE_ROLE) and index.column() in (sm.EPOCHS, sm.RATE):
            painter.save()
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(theme().color("control_border"), 1))
            box = QRectF(option.rect)
            painter.drawRoundedRect(box.adjusted(8.5, 3.5, -2.5, -4.5), 4, 4)
            painter.restore()

    def createEditor(self, parent, option, index) -> QWidget:
        made = QLineEdit(parent)
        made.setProperty("small", "true")
        made.setTextMargins(0, 0, 0, 0)
        return made

    def setEditorData(self, editor, index) -> None:
        editor.setText(str(index.data(sm.Qt.ItemDataRole.EditRole)))
        editor.selectAll()

    def setModelData(self, editor, model, index) -> None:
        model.setData(index, editor.text())


class ScheduleCard(Card):
    """Shows and edits a schedule.

    Signals
    -------
    changed(Schedule) : a person has chosen a preset or edited a phase.
    recipe_changed(Recipe) : a person has changed what the steps have in common.
    """

    changed = Signal(object)
    recipe_changed = Signal(object)

    def __init__(self) -> None:
        super().__init__(self.tr("Schedule"), " ", flush=True)
        self.model = ScheduleModel(self)
        self._planned = True
        self._shown_preset: tuple[str, bool] | None = None
        self._presets = {name: schedule_preset(name) for name in schedule_names()}
        self.preset = Combo(name=self.tr("Preset of the schedule"), small=True)
        self.preset.setToolTip(self.tr("Begin from a shipped schedule"))
        self.settings = ghost_button(self.tr("Recipe"), "sliders").set_small()
        self.settings.setToolTip(
            self.tr("Batch, optimiser, weight average, augmentation, arithmetic")
        )
        self.recipe = RecipePopover(self)
        self.add = ghost_button(self.tr("Add a phase"), "plus").set_small()
        self.remove = tool_button("trash", self.tr("Remove the selected phase"), small=True)
        for widget in (self.preset, self.settings, self.add, self.remove):
            self.add_trailing(widget)
        self.caption_label.setMinimumWidth(60)
        self.preset.setMinimumWidth(120)
        self.preset.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.preset.setMinimumContentsLength(28)
        self.error = ErrorNotice()
        self.body.addWidget(self.error)
        self.table = DataTable(name=self.tr("Phases of the schedule"))
        self.table.setModel(self.model)
        self.table.setItemDelegate(_Delegate(self.table))
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        head = self.table.horizontalHeader()
        for column, width in _WIDTHS.items():
            head.resizeSection(column, width)
        head.setSectionResizeMode(sm.NAME, QHeaderView.ResizeMode.Stretch)
        self.body.addWidget(self.table)
        self.model.edited.connect(self._edited)
        self.model.refused.connect(self.error.set_error)
        self.preset.chosen.connect(self._chosen)
        self.add.clicked.connect(lambda: self.model.add_phase())
        self.remove.clicked.connect(self._remove)
        self.settings.clicked.connect(lambda: self.recipe.show_beside(self.settings, "above"))
        self.recipe.changed.connect(self.recipe_changed)
        self.model.modelReset.connect(self._fit)

    def show_schedule(
        self,
        schedule: Schedule,
        space: SearchSpace | None,
        states: list[str],
        *,
        editable: bool,
    ) -> None:
        """Show a schedule; without `states` it is that of the next training."""
        self._planned = not states
        self.model.show_schedule(schedule, space, states, editable=editable)
        self._show_caption()
        widths = () if space is None else (g for g in space.genes if g.kind == "width")
        self.table.setColumnHidden(sm.WIDTH, not any(len(gene) > 1 for gene in widths))
        for widget in (self.preset, self.settings, self.add, self.remove):
            widget.setVisible(self._planned)
            widget.setEnabled(editable)
        presets = self._presets.items()
        found = next((name for name, p in presets if p.phases == schedule.phases), CUSTOM)
        if (found, bool(found)) != self._shown_preset:
            self._shown_preset = (found, bool(found))
            items = [(name, preset.title) for name, preset in presets]
            self.preset.set_items(items if found else [*items, (CUSTOM, self.tr("Your own"))])
            self.preset.set_key(found)

    def set_times(self, seconds: Sequence[float | None], measured: Sequence[bool]) -> None:
        """Seconds of each phase, s, and whether they were measured."""
        self.model.set_times(seconds, measured)
        self._show_caption()

    def _show_caption(self) -> None:
        if not self._planned:
            self.set_caption(self.tr("Fixed while it trains"))
            return
        total = self.model.total_s()
        if total is None:
            self.set_caption(self.tr("Next training; time not known yet"))
        else:
            text = self.tr("Next training, about {0}")
            self.set_caption(text.format(duration_text(total)))

    def _edited(self, schedule: Schedule) -> None:
        self.error.set_error(None)
        self.changed.emit(schedule)

    def _chosen(self, key: object) -> None:
        if key in self._presets:
            self._edited(self._presets[str(key)])

    def _remove(self) -> None:
        row = self.table.currentIndex().row()
        if row >= 0:
            self.model.remove_phase(row)

    def _fit(self) -> None:
        rows = min(8, max(1, self.model.rowCount()))
        self.table.setFixedHeight(32 + 28 * rows + 2)
