"""The one typeface of the window: Inter, with tabular figures.

The font files ship with the program, so that a page is the same on every machine. If they cannot be loaded, the
first installed fallback is used. Sizes are pixels of the design (Qt scales them with the screen).
"""

from __future__ import annotations

from functools import cache

from PySide6.QtGui import QFont, QFontDatabase, QFontMetricsF, QGuiApplication

from nasstudio.resources import resource

FALLBACKS = ("Inter", "Noto Sans", "DejaVu Sans")
MONOSPACE = ("JetBrains Mono", "Noto Sans Mono", "DejaVu Sans Mono", "Menlo", "Consolas")

REGULAR = QFont.Weight.Normal
MEDIUM = QFont.Weight.Medium
SEMIBOLD = QFont.Weight.DemiBold

BASE = 13


@cache
def load() -> str:
    """Load the shipped files once. Returns the family that is used. Needs a QGuiApplication."""
    family = ""
    for file in sorted(resource("fonts/inter").glob("*.otf")):
        number = QFontDatabase.addApplicationFont(str(file))
        families = QFontDatabase.applicationFontFamilies(number) if number >= 0 else []
        family = families[0] if families else family
    if family:
        return family
    installed = set(QFontDatabase.families())
    return next((name for name in FALLBACKS if name in installed), QFont().family())


def font(size: int = BASE, weight: QFont.Weight = REGULAR) -> QFont:
    """Inter at `size` pixels, with tabular figures where this Qt can ask for them."""
    made = QFont()
    if QGuiApplication.instance() is not None:
        made.setFamilies([load(), *FALLBACKS])
    made.setPixelSize(size)
    made.setWeight(weight)
    made.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    if hasattr(made, "setFeature"):
        made.setFeature(QFont.Tag("tnum"), 1)
    return made


def monospace(size: int = 12) -> QFont:
    """For logs and commands that are copied."""
    made = QFont()
    made.setFamilies(list(MONOSPACE))
    made.setStyleHint(QFont.StyleHint.Monospace)
    made.setPixelSize(size)
    return made


def width(text: str, size: int = BASE, weight: QFont.Weight = REGULAR) -> int:
    """Pixels that `text` takes, rounded up."""
    return int(QFontMetricsF(font(size, weight)).horizontalAdvance(text) + 0.999)
