"""What the Devices page says about devices: which there are, how far each is measured, what is wrong.

Plain functions of a snapshot and the shown table; nothing here is a widget.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from nasstudio.engine.cost.additive import AdditiveModel
from nasstudio.engine.cost.table import LatencyTable, Source
from nasstudio.engine.device.calibration import Calibration
from nasstudio.engine.device.device import Device
from nasstudio.engine.device.verdict import percent
from nasstudio.engine.job.specification import ProfileSpec
from nasstudio.engine.project.records import Snapshot
from nasstudio.engine.space.space import SearchSpace
from nasstudio.ui.kit.number import written
from nasstudio.ui.workbench import LiveRun

_CORRECTIONS = {
    "sum": "none",
    "scale": "scale",
    "line": "scale, constant",
    "kinds": "factor a kind",
    "residual": "kinds, residual",
}
_WORDS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten")


@dataclass(frozen=True)
class DeviceState:
    """A device as its card shows it.

    Attributes
    ----------
    known, total : rows of the space with a time, and all of them; without a space rows of the table.
    state : a state of `StateMark`.
    found : it is one of this machine's, so it can be measured.
    fitted : it is known by whole networks: their model, instead of rows.
    """

    device: Device
    known: int
    total: int
    state: str
    found: bool
    fitted: AdditiveModel | None = None

    @property
    def bare(self) -> bool:
        """Found here, and nothing more is known of it."""
        return self.found and not self.known and self.state == "empty"

    @property
    def foreign(self) -> bool:
        """Measured, but on another machine."""
        return not self.device.here and self.device.runtime != "table"


def device_states(
    snapshot: Snapshot,
    table: LatencyTable,
    space: SearchSpace | None,
    busy: Mapping[str, str],
) -> list[DeviceState]:
    """Every device found here, and then every other column.

    Parameters
    ----------
    table : the shown one; its first rows are those of the space.
    busy : state of the profile that runs on a device, by device id.
    """
    rows = len(space.layers) if space is not None else len(table.labels)
    counts = np.count_nonzero(table.cells.known[:rows], axis=0)
    known = {d.id: int(n) for d, n in zip(table.devices, counts, strict=True)}
    found = {d.id: d for d in snapshot.devices}
    found |= {d.id: d for d in table.devices if d.here and d.runtime != "table"}
    others = [d for d in table.devices if d.id not in found]
    states = []
    for device in (*found.values(), *others):
        count = known.get(device.id, 0)
        model = None if count else table.fitted.get(device.id)
        state = busy.get(device.id) or ("done" if model is not None else _state(count, rows))
        states.append(DeviceState(device, count, rows, state, device.id in found, model))
    return states


def _state(known: int, total: int) -> str:
    if not known:
        return "empty"
    return "done" if known >= total else "stale"


def profiles(snapshot: Snapshot, live: Sequence[LiveRun]) -> dict[str, LiveRun]:
    """Profiles that have not ended, by device id."""
    found = {}
    for run in live:
        record = snapshot.run(run.id)
        if record is not None and isinstance(record.spec, ProfileSpec):
            found[record.spec.device.id] = run
    return found


def mark_of(run: LiveRun) -> str:
    """State mark of a live run."""
    if run.state == "paused":
        return "paused"
    return "queued" if run.state in ("waiting", "created") else "running"


def summary(table: LatencyTable, space: SearchSpace | None, flags: int) -> str:
    """The sentence under the title."""
    devices, rows = len(table.devices), len(table.labels)
    if not devices:
        return "Measure a device, or import a table: nothing is known yet."
    if not rows and not table.fitted:
        return f"{_count(devices, 'device')}, no operation yet."
    parts = [f"{_count(devices, 'device')}, {_count(rows, 'operation')}."]
    layers = len(space.layers) if space is not None else rows
    by_rows = [d.id not in table.fitted for d in table.devices]  # the others need no operations
    missing = int((~table.cells.known[:layers, by_rows]).sum())
    flagged = (
        f"{_word(flags)} {'cell looks' if flags == 1 else 'cells look'} wrong" if flags else ""
    )
    is_are = "is" if missing == 1 else "are"
    gaps = f"{written(missing)} {is_are} still to be measured" if missing else ""
    if not flagged and not gaps:
        parts.append("Every cell is known.")
    elif gaps and not flagged:
        parts.append(
            f"{written(missing)} {'cell' if missing == 1 else 'cells'} {is_are} still to be measured."
        )
    else:
        parts.append("; ".join(part for part in (flagged, gaps) if part) + ".")
    return " ".join(parts)


def _count(number: int, noun: str) -> str:
    return f"{written(number)} {noun}{'' if number == 1 else 's'}"


def _word(number: int) -> str:
    return _WORDS[number] if number < len(_WORDS) else written(number)


def details(snapshot: Snapshot, table: LatencyTable, device: Device) -> list[tuple[str, str]]:
    """Captions and values about one device's column."""
    rows = [("Hardware", device.hardware), ("Runtime", _runtime(device))]
    ids = [d.id for d in table.devices]
    if device.id not in ids:
        return rows
    column = ids.index(device.id)
    cells = table.cells
    measured = cells.source[:, column] == Source.MEASURED
    if measured.any():
        p10, p90, ms = (a[measured, column] for a in (cells.p10, cells.p90, cells.ms))
        spread = (p90 - p10) / ms
        spread = spread[~np.isnan(spread)]
        if len(spread):
            rows.append(("Spread, median", f"{written(100 * float(np.median(spread)), 1)} %"))
        counts = cells.n[measured, column]
        rows.append(("Repeats per cell", written(float(np.median(counts)))))
    model = table.fitted.get(device.id)
    if model is not None:
        rows += fitted_rows(model)
    calibration = table.calibrations.get(device.id)
    if calibration is not None:
        rows += accuracy_rows(calibration)
    when = calibration.measured_at if calibration is not None else ""
    stamp = _parsed(when) or _last_profile(snapshot, device)
    if stamp is not None:
        rows.append(("Measured", spoken_time(stamp)))
    return rows


