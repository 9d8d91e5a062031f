"""What stands beside the plots under the table follows from the calibration and from nothing else."""

import msgspec
import pytest

from nasstudio.ui.pages.devices.accuracy import AccuracyCards


@pytest.mark.parametrize(
    ("tau", "tau_macs", "words"),
    [(0.98, 0.70, "FLOPs is not speed"), (0.98, 0.97, "MACs rank as well here")],
)
def test_that_the_lesson_is_drawn_only_where_the_numbers_teach_it(
    qtbot, calibrated, tau, tau_macs, words
):
    cards = AccuracyCards()
    qtbot.addWidget(cards)
    made = calibrated([1.0, 2.0, 3.0, 4.0, 5.0], [1.1, 2.1, 3.1, 4.2, 5.0])
    cards.show_calibration(msgspec.structs.replace(made, tau=tau, tau_macs=tau_macs))
    assert cards.lesson.text() == words
