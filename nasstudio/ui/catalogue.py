"""What there is to do in the window: every command, once, and the menus and stations that they stand in.

Words are untranslated here; `ui.commands` makes actions of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nasstudio.ui.translatable import QT_TRANSLATE_NOOP


@dataclass(frozen=True)
class Command:
    """One action of the window.

    Parameters
    ----------
    id : "group.name", never shown.
    text : as in a menu, untranslated.
    shortcut : portable text, "Ctrl+K"; several are separated by ", ".
    icon : name of an icon; empty for none.
    tip : what it does, for tooltips and the palette.
    group : the menu it stands in; empty keeps it to palette and shortcuts.
    section : commands of one section stand together, a line between sections.
    checkable : it is on or off.
    when : true when it can be done; None is always.
    does : what does it; it can be bound later.
    """

    id: str
    text: str
    shortcut: str = ""
    icon: str = ""
    tip: str = ""
    group: str = ""
    section: int = 0
    checkable: bool = False
    when: Callable[[], bool] | None = None
    does: Callable[..., object] | None = None


GROUPS: tuple[tuple[str, str], ...] = (
    ("file", QT_TRANSLATE_NOOP("Commands", "&File")),
    ("edit", QT_TRANSLATE_NOOP("Commands", "&Edit")),
    ("view", QT_TRANSLATE_NOOP("Commands", "&View")),
    ("run", QT_TRANSLATE_NOOP("Commands", "&Run")),
    ("help", QT_TRANSLATE_NOOP("Commands", "&Help")),
)

STATIONS: tuple[tuple[str, str, str], ...] = (
    ("start", QT_TRANSLATE_NOOP("Commands", "Start"), "start"),
    ("data", QT_TRANSLATE_NOOP("Commands", "Data"), "data"),
    ("space", QT_TRANSLATE_NOOP("Commands", "Space"), "space"),
    ("devices", QT_TRANSLATE_NOOP("Commands", "Devices"), "devices"),
    ("train", QT_TRANSLATE_NOOP("Commands", "Train"), "train"),
    ("search", QT_TRANSLATE_NOOP("Commands", "Search"), "search"),
    ("compare", QT_TRANSLATE_NOOP("Commands", "Compare"), "compare"),
    ("export", QT_TRANSLATE_NOOP("Commands", "Export"), "export"),
)

CATALOGUE: tuple[Command, ...] = (
    Command(
        "file.new", QT_TRANSLATE_NOOP("Commands", "New project…"), "Ctrl+N", "plus", group="file"
    ),
    Command(
        "file.open",
        QT_TRANSLATE_NOOP("Commands", "Open project…"),
        "Ctrl+O",
        "folder",
        group="file",
    ),
    Command(
        "file.sample",
        QT_TRANSLATE_NOOP("Commands", "Open the sample project"),
        "",
        "sparkle",
        group="file",
    ),
    Command(
        "file.import",
        QT_TRANSLATE_NOOP("Commands", "Import…"),
        "Ctrl+Shift+I",
        "import",
        QT_TRANSLATE_NOOP(
            "Commands", "A latency table (CSV, JSON), or an ONNX file as a reference"
        ),
        "file",
        1,
    ),
    Command(
        "file.save_copy",
        QT_TRANSLATE_NOOP("Commands", "Save a copy…"),
        "Ctrl+Shift+S",
        "save",
        QT_TRANSLATE_NOOP("Commands", "Everything is saved at once; this copies the whole project"),
        group="file",
        section=2,
    ),
    Command(
        "file.close",
        QT_TRANSLATE_NOOP("Commands", "Close project"),
        "Ctrl+W",
        "",
        group="file",
        section=2,
    ),
    Command(
        "file.settings",
        QT_TRANSLATE_NOOP("Commands", "Settings…"),
        "Ctrl+,",
        "settings",
        group="file",
        section=3,
    ),
    Command(
        "file.quit", QT_TRANSLATE_NOOP("Commands", "Quit"), "Ctrl+Q", "", group="file", section=4
    ),
    Command("edit.undo", QT_TRANSLATE_NOOP("Commands", "Undo"), "Ctrl+Z", "undo", group="edit"),
    Command(
        "edit.redo",
        QT_TRANSLATE_NOOP("Commands", "Redo"),
        "Ctrl+Shift+Z, Ctrl+Y",
        "redo",
        group="edit",
    ),
    Command(
        "edit.filter",
        QT_TRANSLATE_NOOP("Commands", "Filter this page"),
        "Ctrl+F",
        "filter",
        group="edit",
        section=1,
    ),
    Command(
        "edit.copy_command",
        QT_TRANSLATE_NOOP("Commands", "Copy as command"),
        "Ctrl+Shift+C",
        "terminal",
        QT_TRANSLATE_NOOP("Commands", "The command line that does what this page would do"),
        "edit",
        1,
    ),
    Command(
        "edit.palette",
        QT_TRANSLATE_NOOP("Commands", "Find an action…"),
        "Ctrl+K, Ctrl+Shift+P",
        "find",
        group="edit",
        section=2,
    ),
    *(
        Command(f"view.{key}", text, f"Ctrl+{number}", icon, group="view")
        for number, (key, text, icon) in enumerate(STATIONS, start=1)
    ),
    Command(
        "view.inspector",
        QT_TRANSLATE_NOOP("Commands", "Inspector"),
        "Ctrl+I",
        "panel",
        group="view",
        section=1,
        checkable=True,
    ),
    Command(
        "view.jobs",
        QT_TRANSLATE_NOOP("Commands", "Jobs"),
        "Ctrl+J",
        "clock",
        group="view",
        section=1,
        checkable=True,
    ),
    Command(
        "view.notifications",
        QT_TRANSLATE_NOOP("Commands", "Notifications"),
        "Ctrl+Shift+N",
        "bell",
        group="view",
        section=1,
    ),
    Command(
        "view.theme",
        QT_TRANSLATE_NOOP("Commands", "Switch light and dark"),
        "Ctrl+Shift+L",
        "moon",
        group="view",
        section=2,
    ),
    Command(
        "view.reset",
        QT_TRANSLATE_NOOP("Commands", "Reset layout"),
        "",
        "refresh",
        group="view",
        section=2,
    ),
    Command(
        "view.fullscreen",
        QT_TRANSLATE_NOOP("Commands", "Full screen"),
        "F11",
        "fit",
        group="view",
        section=2,
        checkable=True,
    ),
    Command(
        "run.start",
        QT_TRANSLATE_NOOP("Commands", "Start what this page does"),
        "Ctrl+Return",
        "play",
        QT_TRANSLATE_NOOP("Commands", "Presses the page's main button"),
        group="run",
    ),
    Command(
        "run.pause",
        QT_TRANSLATE_NOOP("Commands", "Pause or resume the job"),
        "Ctrl+Shift+Space",
        "pause",
        group="run",
    ),
    Command(
        "run.stop",
        QT_TRANSLATE_NOOP("Commands", "Stop the job"),
        "Ctrl+.",
        "stop",
        QT_TRANSLATE_NOOP("Commands", "It keeps what is done"),
        "run",
    ),
    Command(
        "run.log",
        QT_TRANSLATE_NOOP("Commands", "Show the log"),
        "Ctrl+Shift+J",
        "terminal",
        group="run",
        section=1,
    ),
    Command(
        "run.folder",
        QT_TRANSLATE_NOOP("Commands", "Open the folder of the run"),
        "",
        "folder",
        group="run",
        section=1,
    ),
    Command("help.manual", QT_TRANSLATE_NOOP("Commands", "Manual"), "F1", "help", group="help"),
    Command(
        "help.tour",
        QT_TRANSLATE_NOOP("Commands", "Tour of three steps"),
        "",
        "compass",
        group="help",
    ),
    Command(
        "help.shortcuts",
        QT_TRANSLATE_NOOP("Commands", "Shortcuts"),
        "Ctrl+/",
        "keyboard",
        group="help",
    ),
    Command(
        "help.report",
        QT_TRANSLATE_NOOP("Commands", "Save a problem report…"),
        "",
        "bug",
        group="help",
        section=1,
    ),
    Command(
        "help.about",
        QT_TRANSLATE_NOOP("Commands", "About NAS Studio"),
        "",
        "info",
        group="help",
        section=1,
    ),
)
