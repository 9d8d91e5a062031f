"""Limits as a person sets them: a value for each metric and whether it holds, with undo."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from PySide6.QtGui import QUndoCommand

from nasstudio.engine.search.limit import Limit

_MERGE = 7301


@dataclass(frozen=True)
class LimitState:
    """The limit of one metric, in its unit; `on`: whether it holds."""

    most: float
    on: bool = False


Limits = dict[str, LimitState]


def holding(limits: Limits, keys: Iterable[str]) -> tuple[Limit, ...]:
    """The limits that hold, of the metrics that there are."""
    return tuple(Limit(k, limits[k].most) for k in keys if k in limits and limits[k].on)


def changed(
    limits: Limits, key: str, *, most: float | None = None, on: bool | None = None
) -> Limits:
    """The limits with one of them changed."""
    state = limits[key]
    state = replace(
        state, most=state.most if most is None else most, on=state.on if on is None else on
    )
    return {**limits, key: state}


def to_choice(limits: Limits) -> dict[str, Any]:
    """For the project's choices."""
    return {key: {"most": state.most, "on": state.on} for key, state in limits.items()}


def from_choice(stored: Any) -> Limits:
    """From the project's choices; what does not read is left out."""
    found: Limits = {}
    for key, value in stored.items() if isinstance(stored, Mapping) else ():
        if isinstance(value, Mapping) and isinstance(value.get("most"), int | float):
            found[str(key)] = LimitState(float(value["most"]), bool(value.get("on")))
    return found


class LimitCommand(QUndoCommand):
    """One change of a limit. All steps of one drag, and key strokes in a row, are one command.

    Parameters
    ----------
    show : takes limits over without making a command.
    gesture : number of the drag; steps of the same gesture merge.
    """

    def __init__(
        self, text: str, show: Callable[[Limits], None], before: Limits, after: Limits, gesture: int
    ) -> None:
        super().__init__(text)
        self._show = show
        self.before, self.after = before, after
        self.gesture = gesture

    def redo(self) -> None:
        self._show(self.after)

    def undo(self) -> None:
        self._show(self.before)

    def id(self) -> int:
        return _MERGE

    def mergeWith(self, other: QUndoCommand) -> bool:
        if not isinstance(other, LimitCommand) or other.gesture != self.gesture:
            return False
        self.after = other.after
        self.setObsolete(self.before == self.after)
        return True
