import importlib.util
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QAbstractButton, QAbstractScrollArea, QLineEdit, QWidget

from nasstudio.engine.errors import InvalidInput
from nasstudio.ui.kit.badge import Badge
from nasstudio.ui.kit.buttons import primary_button, tool_button
from nasstudio.ui.kit.card import Card
from nasstudio.ui.kit.chip import Chip
from nasstudio.ui.kit.empty import EmptyState
from nasstudio.ui.kit.fields import Combo, SearchField, labelled
from nasstudio.ui.kit.header import PageHeader
from nasstudio.ui.kit.keyvalue import KeyValueList
from nasstudio.ui.kit.labels import ElidedLabel, set_shown
from nasstudio.ui.kit.notice import ErrorNotice, InlineNotice
from nasstudio.ui.kit.number import NumberField
from nasstudio.ui.kit.popover import Popover
from nasstudio.ui.kit.progress import ProgressBar
from nasstudio.ui.kit.segmented import SegmentedControl
from nasstudio.ui.kit.sparkline import Sparkline
from nasstudio.ui.kit.stat import StatCard
from nasstudio.ui.kit.statemark import STATES, StateMark
from nasstudio.ui.theme import theme


@pytest.fixture
def keep(qtbot):
    def kept(widget):
        qtbot.addWidget(widget)
        return widget

    return kept


