import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication

from nasstudio.ui.kit.number import MINUS, NumberField, locale, written


@given(st.floats(-1e9, 1e9), st.integers(0, 4))
def test_that_a_written_number_reads_back_to_its_places(value, decimals):
    text = written(value, decimals)
    plain = text.replace(MINUS, "-").replace(locale().groupSeparator(), "")
    assert float(plain) == pytest.approx(value, abs=0.5001 * 10.0**-decimals, rel=1e-12)
    assert "-" not in text
    assert not (plain.startswith("-") and float(plain) == 0)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_that_no_number_is_a_dash(value):
    assert written(value, 2) == "–"


@pytest.fixture
def field(qtbot):
    made = NumberField(25.0, "ms", 1, -10.0, 60.0, name="Limit")
    qtbot.addWidget(made)
    made.show()
    return made


def type_in(qtbot, field, text):
    field.setFocus()
    field.selectAll()
    if text.isascii():
        qtbot.keyClicks(field, text)
    else:  # QTest knows only the keys of a US keyboard
        field.lineEdit().insert(text)
    qtbot.keyClick(field, Qt.Key.Key_Return)


def test_that_a_typed_value_is_committed_once(qtbot, field):
    said = []
    field.committed.connect(said.append)
    type_in(qtbot, field, "12.5")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert said == [12.5]


@pytest.mark.parametrize("text", ["-3.5", f"{MINUS}3.5"])
def test_that_both_kinds_of_minus_can_be_typed(qtbot, field, text):
    type_in(qtbot, field, text)
    assert field.value() == -3.5
    assert field.text() == f"{MINUS}3.5"


def test_that_a_value_set_from_code_says_nothing(field):
    said = []
    field.committed.connect(said.append)
    field.valueChanged.connect(said.append)
    field.set_value(30.0)
    assert (field.value(), said) == (30.0, [])


def test_that_a_letter_cannot_be_typed(qtbot, field):
    type_in(qtbot, field, "4x2")
    assert field.value() == 42.0


def test_that_thousands_are_grouped_and_can_be_edited(qtbot):
    field = NumberField(5000, "networks", 0, 1, 1e6)
    qtbot.addWidget(field)
    assert field.text() == "5,000"
    type_in(qtbot, field, "12,500")
    assert field.value() == 12500


def test_that_the_unit_is_part_of_the_accessible_name(field):
    assert field.accessibleName() == "Limit (ms)"


def test_that_scrolling_a_page_does_not_change_the_field_under_the_pointer(field):
    field.clearFocus()
    event = QWheelEvent(
        QPointF(5, 5), field.mapToGlobal(QPointF(5, 5)), QPoint(), QPoint(0, 120),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(field, event)
    assert field.value() == 25.0
