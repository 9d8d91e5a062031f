"""The language of the window: which ones there are, and putting one on.

A translation is `resources/translations/nasstudio_<code>.qm`, made by `scripts/translations.sh`. Numbers and dates
follow the language that is shown, not the desktop's: an English page with decimal commas in some of its fields would be
read wrongly.
"""

from __future__ import annotations

from PySide6.QtCore import QLibraryInfo, QLocale, QTranslator
from PySide6.QtWidgets import QApplication

from nasstudio.resources import resource

ENGLISH = "en"
_PREFIX = "nasstudio_"


def translations() -> tuple[tuple[str, str], ...]:
    """(code, name in the language itself) of every translation that ships; English needs none."""
    codes = sorted(
        path.stem.removeprefix(_PREFIX) for path in resource("translations").glob(f"{_PREFIX}*.qm")
    )
    return tuple((code, _own_name(code)) for code in codes)


def _own_name(code: str) -> str:
    name = QLocale(code).nativeLanguageName()
    return name[:1].upper() + name[1:] if name else code


def shown(choice: str, system: QLocale | None = None) -> str:
    """Code of the language that is shown for the setting `choice`: a code, or "system"."""
    known = [code for code, _ in translations()]
    if choice != "system":
        return choice if choice in known else ENGLISH
    for wanted in (system or QLocale.system()).uiLanguages():
        name = wanted.replace("-", "_")
        for code in (name, name.split("_")[0]):
            if code in known or code == ENGLISH:
                return code
    return ENGLISH


def speak(app: QApplication, choice: str) -> str:
    """Put on the language of the setting `choice`. Returns its code. To be called before the window is made."""
    code = shown(choice)
    QLocale.setDefault(QLocale(code))
    if code == ENGLISH:
        return code
    qt_folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    for name, folder in (
        (f"qtbase_{code}", qt_folder),
        (f"{_PREFIX}{code}", str(resource("translations"))),
    ):
        translator = QTranslator(app)
        # Qt's own words are missing for some languages; ours are there, or `shown` would not have chosen it.
        if translator.load(name, folder):
            app.installTranslator(translator)
    return code
