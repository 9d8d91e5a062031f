"""Renders the program's icons from `resources/icons/logo.svg`: PNG for every size a desktop asks for, and one SVG.

QT_QPA_PLATFORM=offscreen python packaging/render_icons.py [TARGET]
"""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QByteArray, QRectF
from PySide6.QtGui import QGuiApplication, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from nasstudio.resources import resource  # noqa: E402
from nasstudio.ui.theme import tokens  # noqa: E402

SIZES = (16, 22, 24, 32, 48, 64, 128, 256)
TARGET = ROOT / "packaging" / "icons"


def source() -> str:
    """The logo in the colours of the light theme."""
    colors = tokens("light")
    drawn = resource("icons/logo.svg").read_text(encoding="utf-8")
    return drawn.replace("currentColor", colors["accent"]).replace("onAccent", colors["on_accent"])


def rendered(svg: str, size: int) -> QImage:
    """The logo, `size` x `size` px, on a transparent ground."""
    image = QImage(size, size, QImage.Format.Format_ARGB32)
    image.fill(0)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    # A margin of a sixteenth, as the desktops' icon grids have it; none where every pixel is needed.
    margin = size / 16 if size >= 48 else 0.0
    QSvgRenderer(QByteArray(svg.encode())).render(
        painter, QRectF(margin, margin, size - 2 * margin, size - 2 * margin)
    )
    painter.end()
    return image


def main(target: Path) -> int:
    """Write all of them."""
    _app = QGuiApplication.instance() or QGuiApplication(sys.argv[:1])
    target.mkdir(parents=True, exist_ok=True)
    svg = source()
    (target / "nasstudio.svg").write_text(svg, encoding="utf-8")
    for size in SIZES:
        path = target / f"nasstudio-{size}.png"
        if not rendered(svg, size).save(str(path)):
            print(f"{path} can't be written.", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET))
