"""Words of the editor's cells: what a cell shows, what it is when edited, and what its tip says."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from PySide6.QtCore import QCoreApplication

from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device.device import distinct_names
from nasstudio.ui.kit.number import written
from nasstudio.ui.tables.shown import FIRST_DEVICE, MACS, OPERATION, Shown
from nasstudio.ui.tables.values import written_ms


def _tr(text: str) -> str:
    return QCoreApplication.translate("LatencyModel", text)


@lru_cache(maxsize=100_000)
def shown_label(label: str) -> str:
    """A layer's text with typographic signs: ``mbconv 24×56×56 → 40  k5 s2 e6``."""
    kind, arrow, rest = label.partition(" -> ")
    if not arrow:
        return label
    out, _, flags = rest.partition(" ")
    return f"{kind.replace('x', '×')} → {out}  {flags}"


def head_text(table: LatencyTable, column: int, mode: str) -> str:
    """Head of a shown column, with the unit."""
    number = column - FIRST_DEVICE
    if 0 <= number < len(table.devices):
        unit = {"ms": "ms", "spread": "%", "n": "n"}[mode]
        return f"{distinct_names(table.devices)[number]} ({unit})"
    return {OPERATION: _tr("Operation"), MACS: _tr("MACs (M)")}.get(column, _tr("Ratio"))


def head_tip(table: LatencyTable, column: int) -> str:
    """What a column is."""
    keys = _tr("Click to sort; Ctrl and a click select the column")
    number = column - FIRST_DEVICE
    if 0 <= number < len(table.devices):
        device = table.devices[number]
        return f"{device.name}\n{device.hardware}, {device.setting}\n{keys}"
    said = {
        OPERATION: _tr("One row of the table: a layer with its shapes"),
        MACS: _tr("Multiply-accumulates of the layer for one image, millions"),
    }.get(column, _tr("Slowest device against the fastest"))
    return f"{said}\n{keys}"


def group_text(shown: Shown, group: int) -> str:
    """Head of a group: ``Stage 2, 56 px, 3 of 9 rows``."""
    matching, total = shown.layout.group_matching[group], shown.layout.group_total[group]
    rows = _tr("row") if total == 1 else _tr("rows")
    count = f"{total:,} {rows}" if matching == total else f"{matching:,} of {total:,} {rows}"
    return f"{shown.facts.groups[group]}, {count}"


def text_of(shown: Shown, mode: str, number: int, column: int) -> str:
    """What a shown column says of a row of the table, or of the head of a group (`number` below 0)."""
    if number < 0:
        return group_text(shown, -number - 1) if column == OPERATION else ""
    if column == OPERATION:
        return shown_label(shown.table.labels[number])
    if column == MACS:
        return macs_text(float(shown.facts.macs[number]))
    if column - FIRST_DEVICE == len(shown.table.devices):
        return ratio_text(shown.table.cells.ms[number])
    return cell_text(shown.table.cells, (number, column - FIRST_DEVICE), mode)


def raw_of(shown: Shown, mode: str, number: int, column: int) -> str:
    """The same as it is edited and copied."""
    if number < 0:
        return ""
    if mode == "ms" and 0 <= column - FIRST_DEVICE < len(shown.table.devices):
        return raw_time(float(shown.table.cells.ms[number, column - FIRST_DEVICE]))
    if column == OPERATION:
        return shown.table.labels[number]
    return text_of(shown, mode, number, column)


def cell_text(cells: Cells, at: tuple[int, int], mode: str) -> str:
    """What a cell shows."""
    if mode == "ms":
        return written_time(float(cells.ms[at]))
    if mode == "n":
        return written(int(cells.n[at])) if cells.n[at] else ""
    share = spread_percent(cells, at)
    return "" if math.isnan(share) else written(share, 1)


def spread_percent(cells: Cells, at: tuple[int, int]) -> float:
    """From the 10 to the 90 % quantile, % of the median; nan if not known."""
    ms = float(cells.ms[at])
    return 100 * float(cells.p90[at] - cells.p10[at]) / ms if 0 < ms < math.inf else math.nan


def written_time(ms: float) -> str:
    """A time; a value that is not one is written as it is."""
    if ms == 0:
        return "0"
    if math.isinf(ms):
        return "∞" if ms > 0 else "−∞"
    return f"−{written_ms(-ms)}" if ms < 0 else written_ms(ms)


def raw_time(ms: float) -> str:
    """A time as it is edited and copied; empty for none."""
    return "" if math.isnan(ms) else f"{ms:.6g}"


def ratio_text(ms: np.ndarray) -> str:
    """Slowest against fastest of a row."""
    times = [t for t in ms.tolist() if 0 < t < math.inf]
    if len(times) < 2:
        return ""
    ratio = max(times) / min(times)
    return f"{written(ratio, 1 if ratio < 100 else 0)}×"


def macs_text(macs: float) -> str:
    """MACs in millions."""
    millions = macs / 1e6
    return "" if millions != millions else written(millions, 1 if millions >= 1 else 3)


def source_text(source: int) -> str:
    """A source in words."""
    return {
        Source.MISSING: _tr("missing"),
        Source.MEASURED: _tr("measured"),
        Source.IMPORTED: _tr("imported"),
        Source.EDITED: _tr("edited"),
        Source.INTERPOLATED: _tr("interpolated"),
    }[Source(source)]


def provenance(table: LatencyTable, at: tuple[int, int]) -> list[tuple[str, str]]:
    """Where a cell's time comes from, as captions and values."""
    cells = table.cells
    ms = float(cells.ms[at])
    if math.isnan(ms):
        return [(_tr("Time"), _tr("none yet"))]
    rows = [
        (_tr("Median"), f"{ms:.4g} ms"),
        (_tr("Source"), source_text(int(cells.source[at]))),
    ]
    if not 0 < ms < math.inf:
        rows.append((_tr("Counts as"), _tr("missing: it is not a time")))
    if cells.p10[at] == cells.p10[at]:
        rows.append((_tr("10 to 90 %"), f"{cells.p10[at]:.4g} to {cells.p90[at]:.4g} ms"))
        share = spread_percent(cells, at)
        if share == share:
            rows.append((_tr("Spread"), f"{written(share, 1)} %"))
    if cells.n[at]:
        rows.append(("n", f"{int(cells.n[at]):,}"))
    return rows


def tip(table: LatencyTable, at: tuple[int, int], flag: str, origin: str) -> str:
    """What a cell's tip says."""
    name = table.devices[at[1]].name
    if math.isnan(float(table.cells.ms[at])):
        return _tr("{0}: no time yet").format(name)
    parts = [name, *(f"{caption}: {value}" for caption, value in provenance(table, at))]
    return "\n".join([*parts, *filter(None, (origin, flag))])
