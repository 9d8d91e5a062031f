"""The left panel: objective, limits, what binds, algorithm and hypervolume."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from nasstudio.engine.search.archive import ACCURACY
from nasstudio.engine.search.registry import names as algorithm_names
from nasstudio.ui.icons import pixmap
from nasstudio.ui.kit.buttons import soft_button
from nasstudio.ui.kit.card import Panel
from nasstudio.ui.kit.fields import Combo, labelled
from nasstudio.ui.kit.labels import SectionCaption, label, set_tone
from nasstudio.ui.kit.number import NumberField, written
from nasstudio.ui.kit.slider import LimitSlider
from nasstudio.ui.pages.search import words
from nasstudio.ui.plots.hypervolume import HypervolumePlot
from nasstudio.ui.theme import theme
from nasstudio.ui.views.search_model import SearchModel


class Reason(QFrame):
    """Which limit binds and what loosening it buys; or which is to blame, with the button that loosens it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "notice")
        self.setProperty("tone", "muted")
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 12, 8)
        row.setSpacing(10)
        self._icon = QLabel()
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout()
        column.setSpacing(3)
        self.title = label("", "name", wrap=True)
        self.text = label("", "secondary", "muted", wrap=True)
        self.button = soft_button("").set_small()
        column.addWidget(self.title)
        column.addWidget(self.text)
        column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignLeft)
        row.addLayout(column, 1)
        self._blamed = False
        theme().changed.connect(self._recolor)
        self._recolor()

    def set_reason(self, title: str, text: str, button: str = "") -> None:
        """Say it; a button makes it an impossible set of limits. An empty title hides it."""
        self.setVisible(bool(title))
        self.title.setText(title)
        self.text.setText(text)
        self.button.set_text(button)
        self.button.setVisible(bool(button))
        self._blamed = bool(button)
        set_tone(self, "bad" if button else "muted")
        self.setAccessibleName(f"{title} {text}".strip())
        self._recolor()

    def _recolor(self) -> None:
        name, token = ("warn", "bad") if self._blamed else ("star-filled", "star")
        self._icon.setPixmap(pixmap(name, 16, token))


