import msgspec
import pytest

from nasstudio.engine.space.families import build, preset
from nasstudio.engine.train.schedule import schedule_preset
from nasstudio.ui.pages.train.pace import Measured, estimates
from nasstudio.ui.pages.train.timeline import Span, Timeline
from nasstudio.ui.pages.train.words import duration_text, phase_note

SPACE = build(preset("mbv3_28_fast"))
QUICK = schedule_preset("progressive_quick")


def test_that_a_schedule_is_estimated_to_take_what_it_took():
    first = estimates(SPACE, QUICK, Measured(QUICK, (40.0, None, None, None)))
    assert first[0] == pytest.approx(40.0)
    again = estimates(SPACE, QUICK, Measured(QUICK, tuple(first)))
    assert again == pytest.approx(first)


def test_that_twice_the_epochs_take_twice_as_long():
    measured = Measured(QUICK, (40.0, 10.0, 30.0, 30.0))
    last = msgspec.structs.replace(QUICK.phases[-1], epochs=2 * QUICK.phases[-1].epochs)
    doubled = msgspec.structs.replace(QUICK, phases=(*QUICK.phases[:-1], last))
    one, two = (estimates(SPACE, s, measured)[-1] for s in (QUICK, doubled))
    assert two == pytest.approx(2 * one, rel=0.2)  # other subnets are drawn


def test_that_nothing_is_estimated_from_nothing():
    assert estimates(SPACE, QUICK, None) == [None] * 4
    assert estimates(SPACE, QUICK, Measured(QUICK, (None,) * 4)) == [None] * 4


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (0.4, "0 s"),
        (59.4, "59 s"),
        (61, "1 min 01 s"),
        (1800, "30 min"),
        (7440, "2 h 04 min"),
    ],
)
def test_that_durations_are_read_at_a_glance(seconds, text):
    assert duration_text(seconds) == text


def test_that_a_phase_says_what_it_opens():
    assert phase_note(SPACE, QUICK.phases[0], None) == "largest network"
    assert phase_note(SPACE, QUICK.phases[1], QUICK.phases[0]) == "k 3, 5, 7"


def spans(*epochs):
    return [Span(f"P{n}", "", e, "empty") for n, e in enumerate(epochs)]


def test_that_the_timeline_is_to_scale_and_fills_its_width(qtbot):
    line = Timeline()
    qtbot.addWidget(line)
    line.resize(1012, 90)
    line.show_phases(spans(60, 20, 20), 60.0)
    boxes = line.boxes()
    assert boxes[0].width() == pytest.approx(3 * boxes[1].width(), rel=0.01)
    assert boxes[-1].right() == pytest.approx(1012)
    assert line.now_x() == pytest.approx(boxes[0].right())


def test_that_a_short_phase_can_still_be_seen(qtbot):
    line = Timeline()
    qtbot.addWidget(line)
    line.resize(800, 90)
    line.show_phases(spans(500, 1, 1), None)
    widths = [box.width() for box in line.boxes()]
    assert min(widths) >= 25
    assert sum(widths) == pytest.approx(800 - 8)
    assert line.now_x() is None
