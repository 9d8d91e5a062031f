"""How differences of accuracies are written."""

from __future__ import annotations

from nasstudio.ui.kit.number import MINUS, written


def points(value: float, places: int = 2) -> str:
    """A difference of shares in points, with its sign."""
    text = written(abs(100 * value), places)
    return f"{MINUS if value < 0 else '+'}{text}"
