"""Words and numbers of the Train page: durations, moments, what a phase opens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from PySide6.QtCore import QCoreApplication, QDate, QLocale

from nasstudio.engine.space.space import SearchSpace
from nasstudio.engine.train.schedule import Phase
from nasstudio.ui.kit.number import locale, written

_LETTERS = {"kernel": "k", "depth": "d", "expand": "e", "width": "w", "resolution": "r"}


def _tr(text: str) -> str:
    return QCoreApplication.translate("Train", text)


def duration(seconds: float | None) -> tuple[str, str]:
    """A duration as number and unit: ``("2 h 04", "min")``, ``("38", "s")``; ``("–", "")`` if not known."""
    if seconds is None or seconds != seconds:
        return "–", ""
    whole = round(max(0.0, seconds))
    if whole < 60:
        return str(whole), _tr("s")
    if whole < 600:
        return f"{whole // 60} min {whole % 60:02d}", _tr("s")
    minutes = round(whole / 60)
    if minutes < 60:
        return str(minutes), _tr("min")
    return f"{minutes // 60} h {minutes % 60:02d}", _tr("min")


def duration_text(seconds: float | None) -> str:
    """A duration in one text."""
    return " ".join(part for part in duration(seconds) if part)


def clock(moment: float) -> str:
    """Time of day, or the date if it is not today."""
    then = datetime.fromtimestamp(moment)
    if then.date() == datetime.now().date():
        return then.strftime("%H:%M")
    day = QDate(then.year, then.month, then.day)
    return locale().toString(day, QLocale.FormatType.ShortFormat)


def percent(share: float | None, places: int = 1) -> str:
    """A share as per cent, without the sign; "–" if not known."""
    return "–" if share is None else written(100 * share, places)


def size_text(size: float) -> str:
    """Bytes for people: ``58 MB``."""
    if size < 1e3:
        return f"{written(size)} B"
    if size < 1e6:
        return f"{written(size / 1e3)} kB"
    return f"{written(size / 1e6, 1 if size < 1e7 else 0)} MB"


def opened_options(space: SearchSpace | None, phase: Phase, kind: str) -> str:
    """The options of a kind of gene that a phase trains, e.g. ``3, 5, 7``; "–" if there is no such gene."""
    genes = [gene for gene in space.genes if gene.kind == kind] if space is not None else []
    if not genes:
        return "–"
    values: set[float] = set()
    for gene in genes:
        values.update(gene.options[-phase.largest.get(kind, len(gene)) :])
    return shown_options(sorted(values))


def shown_options(values: Sequence[float]) -> str:
    """Options as text; many of them as their range."""
    texts = [f"{value:g}" for value in values]
    if len(texts) > 4:
        return _tr("{0} to {1}").format(texts[0], texts[-1])
    return ", ".join(texts)


def phase_note(space: SearchSpace | None, phase: Phase, before: Phase | None) -> str:
    """What a phase opens that the one before did not, e.g. ``d 2, 3, 4``."""
    if before is None and phase.largest:
        return _tr("largest network")
    if before is None:
        return _tr("every network")
    kinds = dict.fromkeys([*before.largest, *phase.largest])
    opened = [kind for kind in kinds if before.largest.get(kind) != phase.largest.get(kind)]
    parts = [f"{_LETTERS.get(kind, kind)} {opened_options(space, phase, kind)}" for kind in opened]
    return "; ".join(parts) or _tr("the same networks")


def needed(station: str) -> tuple[str, str, str]:
    """Title, sentence and button of the empty page, by the station that has to come first."""
    if station == "data":
        return (
            _tr("Which images?"),
            _tr("A supernet is trained on a data set: choose one first."),
            _tr("Choose the data"),
        )
    if station == "space":
        return (
            _tr("Which networks?"),
            _tr("The supernet holds every network of the search space: choose one first."),
            _tr("Choose the space"),
        )
    return _tr("No project is open"), _tr("Open one, or make a new one."), _tr("Go to Start")
