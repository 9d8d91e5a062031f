"""A model card as Markdown for people: tables with units, and plain words where a number is missing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nasstudio.engine.device.device import RUNTIME_TITLES, Device
from nasstudio.engine.device.pace import say
from nasstudio.engine.export.card import Accuracy, Card, Latency

_MIB = 1024**2
_SPLITS = {"validation_b": "validation, the half that had no part in the search"}


def markdown(card: Card) -> str:
    """The card as Markdown."""
    sections = (
        f"# {_plain(card.title)}",
        _summary(card),
        "## Accuracy\n\n" + _accuracy(card.accuracy),
        "## Latency\n\n" + _latency(card.latency),
        "## Architecture\n\n" + _architecture(card),
        "## Input and output\n\n" + _input(card),
        "## Checks\n\n" + _checks(card),
        "## How it was made\n\n" + _made(card),
        "## Files\n\n" + _files(card),
        "## Known limits\n\n" + _list(map(_plain, card.limits)),
    )
    return "\n\n".join(sections) + "\n"


def _summary(card: Card) -> str:
    costs = card.architecture
    return (
        f"An image classifier for {len(card.data.labels)} classes: network {costs.identity} of the space "
        f"{_plain(costs.space_title)}, {costs.resolution}×{costs.resolution} px, {costs.macs / 1e6:.2f} M MACs, "
        f"{costs.params / 1e6:.3f} M parameters, {costs.memory_mib:.2f} MiB peak activation memory for one image under "
        f"ONNX Runtime ({costs.memory_block_mib:.2f} MiB in one block, its default)."
    )


def _accuracy(found: Sequence[Accuracy]) -> str:
    if not found:
        return "Not measured."
    rows = []
    for item in found:
        low, high = item.interval
        rows.append(
            (
                _SPLITS.get(item.split, item.split),
                item.runtime,
                f"{100 * item.share:.2f} %",
                f"{100 * low:.2f} to {100 * high:.2f} %",
                str(item.images),
            )
        )
    return _table(("Split", "Runtime", "Top-1", "95 % interval", "Images"), rows)


def _latency(found: Sequence[Latency]) -> str:
    if not found:
        return "No device was given; nothing was measured."
    rows = [
        (
            f"{_plain(item.device.title)} ({item.device.hardware})"
            if item.device.title
            else item.device.hardware,
            _runtime(item.device),
            str(item.device.batch),
            _promise(item),
            "not measured" if item.measured_ms is None else f"{item.measured_ms:.3f} ms",
            ""
            if item.p10_ms is None or item.p90_ms is None
            else f"{item.p10_ms:.3f} to {item.p90_ms:.3f} ms",
            str(item.n),
            {None: "", True: "yes", False: "no"}[item.kept],
        )
        for item in found
    ]
    heads = (
        "Device", "Runtime", "Batch", "Promised", "Measured median", "p10 to p90", "n", "Promise kept",
    )  # fmt: skip
    return "\n\n".join((_table(heads, rows), *_paces(found)))


def _paces(found: Sequence[Latency]) -> list[str]:
    """A sentence for each device whose pace was not that of its calibration."""
    return [
        f"While it was measured on {_plain(item.device.title or item.device.hardware)}, {words}."
        for item in found
        if (words := say(item.pace))
    ]


def _runtime(device: Device) -> str:
    title = RUNTIME_TITLES.get(device.runtime, device.runtime)
    threads = "1 thread" if device.threads == 1 else f"{device.threads} threads"
    return ", ".join((f"{title} {device.version}".strip(), threads, device.precision))


def _promise(item: Latency) -> str:
    if item.promised_ms is None:
        return "no promise"
    return f"{item.promised_ms:.3f} ms ± {100 * (item.promised_error or 0.0):.0f} %"


def _architecture(card: Card) -> str:
    rows = [
        (row.stage, f"`{row.layer}`", f"{row.macs / 1e6:.3f}", str(row.params))
        for row in card.architecture.rows
    ]
    genes = ", ".join(f"{name} {value:g}" for name, value in card.architecture.genes.items())
    return (
        _table(("Stage", "Layer", "MACs (M)", "Parameters"), rows)
        + f"\n\nChoices: {genes}.\n\nParameters are counted with batch norm's scale and shift; in the written files "
        "they are folded into the convolutions."
    )


def _input(card: Card) -> str:
    size, labels = card.architecture.resolution, ", ".join(map(_plain, card.data.labels))
    return (
        f"Input: float32 (n, {card.data.channels}, {size}, {size}), scaled from the picture with antialiasing, "
        f"value / 255, less the mean, by the standard deviation.\n\n"
        f"Output: (n, {len(card.data.labels)}) logits, in this order: {labels}."
    )


def _checks(card: Card) -> str:
    if not card.checks:
        return "Nothing was compared."
    rows = [
        (
            check.what,
            str(check.batch),
            str(check.images),
            f"{check.difference:.2e}",
            f"{check.tolerance:.2e}",
            f"{100 * check.same_class:.2f} %",
        )
        for check in card.checks
    ]
    return (
        "Largest difference of a logit from the network's under PyTorch, as a share of the spread of its logits.\n\n"
        + _table(("Written for", "Batch", "Images", "Difference", "Allowed", "Same class"), rows)
    )


def _made(card: Card) -> str:
    data, training = card.data, card.training
    splits = ", ".join(f"{name} {count}" for name, count in data.images.items())
    facts = [
        "A subnet of a Once-for-All supernet, with its weights, not trained further; "
        f"space `{card.architecture.space}`, hash `{card.architecture.space_hash}`, "
        f"genome `{' '.join(map(str, card.architecture.genome))}`.",
        f"Data: {_plain(data.title)} (`{data.family}`), fingerprint `{data.fingerprint}`; images: {splits}.",
        f"Batch-norm statistics recalibrated on {card.calibration_images} training images; seed {card.seed}.",
    ]
    if data.licence:
        facts.append(f"Licence of the data: {_plain(data.licence)}.")
    facts += [f"Training, {name}: {_said(value)}" for name, value in training.items()]
    facts += [
        f"Made from {item.what} `{item.path}`, SHA-256 `{item.sha256}`." for item in card.inputs
    ]
    facts.append(f"Written {card.created} with " + _pairs(card.versions) + ".")
    facts.append("On " + _pairs(card.machine) + ".")
    return _list(facts)


def _said(value: object) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{key} {_said(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_said(inner) for inner in value)
    return f"{value:g}" if isinstance(value, float) else _plain(str(value))


def _pairs(values: dict[str, str]) -> str:
    return ", ".join(f"{key} {_plain(value)}" for key, value in values.items())


def _files(card: Card) -> str:
    rows = [(f"`{f.path}`", _size(f.bytes), f"`{f.sha256}`") for f in card.files]
    return _table(("File", "Size", "SHA-256"), rows)


def _size(size: int) -> str:
    return f"{size / _MIB:.2f} MiB" if size >= _MIB else f"{size / 1024:.1f} KiB"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def _list(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def _plain(words: str) -> str:
    """Words of a user on one line, with what Markdown or HTML would take for markup made harmless."""
    flat = " ".join(words.split())
    for mark in "\\`*_[]<>#":
        flat = flat.replace(mark, f"\\{mark}")
    return flat
