"""What a person can set, each option once: its key, type, default and words.

`Settings` keeps them in QSettings (or in memory, for tests) and says when one changes. What cannot be read as the
option's type falls back to its default: a settings file that was edited by hand never keeps the window from opening.
The window's own memory (geometry, recent projects, open panels) goes through `remember` and `recall`.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import (
    QByteArray,
    QCoreApplication,
    QObject,
    QSettings,
    QStandardPaths,
    Signal,
)

from nasstudio.ui.language import translations
from nasstudio.ui.translatable import QT_TRANSLATE_NOOP

CONTEXT = "Settings"


@dataclass(frozen=True)
class Option:
    """One setting.

    `kind` is "choice", "number", "folder", "program" or "switch"; `choices` are (value, words). Words are
    untranslated, see `words`.
    """

    key: str
    kind: str
    default: Any
    title: str
    tip: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    minimum: int = 0
    maximum: int = 0
    section: str = ""

    def read(self, raw: object) -> Any:
        """`raw`, as it was stored, in the option's type; the default if it is not one."""
        if raw is None:
            return self.default
        if self.kind == "switch":
            return {"true": True, "false": False}.get(str(raw).lower(), self.default)
        if self.kind == "number":
            try:
                value = int(str(raw))
            except ValueError:
                return self.default
            return value if self.minimum <= value <= self.maximum else self.default
        if self.kind == "choice":
            return raw if raw in {value for value, _ in self.choices} else self.default
        return str(raw)


THEME = Option(
    "look/theme",
    "choice",
    "system",
    QT_TRANSLATE_NOOP("Settings", "Theme"),
    QT_TRANSLATE_NOOP("Settings", 'Light or dark; "System" follows the desktop.'),
    choices=(
        ("system", QT_TRANSLATE_NOOP("Settings", "System")),
        ("light", QT_TRANSLATE_NOOP("Settings", "Light")),
        ("dark", QT_TRANSLATE_NOOP("Settings", "Dark")),
    ),
    section=QT_TRANSLATE_NOOP("Settings", "Look"),
)
REDUCE_MOTION = Option(
    "look/reduce_motion",
    "switch",
    False,
    QT_TRANSLATE_NOOP("Settings", "Reduce motion"),
    QT_TRANSLATE_NOOP("Settings", "Marks of running jobs stand still."),
    section=QT_TRANSLATE_NOOP("Settings", "Look"),
)
LANGUAGE = Option(
    "look/language",
    "choice",
    "system",
    QT_TRANSLATE_NOOP("Settings", "Language"),
    QT_TRANSLATE_NOOP("Settings", "Takes effect when the window is opened again."),
    choices=(
        ("system", QT_TRANSLATE_NOOP("Settings", "System")),
        ("en", "English"),
        *translations(),
    ),
    section=QT_TRANSLATE_NOOP("Settings", "Look"),
)
NOTIFY = Option(
    "look/notify",
    "switch",
    True,
    QT_TRANSLATE_NOOP("Settings", "Notify when long work ends"),
    QT_TRANSLATE_NOOP("Settings", "A message of the desktop, if the window is not in front."),
    section=QT_TRANSLATE_NOOP("Settings", "Look"),
)
THREADS = Option(
    "engine/threads",
    "number",
    0,
    QT_TRANSLATE_NOOP("Settings", "Threads of a job"),
    QT_TRANSLATE_NOOP("Settings", "0 leaves one core to the window and takes the others."),
    minimum=0,
    maximum=256,
    section=QT_TRANSLATE_NOOP("Settings", "Engine"),
)
INTERPRETER = Option(
    "engine/interpreter",
    "program",
    "",
    QT_TRANSLATE_NOOP("Settings", "Engine interpreter"),
    QT_TRANSLATE_NOOP(
        "Settings",
        "The Python that trains, measures and searches; empty is the one of this window.",
    ),
    section=QT_TRANSLATE_NOOP("Settings", "Engine"),
)
DATA_FOLDER = Option(
    "engine/data_folder",
    "folder",
    "",
    QT_TRANSLATE_NOOP("Settings", "Data folder"),
    QT_TRANSLATE_NOOP("Settings", "Downloaded data sets; empty is the folder of the user's data."),
    section=QT_TRANSLATE_NOOP("Settings", "Engine"),
)

