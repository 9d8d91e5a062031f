"""The manual is complete, its links lead somewhere, its commands are commands, and it can be read with the keyboard."""

import re
import shlex

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QTextCursor, QTextDocument

from nasstudio.cli.main import parser
from nasstudio.engine.project.stations import STATIONS
from nasstudio.resources import resource
from nasstudio.ui.app import application, dress
from nasstudio.ui.catalogue import CATALOGUE
from nasstudio.ui.frame import manual_style
from nasstudio.ui.frame.manual import ManualDialog
from nasstudio.ui.frame.manual_pages import found, manual, page_of, slug, target
from nasstudio.ui.settings import Settings
from nasstudio.ui.theme import theme

PAGES = manual()
SHELL = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def dialog(qtbot):
    dress(application([]), Settings.in_memory())
    made = ManualDialog()
    qtbot.addWidget(made)
    return made


# -- what it says ---------------------------------------------------------------------------------------------------


def test_that_every_file_is_a_page_and_every_station_has_one():
    files = {path.stem for path in resource("manual").glob("*.md")}
    assert files == {page.name for page in PAGES}
    assert set(STATIONS) <= files


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_that_every_link_leads_to_a_heading_that_is_there(page):
    for link in page.links:
        if link.startswith("https://"):
            continue
        place = target(link, page.name)
        assert place is not None, link
        name, heading = place
        assert not heading or heading in [slug(h) for h in page_of(name).headings], link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_that_headings_of_a_page_have_different_names(page):
    names = [slug(heading) for heading in page.headings]
    assert len(names) == len(set(names))


def commands():
    return [
        (page.name, line)
        for page in PAGES
        for block in SHELL.findall(page.text)
        for line in block.strip().splitlines()
    ]


@pytest.mark.parametrize(("page", "line"), commands())
def test_that_every_command_of_the_manual_is_one(page, line):
    program, *arguments = shlex.split(line)
    assert program == "nasstudio"
    parser().parse_args(arguments)


def test_that_every_command_is_in_the_manual():
    listed = set(re.findall(r"`(\w+)`", page_of("command-line").text.split("## The whole road")[0]))
    (subparsers,) = (a for a in parser()._actions if a.dest == "command")
    assert set(subparsers.choices) <= listed


def test_that_exit_codes_are_those_of_the_errors():
    from nasstudio.engine import errors

    kinds = [e for e in vars(errors).values() if isinstance(e, type)]
    codes = {e.exit_code for e in kinds if issubclass(e, errors.StudioError)}
    said = {int(n) for n in re.findall(r"^\| (\d+) \|", page_of("command-line").text, re.MULTILINE)}
    assert codes | {0, 130} == said


def test_that_shortcuts_are_those_of_the_commands():
    known = {key for command in CATALOGUE for key in command.shortcut.split(", ") if key}
    table = page_of("window").text.split("## Keyboard")[1].split("## ")[0]
    said = {key for row in re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE) for key in split(row)}
    assert said - {"Keys", "---"} <= known


def split(row):
    return [part for piece in row.strip().split(", ") for part in piece.split(" to ")]


def test_that_presets_are_those_that_ship():
    from nasstudio.engine.space.families import preset_names
    from nasstudio.engine.train.schedule import schedule_names

    assert set(re.findall(r"^\| `(\w+)` \|", page_of("space").text, re.MULTILINE)) == set(
        preset_names()
    )
    assert set(re.findall(r"^\| `(\w+)` \|", page_of("train").text, re.MULTILINE)) == set(
        schedule_names()
    )


# -- search ---------------------------------------------------------------------------------------------------------


def test_that_search_finds_pages_that_have_every_word_and_titles_first():
    assert found("") == list(PAGES)
    hits = found("exit code")
    assert page_of("command-line") in hits
    assert all("exit" in page.text.casefold() for page in hits)
    assert found("glossary")[0].name == "glossary"
    assert found("no such word anywhere xyzzy") == []


def test_that_a_link_out_of_the_manual_is_not_a_page():
    assert target("https://arxiv.org/abs/1908.09791", "search") is None
    assert target("nowhere.md", "search") is None
    assert target("#limits", "search") == ("search", "limits")
    assert target("train.md", "search") == ("train", "")


