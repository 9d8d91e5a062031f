from PySide6.QtCore import QObject, Signal


class Emitter(QObject):
    flagged = Signal(bool)


def test_that_ten_thousand_signals_do_not_end_the_process(qtbot):
    """PySide6 6.12.0 on Python 3.11 loses a reference to `True` with each emit and aborts after about 570."""
    emitter = Emitter()
    seen = []
    emitter.flagged.connect(seen.append)
    for number in range(10_000):
        emitter.flagged.emit(number % 2 == 0)
    assert len(seen) == 10_000
    assert seen[-2:] == [True, False]
