"""Marks words for translation where they are declared and not yet shown (lupdate finds the function by its name)."""

from __future__ import annotations


def QT_TRANSLATE_NOOP(context: str, text: str) -> str:
    """`text`, unchanged. It is translated with `QCoreApplication.translate(context, text)` when it is shown."""
    return text