# -- the window of it -----------------------------------------------------------------------------------------------


def test_that_it_opens_at_a_page_and_is_not_modal(dialog):
    dialog.open_at("devices")
    assert dialog.place() == ("devices", "")
    assert not dialog.isModal()
    assert dialog.browser.toPlainText().startswith("Devices")
    assert dialog.list.currentItem().text() == "Devices"
    assert dialog.browser.verticalScrollBar().value() == 0


def test_that_links_are_followed_and_back_and_forward_return(dialog):
    dialog.open_at("search")
    dialog.browser.anchorClicked.emit(QUrl("export.md"))
    assert dialog.place() == ("export", "")
    assert dialog.back_button.isEnabled()
    dialog.back_button.click()
    assert dialog.place() == ("search", "")
    dialog.forward_button.click()
    assert dialog.place() == ("export", "")
    assert not dialog.forward_button.isEnabled()


def test_that_a_link_to_a_heading_shows_it(dialog):
    dialog.open_at("search")
    dialog.browser.anchorClicked.emit(QUrl("devices.md#is-the-table-right"))
    assert dialog.place() == ("devices", "is-the-table-right")
    cursor = QTextCursor(dialog.browser.document().find("Is the table right?"))
    heading = dialog.browser.cursorRect(cursor)
    view = dialog.browser.viewport().rect()
    assert view.contains(heading)
    bar = dialog.browser.verticalScrollBar()
    assert heading.top() < 40 or bar.value() == bar.maximum()


def test_that_a_link_out_of_the_manual_opens_the_browser(dialog, monkeypatch):
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    dialog.open_at("glossary")
    dialog.browser.anchorClicked.emit(QUrl("https://arxiv.org/abs/1908.09791"))
    dialog.browser.anchorClicked.emit(QUrl("file:///etc/passwd"))
    assert opened == ["https://arxiv.org/abs/1908.09791"]
    assert dialog.place() == ("glossary", "")


def test_that_typing_lists_what_is_found_and_enter_opens_the_first(dialog, qtbot):
    dialog.open_at("start")
    qtbot.keyClicks(dialog.search.edit, "glossary")
    assert dialog.listed()[0] == "glossary"
    qtbot.keyClick(dialog.search.edit, Qt.Key.Key_Return)
    assert dialog.place()[0] == "glossary"
    marked = [s.cursor.selectedText().casefold() for s in dialog.browser.extraSelections()]
    assert marked
    assert set(marked) == {"glossary"}


def test_that_nothing_found_is_said(dialog):
    dialog.open_at("start")
    assert not dialog.nothing.isVisible()
    dialog.search.set_text("xyzzy")
    assert dialog.listed() == []
    assert dialog.nothing.isVisible()
    dialog.search.set_text("")
    assert len(dialog.listed()) == len(PAGES)


def test_that_sections_of_the_contents_cannot_be_chosen(dialog):
    names = [
        (dialog.list.item(row).data(Qt.ItemDataRole.UserRole), dialog.list.item(row).flags())
        for row in range(dialog.list.count())
    ]
    assert any(not name for name, _ in names)
    assert all(flags == Qt.ItemFlag.NoItemFlags for name, flags in names if not name)


def test_that_a_page_follows_the_theme(dialog):
    theme().set_mode("light")
    dialog.open_at("search")
    colors = set()
    for mode in ("light", "dark", "light"):
        theme().set_mode(mode)
        block = dialog.browser.document().begin()
        fragment = block.begin().fragment()
        colors.add(fragment.charFormat().foreground().color().name())
        assert fragment.charFormat().foreground().color() == theme().color("text")
    assert len(colors) == 2


def test_that_dressing_twice_changes_nothing(dialog):
    document = QTextDocument()
    document.setMarkdown(
        page_of("devices").text, QTextDocument.MarkdownFeature.MarkdownDialectGitHub
    )
    manual_style.dress(document)
    once = document.toHtml()
    manual_style.dress(document)
    assert document.toHtml() == once
