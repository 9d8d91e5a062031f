"""Sentences of the Search page, from its model. Pure functions."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable

from nasstudio.engine.search.archive import ACCURACY
from nasstudio.engine.search.limit import Limit
from nasstudio.ui.kit.number import written
from nasstudio.ui.views.quantity import Quantity, unknown
from nasstudio.ui.views.search_model import SearchModel

Tr = Callable[[str], str]
ALGORITHMS = {"evolution": "Evolution", "nsga2": "NSGA-II", "random": "Random search"}


def algorithm_title(name: str) -> str:
    """What an algorithm is called."""
    return ALGORITHMS.get(name, name)


def subtitle(model: SearchModel, tr: Tr) -> str:
    """How things stand, in one line."""
    answer, seen = model.answer, model.seen
    if answer is None or seen is None or not len(seen):
        return tr("Limits are lines that you drag; the best network under them is the star.")
    total = len(seen) if answer.shown is None else int(answer.shown.sum())
    if answer.best is None:
        return tr("None of the {0} evaluated networks meets every limit.").format(written(total))
    reached = model.quantities[ACCURACY].text(float(seen.values[ACCURACY][answer.best]))
    if not answer.limits:
        return tr("{0} networks evaluated, no limit holds. The best reaches {1}.").format(
            written(total), reached
        )
    return tr("{0} of {1} evaluated networks meet every limit. The best reaches {2}.").format(
        written(answer.count), written(total), reached
    )


def binding(model: SearchModel, tr: Tr) -> tuple[str, str]:
    """Which limit binds, and what loosening it would buy; empty if there is nothing to say."""
    explanation, seen = model.explanation, model.seen
    if explanation is None or seen is None or not explanation.bindings:
        return "", ""
    if not any(b.binds for b in explanation.bindings):
        return tr("No limit binds"), tr("The best network would be the best without limits, too.")
    first = explanation.bindings[0]
    quantity = _quantity(model, first.limit)
    title = tr("{0} is what binds").format(_words(model, quantity))
    accuracy = model.quantities[ACCURACY]
    if first.gain > 0:
        more = float(seen.values[first.limit.metric][first.index]) - first.limit.most
        more = round_up(more, quantity.decimals)
        gain = written(100 * first.gain, 1 if first.gain >= 5e-4 else 2)
        text = tr("+{0} would buy +{1} {2}").format(quantity.text(more), gain, accuracy.unit)
        return title, text
    gain = written(100 * first.without, 1 if first.without >= 5e-4 else 2)
    return title, tr("A little more buys nothing; without it: +{0} {1}").format(gain, accuracy.unit)


def blame(model: SearchModel, tr: Tr) -> tuple[str, str, str, dict[str, float]]:
    """Which limit is to blame: title, text, words of the button, and the values it would set; empty if none is."""
    explanation = model.explanation
    if explanation is None or not explanation.blames:
        return "", "", "", {}
    blames = explanation.blames
    title = tr("No network meets every limit")
    if blames[0].alone:
        quantity = _quantity(model, blames[0].limit)
        value = round_up(blames[0].nearest, quantity.decimals)
        text = tr("{0} is to blame: the nearest value with a network is {1}.").format(
            _words(model, quantity), quantity.text(value)
        )
        button = tr("Loosen to {0}").format(quantity.text(value))
        return title, text, button, {blames[0].limit.metric: value}
    values, names = {}, []
    for found in blames:
        quantity = _quantity(model, found.limit)
        values[found.limit.metric] = round_up(found.nearest, quantity.decimals)
        names.append(f"{_words(model, quantity)} {quantity.text(values[found.limit.metric])}")
    text = tr("No single limit is to blame. The nearest network needs {0}.").format(
        ", ".join(names)
    )
    return title, text, tr("Loosen them"), values


def _quantity(model: SearchModel, limit: Limit) -> Quantity:
    return model.quantities.get(limit.metric, unknown(limit.metric))


def _words(model: SearchModel, quantity: Quantity) -> str:
    """What a limit is about; the device is named where there is more than one."""
    if quantity.device is None:
        return quantity.name
    devices = (
        [limit for limit in model.answer.limits if limit.metric.startswith("latency:")]
        if model.answer
        else []
    )
    return quantity.short if len(devices) > 1 else "Latency"


def round_up(value: float, decimals: int) -> float:
    """The next number of so many decimals that is not smaller."""
    step = 10.0**decimals
    return math.ceil(value * step - 1e-9) / step


def command_line(model: SearchModel, project: str, *, refine: bool) -> str:
    """The shell command of the search that the page would start."""
    settings = search_settings(model)
    parts = [
        "nasstudio", "search", project, "--objective", model.x_key_for_search,
        "--algorithm", str(settings["algorithm"]), "--budget", str(settings["budget"]),
        "--population", str(settings["population"]),
    ]  # fmt: skip
    for limit in model.answer.limits if refine and model.answer is not None else ():
        parts += ["--limit", f"{limit.metric}<={limit.most:g}"]
    return shlex.join(part for part in parts if part)


def search_settings(model: SearchModel) -> dict[str, object]:
    """Algorithm, budget and population as chosen, else the defaults."""
    stored = model.settings
    budget, population = stored.get("budget"), stored.get("population")
    return {
        "algorithm": stored.get("algorithm") or "evolution",
        "budget": int(budget) if isinstance(budget, int | float) else 20_000,
        "population": int(population) if isinstance(population, int | float) else 100,
    }
