"""Line icons, drawn in the colours of the theme.

The files of `resources/icons/` are drawn with `currentColor`; here that is replaced by a token's colour. Pixmaps are
cached by name, size, colour and pixel ratio. An icon given to a button or an action by `bind_icon` follows the theme.
"""

from __future__ import annotations

import math
from functools import cache, lru_cache

from PySide6.QtCore import QByteArray, QObject, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from nasstudio.engine.errors import InvalidInput
from nasstudio.resources import resource
from nasstudio.ui.theme import theme


@cache
def _source(name: str) -> str:
    file = resource(f"icons/{name}.svg")
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidInput(
            f"There is no icon {name}.", where=file, remedy="Install nasstudio again."
        ) from error


def names() -> list[str]:
    """Every icon that ships."""
    return sorted(file.stem for file in resource("icons").glob("*.svg"))


def pixel_ratio() -> float:
    """The highest pixel ratio of the screens: what is drawn for it is sharp on all."""
    if QGuiApplication.instance() is None:
        return 1.0
    return max((screen.devicePixelRatio() for screen in QGuiApplication.screens()), default=1.0)


@lru_cache(maxsize=2048)
def _drawn(name: str, size: int, rgba: int, ratio: float) -> QPixmap:
    color = QColor.fromRgba(rgba)
    source = _source(name).replace("currentColor", color.name())
    source = source.replace("onAccent", theme().color("on_accent").name())
    pixels = math.ceil(size * ratio)
    made = QPixmap(pixels, pixels)
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    painter.setOpacity(color.alphaF())
    QSvgRenderer(QByteArray(source.encode())).render(painter, QRectF(0, 0, pixels, pixels))
    painter.end()
    made.setDevicePixelRatio(ratio)
    return made


def pixmap(name: str, size: int = 18, color: str | QColor = "text") -> QPixmap:
    """The icon as a pixmap; `size` in design pixels, `color` a token or a colour."""
    chosen = theme().color(color) if isinstance(color, str) else color
    return _drawn(name, size, chosen.rgba(), pixel_ratio())


def icon(name: str, size: int = 18, role: str = "text") -> QIcon:
    """The icon in the colour of the token `role`; faint when disabled, accent when checked.

    It keeps the colours of the moment: use `bind_icon` for what outlives a change of theme.
    """
    made = QIcon()
    normal = pixmap(name, size, role)
    checked = pixmap(name, size, role if role in ("on_accent", "on_soft") else "on_soft")
    disabled = pixmap(name, size, "faint")
    for state in (QIcon.State.Off, QIcon.State.On):
        shown = normal if state == QIcon.State.Off else checked
        made.addPixmap(shown, QIcon.Mode.Normal, state)
        made.addPixmap(shown, QIcon.Mode.Active, state)
        made.addPixmap(shown, QIcon.Mode.Selected, state)
        made.addPixmap(disabled, QIcon.Mode.Disabled, state)
    return made


class _Binding(QObject):
    """Child of what shows the icon, so that it dies with it."""

    def __init__(self, target: QObject) -> None:
        super().__init__(target)
        self.setObjectName("icon-binding")
        self._target = target
        self._wanted = ("", 0, "")
        theme().changed.connect(self.show_icon)

    def show_another(self, name: str, size: int, role: str) -> None:
        if self._wanted != (name, size, role):
            self._wanted = (name, size, role)
            self.show_icon()

    def show_icon(self) -> None:
        self._target.setIcon(icon(*self._wanted))  # type: ignore[attr-defined]


def bind_icon(target: QObject, name: str, size: int = 18, role: str = "text") -> None:
    """Show the icon on a button or an action, now and after every change of theme."""
    only = Qt.FindChildOption.FindDirectChildrenOnly
    binding = target.findChild(_Binding, "icon-binding", only) or _Binding(target)
    binding.show_another(name, size, role)
    if hasattr(target, "setIconSize"):
        target.setIconSize(QSize(size, size))
