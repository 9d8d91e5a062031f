"""Measuring: what the Devices page lets the workbench measure, and what can be measured at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from PySide6.QtCore import QObject

from nasstudio.engine.device.coverage import layers_to_measure
from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import StudioError
from nasstudio.engine.job.specification import (
    PROFILE_BUDGET_S,
    PROFILE_NETWORKS,
    AnySpec,
    ProbeSpec,
)
from nasstudio.engine.project import plan
from nasstudio.engine.project.effort import ProfileEffort, effort_of
from nasstudio.engine.project.project import Project
from nasstudio.ui.tables.latency_model import LatencyModel
from nasstudio.ui.workbench import LiveRun, Make, Workbench

# Time for single rows, s: for one, and for many at most.
LEAST_S, MOST_S, A_ROW_S = 15.0, 600.0, 2.0


class Measuring(QObject):
    """Starts profiles. `here` gives the devices of this machine, `problem` takes what can't be started."""

    def __init__(
        self,
        workbench: Workbench,
        model: LatencyModel,
        here: Callable[[], list[Device]],
        problem: Callable[[StudioError | None], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._bench = workbench
        self._model = model
        self._here = here
        self._problem = problem
        self._known: tuple[object, ProfileEffort | None] = (None, None)
        workbench.run_ended.connect(self._ended)

    def effort(self, device: Device) -> ProfileEffort | None:
        """What profiling a device would do and cost; worked out anew when the table has changed."""
        space, model = self._bench.space, self._model
        if space is None or all(device.id != other.id for other in self._here()):
            return None
        key = (device.id, model.revision, space.hash)
        if self._known[0] != key:
            missing = plan.unmeasured(model.table, layers_to_measure(space), device)
            found = effort_of(space, device, missing, PROFILE_NETWORKS, PROFILE_BUDGET_S)
            self._known = key, found
        return self._known[1]

    def _ended(self, run: LiveRun) -> None:
        if run.kind in ("kit", "profile", "probe") and run.failure is not None:
            self._problem(run.failure)

    def probe(self) -> None:
        """Find the devices of this machine."""
        if not self._bench.running("probe"):
            self._bench.start(lambda p: ProbeSpec(name="Find devices"), problem=self._problem)

    def toggle(self, device: Device | None) -> None:
        """Profile a device, or pause or go on with the profile that runs."""
        live = self._bench.running("profile")
        if live:
            run = live[0]
            (self._bench.resume if run.state == "paused" else self._bench.pause)(run.id)
        elif device is not None:
            self.profile([device])

    def profile(self, devices: Sequence[Device], *, only_missing: bool = True) -> None:
        """Measure devices one after another: rows, then whole networks."""
        makes = [_make(device, only_missing=only_missing) for device in devices]
        if makes:
            self._problem(None)
            self._bench.start(*makes, problem=self._problem)

    def possible(self, row: int, column: int) -> bool:
        """Whether a cell can be measured now: a layer of the space, a device of this machine, and nothing else."""
        return bool(self._model.facts.in_space[row]) and self.free(column)

    def free(self, column: int) -> bool:
        """Whether rows of a column can be measured now."""
        device = self._model.table.devices[column]
        here = any(device.id == other.id for other in self._here())
        return here and self._bench.writable and not self._bench.running("profile")

    def rows(self, device: Device, labels: Sequence[str]) -> None:
        """Measure just these rows again, and no whole networks."""
        chosen = tuple(labels)
        if not chosen:
            return
        some = chosen[0] if len(chosen) == 1 else f"{len(chosen):,} rows"
        budget = min(MOST_S, max(LEAST_S, A_ROW_S * len(chosen)))

        def make(project: Project) -> AnySpec:
            spec = plan.profile(project, device, only_missing=False, networks=0, budget_s=budget)
            return msgspec.structs.replace(spec, layers=chosen, name=f"Measure {some} again")

        self._problem(None)
        self._bench.start(make, problem=self._problem)


def _make(device: Device, *, only_missing: bool) -> Make:
    return lambda project: plan.profile(project, device, only_missing=only_missing)
