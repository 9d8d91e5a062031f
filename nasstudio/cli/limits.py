"""Limits as they are typed: ``latency<=5``, ``latency:ort-1t-3f9c2a<=5``, ``memory<=0.2``, ``size<=5MiB``.

The unit is the metric's own (ms, MiB, M) and may be written behind the number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from nasstudio.engine.cost.metric import Metric
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.search.limit import Limit


def metric_key(name: str, metrics: Sequence[Metric]) -> str:
    """The key of a metric by what a person types: its key, ``latency`` (if there is one device) or a device's id.

    Raises
    ------
    InvalidInput
        It names none, or more than one.
    """
    keys = [metric.key for metric in metrics]
    if name in keys:
        return name
    found = [key for key in keys if key.startswith(name + ":") or key == f"latency:{name}"]
    found = found or [key for key in keys if name and key.startswith(f"latency:{name}")]
    if len(found) == 1:
        return found[0]
    known = ", ".join(keys)
    what = (
        f"'{name}' could be any of {len(found)} metrics"
        if found
        else f"There is no metric '{name}'"
    )
    raise InvalidInput(f"{what}.", where="--limit", remedy=f"Write one of: {known}.")


def parse_limit(text: str, metrics: Sequence[Metric]) -> Limit:
    """A limit from its text.

    Raises
    ------
    InvalidInput
        It does not read like a limit.
    """
    match = re.fullmatch(r"\s*([\w:.,-]+?)\s*(?:<=|=|<)\s*([0-9.eE+-]+)\s*(?:ms|M|MiB)?\s*", text)
    try:
        most = float(match[2]) if match else float("nan")
    except ValueError:
        most = float("nan")
    if match is None or not most > 0:
        raise InvalidInput(
            f"'{text}' is not a limit.", where="--limit", remedy="Write it like: latency<=5"
        )
    return Limit(metric_key(match[1], metrics), most)
