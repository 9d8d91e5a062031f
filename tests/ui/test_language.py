"""The language that is shown is the chosen one if it is there, and numbers follow it."""

import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QLocale, QTranslator

from nasstudio.ui import language
from nasstudio.ui.app import application

TS = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de">
<context><name>Commands</name>
<message><source>Start</source><translation>Anfang</translation></message>
</context>
</TS>
"""


@pytest.fixture
def german(tmp_path, monkeypatch):
    """A translation made by the tools that `scripts/translations.sh` uses."""
    (tmp_path / "nasstudio_de.ts").write_text(TS)
    release = Path(sys.executable).with_name("pyside6-lrelease")
    made = tmp_path / "nasstudio_de.qm"
    subprocess.run(
        [release, tmp_path / "nasstudio_de.ts", "-qm", made], check=True, capture_output=True
    )
    monkeypatch.setattr(language, "resource", lambda name: tmp_path)
    return tmp_path


@pytest.fixture
def app():
    made = application([])
    before = QLocale()
    yield made
    QLocale.setDefault(before)
    for translator in made.findChildren(QTranslator):
        made.removeTranslator(translator)
        translator.deleteLater()


def test_that_without_translations_everything_is_english(app, monkeypatch, tmp_path):
    monkeypatch.setattr(language, "resource", lambda name: tmp_path / "none")
    assert language.translations() == ()
    assert language.shown("system", QLocale("de_DE")) == "en"
    assert language.shown("de") == "en"
    assert language.speak(app, "system") == "en"
    assert QLocale().decimalPoint() == "."


def test_that_a_translation_that_ships_can_be_chosen(app, german):
    assert language.translations() == (("de", "Deutsch"),)
    assert QCoreApplication.translate("Commands", "Start") == "Start"
    assert language.speak(app, "de") == "de"
    assert QCoreApplication.translate("Commands", "Start") == "Anfang"
    assert QLocale().decimalPoint() == ","


def test_that_english_stays_english_on_a_german_desktop(app, german):
    assert language.shown("en", QLocale("de_DE")) == "en"


@pytest.mark.parametrize(
    ("desktop", "shown"), [("de_AT", "de"), ("de_DE", "de"), ("fr_FR", "en"), ("en_GB", "en")]
)
def test_that_the_desktops_language_is_followed_if_it_is_there(german, desktop, shown):
    assert language.shown("system", QLocale(desktop)) == shown


def test_that_a_damaged_translation_keeps_the_window_english(app, german):
    (german / "nasstudio_de.qm").write_bytes(b"not a translation")
    language.speak(app, "de")
    assert QCoreApplication.translate("Commands", "Start") == "Start"
