"""How well accuracy is predicted, from how many measured networks, and how much of it is left where a search goes.

On a supernet of Fashion-MNIST (mbv3_28, progressive shrinking on 20,000 images unless one is given) networks that cover
the space are measured on one half of the validation images: 1,000 to learn from and 300 that no fit and no choice sees.
For each kind of model and each number N of networks: Kendall's tau on these 300 (`tau_N`), among the best tenth of them
(`tau_top_N`), and the error in points (`rmse_N`); means over three draws. `chosen` is what the product takes: its kind
is chosen by cross-validation among the N; `covered_N` is the share of the 300 inside its interval. The 300 are also
measured on the other half: `tau_labels` is the tau between the two measurements, `shift_points` the difference of their
means, `chosen/tau_other_N` the tau of the prediction with the other half.

`front_gap`: with 200 networks a search runs on the predictor, and 16 networks of its front are measured. `passive`:
all 200 cover the space; `active`: 120 do, 80 were chosen in four rounds where a search would go. The gap is prediction
minus measurement in points, on the half that the pairs were measured on; `front_gap_other` on the other half, where the
shift between the halves is part of it; `front_inside` are shares inside the interval; `front_accuracy` is the measured
mean of the front on the other half. Means over three seeds.

`calibration/...`: accuracy of eight networks with the statistics that all subnets share (`shared`), and with own ones
from N training images (`accuracy_N`), in percent; `noise_N` is its spread over two draws of these images, in points.

The whole takes about 50 minutes on two cores, 15 of them for the supernet, and resumes (--work). The data are looked
for in --data.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs
import torch
from numpy.typing import NDArray
from reporting import contract

from nasstudio.engine.accuracy.calibration_study import study
from nasstudio.engine.accuracy.coverage import coverage
from nasstudio.engine.accuracy.queue import EvaluationQueue
from nasstudio.engine.accuracy.subnets import SubnetAccuracy
from nasstudio.engine.cost.counts import macs
from nasstudio.engine.cost.metric import count_metrics
from nasstudio.engine.data.catalog import open_set
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.device.calibration import kendall_tau
from nasstudio.engine.device.environment import compute_environment
from nasstudio.engine.errors import StudioError
from nasstudio.engine.job import events as ev
from nasstudio.engine.job.folder import RunFolder
from nasstudio.engine.job.specification import TrainSpec
from nasstudio.engine.net.storage import SupernetAbout, load_supernet, save_supernet
from nasstudio.engine.net.supernet import Supernet
from nasstudio.engine.predictor.active import next_networks
from nasstudio.engine.predictor.choice import fitted
from nasstudio.engine.predictor.encoding import OneHot
from nasstudio.engine.predictor.ensemble import LEAST, AccuracyPredictor, fit
from nasstudio.engine.predictor.kinds import KINDS, SWIFT
from nasstudio.engine.predictor.report import tau_top
from nasstudio.engine.run.collect import round_sizes
from nasstudio.engine.search.algorithm import Settings
from nasstudio.engine.search.extremes import extremes
from nasstudio.engine.search.landscape import survey
from nasstudio.engine.search.limit import Algorithm
from nasstudio.engine.search.problem import SearchProblem, SharedRows
from nasstudio.engine.search.registry import make
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.mobilenet import with_data
from nasstudio.engine.space.space import Population, SearchSpace, unique
from nasstudio.engine.train.schedule import schedule_preset

Values = NDArray[np.float64]

SPACE, SCHEDULE = "mbv3_28", "progressive_quick"
NUMBERS = (50, 100, 250, 500, 1000)
CALIBRATION = (50, 100, 250, 500, 1000, 2000)
OWN, OTHER = "validation_a", "validation_b"
ACTIVE, ROUNDS = 0.4, 4
ROUTES = ("passive", "active")
FRONT_KEYS = (
    "front_gap",
    "front_gap_other",
    "front_inside",
    "front_inside_other",
    "front_accuracy",
)


@dataclass(frozen=True)
class Effort:
    """How much is measured."""

    pool: int
    test: int
    draws: int
    networks: int  # that a front's predictor learns from
    front: int
    seeds: int
    budget: int
    images: int
    calibration_images: int
    calibration: tuple[int, ...]
    calibration_networks: int


FULL = Effort(1000, 300, 3, 200, 16, 3, 20_000, 0, 1000, CALIBRATION, 8)
QUICK = Effort(50, 20, 1, 20, 4, 1, 300, 100, 50, CALIBRATION[:2], 1)


def main() -> int:
    """Measure, fit, search. Returns the exit code."""
    parser = contract.parser(__doc__)
    parser.add_argument("--work", type=Path, help="where the measurements are kept")
    parser.add_argument("--data", type=Path, help="folder of the Fashion-MNIST files")
    parser.add_argument("--supernet", type=Path, help="a supernet's file; nothing is trained then")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    options = parser.parse_args()
    torch.set_num_threads(1)
    work = options.work or Path(platformdirs.user_cache_dir("nasstudio")) / "benchmark-predictor"
    work = work / ("quick" if options.quick else "full")
    work.mkdir(parents=True, exist_ok=True)
    try:
        figures = measured(options, work)
    except StudioError as problem:
        print(problem, file=sys.stderr)
        return problem.exit_code
    contract.emit(options, "predictor", figures)
    return 0


def measured(options: argparse.Namespace, work: Path) -> dict[str, contract.Figure]:
    """Every figure."""
    effort = QUICK if options.quick else FULL
    data = DataDocument("fashion_mnist_small", {"limit": 500})
    if not options.quick:
        folder = options.data or os.environ.get("NASSTUDIO_DATA")
        where = {"folder": str(folder)} if folder else {}
        data = DataDocument("fashion_mnist", {**where, "limit": 20_000})
    path = options.supernet or supernet_file(work, data, options.workers, quick=options.quick)
    bench = Bench(path, data, effort, work, options.workers)
    return {
        **bench.calibration(),
        **bench.kinds(),
        **bench.fronts(),
        "supernet": "given" if options.supernet else ("untrained" if options.quick else SCHEDULE),
        "seeds": effort.seeds,
        "draws": effort.draws,
    }


def supernet_file(work: Path, data: DataDocument, threads: int, *, quick: bool) -> Path:
    """The file of a trained supernet; it is trained if it is not there, or trained on. An untrained one if `quick`."""
    images = open_set(data)
    document = with_data(preset(SPACE), channels=images.channels, classes=len(images.classes))
    if quick:
        path = work / "untrained.safetensors"
        space = build(document)
        save_supernet(path, Supernet(space), SupernetAbout(space=document))  # type: ignore[arg-type]
        return path
    run = RunFolder(work / "training.nasproj" / "runs" / "train")
    if not run.path.is_dir():
        spec = TrainSpec(
            space=document, data=data, schedule=schedule_preset(SCHEDULE), threads=threads
        )
        run = RunFolder.create(run.path, spec)
    if run.state() != "done":
        say("Training the supernet ...")
        command = [sys.executable, "-m", "nasstudio.engine.run", str(run.path)]
        subprocess.run(command, env=compute_environment(threads), check=True)
    found = [
        event
        for event in ev.EventReader(run.events).read()
        if isinstance(event, ev.Artefact) and event.kind == "supernet"
    ]
    if run.state() != "done" or not found:
        raise StudioError(
            "The training did not end.", where=run.path, remedy="Run the benchmark again."
        )
    return run.path / found[-1].path


class Bench:
    """A supernet whose networks are measured as they are asked for; what was measured is kept."""

    def __init__(
        self, supernet: Path, data: DataDocument, effort: Effort, work: Path, workers: int
    ) -> None:
        self.supernet, self.data, self.effort = supernet, data, effort
        self.space: SearchSpace = load_supernet(supernet)[0].space
        self.image_count = len(open_set(data).split(OWN))
        if effort.images:
            self.image_count = min(effort.images, self.image_count)
        self.queues = {split: self._queue(split, work, workers) for split in (OWN, OTHER)}
        known = coverage(self.space, effort.pool + effort.test, np.random.default_rng(0))
        known = known[np.random.default_rng(1).permutation(len(known))]
        self.pool, self.test = known[: effort.pool], known[effort.pool :]

    def _queue(self, split: str, work: Path, workers: int) -> EvaluationQueue:
        subject = SubnetAccuracy(
            str(self.supernet.resolve()),
            self.data,
            split,
            self.effort.images,
            self.effort.calibration_images,
        )
        folder = work / split
        folder.mkdir(exist_ok=True)
        return EvaluationQueue(folder, subject, workers)

    def labels(self, population: Population, split: str = OWN) -> tuple[Values, Values]:
        """Accuracy of each network, and on the halves of the split's images. `(n,)`, `(n, 2)`."""
        queue = self.queues[split]
        queue.put(population)
        left = len(queue)
        if left:
            say(f"Measuring {left} networks on {split} ...")
            queue.run()
        found = {pair.genome: pair for pair in queue.results}
        pairs = [found[tuple(genome)] for genome in population.tolist()]
        return (
            np.array([pair.accuracy for pair in pairs]),
            np.array([pair.halves for pair in pairs], dtype=np.float64),
        )

    def cost(self, population: Population) -> Values:
        return macs(self.space, population)

    def predictor(self, known: Population, seed: int, **options: object) -> AccuracyPredictor:
        """What the product fits to measured networks."""
        accuracy, halves = self.labels(known)
        return fit(
            self.space,
            known,
            accuracy,
            np.random.default_rng(seed),
            halves=halves,
            images=self.image_count,
            costs=self.cost(known),
            **options,  # type: ignore[arg-type]
        )

    # -- how many calibration images ----------------------------------------------------------------------------

    def calibration(self) -> dict[str, contract.Figure]:
        """Accuracy with shared statistics, and with own ones of more and more images."""
        effort = self.effort
        figures: dict[str, contract.Figure] = {"calibration/shared": None}
        for number in CALIBRATION:
            figures |= {f"calibration/accuracy_{number}": None, f"calibration/noise_{number}": None}
        say("How many calibration images ...")
        found = study(
            load_supernet(self.supernet)[0],
            open_set(self.data),
            self.test[: effort.calibration_networks],
            effort.calibration,
            split=OWN,
        )
        figures["calibration/shared"] = percent(found.shared.mean())
        for number, mean, noise in zip(found.images, found.mean(), found.noise(), strict=True):
            figures[f"calibration/accuracy_{number}"] = percent(mean)
            figures[f"calibration/noise_{number}"] = percent(noise)
        return figures

    # -- kinds of model against number of networks --------------------------------------------------------------

    def kinds(self) -> dict[str, contract.Figure]:
        """Rank correlations and errors on the test networks."""
        figures: dict[str, contract.Figure] = {}
        actual, _ = self.labels(self.test)
        other, _ = self.labels(self.test, OTHER)
        for kind in (*KINDS, "chosen"):
            for key in ("tau", "tau_top", "rmse"):
                figures |= {f"{kind}/{key}_{number}": None for number in NUMBERS}
        for number in NUMBERS:
            figures |= {f"chosen/{k}_{number}": None for k in ("kind", "covered", "tau_other")}
        for number in (n for n in NUMBERS if n <= len(self.pool)):
            draws = self.effort.draws if number < len(self.pool) else 1
            say(f"Fitting to {number} networks ...")
            for kind in KINDS:
                predicted = [self._by_kind(kind, number, draw) for draw in range(draws)]
                figures |= judged(f"{kind}/", f"_{number}", predicted, actual)
            predictor = self.predictor(self._drawn(number, 0), 0, judges=number // 5)
            found = predictor.of(self.test)
            figures |= judged("chosen/", f"_{number}", [found], actual)
            inside = np.abs(found - actual) <= predictor.interval(self.test)
            figures[f"chosen/covered_{number}"] = rounded(inside.mean())
            figures[f"chosen/kind_{number}"] = predictor.report.kind
            figures[f"chosen/tau_other_{number}"] = rounded(kendall_tau(found, other))
        figures["tau_labels"] = rounded(kendall_tau(actual, other))
        figures["tau_top_labels"] = rounded(tau_top(actual, other))
        figures["shift_points"] = percent(actual.mean() - other.mean())
        figures["label_images"] = self.image_count
        return figures

    def _drawn(self, number: int, draw: int) -> Population:
        """So many networks of the pool."""
        order = np.random.default_rng([2, draw]).permutation(len(self.pool))
        drawn: Population = self.pool[order[:number]]
        return drawn

    def _by_kind(self, kind: str, number: int, draw: int) -> Values:
        known, encoding = self._drawn(number, draw), OneHot(self.space)
        accuracy, _ = self.labels(known)
        model = fitted(kind, encoding.of(known), accuracy, np.random.default_rng(draw))
        return model.of(encoding.of(self.test))

    # -- where a search goes ------------------------------------------------------------------------------------

    def fronts(self) -> dict[str, contract.Figure]:
        """What is left of predictions on the fronts that searches find with them."""
        found: dict[str, list[float]] = {}
        for seed in range(self.effort.seeds):
            drawn = self._drawn(self.effort.networks, 10 + seed)
            for route in ROUTES:
                known = drawn if route == "passive" else self._active(drawn, seed)
                predictor = self.predictor(known, seed)
                front = self._front(predictor, seed)
                predicted, half = predictor.of(front), predictor.interval(front)
                own, other = self.labels(front)[0], self.labels(front, OTHER)[0]
                values = (
                    100 * (predicted - own).mean(),
                    100 * (predicted - other).mean(),
                    (np.abs(predicted - own) <= half).mean(),
                    (np.abs(predicted - other) <= half).mean(),
                    100 * other.mean(),
                )
                for key, value in zip(FRONT_KEYS, values, strict=True):
                    found.setdefault(f"{key}/{route}", []).append(float(value))
                found.setdefault(f"holding/{route}", []).append(predictor.report.holding or 0.0)
        return {key: rounded(float(np.mean(values))) for key, values in found.items()}

    def _active(self, drawn: Population, seed: int) -> Population:
        """As many networks as were drawn, a part of them chosen in rounds, as the collect job does."""
        first, *rounds = round_sizes(len(drawn), ACTIVE, ROUNDS)
        known = drawn[:first]
        for number, size in enumerate(rounds, start=1):
            rng = np.random.default_rng([3, seed, number])
            predictor = self.predictor(known, seed, judges=LEAST, kinds=SWIFT)
            known = np.concatenate([known, next_networks(predictor, self.cost, known, size, rng)])
        return known

    def _front(self, predictor: AccuracyPredictor, seed: int) -> Population:
        """Networks of the front that the product's search finds, evenly over the logarithm of MACs."""
        space, rng = SharedRows(self.space), np.random.default_rng(seed)
        metric = next(m for m in count_metrics(space) if m.key == "macs")
        problem = SearchProblem(self.space, [metric], predictor.of)
        box = survey(problem, metric.key, extremes(self.space, metric, rng), rng)
        settings = Settings(metric.key, box, self.effort.budget, min(100, self.effort.budget // 4))
        search = make(Algorithm(), problem, settings, rng)
        while not search.done:
            search.step()
        cost = np.log(search.archive.column(metric.key)[search.front])
        targets = np.linspace(cost.min(), cost.max(), self.effort.front)
        nearest = np.unique(np.abs(cost - targets[:, None]).argmin(axis=1))
        front: Population = search.archive.genomes[search.front[nearest]]
        return front[unique(front)]


def judged(
    before: str, behind: str, predicted: Sequence[Values], actual: Values
) -> dict[str, contract.Figure]:
    """Means over draws of tau, tau among the best and root mean squared error in points."""
    measures: dict[str, Callable[[Values], float]] = {
        "tau": lambda found: kendall_tau(found, actual),
        "tau_top": lambda found: tau_top(found, actual),
        "rmse": lambda found: 100 * float(np.sqrt(((found - actual) ** 2).mean())),
    }
    return {
        f"{before}{name}{behind}": rounded(float(np.mean([measure(p) for p in predicted])))
        for name, measure in measures.items()
    }


def percent(share: float) -> float | None:
    return rounded(100 * float(share))


def rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
