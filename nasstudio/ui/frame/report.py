"""A problem report: versions, settings and the last logs, shown before it is saved as a zip. It is sent nowhere."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from nasstudio.engine.atomic import write_atomic
from nasstudio.engine.errors import StudioError
from nasstudio.ui import fonts
from nasstudio.ui.frame.about import versions
from nasstudio.ui.kit.buttons import primary_button, secondary_button
from nasstudio.ui.kit.labels import label
from nasstudio.ui.kit.notice import ErrorNotice
from nasstudio.ui.settings import Settings

LINES_OF_A_LOG = 200
_BYTES_OF_A_LOG = 64 * 1024


def tail(path: Path, lines: int = LINES_OF_A_LOG) -> str:
    """The last lines of a text file; a sentence instead if it can't be read."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _BYTES_OF_A_LOG))
            text = file.read().decode("utf-8", errors="replace")
    except OSError as error:
        return f"(not readable: {error.strerror})"
    return "\n".join(deque(text.splitlines(), maxlen=lines))


def without_home(text: str) -> str:
    """`text` with the home folder written as ~, so that it does not name the person."""
    home = str(Path.home())
    if len(home) < 2:
        return text
    return re.sub(rf"{re.escape(home)}(?![\w.-])", "~", text)


def parts(settings: Settings, logs: Sequence[Path], note: str = "") -> dict[str, str]:
    """Files of the report by name."""
    made = {
        "versions.txt": "\n".join(f"{name}: {version}" for name, version in versions()),
        "settings.json": json.dumps(settings.everything(), indent=1, ensure_ascii=False),
    }
    if note:
        made["error.txt"] = note
    for number, log in enumerate(logs, start=1):
        made[f"logs/{number:02d}-{log.parent.name}-{log.name}"] = tail(log)
    return {name: without_home(text) for name, text in made.items()}


def as_text(files: dict[str, str]) -> str:
    """The report as one text, as it is shown."""
    return "\n\n".join(f"== {name}\n{text}" for name, text in files.items())


def write_report(path: Path, files: dict[str, str]) -> None:
    """Write the report as a zip. Raises `StudioError` if it can't be written."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    write_atomic(path, buffer.getvalue())


class ReportDialog(QDialog):
    """Shows everything that the report holds, then saves it. `saved(Path)` afterwards."""

    saved = Signal(object)

    def __init__(
        self,
        settings: Settings,
        logs: Sequence[Path] = (),
        note: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Save a problem report"))
        self.resize(720, 600)
        self._files = parts(settings, logs, note)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 20)
        column.setSpacing(10)
        column.addWidget(label(self.tr("Save a problem report"), "page"))
        column.addWidget(
            label(
                self.tr(
                    "This is all that will be saved. It is sent nowhere; attach the file where you ask for help."
                ),
                "base",
                "muted",
                wrap=True,
            )
        )
        self.text = QPlainTextEdit(as_text(self._files))
        self.text.setReadOnly(True)
        self.text.setFont(fonts.monospace())
        self.text.setAccessibleName(self.tr("Content of the report"))
        self.text.setTabChangesFocus(True)
        column.addWidget(self.text, 1)
        self.error = ErrorNotice(parent=self)
        column.addWidget(self.error)
        foot = QHBoxLayout()
        close = secondary_button(self.tr("Cancel"))
        close.clicked.connect(self.reject)
        save = primary_button(self.tr("Save…"), "save")
        save.setDefault(True)
        save.clicked.connect(self._ask)
        foot.addStretch(1)
        foot.addWidget(close)
        foot.addWidget(save)
        column.addLayout(foot)

    def save(self, path: Path) -> bool:
        """Write the report. Returns False, and says why in the dialog, if it could not be."""
        try:
            write_report(path, self._files)
        except StudioError as error:
            self.error.set_error(error)
            return False
        self.saved.emit(path)
        self.accept()
        return True

    def _ask(self) -> None:
        dialog = QFileDialog(self, self.tr("Save a problem report"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter(self.tr("Zip archive (*.zip)"))
        dialog.setDefaultSuffix("zip")
        dialog.selectFile("nasstudio-report.zip")
        dialog.fileSelected.connect(self._chosen)
        dialog.open()

    def _chosen(self, name: str) -> None:
        self.save(Path(name))