class SearchPanel(Panel):
    """The panel.

    `refine_wanted` when the search is to be refined under the limits; `objective_chosen(key)` when another metric is to
    stand against accuracy.
    """

    refine_wanted = Signal()
    objective_chosen = Signal(str)

    def __init__(self, model: SearchModel, parent: QWidget | None = None) -> None:
        super().__init__("left", 280, parent)
        self._model = model
        self.sliders: dict[str, LimitSlider] = {}
        self.body.setContentsMargins(0, 0, 0, 0)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inner = QFrame()
        inner.setProperty("ground", "surface")
        self._column = QVBoxLayout(inner)
        self._column.setContentsMargins(16, 12, 16, 8)
        self._column.setSpacing(6)
        scroll.setWidget(inner)
        self.body.addWidget(scroll)
        self._build_objective()
        self._build_limits()
        self._build_algorithm()
        self._column.addStretch(1)

    # -- building -----------------------------------------------------------------------------------------------

    def _build_objective(self) -> None:
        self._column.addWidget(SectionCaption(self.tr("Objective")))
        self.objective = Combo(name=self.tr("Objective"))
        self.objective.setSizeAdjustPolicy(
            Combo.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.objective.setToolTip(
            self.tr("What a search trades against validation accuracy: the other axis of its front")
        )
        self.objective.chosen.connect(lambda key: self.objective_chosen.emit(str(key)))
        self._column.addWidget(self.objective)

    def _build_limits(self) -> None:
        self._column.addSpacing(4)
        self._column.addWidget(SectionCaption(self.tr("Limits")))
        self._limits = QVBoxLayout()
        self._limits.setSpacing(2)
        self._column.addLayout(self._limits)
        row = QHBoxLayout()
        self._mark = QLabel("▲")
        self._mark.setFont(label("", "caption").font())
        row.addWidget(self._mark)
        row.addWidget(label(self.tr("where the best network stands"), "caption", "muted"))
        row.addStretch(1)
        self._column.addLayout(row)
        self.reason = Reason()
        self.reason.button.clicked.connect(self._loosen)
        self._column.addWidget(self.reason)
        self.refine = soft_button(self.tr("Refine under these limits"), "sparkle")
        self.refine.setToolTip(
            self.tr("Start a search that spends its whole budget on networks under the limits")
        )
        self.refine.clicked.connect(self.refine_wanted)
        self._column.addWidget(self.refine)

    def _build_algorithm(self) -> None:
        self._column.addSpacing(4)
        self._column.addWidget(SectionCaption(self.tr("Algorithm")))
        items = [(name, words.algorithm_title(name)) for name in algorithm_names()]
        self.algorithm = Combo(items, name=self.tr("Algorithm"))
        self.algorithm.setToolTip(
            self.tr("How networks are proposed; all of them see the same metrics")
        )
        self.algorithm.chosen.connect(lambda key: self._model.remember(algorithm=key))
        self._column.addWidget(self.algorithm)
        self.budget = NumberField(
            20_000,
            self.tr("networks"),
            0,
            100,
            1_000_000,
            name=self.tr("Budget"),
            step=1000,
            small=True,
        )
        self.population = NumberField(
            100, "", 0, 4, 10_000, name=self.tr("Population"), step=10, small=True
        )
        self.budget.setToolTip(self.tr("Networks that are evaluated at most"))
        self.population.setToolTip(self.tr("Networks of one generation"))
        for field in (self.budget, self.population):
            field.setFixedWidth(136)
        self.budget.committed.connect(lambda value: self._model.remember(budget=int(value)))
        self.population.committed.connect(lambda value: self._model.remember(population=int(value)))
        self._column.addWidget(labelled(self.tr("Budget"), self.budget))
        self._column.addWidget(labelled(self.tr("Population"), self.population))
        row = QHBoxLayout()
        row.addWidget(SectionCaption(self.tr("Hypervolume")))
        row.addStretch(1)
        self.hypervolume_value = label("–", "name")
        row.addWidget(self.hypervolume_value)
        self._column.addSpacing(4)
        self._column.addLayout(row)
        self.hypervolume = HypervolumePlot()
        self._column.addWidget(self.hypervolume)

    # -- showing ------------------------------------------------------------------------------------------------

    def show_metrics(self) -> None:
        """Other metrics, other spans: build the rows of limits anew where they changed."""
        model = self._model
        self.objective.set_items(
            [
                (q.key, self.tr("Accuracy against {0}").format(q.short))
                for q in model.quantities.values()
                if q.key != ACCURACY
            ]
        )
        stored = words.search_settings(model)
        self.algorithm.set_key(stored["algorithm"])
        self.budget.set_value(float(str(stored["budget"])))
        self.population.set_value(float(str(stored["population"])))
        wanted = [key for key in model.quantities if key in model.limits and key != ACCURACY]
        if list(self.sliders) != wanted:
            self._rebuild(wanted)
        for key, slider in self.sliders.items():
            slider.set_range(*model.span(key))
        self.show_limits()

    def _rebuild(self, keys: list[str]) -> None:
        for slider in self.sliders.values():
            self._limits.removeWidget(slider)
            slider.hide()
            slider.deleteLater()
        self.sliders = {}
        for key in keys:
            quantity = self._model.quantities[key]
            low, high = self._model.span(key)
            state = self._model.limits[key]
            slider = LimitSlider(
                quantity.name, quantity.note, quantity.unit, low, high,
                state.most, quantity.decimals, checked=state.on,
            )  # fmt: skip
            slider.setToolTip(
                self.tr("{0}: at most so many {1}").format(quantity.title, quantity.unit)
            )
            slider.slider.sliderPressed.connect(self._model.begin_gesture)
            slider.moved.connect(lambda value, key=key: self._model.set_limit(key, most=value))
            slider.committed.connect(lambda value: self._model.begin_gesture())
            slider.toggled.connect(lambda on, key=key: self._toggled(key, on))
            self._limits.addWidget(slider)
            self.sliders[key] = slider

    def _toggled(self, key: str, on: bool) -> None:
        self._model.begin_gesture()
        self._model.set_limit(key, on=on)

    def show_limits(self) -> None:
        """Limits and where the best network stands."""
        model = self._model
        self.objective.set_key(model.x_key_for_search)
        best = model.answer.best if model.answer else None
        for key, slider in self.sliders.items():
            state = model.limits.get(key)
            if state is None:
                continue
            if not slider.slider.isSliderDown():
                slider.set_value(state.most)
            slider.set_checked(state.on)
            slider.set_tone("limit" if key in (model.x_key, model.y_key) and state.on else "accent")
            known = best is not None and model.seen is not None and key in model.seen.values
            slider.set_best(float(model.seen.values[key][best]) if known and model.seen else None)

    def show_reason(self) -> None:
        """Why the answer is what it is."""
        title, text, button, _ = words.blame(self._model, self.tr)
        if not title:
            title, text = words.binding(self._model, self.tr)
        self.reason.set_reason(title, text, button)

    def _loosen(self) -> None:
        *_, values = words.blame(self._model, self.tr)
        self._model.begin_gesture()
        for key, value in values.items():
            self._model.set_limit(key, most=value)

    def show_curve(self) -> None:
        """The hypervolume of the shown search."""
        seen = self._model.seen
        curve = seen.curve if seen is not None else np.zeros((0, 3))
        name = words.algorithm_title(self._model.shown_algorithm())
        self.hypervolume.set_curve(
            curve, float(self._model.shown_budget() or self.budget.value()), name
        )
        last = self.hypervolume.last()
        self.hypervolume_value.setText("–" if last is None else written(last, 3))

    def show_running(self, *, can_refine: bool) -> None:
        """Whether a refinement can be started."""
        answer = self._model.answer
        limited = answer is not None and bool(answer.limits)
        self.refine.setVisible(limited and self._model.seen_count > 0)
        self.refine.setEnabled(can_refine and answer is not None)
