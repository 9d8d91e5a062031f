"""Colours of the window, light and dark, switchable live.

A `Theme` gives every colour by the name of its token (`resources/themes/*.json`), and applies itself to the
application: Fusion style, palette and one style sheet generated from the tokens (`resources/themes/app.qss`).
Widgets that paint themselves ask for a colour when they paint; everything that caches a colour listens to
`changed`. No other module holds a colour.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from string import Template

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import (
    QApplication,
    QProxyStyle,
    QStyle,
    QStyleHintReturn,
    QStyleOption,
    QWidget,
)

from nasstudio.resources import resource
from nasstudio.ui import fonts

MODES = ("system", "light", "dark")

# Okabe-Ito, in the order in which methods are drawn: OFA, alone, compound scaling, ProxylessNAS, MnasNet, ...
_SERIES = {
    "light": ("#0072B2", "#E69F00", "#A8487E", "#009E73", "#D55E00", "#56B4E9", "#5A6472"),
    "dark": ("#56B4E9", "#F0AE1E", "#E29CC6", "#1FB88B", "#F0742B", "#0072B2", "#98A3B3"),
}
_HEAT = {"light": ("#DCEBF6", "#FBF3EA", "#F3B77F"), "dark": ("#1F3346", "#A85614")}


@cache
def tokens(name: str) -> Mapping[str, str]:
    """Colour tokens of the theme `name`, "light" or "dark", as ``#RRGGBB`` or ``#AARRGGBB``."""
    read: dict[str, str] = json.loads(resource(f"themes/{name}.json").read_text(encoding="utf-8"))
    return read


def blend(first: QColor, second: QColor, t: float) -> QColor:
    """The colour `t` of the way from `first` to `second`, in sRGB; `t` in [0, 1]."""
    a = (first.redF(), first.greenF(), first.blueF())
    b = (second.redF(), second.greenF(), second.blueF())
    return QColor.fromRgbF(
        *(max(0.0, min(1.0, x + (y - x) * t)) for x, y in zip(a, b, strict=True))
    )


def contrast(first: QColor, second: QColor) -> float:
    """Contrast ratio of two opaque colours, 1 to 21 (WCAG 2.2, "contrast ratio")."""

    def luminance(color: QColor) -> float:
        channels = (color.redF(), color.greenF(), color.blueF())
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


class _Fusion(QProxyStyle):
    """Fusion that underlines no letters of the menus; Alt and the letter open them all the same."""

    def styleHint(
        self,
        hint: QStyle.StyleHint,
        option: QStyleOption | None = None,
        widget: QWidget | None = None,
        returnData: QStyleHintReturn | None = None,  # noqa: N803 (Qt names it)
    ) -> int:
        if hint == QStyle.StyleHint.SH_UnderlineShortcut:
            return 0
        return super().styleHint(hint, option, widget, returnData)