def fitted_rows(model: AdditiveModel) -> list[tuple[str, str]]:
    """A device that is known by whole networks: how many, and how well they predict others."""
    return [
        ("Whole networks", written(model.n)),
        ("Error, held back", percent(model.mape)),
        ("Within 5 %, 10 %", f"{percent(model.within5)}, {percent(model.within10)}"),
        ("Rank, τ", written(model.tau, 2)),
    ]


def accuracy_rows(calibration: Calibration) -> list[tuple[str, str]]:
    """The correction, what is left of the error, and the noise beside it."""
    correction = calibration.correction
    rows = [("Correction", _CORRECTIONS.get(correction.name, correction.name))]
    if correction.name in ("scale", "line"):
        rows.append(("Scale of the sum", f"{written(correction.scale, 3)}×"))
    if correction.constant_ms:
        rows.append(("Constant", f"{written(correction.constant_ms, 3)} ms"))
    rows.append(("Error, held back", percent(calibration.mape)))
    rows.append(("Nine in ten within", f"± {percent(calibration.interval)}"))
    if calibration.noise is not None:
        rows.append(("Noise", percent(calibration.noise)))
    return rows


def _runtime(device: Device) -> str:
    return (
        f"{device.runtime} {device.version}".strip() if device.runtime != "table" else "not known"
    )


def _parsed(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def _last_profile(snapshot: Snapshot, device: Device) -> datetime | None:
    ended = [
        run.ended
        for run in snapshot.runs
        if isinstance(run.spec, ProfileSpec) and run.spec.device.id == device.id and run.ended
    ]
    return datetime.fromtimestamp(max(ended)) if ended else None


def spoken_time(moment: datetime, now: datetime | None = None) -> str:
    """A time as people say it: ``today, 09:41``, ``3 May, 09:41``, ``3 May 2025``."""
    local = moment.astimezone() if moment.tzinfo else moment
    today = (now or datetime.now()).date()
    if local.date() == today:
        return f"today, {local:%H:%M}"
    day = f"{local.day} {local:%b}"
    return f"{day}, {local:%H:%M}" if local.year == today.year else f"{day} {local.year}"


def spoken_left(seconds: float | None) -> str:
    """Time left as people say it: ``2 min left``; empty if it is not known."""
    if seconds is None or seconds != seconds or seconds < 0:
        return ""
    if seconds < 60:
        return f"{max(1, round(seconds))} s left"
    if seconds < 5400:
        return f"{round(seconds / 60)} min left"
    return f"{seconds / 3600:.1f} h left"


def icon_of(device: Device) -> str:
    """Icon of a device, from what its name says."""
    name = f"{device.title} {device.hardware} {device.runtime}".lower()
    for words, icon in (
        (("cuda", "gpu", "nvidia", "radeon", "geforce"), "gpu"),
        (("mobile", "phone", "pixel", "tablet", "snapdragon"), "phone"),
        (("server", "xeon", "epyc"), "server"),
    ):
        if any(word in name for word in words):
            return icon
    return "table" if device.runtime == "table" else "laptop"
