"""The recipe of the next training: what its steps have in common, whatever its schedule opens."""

from __future__ import annotations

from typing import Any

import msgspec
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from nasstudio.engine.train.recipe import Recipe
from nasstudio.ui.kit.buttons import ghost_button
from nasstudio.ui.kit.fields import Combo, labelled
from nasstudio.ui.kit.labels import Divider, label
from nasstudio.ui.kit.number import NumberField
from nasstudio.ui.kit.popover import Popover

_WIDTH, _FIELD = 376, 152


class RecipePopover(Popover):
    """Shows and edits a recipe.

    Signals
    -------
    changed(Recipe) : a person has changed a value.
    """

    changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, width=_WIDTH)
        self.recipe = Recipe()
        self._numbers: dict[str, NumberField] = {}
        self._choices: dict[str, Combo] = {}
        top = QHBoxLayout()
        top.addWidget(label(self.tr("Recipe of the next training"), "title"))
        top.addStretch(1)
        self.reset = ghost_button(self.tr("Reset")).set_small()
        self.reset.setToolTip(self.tr("Back to the usual recipe"))
        self.reset.clicked.connect(lambda: self._offer(Recipe()))
        top.addWidget(self.reset)
        self.body.addLayout(top)
        self._number("batch", self.tr("Batch"), self.tr("images"), 0, 1, 65_536, 16,
                     self.tr("Images a step"))  # fmt: skip
        self._number("accumulate", self.tr("Micro-batches"), "", 0, 1, 1024, 1,
                     self.tr("Parts that a batch is divided into where it does not fit into memory;"
                             " batch norm sees one part at a time"))  # fmt: skip
        self.body.addWidget(Divider())
        self._choice("optimiser", self.tr("Optimiser"),
                     [("sgd", self.tr("SGD, Nesterov")), ("adamw", "AdamW")],
                     self.tr("The rates of the shipped schedules are for SGD"))  # fmt: skip
        self._number("weight_decay", self.tr("Weight decay"), "", 6, 0, 1, 1e-5,
                     self.tr("Of the weights; norms, biases and kernel matrices have none"))  # fmt: skip
        self._number("ema", self.tr("Weight average (EMA)"), "", 4, 0, 0.9999, 0.001,
                     self.tr("Decay of the moving average, which is what is evaluated and kept; 0: none"))  # fmt: skip
        self.body.addWidget(Divider())
        self._number("smoothing", self.tr("Label smoothing"), "", 2, 0, 0.99, 0.05,
                     self.tr("Share of every label that is spread over all classes"))  # fmt: skip
        self._number("dropout", self.tr("Dropout"), "", 2, 0, 0.99, 0.05,
                     self.tr("Share of the classifier's inputs that is left out"))  # fmt: skip
        self._number("mixup", self.tr("Mixup"), "", 2, 0, 10, 0.1,
                     self.tr("Alpha of mixing two images; 0: none"))  # fmt: skip
        self._number("erase", self.tr("Random erasing"), "", 2, 0, 1, 0.05,
                     self.tr("Share of the images that lose a rectangle"))  # fmt: skip
        self.body.addWidget(Divider())
        self._choice("precision", self.tr("Arithmetic"),
                     [("fp32", "fp32"), ("bf16", "bf16 autocast"), ("fp16", "fp16 autocast")],
                     self.tr("bf16 needs a processor that has it; fp16 a GPU"))  # fmt: skip
        self._choice("device", self.tr("Trains on"), [("cpu", "CPU"), ("cuda", "CUDA")],
                     self.tr("CUDA needs an NVIDIA GPU in this machine"))  # fmt: skip

    def _number(
        self, name: str, text: str, unit: str, decimals: int, least: float, most: float,
        step: float, tip: str,
    ) -> None:  # fmt: skip
        field = NumberField(0, unit, decimals, least, most, name=text, step=step, small=True)
        field.setFixedWidth(_FIELD)
        field.setToolTip(tip)
        field.committed.connect(lambda value: self._set(name, value))
        self._numbers[name] = field
        self.body.addWidget(labelled(text, field))

    def _choice(self, name: str, text: str, items: list[tuple[str, str]], tip: str) -> None:
        field = Combo([(key, shown) for key, shown in items], name=text, small=True)
        field.setFixedWidth(_FIELD)
        field.setToolTip(tip)
        field.chosen.connect(lambda key: self._set(name, key))
        self._choices[name] = field
        self.body.addWidget(labelled(text, field))

    def field(self, name: str) -> NumberField | Combo:
        """The field of a value."""
        return self._numbers.get(name) or self._choices[name]

    def show_recipe(self, recipe: Recipe, *, editable: bool) -> None:
        """Show a recipe."""
        self.recipe = recipe
        for name, number in self._numbers.items():
            number.set_value(float(_value(recipe, name)))
            number.setEnabled(editable)
        for name, choice in self._choices.items():
            choice.set_key(_value(recipe, name))
            choice.setEnabled(editable)
        self.reset.setEnabled(editable and recipe != Recipe())

    def _set(self, name: str, value: Any) -> None:
        if name in ("batch", "accumulate"):
            value = int(value)
        if name in ("mixup", "erase"):
            how = msgspec.structs.replace(self.recipe.augmentation, **{name: value})
            self._offer(msgspec.structs.replace(self.recipe, augmentation=how))
        else:
            self._offer(msgspec.structs.replace(self.recipe, **{name: value}))

    def _offer(self, recipe: Recipe) -> None:
        if recipe == self.recipe:
            return
        self.show_recipe(recipe, editable=True)
        self.changed.emit(recipe)


def _value(recipe: Recipe, name: str) -> Any:
    held = recipe.augmentation if name in ("mixup", "erase") else recipe
    return getattr(held, name)
