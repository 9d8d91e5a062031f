"""Tables as a device would give them: a roofline, and noise as it is measured."""

from dataclasses import dataclass

import numpy as np
import pytest

from nasstudio.engine.cost.shapes import shapes
from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device.device import Device
from nasstudio.engine.space.families import build, preset


@dataclass
class Measured:
    """A table of a space's layers on some devices, and the times without their noise."""

    space: object
    table: LatencyTable
    truth: np.ndarray

    def blank(self, rows, column=0):
        rows = list(rows)
        self.table.put(rows, [column] * len(rows), Cells.missing((len(rows),)))

    def scale(self, row, column, factor):
        for name in ("ms", "p10", "p90"):
            getattr(self.table.cells, name)[row, column] *= factor


@pytest.fixture(scope="session")
def ofa_space():
    return build(preset("ofa_mbv3"))


@pytest.fixture
def measured(ofa_space):
    """measured(noise, devices=3, seed=0, spread=True) -> Measured.

    Times are MACs and bytes of each layer on rooflines with a soft ridge, and a call's overhead; no two devices have
    the same ridge. The noise is that of the medians; a cell's own spread says as much, with 20 repeats.
    """

    def make(noise, devices=3, seed=0, *, spread=True, space=ofa_space):
        rng = np.random.default_rng(seed)
        found = shapes(space.layers)
        columns = []
        for number in range(devices):
            compute = found.macs / (50e6 * 1.7**number)
            memory = 4 * found.values / (8e6 * 1.3**number)
            columns.append(0.005 * (number + 1) + (compute**4 + memory**4) ** 0.25)
        truth = np.stack(columns, axis=1)
        table = LatencyTable(
            devices=[Device(f"d{n}", "table", title=f"d{n}") for n in range(devices)],
            cells=Cells.missing((0, devices)),
        )
        table.add_rows(space.layers)
        ms = truth * rng.lognormal(0, noise, truth.shape)
        table.cells = Cells.of(ms, Source.MEASURED)
        if spread:
            table.cells.p10 = ms * np.exp(-1.28 * noise)
            table.cells.p90 = ms * np.exp(1.28 * noise)
            table.cells.n[:] = 20
        return Measured(space, table, truth)

    return make