OPTIONS: tuple[Option, ...] = (
    THEME,
    REDUCE_MOTION,
    LANGUAGE,
    NOTIFY,
    THREADS,
    INTERPRETER,
    DATA_FOLDER,
)


def words(text: str) -> str:
    """The translated words of an option."""
    return QCoreApplication.translate(CONTEXT, text)


class Settings(QObject):
    """The options and the window's memory.

    Parameters
    ----------
    file : an INI file; None is the usual place of the platform. See also `in_memory`.
    """

    changed = Signal(str, object)

    def __init__(self, file: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._memory: dict[str, Any] | None = None
        if file is None:
            self._store: QSettings | None = QSettings(
                QSettings.Format.IniFormat, QSettings.Scope.UserScope, "NASStudio", "NASStudio"
            )
        else:
            self._store = QSettings(str(file), QSettings.Format.IniFormat)

    @classmethod
    def in_memory(cls) -> Settings:
        """Settings that are forgotten when the process ends."""
        made = cls.__new__(cls)
        QObject.__init__(made)
        made._store, made._memory = None, {}
        return made

    def get(self, option: Option) -> Any:
        """Value of `option`, in its type."""
        return option.read(self._raw(option.key))

    def set(self, option: Option, value: Any) -> None:
        """Change `option`; `changed(key, value)` follows. Raises ValueError for a value that it can't have."""
        stored = str(value).lower() if option.kind == "switch" else str(value)
        read = option.read(stored)
        if str(read) != str(value):
            raise ValueError(f"{option.key} cannot be {value!r}")
        if read != self.get(option):
            self._write(option.key, stored)
            self.changed.emit(option.key, read)

    def reset(self, option: Option) -> None:
        """Back to the default."""
        self.set(option, option.default)

    def data_folder(self) -> Path:
        """Where data sets are kept."""
        chosen = self.get(DATA_FOLDER)
        if chosen:
            return Path(chosen)
        place = QStandardPaths.StandardLocation.GenericDataLocation
        return Path(QStandardPaths.writableLocation(place)) / "nasstudio" / "data"

    def remember(self, key: str, value: bytes | str | list[str] | dict[str, Any]) -> None:
        """Keep something of the window's own: bytes (geometry) or what JSON can hold."""
        if isinstance(value, bytes):
            self._write(f"window/{key}", bytes(QByteArray(value).toHex().data()).decode())
        else:
            self._write(f"window/{key}", json.dumps(value))

    def recall(self, key: str, default: Any = None) -> Any:
        """What `remember` kept that JSON can hold, or `default`."""
        raw = self._raw(f"window/{key}")
        try:
            return default if raw is None else json.loads(str(raw))
        except ValueError:
            return default

    def recall_bytes(self, key: str) -> bytes:
        """The bytes that `remember` kept, or none."""
        raw = self._raw(f"window/{key}")
        try:
            return b"" if raw is None else bytes.fromhex(str(raw))
        except ValueError:
            return b""

    def everything(self) -> dict[str, Any]:
        """All options by key, for a problem report."""
        return {option.key: self.get(option) for option in OPTIONS}

    def sync(self) -> None:
        """Write what is not written yet."""
        if self._store is not None:
            self._store.sync()

    def _raw(self, key: str) -> object:
        if self._store is None:
            return self._memory.get(key)  # type: ignore[union-attr]
        return self._store.value(key) if self._store.contains(key) else None

    def _write(self, key: str, value: str) -> None:
        if self._store is None:
            self._memory[key] = value  # type: ignore[index]
        else:
            self._store.setValue(key, value)


def use_data_folder(folder: str) -> None:
    """Where data sets are looked for from now on, here and in the jobs, which inherit it; empty: the usual place."""
    if folder:
        os.environ["NASSTUDIO_DATA"] = folder
    else:
        os.environ.pop("NASSTUDIO_DATA", None)
