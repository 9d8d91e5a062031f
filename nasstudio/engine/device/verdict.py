"""What a calibration says, in plain words, for the window and the terminal.

Numbers first, then why the plain sum is wrong where that can be told, then what to do. A cause is named as probable:
the coefficients show that a sum fails and where, not why.
"""

from __future__ import annotations

import math

import numpy as np

from nasstudio.engine.device.calibration import FEWEST, Calibration

NAMES = {
    "sum": "no correction",
    "scale": "scale",
    "line": "scale and constant",
    "kinds": "a factor for each kind of layer",
    "residual": "factors for kinds and a residual model",
}
_MINUS = "−"
LOUD = 0.03  # noise of re-measuring above which the machine was not quiet
_FAR = 0.1
_ODD_FACTOR = 1.25
_ODD_CONSTANT = 0.1
_ODD_ROW = 0.002  # of the smallest network's latency, a layer: some 4 % of a network


def say(calibration: Calibration) -> str:
    """The whole verdict: error, cause, what to do. A few sentences."""
    return " ".join([*facts(calibration), *causes(calibration), *warnings(calibration)])


def facts(calibration: Calibration) -> list[str]:
    """How far off the sum is, and what the correction leaves."""
    noise = _noise(calibration)
    if calibration.correction.name == "sum":
        return [
            f"The plain sum of the layers is {percent(calibration.mape)} off{noise}; "
            + (
                "no correction is better."
                if len(calibration.measured_ms) >= 4
                else "it is not corrected."
            )
        ]
    return [
        f"The plain sum of the layers is {percent(calibration.mape_sum)} off, {_direction(calibration)}.",
        f"Corrected by {formula(calibration)}: {percent(calibration.mape)}{noise}.",
    ]


def formula(calibration: Calibration) -> str:
    """The correction by name, with its numbers where they are few."""
    correction = calibration.correction
    name = NAMES.get(correction.name, correction.name)
    if correction.name == "scale":
        return f"{name} ({correction.scale:.3g} × sum)"
    if correction.name == "line":
        return f"{name} ({correction.scale:.3g} × sum {_signed(correction.constant_ms)})"
    return name


def causes(calibration: Calibration) -> list[str]:
    """Where a sum of layers can't be right, as far as the coefficients tell; nothing where they do not predict."""
    if hardly_predicts(calibration):
        return []
    correction = calibration.correction
    smallest = min(calibration.measured_ms)
    found = []
    if correction.name in ("scale", "line") and not 0.95 < correction.scale < 1.05:
        change = percent(abs(correction.scale - 1))
        found.append(
            f"In a network the layers take {change} less than alone: probably each carries the overhead of a call."
            if correction.scale < 1
            else f"In a network the layers take {change} more than alone: probably their data and weights are "
            "no longer in the cache."
        )
    odd = {k: f for k, f in correction.factors.items() if f > 0 and _odd(f)}
    if odd:
        worst = sorted(odd, key=lambda kind: -abs(math.log(odd[kind])))[:3]
        listed = ", ".join(f"{kind} {odd[kind]:.2f}" for kind in worst)
        found.append(
            f"A kind counts for more or less in a network than alone ({listed} times): "
            "probably the runtime fuses it, or reorders data around it, differently."
        )
    if abs(correction.row_ms) >= _ODD_ROW * smallest:
        found.append(
            f"Each layer costs {duration(abs(correction.row_ms))} "
            + (
                "more in a network than alone: probably launching it."
                if correction.row_ms > 0
                else "less in a network than alone: probably data are reordered at its edges."
            )
        )
    share = correction.constant_ms / smallest
    if abs(share) >= _ODD_CONSTANT:
        found.append(
            f"The constant, {duration(correction.constant_ms)}, is {percent(abs(share))} of the smallest network: "
            "without it, small networks would be the furthest off."
        )
    if correction.name == "residual":
        found.append("What is left follows sizes in memory, strides and kernels; a sum misses it.")
    return found


def warnings(calibration: Calibration) -> list[str]:
    """Why the prediction should be trusted less, and the remedy."""
    networks, noise = len(calibration.measured_ms), calibration.noise
    found = []
    if networks < FEWEST:
        found.append(
            f"Only {networks} {'network was' if networks == 1 else 'networks were'} measured: the error "
            f"itself is uncertain. Measure at least {FEWEST}."
        )
    if noise is not None and noise > LOUD:
        found.append("The machine was not quiet: measure again when nothing else runs.")
    if above_noise(calibration) and not far_off(calibration):
        found.append(
            "The error is clearly above the noise: measure more networks, or the layers again."
        )
    far = far_off(calibration)
    if far:
        found.append(
            f"{far} of {networks} networks {'is' if far == 1 else 'are'} far off, the others are not: "
            "something disturbed the measurement."
        )
    if hardly_predicts(calibration):
        found.append(
            f"A constant guess would be {percent(calibration.mape_constant)} off: "
            "the networks hardly differ, or the table does not belong to this device."
        )
    return found


def above_noise(calibration: Calibration) -> bool:
    """Whether the error is more than the noise of measuring explains."""
    noise = calibration.noise
    return noise is not None and calibration.mape > max(1.25 * noise, noise + 0.005)


def hardly_predicts(calibration: Calibration) -> bool:
    """Whether a constant, the same for all networks, would be nearly as good."""
    return len(calibration.measured_ms) >= 4 and calibration.mape > calibration.mape_constant / 2


def far_off(calibration: Calibration) -> int:
    """How many networks are off by far more than the others."""
    measured = np.array(calibration.measured_ms)
    off = np.abs(np.array(calibration.predicted_ms) - measured) / measured
    return int((off > max(_FAR, 5 * float(np.median(off)))).sum())


def percent(share: float) -> str:
    """A share as people write it: ``2.2 %``, ``19 %``."""
    value = 100 * share
    return f"{value:.0f} %" if value >= 9.95 else f"{value:.1f} %"


def duration(ms: float) -> str:
    """A time of ms with three figures, in the unit in which it reads well: ``0.297 ms``, ``6.9 µs``."""
    sign = _MINUS if ms < 0 else ""
    size = abs(ms)
    return f"{sign}{1000 * size:.3g} µs" if 0 < size < 0.1 else f"{sign}{size:.3g} ms"


def _noise(calibration: Calibration) -> str:
    return (
        ""
        if calibration.noise is None
        else f" (noise of re-measuring {percent(calibration.noise)})"
    )


def _direction(calibration: Calibration) -> str:
    sums, measured = np.array(calibration.sums_ms), np.array(calibration.measured_ms)
    high = float((sums > measured).mean())
    if high >= 0.8:
        return "too high"
    return "too low" if high <= 0.2 else "too high for some networks and too low for others"


def _odd(factor: float) -> bool:
    return abs(math.log(factor)) > math.log(_ODD_FACTOR)


def _signed(value: float) -> str:
    return f"{_MINUS if value < 0 else '+'} {duration(abs(value))}"
