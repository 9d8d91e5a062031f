"""Times as files write them: units in headers, numbers of any locale, and labels in their canonical form.

A number that is no time (0, negative, not finite) is passed on as it is: published tables hold such cells, and the
checks flag them. A text that is no number is an error with its place.
"""

from __future__ import annotations

import math
import re

from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.layer import LayerSpec, parse, text

UNITS = {
    "ms": 1.0,
    "msec": 1.0,
    "milliseconds": 1.0,
    "us": 1e-3,
    "µs": 1e-3,
    "μs": 1e-3,
    "usec": 1e-3,
    "microseconds": 1e-3,
    "ns": 1e-6,
    "s": 1e3,
    "sec": 1e3,
    "seconds": 1e3,
}
# What else a bracket may hold that is a unit of measurement and no part of a name. Single letters count in this case
# only: "Phone (A)" is a phone, "(g)" a mass.
_OTHER_UNITS = {
    *(
        "kg",
        "g",
        "mg",
        "lb",
        "W",
        "mW",
        "kW",
        "J",
        "mJ",
        "uJ",
        "µJ",
        "kJ",
        "Wh",
        "mWh",
        "V",
        "mV",
        "mA",
    ),
    *(
        "Hz",
        "kHz",
        "KHz",
        "MHz",
        "GHz",
        "kB",
        "KB",
        "MB",
        "GB",
        "KiB",
        "MiB",
        "GiB",
        "bytes",
        "bit",
        "bits",
    ),
    *(
        "%",
        "fps",
        "FPS",
        "IPS",
        "img/s",
        "images/s",
        "it/s",
        "FLOPS",
        "FLOPs",
        "GFLOPS",
        "GFLOPs",
        "MFLOPs",
    ),
    *("MACs", "MMACs", "GMACs", "params", "min", "h", "hr", "hours", "minutes", "days", "px", "°C"),
}
_BRACKET = re.compile(r"(?P<name>.*?)\s*[(\[]\s*(?P<unit>[^()\[\]]*?)\s*[)\]]")
_MISSING = {"", "-", "–", "—", "n/a", "na"}
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_ODD = {"nan", "inf", "infinity"}
PLAIN_MARKS = frozenset("0123456789.eE+-")


def named_unit(header: str, place: str) -> tuple[str, float]:
    """Name of a column and the factor that makes its numbers ms.

    A last bracket with a unit of time (`UNITS`) is the unit; one with another unit of measurement is refused; any
    other bracket, ``Pixel 4 (big core)``, belongs to the name. Without a unit times are in ms.

    Raises
    ------
    InvalidInput
        The bracket holds a unit that is not one of time.
    """
    match = _BRACKET.fullmatch(header)
    if match is None:
        return header, 1.0
    unit = match["unit"]
    factor = UNITS.get(unit if len(unit) == 1 else unit.lower())
    if factor is not None:
        return match["name"], factor
    if unit in _OTHER_UNITS:
        raise InvalidInput(
            f"'{header[:60]}' is not a column of times: {unit} is no unit of time.",
            where=place,
            remedy="Remove the column, or give times in ms, us, ns or s: GPU (ms).",
        )
    return header, 1.0


def number(field: str, delimiter: str, place: str) -> float:
    """A cell as a number, whatever it is; nan if it is empty.

    Raises
    ------
    InvalidInput
        It is no number, or may be two.
    """
    if field.lower() in _MISSING:
        return math.nan
    plain = field.replace("\u00a0", "").replace(" ", "")
    if "," in plain:
        plain = _with_point(plain, delimiter, field, place)
    if _PLAIN.fullmatch(plain) is None and plain.lower().lstrip("+-") not in _ODD:
        raise InvalidInput(
            f"'{field[:40]}' is not a number.",
            where=place,
            remedy="Write a time like 0.12; leave the cell empty if there is none.",
        )
    return float(plain)


def is_missing(field: str) -> bool:
    """Whether a cell says that there is no time."""
    return field.lower() in _MISSING


def _with_point(plain: str, delimiter: str, field: str, place: str) -> str:
    """A number with a decimal comma as one with a point."""
    groups = re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?", plain)
    if groups and (delimiter == "," or "." in plain or plain.count(",") > 1):
        if plain.count(",") == 1 and "." not in plain:
            raise InvalidInput(
                f"'{field[:40]}' may be a decimal comma or a thousands mark.",
                where=place,
                remedy=f"Write {plain.replace(',', '.')} or {plain.replace(',', '')}.",
            )
        return plain.replace(",", "")
    return plain.replace(".", "").replace(",", ".", 1)


def canonical(label: str) -> tuple[str, LayerSpec | None]:
    """A label as the table keeps it, a layer's own text where it is a layer; and the layer."""
    if "-" not in label and "→" not in label:
        return label.strip(), None
    try:
        spec = parse(label)
    except InvalidInput:
        return label.strip(), None
    return text(spec), spec
