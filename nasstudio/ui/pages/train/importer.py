"""Published supernets and accuracy predictors, from a dialog or dropped on the page: a job takes each of them in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QFileDialog, QWidget

from nasstudio.engine.job.specification import AnySpec
from nasstudio.engine.project import plan
from nasstudio.engine.project.project import Project
from nasstudio.ui.pages.train.checkpoint_model import file_size
from nasstudio.ui.workbench import Make, Workbench

# Published supernets have no ending of their own: theirs is the width, as in ``..._w1.0``.
ENDINGS = (".pth", ".pt", ".tar")
_OF_OTHERS = (".csv", ".tsv", ".json", ".yaml", ".yml", ".onnx", ".zip")


class Importer(QObject):
    """Starts imports. `failed(StudioError)` when one could not be started, None before; a failed job tells its own."""

    failed = Signal(object)

    def __init__(self, workbench: Workbench, window: QWidget) -> None:
        super().__init__(window)
        self._workbench = workbench
        self._window = window

    def ask(self) -> None:
        """Let a person choose files."""
        dialog = QFileDialog(self._window, self.tr("Import a published supernet or predictor"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        patterns = " ".join(f"*{ending}" for ending in ENDINGS)
        dialog.setNameFilters(
            [self.tr("All files (*)"), self.tr("PyTorch files ({0})").format(patterns)]
        )
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.filesSelected.connect(lambda names: self.take_in([Path(name) for name in names]))
        dialog.open()

    def take_in(self, paths: Sequence[Path]) -> None:
        """Import files one after the other: a supernet brings the space that its predictor needs."""
        if paths:
            self.failed.emit(None)
            self._workbench.start(*map(_make, _supernets_first(paths)), problem=self.failed.emit)


def dropped(event: QDropEvent) -> list[Path]:
    """The files that a drop may import: tables, models, folders and projects belong to other pages."""
    paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
    return [path for path in paths if path.is_file() and path.suffix.lower() not in _OF_OTHERS]


def _supernets_first(paths: Sequence[Path]) -> list[Path]:
    """The larger first: a supernet has megabytes, a predictor less than one."""
    return sorted(paths, key=lambda path: (-file_size(path), path.name))


def _make(path: Path) -> Make:
    def make(project: Project) -> AnySpec:
        return plan.importing(project, path)

    return make
