"""How well a latency table predicts whole networks, on every device of this machine.

For each device and each space: the layers are profiled, a few dozen networks calibrate their sum, and other networks,
drawn evenly over predicted latency and never used for fitting, are measured twice. Beside the prediction stand the
plain sum of layers, multiply-accumulates as a stand-in, a constant, and the device's own noise: the same networks
measured again later by other processes.

A shared machine changes its pace for minutes at a time, by more than a table is wrong. So a few networks of the
calibration, the anchors, are measured in the same rounds as the test networks; where they say that the pace is not
that of the calibration, the chunk is measured again later, and the try nearest to it counts. `mape` is of times as they
were measured; `mape_at_pace` has the factor taken off that the anchors say; `pace` is its largest distance from 1.

The whole takes about 100 minutes on two quiet cores and resumes where it was stopped (--work). It needs no data. Let
nothing else run beside it: what is measured is time.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from reporting import contract

from nasstudio.engine.atomic import write_atomic
from nasstudio.engine.cost import counts
from nasstudio.engine.cost.fill import interpolate
from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device import profile
from nasstudio.engine.device.calibration import Calibration, fit, kendall_tau
from nasstudio.engine.device.conditions import conditions
from nasstudio.engine.device.coverage import layers_to_measure
from nasstudio.engine.device.device import Device
from nasstudio.engine.device.lowered import LoweredFiles
from nasstudio.engine.device.pace import Anchors, pace
from nasstudio.engine.device.runtime import registry
from nasstudio.engine.device.timing import ROUNDS_A_PROCESS
from nasstudio.engine.errors import StudioError
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.layer import text
from nasstudio.engine.space.space import Population, SearchSpace

DEVICES = {
    "torch-1t": ("torch", 1, "fp32"),
    "torch-2t": ("torch", 2, "fp32"),
    "ort-1t": ("onnxruntime", 1, "fp32"),
    "ort-2t": ("onnxruntime", 2, "fp32"),
    "ort-int8-1t": ("onnxruntime", 1, "int8"),
    "openvino-1t": ("openvino", 1, "fp32"),
    "openvino-int8-1t": ("openvino", 1, "int8"),
    "executorch-1t": ("executorch", 1, "fp32"),
}
SPACES = ("mbv3_28", "ofa_mbv3")
KEYS = (
    "mape",
    "mape_at_pace",
    "pace",
    "mape_sum",
    "mape_mean_predictor",
    "within5",
    "within10",
    "tau",
    "tau_macs",
    "noise",
    "tau_noise",
    "profile_s",
    "n",
    "correction",
    "interval",
    "covered",
    "mape_first_process",
    "mape_networks_6",
    "mape_networks_12",
    "mape_networks_24",
)


@dataclass(frozen=True)
class Effort:
    """How much is measured. Budgets are seconds for the layers, and for a pair of passes over a chunk of networks."""

    calibration: int
    test: dict[str, int]
    budget_s: float
    chunk: int
    chunk_s: float


FULL = Effort(40, {"mbv3_28": 200, "ofa_mbv3": 100}, 90.0, 50, 60.0)
ANCHORS = 8
PACE_HELD = 0.02  # a chunk measured at a pace further from the calibration's is measured again
TRIES = 2
QUICK = Effort(8, {"mbv3_28": 8, "ofa_mbv3": 8}, 1.0, 8, 1.0)


class Subject:
    """One device and one space: its measurements, kept in a folder stage by stage."""

    def __init__(self, device: Device, space: SearchSpace, effort: Effort, folder: Path) -> None:
        self.device, self.space, self.effort = device, space, effort
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.lowered = LoweredFiles(folder / "lowered", device)

    def _stage(self, name: str, make: Any) -> Any:
        """What a stage has found; it is made once, and again only if its file is not there."""
        path = self.folder / f"{name}.json"
        if path.exists():
            return json.loads(path.read_text())
        began = time.monotonic()
        say(f"{self.device.setting}, {self.space.name}: {name} ...")
        found = make() | {
            "seconds": round(time.monotonic() - began, 1),
            "conditions": conditions(self.device, self.device.version),
        }
        write_atomic(path, json.dumps(found).encode())
        say(f"    {found['seconds']:.0f} s{', the machine was busy' if found.get('busy') else ''}")
        return found

    # -- stages -------------------------------------------------------------------------------------------------

    def layers(self) -> dict[str, Any]:
        """Time of each measured layer, and what the first process alone says. ms."""

        def make() -> dict[str, Any]:
            wanted = layers_to_measure(self.space)
            rng = np.random.default_rng(0)
            measured = profile.LayerProfile(wanted, self.lowered, rng)
            measured.bench.run(spread=0.01, budget_s=self.effort.budget_s)
            timings = [measured.timing(i) for i in range(len(wanted))]
            return {
                "labels": [text(layer) for layer in wanted],
                "ms": [t.median_ms for t in timings],
                "first_ms": measured.first_rounds_ms(ROUNDS_A_PROCESS),
                "rounds": [t.rounds for t in timings],
                "processes": [t.processes for t in timings],
                "noise": measured.bench.noise(),
                "busy": measured.bench.busy(),
            }

        return self._stage("layers", make)

    def times_ms(self, key: str = "ms") -> np.ndarray:
        """Time of every layer of the space; those between measured sizes are interpolated."""
        found = self.layers()
        known = dict(zip(found["labels"], found[key], strict=True))
        table = LatencyTable()
        table.add_device(self.device)
        table.add_rows(list(self.space.layers))
        ms = np.array([known.get(label, np.nan) for label in table.labels])
        table.cells = Cells.of(ms[:, None], Source.MEASURED)
        filling = interpolate(table, self.device)
        table.put(filling.rows, filling.columns, filling.cells)
        return table.cells.ms[:, 0]

    def calibration_networks(self) -> Population:
        return profile.spread_evenly(
            self.space, self.times_ms(), self.effort.calibration, np.random.default_rng(0)
        )

    def test_networks(self) -> Population:
        """Drawn evenly over predicted latency, none of them used for the calibration."""
        wanted = self.effort.test[self.space.name]
        drawn = profile.spread_evenly(
            self.space,
            self.times_ms(),
            wanted + self.effort.calibration,
            np.random.default_rng(1),
        )
        used = {tuple(genome) for genome in self.calibration_networks().tolist()}
        fresh = drawn[[tuple(genome) not in used for genome in drawn.tolist()]]
        keep = np.linspace(0, len(fresh) - 1, min(wanted, len(fresh))).round().astype(int)
        return fresh[keep]

    def calibration(self) -> dict[str, np.ndarray]:
        """The networks that the correction is fitted to. `ms`: medians of two passes, `(2, n)`."""
        used = self.calibration_networks()
        found = self._stage("calibration", lambda: self._measured(used, self.effort.chunk_s))
        self._same(found, used)
        return {"ms": np.array(found["ms"]), "seconds": np.array(found["seconds"])}

    def anchors(self) -> Anchors:
        """Calibration networks that are measured beside the test networks."""
        used, ms = self.calibration_networks(), self.calibration()["ms"].mean(axis=0)
        chosen = np.argsort(ms)[np.linspace(0, len(ms) - 1, ANCHORS).round().astype(int)]
        return Anchors(used[chosen], ms[chosen])

    def tests(self, population: Population) -> dict[str, np.ndarray]:
        """Test networks in chunks. `ms`: medians of two passes, `(2, n)`; `pace`: of the device meanwhile, alike."""
        anchors = self.anchors()
        order = np.random.default_rng(2).permutation(len(population))
        chunks = np.array_split(order, max(1, round(len(order) / self.effort.chunk)))
        best: list[dict[str, Any] | None] = [None] * len(chunks)
        for attempt in range(TRIES):
            for number, chunk in enumerate(chunks):
                kept = best[number]
                if kept is not None and _off(kept) <= PACE_HELD:
                    continue
                found = self._chunk(f"test-{number}-{attempt}", population[chunk], anchors)
                if kept is None or _off(found) < _off(kept):
                    best[number] = found
        parts = [part for part in best if part is not None]
        back = np.argsort(np.concatenate(chunks))
        paces = [np.tile(np.array(p["pace"])[:, None], len(p["genomes"])) for p in parts]
        return {
            "ms": np.concatenate([np.array(p["ms"]) for p in parts], axis=1)[:, back],
            "pace": np.concatenate(paces, axis=1)[:, back],
        }

    def _chunk(self, name: str, population: Population, anchors: Anchors) -> dict[str, Any]:
        """Networks measured twice beside the anchors; the anchors' own times are taken out."""

        def make() -> dict[str, Any]:
            together = np.concatenate([population, anchors.population])
            found = self._measured(
                together, self.effort.chunk_s * len(together) / self.effort.chunk
            )
            ms = np.array(found["ms"])
            split = len(population)
            found["pace"] = [pace(row[split:], anchors.then_ms) for row in ms]
            found["genomes"], found["ms"] = population.tolist(), ms[:, :split].tolist()
            say(f"    pace {found['pace'][0]:.3f} {found['pace'][1]:.3f}")
            return found

        found = self._stage(name, make)
        self._same(found, population)
        return found

    def _measured(self, population: Population, budget_s: float) -> dict[str, Any]:
        found = profile.measure_networks(
            self.space, population, self.lowered, budget_s=budget_s, rng=np.random.default_rng(3)
        )
        return {
            "genomes": population.tolist(),
            "ms": found.medians_ms.tolist(),
            "rounds": [t.rounds for t in (*found.first, *found.second)],
            "busy": found.busy,
        }

    def _same(self, kept: dict[str, Any], population: Population) -> None:
        if kept["genomes"] != population.tolist():
            raise SystemExit(f"{self.folder} holds another protocol's networks; remove it.")

    # -- figures ------------------------------------------------------------------------------------------------

    def figures(self) -> tuple[dict[str, contract.Figure], np.ndarray]:
        """The figures, and the absolute relative error of each test network."""
        used, test = self.calibration_networks(), self.test_networks()
        fitted_on, judged_on = self.calibration(), self.tests(test)
        shutil.rmtree(self.lowered.folder, ignore_errors=True)
        times = self.times_ms()
        calibration = self._fit(times, used, fitted_on["ms"])
        truth = judged_on["ms"].mean(axis=0)
        error = np.abs(self.predicted(calibration, times, test) / truth - 1)
        sums = profile.sums_ms(self.space, times, test)
        macs = counts.macs(self.space, test)
        middle = float(np.exp(np.log(fitted_on["ms"].mean(axis=0)).mean()))
        a, b = judged_on["ms"]
        predicted = self.predicted(calibration, times, test)
        at_pace = (judged_on["ms"] / judged_on["pace"]).mean(axis=0)
        found: dict[str, contract.Figure] = {
            "mape": float(error.mean()),
            "mape_at_pace": float(np.abs(predicted / at_pace - 1).mean()),
            "pace": float(np.abs(judged_on["pace"] - 1).max()),
            "mape_sum": float(np.abs(sums / truth - 1).mean()),
            "mape_mean_predictor": float(np.abs(middle / truth - 1).mean()),
            "within5": float((error <= 0.05).mean()),
            "within10": float((error <= 0.10).mean()),
            "tau": kendall_tau(predicted, truth),
            "tau_macs": kendall_tau(macs, truth),
            "noise": float((2 * np.abs(a - b) / (a + b)).mean()),
            "tau_noise": kendall_tau(a, b),
            "profile_s": self.layers()["seconds"] + float(fitted_on["seconds"]),
            "n": len(test),
            "correction": calibration.correction.name,
            "interval": calibration.interval,
            "covered": float((np.abs(truth / predicted - 1) <= calibration.interval).mean()),
        }
        early = self.times_ms("first_ms")
        found["mape_first_process"] = self._error(early, used, fitted_on["ms"], test, truth)
        for n in (6, 12, 24):
            some = np.linspace(0, len(used) - 1, min(n, len(used))).round().astype(int)
            found[f"mape_networks_{n}"] = self._error(
                times, used[some], fitted_on["ms"][:, some], test, truth
            )
        return found, error

    def _error(
        self,
        times: np.ndarray,
        used: Population,
        ms: np.ndarray,
        test: Population,
        truth: np.ndarray,
    ) -> float:
        calibration = self._fit(times, used, ms)
        return float(np.abs(self.predicted(calibration, times, test) / truth - 1).mean())

    def _fit(self, times: np.ndarray, used: Population, ms: np.ndarray) -> Calibration:
        order = np.random.default_rng(4).permutation(len(used))
        first, second = ms[:, order]
        return fit(
            self.space.layers,
            times,
            self.space.rows(used[order]),
            first,
            counts.macs(self.space, used[order]),
            second_ms=second,
        )

    def predicted(
        self, calibration: Calibration, times: np.ndarray, population: Population
    ) -> np.ndarray:
        """Corrected latency, ms. `(n,)`."""
        effective = calibration.effective_ms(self.space.layers, times)
        return profile.sums_ms(self.space, effective, population) + calibration.constant_ms


