import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, Qt

from nasstudio.ui.kit.slider import STEPS, LimitSlider


def limit(qtbot, **options):
    made = LimitSlider("Pixel CPU", "XNNPACK", "ms", 1.0, 100.0, 25.0, 2, **options)
    qtbot.addWidget(made)
    made.resize(240, 60)
    return made


def listen(row):
    said = []
    row.moved.connect(lambda value: said.append(("moved", value)))
    row.committed.connect(lambda value: said.append(("committed", value)))
    row.toggled.connect(lambda on: said.append(("toggled", on)))
    return said


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(value=st.floats(1.0, 100.0), log=st.booleans())
def test_that_a_value_keeps_its_digits_wherever_the_handle_stands(qtbot, value, log):
    row = limit(qtbot, log=log)
    row.set_value(value)
    assert row.value() == pytest.approx(value, abs=0.005001)
    assert row._value(row.slider.share()) == pytest.approx(value, rel=0.02)


def test_that_a_logarithmic_slider_has_ten_in_the_middle_of_one_to_a_hundred(qtbot):
    row = limit(qtbot, log=True)
    row.set_value(10.0)
    assert row.slider.value() == STEPS // 2


def test_that_code_moves_the_limit_silently(qtbot):
    row = limit(qtbot)
    said = listen(row)
    row.set_value(40.0)
    row.set_best(20.0)
    row.set_range(1.0, 30.0)
    row.set_checked(False)
    assert said == []
    assert row.value() == 30.0


def test_that_dragging_follows_the_pointer_and_commits_once(qtbot):
    row = limit(qtbot)
    row.show()
    said = listen(row)
    middle = row.slider.height() // 2
    qtbot.mousePress(row.slider, Qt.MouseButton.LeftButton, pos=QPoint(60, middle))
    qtbot.mouseMove(row.slider, QPoint(90, middle))
    qtbot.mouseMove(row.slider, QPoint(120, middle))
    qtbot.mouseRelease(row.slider, Qt.MouseButton.LeftButton, pos=QPoint(120, middle))
    kinds = [kind for kind, _ in said]
    assert kinds[-1] == "committed"
    assert kinds.count("committed") == 1
    moved = [value for kind, value in said if kind == "moved"]
    assert moved == sorted(moved)
    assert len(moved) >= 2
    assert said[-1][1] == moved[-1] == row.value()


def test_that_the_keyboard_moves_the_limit(qtbot):
    row = limit(qtbot)
    row.show()
    said = listen(row)
    qtbot.keyClick(row.slider, Qt.Key.Key_Right)
    assert row.value() > 25.0
    assert [kind for kind, _ in said] == ["moved", "committed"]


def test_that_a_typed_limit_moves_the_handle(qtbot):
    row = limit(qtbot)
    row.show()
    row.field.setFocus()
    row.field.selectAll()
    qtbot.keyClicks(row.field, "50.5")
    qtbot.keyClick(row.field, Qt.Key.Key_Return)
    assert row.slider.share() == pytest.approx(0.5)


def test_that_a_limit_that_does_not_hold_cannot_be_moved(qtbot):
    row = limit(qtbot, checked=False)
    said = listen(row)
    assert not row.slider.isEnabled()
    row.check.click()
    assert row.slider.isEnabled()
    assert said == [("toggled", True)]


def test_that_the_best_network_beyond_the_ends_is_marked_at_the_end(qtbot):
    row = limit(qtbot, log=True)
    row.set_best(1000.0)
    assert row.slider.mark() == 1.0
    row.set_best(None)
    assert row.slider.mark() is None


@pytest.mark.parametrize(
    ("low", "high", "log"), [(5.0, 5.0, False), (9.0, 1.0, False), (0.0, 1.0, True)]
)
def test_that_ends_without_a_scale_are_refused(qtbot, low, high, log):
    row = limit(qtbot, log=log)
    with pytest.raises(ValueError, match="no slider"):
        row.set_range(low, high)
