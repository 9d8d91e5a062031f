"""Quantity: what can stand on an axis, in a column or behind a limit, with its words, unit and places.

Accuracy is a share inside the engine and per cent on the screen; everything else is shown in its metric's unit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nasstudio.engine.cost.metric import Metric
from nasstudio.engine.device.device import Device
from nasstudio.engine.search.archive import ACCURACY
from nasstudio.ui.kit.number import written

_SHORT = {"macs": "MACs", "params": "Params", "memory": "Memory", "size": "Size"}
_NOTES = {"memory": "1 image, ONNX Runtime", "size": "ONNX file, fp32"}


@dataclass(frozen=True)
class Quantity:
    """One number of every network.

    Attributes
    ----------
    key : of the metric, or ``accuracy``.
    title : on an axis; `name` and `note` beside a slider; `short` over a column.
    unit : as shown.
    factor : from the stored value to the shown one.
    decimals : places shown.
    error : half the width of its interval, as a share of the value.
    rising : whether more is better.
    """

    key: str
    title: str
    name: str
    note: str
    short: str
    unit: str
    factor: float = 1.0
    decimals: int = 1
    error: float = 0.0
    rising: bool = False
    device: Device | None = None

    @property
    def axis_title(self) -> str:
        return f"{self.title} ({self.unit})" if self.unit else self.title

    def text(self, value: float, *, unit: bool = True) -> str:
        """A stored value as it is shown."""
        number = written(value * self.factor, self.decimals)
        return f"{number} {self.unit}" if unit and self.unit else number

    def interval(self, value: float, half: float | None = None, *, unit: bool = False) -> str:
        """A stored value with how far off it may be: ``76.4 ± 0.3``; `half` in stored units."""
        half = abs(value) * self.error if half is None else half
        text = self.text(value, unit=False)
        if half > 0 and math.isfinite(half):
            text += f" ± {written(half * self.factor, self.decimals)}"
        return f"{text} {self.unit}" if unit and self.unit else text


ACCURACY_QUANTITY = Quantity(
    ACCURACY, "Accuracy", "Accuracy", "", "Accuracy", "%", factor=100.0, decimals=1, rising=True
)


def places(low: float, high: float) -> int:
    """Decimals that tell about a hundred values between two ends apart; at most 3."""
    span = abs(high - low) or abs(high) or 1.0
    return max(0, min(3, math.ceil(-math.log10(span / 100))))


def quantities(
    metrics: Sequence[Metric], ends: dict[str, tuple[float, float]]
) -> dict[str, Quantity]:
    """Accuracy and every metric, by key. `ends` are the smallest and largest value of each metric."""
    found = {ACCURACY: ACCURACY_QUANTITY}
    for metric in metrics:
        found[metric.key] = _of_metric(metric, places(*ends.get(metric.key, (0.0, 100.0))))
    return found


def unknown(key: str) -> Quantity:
    """A column of an archive whose metric is not there any more."""
    unit = "ms" if key.startswith("latency:") else ""
    name = key.removeprefix("latency:")
    return Quantity(key, name, name, "", name, unit, decimals=2)


def _of_metric(metric: Metric, decimals: int) -> Quantity:
    device = metric.device
    if device is None:
        short = _SHORT.get(metric.key, metric.title)
        return Quantity(
            metric.key, metric.title, metric.title, _NOTES.get(metric.key, ""), short, metric.unit,
            decimals=decimals, error=metric.error,
        )  # fmt: skip
    table = device.runtime == "table"
    name = device.name if table else device.title or device.runtime_title
    note = device.setting if table or device.title else f"{device.load_title}, {device.hardware}"
    return Quantity(
        metric.key, f"Latency, {device.name}", name, note,
        device.title or device.setting, metric.unit,
        decimals=decimals, error=metric.error, device=device,
    )  # fmt: skip