class Theme(QObject):
    """The current colours. There is one, see `theme()`."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._mode = "system"
        self._name = "light"
        self._reduced_motion = False
        self._colors: dict[str, QColor] = {}
        self._watches_system = False

    @property
    def mode(self) -> str:
        """What was asked for: "system", "light" or "dark"."""
        return self._mode

    @property
    def name(self) -> str:
        """What is shown: "light" or "dark"."""
        return self._name

    @property
    def is_dark(self) -> bool:
        return self._name == "dark"

    @property
    def reduced_motion(self) -> bool:
        """True if nothing may turn, slide or fade."""
        return self._reduced_motion

    def set_reduced_motion(self, reduced: bool) -> None:
        """Still (True) or moving marks; follows the person's setting."""
        if reduced != self._reduced_motion:
            self._reduced_motion = reduced
            self.changed.emit()

    def color(self, name: str, alpha: float = 1.0) -> QColor:
        """The colour of the token `name`. Raises `KeyError` for a name that is no token."""
        found = self._colors.get(name)
        if found is None:
            found = self._colors[name] = QColor(tokens(self._name)[name])
        made = QColor(found)
        if alpha < 1.0:
            made.setAlphaF(alpha)
        return made

    @property
    def series(self) -> list[QColor]:
        """Colours for data series, in order; never the only thing that tells series apart."""
        return [QColor(color) for color in _SERIES[self._name]]

    def heat(self, t: float) -> QColor:
        """Ground of a cell on the heat scale; `t` 0 is fast, 1 slow. Text on it is `heat_text()`."""
        stops = _HEAT[self._name]
        place = max(0.0, min(1.0, t)) * (len(stops) - 1)
        first = min(int(place), len(stops) - 2)
        return blend(QColor(stops[first]), QColor(stops[first + 1]), place - first)

    def heat_text(self) -> QColor:
        """Text on every colour of the heat scale."""
        return QColor("#FFFFFF") if self.is_dark else self.color("text")

    def set_mode(self, mode: str) -> None:
        """Show the theme "light" or "dark", or follow the desktop ("system")."""
        if mode not in MODES:
            raise ValueError(f"no such theme: {mode}")
        self._mode = mode
        app = QGuiApplication.instance()
        if isinstance(app, QGuiApplication):
            # Native title bars and file dialogs follow this hint where the platform can (not on every Linux).
            schemes = {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark}
            hints = app.styleHints()
            if hasattr(hints, "setColorScheme"):
                hints.setColorScheme(schemes.get(mode, Qt.ColorScheme.Unknown))
        self._show(self._wanted())

    def toggle(self) -> str:
        """From light to dark or back. Returns the new mode."""
        self.set_mode("light" if self.is_dark else "dark")
        return self._mode

    def install(self, app: QApplication) -> None:
        """Take over the look of `app`. Call once, before the first widget."""
        app.setStyle(_Fusion("Fusion"))
        app.setFont(fonts.font())
        if not self._watches_system:
            app.styleHints().colorSchemeChanged.connect(self._system_changed)
            self._watches_system = True
        self._name = self._wanted()
        self._colors.clear()
        self._apply(app)
        self.changed.emit()

    def _system_changed(self) -> None:
        if self._mode == "system":
            self._show(self._wanted())

    def _wanted(self) -> str:
        if self._mode != "system":
            return self._mode
        app = QGuiApplication.instance()
        if isinstance(app, QGuiApplication):
            return "dark" if app.styleHints().colorScheme() == Qt.ColorScheme.Dark else "light"
        return "light"

    def _show(self, name: str) -> None:
        if name == self._name:
            return
        self._name = name
        self._colors.clear()
        app = QApplication.instance()
        if isinstance(app, QApplication):
            self._apply(app)
        self.changed.emit()

    def _apply(self, app: QApplication) -> None:
        app.setPalette(self.palette())
        app.setStyleSheet(style_sheet(self._name))

    def palette(self) -> QPalette:
        """Palette of the theme, for everything that the style sheet does not name."""
        role = QPalette.ColorRole
        group = QPalette.ColorGroup
        made = QPalette()
        pairs = {
            role.Window: "window", role.WindowText: "text", role.Base: "surface",
            role.AlternateBase: "sunk", role.Text: "text", role.Button: "raised",
            role.ButtonText: "text", role.BrightText: "bad", role.ToolTipBase: "tip",
            role.ToolTipText: "on_tip", role.Link: "accent_text", role.LinkVisited: "accent_text",
            role.PlaceholderText: "muted", role.Highlight: "soft", role.HighlightedText: "text",
            role.Light: "raised", role.Midlight: "border", role.Mid: "control_border",
            role.Dark: "control_border", role.Shadow: "text", role.Accent: "accent",
        }  # fmt: skip
        for key, token in pairs.items():
            made.setColor(key, self.color(token))
        for key in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
            made.setColor(group.Disabled, key, self.color("faint"))
        return made


@cache
def style_sheet(name: str) -> str:
    """The application's style sheet for the theme `name`, from its tokens."""
    template = Template(resource("themes/app.qss").read_text(encoding="utf-8"))
    names = {key: _css(value) for key, value in tokens(name).items()}
    return template.substitute(names, art=resource(f"themes/{name}").as_posix())


def _css(value: str) -> str:
    color = QColor(value)
    return (
        value
        if color.alpha() == 255
        else f"rgba({color.red()},{color.green()},{color.blue()},{color.alpha()})"
    )


_current: Theme | None = None


def theme() -> Theme:
    """The theme of this process."""
    global _current
    if _current is None:
        _current = Theme()
    return _current
