"""Pins, verified pairs and references of a project, as marks on the chosen axes. Pure functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from nasstudio.engine.project.records import ReferencePoint, Snapshot, SubnetRecord
from nasstudio.engine.search.archive import ACCURACY
from nasstudio.ui.plots.pareto_marks import Marks, Pin, Reference, VerifiedPair
from nasstudio.ui.views.network import fits
from nasstudio.ui.views.quantity import Quantity
from nasstudio.ui.views.search_model import SearchModel

NAN = float("nan")
_MILLIONS = {"macs": 1e6, "params": 1e6}


def marks_of(model: SearchModel, snapshot: Snapshot) -> Marks:
    """Everything that stands out, in shown units."""
    if model.space is None or model.arrangement is None:
        return Marks()
    x, y = model.quantities[model.x_key], model.quantities[model.y_key]
    known = [
        s
        for s in snapshot.subnets
        if s.space == model.space.hash
        and (s.pin is not None or s.verified)
        and fits(model.space, s.genome)
    ]
    pins, pairs = [], []
    if known:
        values = model.values_of(np.array([s.genome for s in known], dtype=np.int16))
        for number, subnet in enumerate(known):
            predicted = {key: float(column[number]) for key, column in values.items()}
            place = (_shown(predicted, x), _shown(predicted, y))
            if subnet.pin is not None and np.isfinite(place).all():
                pins.append(Pin(subnet.pin, *place, subnet.genome))
            pair = _pair(subnet, predicted, x, y) if subnet.verified else None
            if pair is not None:
                pairs.append(pair)
    references = [_reference(r, x, y) for r in snapshot.references]
    return Marks(tuple(pins), tuple(pairs), tuple(references))


def _shown(values: dict[str, float], quantity: Quantity) -> float:
    return values.get(quantity.key, NAN) * quantity.factor


def _pair(
    subnet: SubnetRecord, predicted: dict[str, float], x: Quantity, y: Quantity
) -> VerifiedPair | None:
    """Predicted and measured place; what cannot be measured (counts) is as predicted. None if nothing was measured."""
    ends = [_measured(subnet.verified, quantity, predicted) for quantity in (x, y)]
    if not any(measured for *_, measured in ends):
        return None
    places = [
        (end[0] * q.factor, end[1] * q.factor, end[2] * q.factor)
        for end, q in zip(ends, (x, y), strict=True)
    ]
    place = (_shown(predicted, x), _shown(predicted, y))
    found = VerifiedPair(
        place,
        (places[0][0], places[1][0]),
        (places[0][1], places[0][2]),
        (places[1][1], places[1][2]),
        subnet.genome,
    )
    return found if np.isfinite([*place, *found.measured]).all() else None


def _measured(
    verified: dict[str, Any], quantity: Quantity, predicted: dict[str, float]
) -> tuple[float, float, float, bool]:
    """Value, low and high end, and whether it was measured; stored units."""
    if quantity.key == ACCURACY:
        share, images = verified.get("accuracy"), verified.get("images") or 0
        if isinstance(share, int | float):
            half = float(np.sqrt(share * (1 - share) / images)) if images else 0.0
            return share, share - half, share + half, True
    elif quantity.device is not None:
        found = (verified.get("latency") or {}).get(quantity.device.id)
        if isinstance(found, dict) and isinstance(found.get("measured_ms"), int | float):
            value = float(found["measured_ms"])
            return (
                value,
                float(found.get("p10_ms") or value),
                float(found.get("p90_ms") or value),
                True,
            )
        if isinstance(found, int | float):
            return float(found), float(found), float(found), True
    value = predicted.get(quantity.key, NAN)
    return value, value, value, False


def _reference(point: ReferencePoint, x: Quantity, y: Quantity) -> Reference:
    found = [reference_value(point.measured, quantity) for quantity in (x, y)]
    across, up = (
        NAN if value is None else value * quantity.factor
        for value, quantity in zip(found, (x, y), strict=True)
    )
    lacking = [q.name.lower() for q, value in zip((x, y), found, strict=True) if value is None]
    source = point.measured.get("source")
    note = f"no {' and '.join(lacking)}" if lacking else ""
    if not note and source == "torchvision":
        note = "(torchvision)"
    return Reference(point.title, across, up, note)


def reference_value(measured: dict[str, Any], quantity: Quantity) -> float | None:
    """A reference's value of a quantity in stored units, None if it was not found out."""
    if quantity.key == ACCURACY:
        value = measured.get("accuracy")
    elif quantity.device is not None:
        value = (measured.get("latency") or {}).get(quantity.device.id)
    else:
        value = measured.get(quantity.key)
        if isinstance(value, int | float):
            value = value / _MILLIONS.get(quantity.key, 1.0)
    return float(value) if isinstance(value, int | float) else None
