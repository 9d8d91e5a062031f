"""Every action of the window, once: menus, shortcuts, palette and the list of shortcuts are made from here.

`CATALOGUE` says what there is; `Commands` makes one QAction of each, connects it to what does it, and enables it
when that can be done. A page that adds its own calls `register`. Two commands never share a shortcut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QCoreApplication, QObject, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from nasstudio.engine.errors import InvalidInput
from nasstudio.ui.catalogue import CATALOGUE, GROUPS, STATIONS, Command
from nasstudio.ui.icons import bind_icon
from nasstudio.ui.kit.popover import menu

CONTEXT = "Commands"

__all__ = [
    "CATALOGUE",
    "CONTEXT",
    "GROUPS",
    "STATIONS",
    "Command",
    "Commands",
    "sequences",
    "translated",
]


def sequences(shortcut: str) -> list[QKeySequence]:
    """The key sequences of a command's `shortcut`."""
    portable = QKeySequence.SequenceFormat.PortableText
    return [QKeySequence(text, portable) for text in shortcut.split(", ") if text]


def translated(text: str) -> str:
    """Words of the catalogue in the window's language."""
    return QCoreApplication.translate(CONTEXT, text)


class Commands(QObject):
    """The QActions of all commands.

    Parameters
    ----------
    owner : the window; its shortcuts work wherever the focus is in it.
    catalogue : what to begin with.
    """

    def __init__(self, owner: QWidget, catalogue: Iterable[Command] = CATALOGUE) -> None:
        super().__init__(owner)
        self._owner = owner
        self._commands: dict[str, Command] = {}
        self._actions: dict[str, QAction] = {}
        self._does: dict[str, Callable[..., object]] = {}
        self._when: dict[str, Callable[[], bool]] = {}
        self._taken: dict[str, str] = {}
        for command in catalogue:
            self.register(command)

    def register(self, command: Command, does: Callable[..., object] | None = None) -> QAction:
        """Add a command. Returns its action.

        Raises
        ------
        InvalidInput
            The id is there already, or another command has the shortcut.
        """
        if command.id in self._commands:
            raise InvalidInput(
                f"There are two commands {command.id}.", remedy="Give one another id."
            )
        keys = sequences(command.shortcut)
        for key in keys:
            other = self._taken.get(key.toString())
            if other is not None:
                raise InvalidInput(
                    f"{command.id} and {other} both want {key.toString()}.",
                    remedy="Give one another shortcut.",
                )
        action = QAction(translated(command.text), self)
        action.setObjectName(command.id)
        action.setCheckable(command.checkable)
        action.setShortcuts(keys)
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        tip = translated(command.tip) if command.tip else action.text().rstrip("…")
        shown = keys[0].toString(QKeySequence.SequenceFormat.NativeText) if keys else ""
        action.setToolTip(f"{tip} ({shown})" if shown else tip)
        action.setStatusTip(tip)
        if command.icon:
            bind_icon(action, command.icon, 16, "muted")
        action.triggered.connect(_Run(self, command.id))
        self._commands[command.id] = command
        self._actions[command.id] = action
        self._taken.update({key.toString(): command.id for key in keys})
        if command.when is not None:
            self._when[command.id] = command.when
        self._owner.addAction(action)
        does = does or command.does
        if does is not None:
            self._does[command.id] = does
        self._refresh_one(command.id)
        return action

    def bind(
        self,
        command_id: str,
        does: Callable[..., object],
        when: Callable[[], bool] | None = None,
    ) -> QAction:
        """Say what a command does and when it can be done. Binding again replaces it.

        `does` is called without arguments, or with the checked state if the command is checkable.
        """
        action = self._actions[command_id]
        self._does[command_id] = does
        if when is not None:
            self._when[command_id] = when
        self._refresh_one(command_id)
        return action

    def unbind(self, command_id: str) -> None:
        """Nothing does the command any more; it is disabled."""
        self._does.pop(command_id, None)
        self._refresh_one(command_id)

    def refresh(self) -> None:
        """Ask every command's `when` again."""
        for command_id in self._commands:
            self._refresh_one(command_id)

    def run(self, command_id: str) -> None:
        """Do what a command is bound to. `trigger()` of its action comes here."""
        does = self._does.get(command_id)
        if does is None:
            return
        if self._commands[command_id].checkable:
            does(self._actions[command_id].isChecked())
        else:
            does()

    def action(self, command_id: str) -> QAction:
        """The action of a command. Raises `KeyError` for one that is not there."""
        return self._actions[command_id]

    def command(self, command_id: str) -> Command:
        """The command itself."""
        return self._commands[command_id]

    def all(self) -> list[Command]:
        """Every command, in the order of the menus."""
        return list(self._commands.values())

    def in_group(self, group: str) -> list[Command]:
        """The commands of one menu, by section."""
        return sorted((c for c in self.all() if c.group == group), key=lambda c: c.section)

    def fill_menu(self, target: QMenu, group: str) -> None:
        """Put the commands of `group` into a menu, with a line between sections."""
        last: int | None = None
        for command in self.in_group(group):
            if last is not None and command.section != last:
                target.addSeparator()
            target.addAction(self._actions[command.id])
            last = command.section

    def fill_menu_bar(self, bar: QMenuBar) -> dict[str, QMenu]:
        """Put all menus into a menu bar. Returns them by group."""
        made: dict[str, QMenu] = {}
        for group, text in GROUPS:
            target = menu(translated(text), bar)
            self.fill_menu(target, group)
            target.aboutToShow.connect(self.refresh)
            bar.addMenu(target)
            made[group] = target
        return made

    def shortcuts(self) -> list[tuple[str, str, str]]:
        """(group, text, shortcut as this platform writes it) of every command that has one."""
        native = QKeySequence.SequenceFormat.NativeText
        titles = dict(GROUPS)
        return [
            (
                translated(titles.get(command.group, "")).replace("&", ""),
                self._actions[command.id].text().replace("&", ""),
                ", ".join(key.toString(native) for key in sequences(command.shortcut)),
            )
            for command in self.all()
            if command.shortcut
        ]

    def _refresh_one(self, command_id: str) -> None:
        when = self._when.get(command_id)
        can = command_id in self._does and (when is None or bool(when()))
        self._actions[command_id].setEnabled(can)


class _Run:
    """What `triggered` calls. Whether Qt passes the checked state depends on its version, so it is not used."""

    def __init__(self, commands: Commands, command_id: str) -> None:
        self._commands, self._id = commands, command_id

    def __call__(self, *_checked: bool) -> None:
        self._commands.run(self._id)
