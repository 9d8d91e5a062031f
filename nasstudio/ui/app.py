"""The application: theme, settings, window, event loop. `nasstudio` without a subcommand comes here."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from PySide6 import __version__ as qt_version
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from nasstudio.engine.errors import StudioError
from nasstudio.ui.icons import icon
from nasstudio.ui.language import speak
from nasstudio.ui.settings import (
    DATA_FOLDER,
    LANGUAGE,
    REDUCE_MOTION,
    THEME,
    Settings,
    use_data_folder,
)
from nasstudio.ui.theme import theme
from nasstudio.ui.window import Window


def run(project: Path | None = None, *, sample: bool = False) -> int:
    """Open the window, with a project or the sample, until it is closed. Returns the exit code.

    Raises
    ------
    StudioError
        This Qt can't be used.
    """
    refuse_broken_qt()
    app = application(sys.argv)
    settings = Settings()
    dress(app, settings)
    window = Window(settings)
    window.show()
    if project is not None:
        QTimer.singleShot(0, lambda: window.workbench.open(project))
    elif sample:
        QTimer.singleShot(0, window.opening.sample)
    # Python sees Ctrl-C of the terminal only while it runs: let it, twice a second.
    signal.signal(signal.SIGINT, lambda number, frame: window.close())
    ticking = QTimer(window, interval=500)
    ticking.timeout.connect(lambda: None)
    ticking.start()
    return app.exec()


def refuse_broken_qt(
    version: str = qt_version, python: tuple[int, ...] = sys.version_info[:2]
) -> None:
    """PySide6 6.12.0 on Python 3.11 loses a reference with each signal and aborts after some hundreds.

    Raises
    ------
    StudioError
        This is that pair.
    """
    if python < (3, 12) and version == "6.12.0":
        raise StudioError(
            "PySide6 6.12.0 crashes on Python 3.11.",
            where=f"PySide6 {version}",
            remedy='Install another: pip install "PySide6-Essentials<6.12".',
        )


def application(arguments: list[str]) -> QApplication:
    """The one QApplication, with its names."""
    app = QApplication.instance() or QApplication(arguments)
    assert isinstance(app, QApplication)
    # A frame takes Python's lock a hundred times; while a thread works, each may wait for so long (usually 5 ms).
    sys.setswitchinterval(0.001)
    app.setApplicationName("NAS Studio")
    app.setOrganizationName("NASStudio")
    app.setDesktopFileName("nasstudio")
    return app


def dress(app: QApplication, settings: Settings) -> None:
    """Language, theme and icon as the settings say."""
    speak(app, settings.get(LANGUAGE))
    theme().set_mode(settings.get(THEME))
    theme().set_reduced_motion(settings.get(REDUCE_MOTION))
    theme().install(app)
    app.setWindowIcon(icon("logo", 64, "accent"))
    if settings.get(DATA_FOLDER):
        use_data_folder(settings.get(DATA_FOLDER))
