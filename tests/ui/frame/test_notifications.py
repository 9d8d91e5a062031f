import itertools

import pytest
from PySide6.QtWidgets import QMainWindow

from nasstudio.ui.frame.notifications import KEPT, NoteList, Notifications
from nasstudio.ui.kit.buttons import Button


@pytest.fixture
def window(qtbot):
    made = QMainWindow()
    made.resize(900, 600)
    qtbot.addWidget(made)
    made.show()
    return made


@pytest.fixture
def notes(window):
    made = Notifications(window)
    made.desktop_wanted = False
    return made


def test_that_a_note_is_shown_counted_and_kept(notes, qtbot):
    with qtbot.waitSignal(notes.unread_changed):
        notes.notify("Search has ended", "76.4 %", "good")
    assert notes.unread == 1
    assert [note.title for note in notes.notes()] == ["Search has ended"]
    assert notes.toasts()[0].isVisible()
    notes.mark_read()
    assert notes.unread == 0


def test_that_at_most_three_toasts_stand_in_the_corner_without_overlap(notes, window):
    for number in range(5):
        notes.notify(
            f"note {number}", "a text that is long enough to be broken into two lines " * 2
        )
    shown = notes.toasts()
    assert [toast.note.title for toast in shown] == ["note 2", "note 3", "note 4"]
    for upper, lower in itertools.pairwise(shown):
        assert upper.geometry().bottom() < lower.geometry().top()
    assert window.rect().contains(shown[-1].geometry())


def test_that_toasts_keep_to_the_corner_when_the_window_grows(notes, window):
    notes.notify("here")
    window.resize(1100, 700)
    assert notes.toasts()[0].geometry().right() == pytest.approx(1100 - 16, abs=1)


def test_that_only_so_many_notes_are_kept(notes):
    for number in range(KEPT + 5):
        notes.notify(str(number))
    assert len(notes.notes()) == KEPT
    assert notes.notes()[0].title == str(KEPT + 4)


def test_that_the_button_of_a_note_does_what_it_says_and_the_toast_goes(notes):
    done = []
    notes.notify("Run failed", "The disk is full.", "bad", "Show log", lambda: done.append("log"))
    toast = notes.toasts()[0]
    next(b for b in toast.findChildren(Button) if b.text() == "Show log").click()
    assert done == ["log"]
    assert notes.toasts() == []


def test_that_a_toast_goes_by_itself(notes):
    notes.notify("bye")
    notes.toasts()[0]._timer.timeout.emit()
    assert notes.toasts() == []


def test_that_a_tone_that_is_none_is_refused(notes):
    with pytest.raises(ValueError, match="loud"):
        notes.notify("a", tone="loud")


def test_that_opening_the_list_reads_everything(notes, window):
    notes.notify("a")
    notes.notify("b", "text", "warn", "Do", lambda: None)
    shown = notes.open_list(window)
    assert isinstance(shown, NoteList)
    assert notes.unread == 0
    assert notes.toasts() == []
    next(b for b in shown.findChildren(Button) if b.text() == "Clear").click()
    assert notes.notes() == []
