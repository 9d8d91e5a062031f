"""Runner of a kit: lower every layer and a few dozen networks, and pack them with the script that measures them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nasstudio.engine.atomic import write_atomic
from nasstudio.engine.cost.counts import MIB
from nasstudio.engine.device.coverage import layers_to_measure
from nasstudio.engine.device.kit.choose import networks_of
from nasstudio.engine.device.kit.manifest import NAME, encode
from nasstudio.engine.device.kit.write import KitWriter, folder_bytes
from nasstudio.engine.job.context import JobContext
from nasstudio.engine.job.specification import KitSpec
from nasstudio.engine.space.families import build
from nasstudio.engine.space.layer import LayerSpec, parse
from nasstudio.engine.space.space import SearchSpace


def run(spec: KitSpec, job: JobContext) -> dict[str, Any]:
    """Write the kit, and keep its manifest as the record of what it held."""
    space = build(spec.space)
    layers = _layers(spec, space)
    networks = networks_of(space, layers, spec.networks, np.random.default_rng(spec.seed))
    if len(networks) < spec.networks:
        job.log(f"{len(networks)} networks of {spec.networks} can be made of these layers.")
    target = Path(spec.target)
    writer = KitWriter(target, space, layers, networks, spec.formats, work=job.path)
    total = len(writer)
    manifest = writer.write(
        job.check,
        lambda done, name: job.progress(done, total, unit="models", label=name),
    )
    record = job.path / NAME
    write_atomic(record, encode(manifest))
    size = folder_bytes(target)
    about = {"target": str(target), "layers": len(layers), "networks": len(networks)}
    job.artefact("kit", record, about=about)
    job.log(f"The kit is {target}, {size / MIB:.0f} MiB. Its README says how it is run.")
    return about | {"formats": list(spec.formats), "mib": round(size / MIB, 1)}


def _layers(spec: KitSpec, space: SearchSpace) -> list[LayerSpec]:
    """The layers of the kit, each once."""
    if spec.layers is None:
        return list(layers_to_measure(space))
    return list(dict.fromkeys(parse(label) for label in spec.layers))