def _off(chunk: dict[str, Any]) -> float:
    """How far the pace of a chunk was from that of the calibration, the worse of its two passes."""
    return max(abs(value - 1) for value in chunk["pace"])


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def found_device(name: str) -> Device:
    """The device of this machine that a key stands for.

    Raises
    ------
    StudioError
        Its runtime is not installed, or the machine has no such device.
    """
    runtime, threads, precision = DEVICES[name]
    for device in registry.get(runtime).devices_here():
        if (device.threads, device.precision) == (threads, precision):
            return device
    raise StudioError(f"this machine has no {runtime} with {threads} threads in {precision}")


def measure(options: argparse.Namespace) -> dict[str, contract.Figure]:
    """All figures; a device that is not here has null figures and the reason."""
    effort = QUICK if options.quick else FULL
    figures: dict[str, contract.Figure] = {}
    for name in options.device:
        errors = []
        for space_name in options.space:
            place = f"{name}/{space_name}"
            try:
                device = found_device(name)
            except StudioError as gap:
                figures |= {f"{place}/{key}": None for key in KEYS}
                figures[f"{place}/reason"] = str(gap)
                continue
            folder = options.work / ("quick" if options.quick else "full") / device.id / space_name
            subject = Subject(device, build(preset(space_name)), effort, folder)
            found, error = subject.figures()
            errors.append(error)
            figures |= {f"{place}/{key}": found[key] for key in KEYS}
            say(f"{place}: mape {found['mape']:.3f} noise {found['noise']:.3f}")
        if errors:
            pooled = np.concatenate(errors)
            figures[f"{name}/pooled/n"] = len(pooled)
            figures[f"{name}/pooled/within5"] = float((pooled <= 0.05).mean())
            figures[f"{name}/pooled/within10"] = float((pooled <= 0.10).mean())
    return figures


def main(arguments: Sequence[str] | None = None) -> int:
    parser = contract.parser(__doc__)
    parser.add_argument(
        "--work",
        type=Path,
        default=Path(platformdirs.user_cache_dir("nasstudio")) / "benchmarks" / "latency",
        help="folder that keeps what has been measured",
    )
    parser.add_argument("--device", action="append", choices=list(DEVICES), help="repeatable")
    parser.add_argument("--space", action="append", choices=SPACES, help="repeatable")
    parser.add_argument("--data", type=Path, help="not needed; taken for the sake of the others")
    options = parser.parse_args(arguments)
    # A quick run proves the road on one device; the whole of it can't be done in a minute.
    options.device = options.device or (["ort-1t"] if options.quick else list(DEVICES))
    options.space = options.space or (["mbv3_28"] if options.quick else list(SPACES))
    contract.emit(options, "latency", measure(options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
