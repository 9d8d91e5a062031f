"""What the steps of the next training have in common is edited in one place and kept in the project."""

from __future__ import annotations

import pytest

from nasstudio.engine.data.augmentation import Augmentation
from nasstudio.engine.train.recipe import Recipe
from nasstudio.ui.pages.train.recipe_popover import RecipePopover


@pytest.fixture
def popover(qtbot):
    made = RecipePopover()
    qtbot.addWidget(made)
    made.show_recipe(Recipe(), editable=True)
    return made


@pytest.mark.parametrize(
    ("name", "value", "recipe"),
    [
        ("batch", 128, Recipe(batch=128)),
        ("ema", 0.0, Recipe(ema=0.0)),
        ("mixup", 0.2, Recipe(augmentation=Augmentation(mixup=0.2))),
        ("optimiser", "adamw", Recipe(optimiser="adamw")),
    ],
)
def test_that_a_field_changes_its_value_alone(qtbot, popover, name, value, recipe):
    field = popover.field(name)
    with qtbot.waitSignal(popover.changed) as told:
        if isinstance(value, str):
            field.chosen.emit(value)
        else:
            field.committed.emit(value)
    assert told.args == [recipe]
    assert popover.reset.isEnabled()


def test_that_reset_brings_the_usual_recipe(qtbot, popover):
    popover.show_recipe(Recipe(dropout=0.3), editable=True)
    assert popover.field("dropout").value() == 0.3
    with qtbot.waitSignal(popover.changed) as told:
        popover.reset.click()
    assert told.args == [Recipe()]
    assert popover.field("dropout").value() == 0


def test_that_nothing_can_be_edited_in_a_project_that_is_read_only(popover):
    popover.show_recipe(Recipe(batch=32), editable=False)
    assert not popover.field("batch").isEnabled()
    assert not popover.reset.isEnabled()