@pytest.fixture(scope="module")
def gallery():
    file = Path(__file__).with_name("gallery.py")
    spec = importlib.util.spec_from_file_location("gallery_of_the_kit", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def nameless(root: QWidget) -> list[str]:
    """Controls that can take the focus and say nothing about themselves."""
    found = []
    for widget in [root, *root.findChildren(QWidget)]:
        takes = widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        inner = isinstance(widget.parent(), QAbstractScrollArea) or widget.objectName().startswith(
            "qt_"
        )
        proxied = isinstance(widget, QLineEdit) and widget.objectName() == "qt_spinbox_lineedit"
        says = widget.accessibleName() or (isinstance(widget, QAbstractButton) and widget.text())
        if (
            takes
            and not says
            and not widget.isHidden()
            and not inner
            and not proxied
            and widget is not root
        ):
            found.append(f"{type(widget).__name__} {widget.objectName()}")
    return found


def test_that_every_control_of_kit_and_frame_has_an_accessible_name(gallery, keep):
    page = keep(gallery.kit_page())
    window = keep(gallery.window())
    assert nameless(page) == []
    assert nameless(window) == []
    for dialog in gallery.dialogs(window).values():
        assert nameless(dialog) == []
        dialog.close()


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_that_kit_and_frame_can_be_drawn_in_both_themes(gallery, keep, qapp, mode):
    before = theme().mode
    theme().set_mode(mode)
    theme().install(qapp)
    for made in (keep(gallery.kit_page()), keep(gallery.window())):
        made.show()
        ground = made.grab().toImage().pixelColor(made.width() - 4, made.height() // 2)
        assert (ground.lightness() < 100) == (mode == "dark")
        made.close()
    theme().set_mode(before)


def test_that_a_card_without_title_has_no_header(keep):
    card = keep(Card())
    card.show()
    assert not card.title_label.isVisible()
    card.set_title("Accuracy")
    assert card.title_label.isVisible()
    assert card.accessibleName() == "Accuracy"


def test_that_a_long_subtitle_ends_in_dots_and_can_be_read_whole(keep):
    header = keep(PageHeader("Search"))
    header.resize(200, 64)
    header.set_subtitle("a sentence that is far too long for a header of two hundred pixels")
    header.show()
    assert header.subtitle_label.text().endswith("…")
    assert header.subtitle_label.toolTip() == header.subtitle_label.whole_text()


def test_that_an_elided_label_gives_way_and_wants_its_whole_text(keep):
    shown = keep(ElidedLabel("generation 31 of 50"))
    assert shown.minimumSizeHint().width() < 30
    assert shown.sizeHint().width() >= shown.fontMetrics().horizontalAdvance("generation 31 of 50")


def test_that_a_part_without_parent_never_becomes_a_window(keep):
    part = keep(QWidget())
    set_shown(part, True)
    assert not part.isVisible()


def test_that_an_error_says_what_where_and_remedy_and_can_be_copied(keep):
    error = InvalidInput("No column ms.", where="lut.csv:1", remedy="Name the column.")
    notice = keep(ErrorNotice(error, has_log=True))
    notice.show()
    assert notice.title_label.text() == "No column ms."
    assert notice.where_label.text() == "lut.csv:1"
    assert notice.text_label.text() == "Name the column."
    notice._copy.click()
    assert (
        QGuiApplication.clipboard().text()
        == "InvalidInput\nlut.csv:1\nNo column ms.\nName the column."
    )


def test_that_show_log_is_offered_only_where_there_is_one(keep, qtbot):
    holder = keep(Card())
    notice = ErrorNotice()
    holder.body.addWidget(notice)
    holder.show()
    assert not notice.isVisible()
    notice.set_error(InvalidInput("a", where="b"))
    assert notice.isVisible()
    assert not notice._log.isVisible()
    notice.set_error(InvalidInput("a"), has_log=True)
    assert not notice.where_label.isVisible()
    with qtbot.waitSignal(notice.log_requested):
        notice._log.click()
    notice.set_error(None)
    assert not notice.isVisible()


def test_that_a_notice_without_button_has_none(keep):
    notice = keep(InlineNotice("warn", "18 rows are missing"))
    notice.show()
    assert not notice.button.isVisible()


def test_that_an_empty_page_offers_the_way_on(keep, qtbot):
    empty = keep(EmptyState("drop", "Drop it here", "a project", "Choose a file"))
    with qtbot.waitSignal(empty.clicked):
        empty.button.click()


def test_that_chips_line_up(keep):
    chips = [keep(Chip(text, True)) for text in ("3", "5", "7")]
    assert {chip.sizeHint().width() for chip in chips} == {40}
    assert keep(Chip("resolution 224")).sizeHint().width() > 40


def test_that_a_segmented_control_says_who_chose_and_only_then(keep, qtbot):
    control = keep(SegmentedControl([("ms", "ms"), ("n", "count")], "Show"))
    said = []
    control.changed.connect(said.append)
    control.set_key("n")
    assert (control.key(), said) == ("n", [])
    control.button("ms").click()
    assert said == ["ms"]
    qtbot.keyClick(control, Qt.Key.Key_Right)
    assert control.key() == "n"


def test_that_a_combo_keeps_its_choice_when_its_items_change(keep):
    combo = keep(Combo([(1, "one"), (2, "two")], name="Number"))
    said = []
    combo.chosen.connect(said.append)
    assert combo.set_key(2)
    combo.set_items([(3, "three"), (2, "two")])
    assert combo.key() == 2
    assert not combo.set_key(9)
    assert said == []


def test_that_escape_empties_a_search_field_first(keep, qtbot):
    field = keep(SearchField("Filter"))
    field.show()
    said = []
    field.changed.connect(said.append)
    qtbot.keyClicks(field.edit, "k5")
    qtbot.keyClick(field.edit, Qt.Key.Key_Escape)
    assert said == ["k", "k5", ""]


def test_that_a_caption_names_its_field(keep):
    field = NumberField(5)
    row = keep(labelled("Budget", field))
    assert row.isAncestorOf(field)
    assert field.accessibleName() == "Budget"


def test_that_rows_of_values_are_reused(keep):
    rows = keep(KeyValueList([("MACs (M)", "58"), ("Parameters (M)", "1.9")]))
    rows.set_rows([("MACs (M)", "748"), ("Parameters (M)", "9.4")])
    rows.set_value("MACs (M)", "342", "warn")
    assert rows.rows() == [("MACs (M)", "342"), ("Parameters (M)", "9.4")]
    with pytest.raises(KeyError):
        rows.set_value("Depth", "17")
    rows.set_rows([("Depth", "17")])
    assert rows.rows() == [("Depth", "17")]


@pytest.mark.parametrize("state", STATES)
def test_that_a_state_is_said_in_words_too(keep, state):
    assert keep(StateMark(state)).accessibleName()


def test_that_states_are_told_apart_by_shape(keep):
    shapes = []
    for state in ("empty", "running", "done", "stale", "failed"):
        image = keep(StateMark(state)).grab().toImage().convertToFormat(QImage.Format.Format_Mono)
        shapes.append(bytes(image.constBits()))
    assert len(set(shapes)) == len(shapes)


def test_that_only_a_running_mark_in_sight_turns_and_none_with_reduced_motion(keep):
    mark = keep(StateMark("running"))
    assert not mark.is_turning()
    mark.show()
    assert mark.is_turning()
    theme().set_reduced_motion(True)
    assert not mark.is_turning()
    theme().set_reduced_motion(False)
    assert mark.is_turning()
    mark.set_state("done")
    assert not mark.is_turning()
    mark.set_state("running")
    mark.hide()
    assert not mark.is_turning()


def test_that_progress_is_bounded_and_may_be_unknown(keep):
    bar = keep(ProgressBar())
    bar.set_progress(5, 4)
    assert bar.share == 1.0
    bar.set_progress(3, None)
    assert bar.share is None
    assert bar.accessibleDescription() == "not known"


def test_that_a_sparkline_keeps_the_last_values_and_no_gaps(keep):
    line = keep(Sparkline(points=3))
    for value in (1.0, float("nan"), 2.0, 3.0, 4.0):
        line.push(value)
    assert line.values() == [2.0, 3.0, 4.0]
    assert not line.grab().isNull()


def test_that_a_card_with_one_number_reads_as_one_sentence(keep):
    card = keep(StatCard("Time left", "2 h 04", "min", "done at about 13:35"))
    card.set("1 h 58", note="done at about 13:33")
    assert card.accessibleName() == "Time left 1 h 58 min done at about 13:33"


def test_that_a_badge_changes_word_and_tone(keep):
    badge = keep(Badge("fits", "good"))
    badge.set("over", "bad")
    assert (badge.text(), badge.property("tone")) == ("over", "bad")


def test_that_a_button_without_text_is_named_by_its_tooltip(keep):
    assert keep(tool_button("export", "Export the table")).accessibleName() == "Export the table"
    assert keep(primary_button("Pause search", "pause")).accessibleName() == "Pause search"


def test_that_a_popover_stays_inside_the_screen(keep):
    anchor = keep(QWidget())
    anchor.show()
    popover = keep(Popover(anchor, width=300))
    screen = anchor.screen().availableGeometry()
    popover.show_at(screen.bottomRight())
    assert screen.contains(popover.geometry())
    popover.hide()
