"""Once-for-All against training alone: accuracy of subnets, cost of both routes, and where they cross.

On Fashion-MNIST (two seeds) and on CIFAR-10 (JPEG) (one seed; the lossy copy, never to be compared with published
figures) a supernet is trained by progressive shrinking and by the sandwich rule; its largest, smallest and three random
subnets are compared with the same networks trained alone: as many epochs as the supernet, the same loop, augmentation
and moving average, the better of two learning rates, and once more with the supernet's largest subnet as the teacher
(first seed). The rate is chosen on one half of the validation images, the other half is reported; 20,000 images are
kept for validation, and of the others as many are trained on as fit into the time. Differences are in points, above 0
the subnet is better. Intervals hold the chance of the images and of the trainings; those of one seed only that of its
networks.

Costs are seconds of computing in training steps (the process's own, so that a busy machine does not change them);
`passes` are images that went forward and backward through a network. The alone route of `break_even_with_search` pays
for a search of its own for each target, as `search_method` says; that is an assumption and not measured. The supernet
pays for its measured pairs, its predictor and nothing for searching, which takes it under a second.

The whole takes at most 75 minutes on two cores, two processes of one thread side by side, and goes on where it was
stopped (--work). --quick, two minutes on one core, trains next to nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import platformdirs
from reporting import contract
from studying import protocol
from studying.protocol import FULL, QUICK, Effort, Subject, networks, recipes, steps_of
from studying.queue import Job, Queue, say, seconds_of

from nasstudio.engine.atomic import write_atomic
from nasstudio.engine.job import events as ev
from nasstudio.engine.job.folder import RunFolder
from nasstudio.engine.job.specification import (
    CollectSpec,
    FitSpec,
    Reference,
    StudySpec,
    Target,
)
from nasstudio.engine.space.space import Genome
from nasstudio.engine.study.cost import (
    ASSUMED_SEARCH,
    break_even,
    lone_route,
    shared_route,
)
from nasstudio.engine.study.paired import differences, over_images, over_trainings
from nasstudio.engine.study.result import (
    REPORTED,
    Answers,
    Records,
    SupernetCost,
    tabulate,
)
from nasstudio.engine.train.progressive import Plan

RECIPES = ("progressive", "sandwich")
NETWORK_KEYS = ("ofa_acc", "alone_acc", "taught_acc", "ofa_cost", "alone_cost", "delta")
RECIPE_KEYS = (
    "mean_delta",
    "mean_delta_low95",
    "mean_delta_high95",
    "taught_mean_delta",
    "taught_mean_delta_low95",
    "worst_delta",
    "break_even_train_only",
    "break_even_all_rates",
    "break_even_passes",
    "break_even_macs",
    "break_even_with_search",
    "supernet_passes",
    "alone_passes",
    "pairs_cost",
    "trainings",
)
SEARCH_METHOD = (
    f"random search with early stopping: {ASSUMED_SEARCH.networks} networks for each target, "
    f"each trained for {100 * ASSUMED_SEARCH.share:.0f} % of the epochs (assumed)"
)


class Study:
    """All jobs of one data set."""

    def __init__(self, subject: Subject, effort: Effort, limit: int) -> None:
        self.subject, self.effort = subject, effort
        self.space = subject.space
        self.networks = networks(self.space, effort.random)
        self.recipes = recipes(effort.epochs)
        self.steps = steps_of(limit)
        self.seeds = effort.seeds[subject.name]

    def name(self, *parts: object) -> str:
        """Of a job."""
        return "-".join([self.subject.name, *map(str, parts)])

    def groups(self) -> dict[str, dict[str, Genome]]:
        """Which networks are studied in one job."""
        if self.effort.together:
            return {"all": self.networks}
        return {name: {name: genome} for name, genome in self.networks.items()}

    # -- jobs ---------------------------------------------------------------------------------------------------

    def jobs(self, runs: Path, speed: protocol.Speed) -> list[Job]:
        """Every job, those first on which others wait."""
        found = []
        for seed in self.seeds:
            for recipe, schedule in self.recipes.items():
                spec = protocol.train_spec(self.subject, schedule, seed, self.effort)
                plan = Plan(self.space, schedule, self.steps, seed)
                work = protocol.plan_seconds(plan, speed)
                found.append(Job(self.name(recipe, seed), lambda spec=spec: spec, work))
            for group, members in self.groups().items():
                found.append(
                    Job(
                        self.name("alone", group, seed),
                        lambda members=members, seed=seed: self._study(runs, members, seed),
                        self._lone_seconds(members, seed, speed),
                        (self.name("progressive", seed),),
                    )
                )
        first, pairs = self.name("progressive", self.seeds[0]), self.name("pairs")
        each = 1.5 * speed.step_s(0) * 100  # statistics and counting, as about a hundred steps
        collecting = self.effort.pairs * each
        found.append(Job(pairs, lambda: self._collect(runs), collecting, (first,)))
        found.append(Job(self.name("fit"), lambda: self._fit(runs), 10.0, (pairs,)))
        return found

    def _lone_seconds(self, members: dict[str, Genome], seed: int, speed: protocol.Speed) -> float:
        epochs = self.recipes["progressive"].epochs
        total = 0.0
        for genome in members.values():
            for taught in (False, True)[: 1 + (seed in self.effort.taught)]:
                plan = protocol.lone_plan(genome, self.space, epochs, self.steps, taught)
                total += 2 * protocol.plan_seconds(plan, speed)
        return total

    def supernet(self, runs: Path, recipe: str, seed: int) -> Reference:
        """The file that a training made in the end."""
        folder = RunFolder(runs / self.name(recipe, seed))
        said = ev.EventReader(folder.events).read()
        made = [e for e in said if isinstance(e, ev.Artefact) and e.about.get("final")]
        return Reference(f"runs/{folder.id}/{made[-1].path}", made[-1].sha256)

    def _study(self, runs: Path, members: dict[str, Genome], seed: int) -> StudySpec:
        schedule = self.recipes["progressive"]
        return StudySpec(
            training=protocol.train_spec(self.subject, schedule, seed, self.effort),
            supernet=self.supernet(runs, "progressive", seed),
            targets=tuple(
                Target(tuple(int(option) for option in genome)) for genome in members.values()
            ),
            taught=seed in self.effort.taught,
            calibration_images=self.effort.calibration,
            seed=seed,
        )

    def _collect(self, runs: Path) -> CollectSpec:
        return CollectSpec(
            space=self.subject.document,
            data=self.subject.data,
            supernet=self.supernet(runs, "progressive", self.seeds[0]),
            networks=self.effort.pairs,
            calibration_images=min(1000, self.effort.calibration),
            validation_images=1000,
        )

    def _fit(self, runs: Path) -> FitSpec:
        folder = RunFolder(runs / self.name("pairs"))
        said = ev.EventReader(folder.events).read()
        made = [e for e in said if isinstance(e, ev.Artefact) and e.kind == "pairs"]
        pairs = Reference(f"runs/{folder.id}/{made[-1].path}", made[-1].sha256)
        return FitSpec(space=self.subject.document, pairs=(pairs,))

    # -- figures ------------------------------------------------------------------------------------------------

    def figures(self, runs: Path) -> dict[str, contract.Figure]:
        """Everything that is claimed of this data set."""
        alone = {seed: self._alone(runs, seed) for seed in self.seeds}
        pairs = sum(seconds_of(RunFolder(runs / self.name(part))) for part in ("pairs", "fit"))
        found: dict[str, contract.Figure] = {}
        for recipe in RECIPES:
            place = f"{self.subject.name}/{recipe}"
            answers = {seed: self._subnets(runs, recipe, seed) for seed in self.seeds}
            costs = [self._cost(runs, recipe, seed) for seed in self.seeds]
            found |= self._compared(place, alone, answers, costs, pairs)
        return found

    def _alone(self, runs: Path, seed: int) -> dict[str, Any]:
        """Network -> its row in the study of a seed."""
        found = {}
        for group, members in self.groups().items():
            folder = RunFolder(runs / self.name("alone", group, seed))
            spec, records = folder.spec(), Records()
            assert isinstance(spec, StudySpec)
            records.take(ev.EventReader(folder.events).read())
            table = tabulate(spec, records)
            for (name, genome), row in zip(members.items(), table.rows, strict=True):
                right = _lone_answers(records, genome.tolist(), row)
                found[name] = {"row": row, "right": right}
        return found

    def _cost(self, runs: Path, recipe: str, seed: int) -> SupernetCost:
        from nasstudio.engine.net.storage import load_supernet

        _, about = load_supernet(runs.parent / self.supernet(runs, recipe, seed).path)
        return SupernetCost(seconds=about.seconds, passes=about.passes)

    def _subnets(self, runs: Path, recipe: str, seed: int) -> dict[str, np.ndarray]:
        """Network -> which of the reported images the subnet gets right; kept beside the supernet."""
        folder = runs / self.name(recipe, seed)
        path = folder / "subnets.json"
        if path.is_file():
            kept = msgspec.json.decode(path.read_bytes(), type=dict[str, Answers])
            return {name: answers.right() for name, answers in kept.items()}
        import torch

        from nasstudio.engine.accuracy.evaluate import Evaluator
        from nasstudio.engine.data.catalog import open_set
        from nasstudio.engine.net.storage import load_supernet

        torch.set_num_threads(1)
        say(f"{self.name(recipe, seed)}: subnets ...")
        supernet, _ = load_supernet(runs.parent / self.supernet(runs, recipe, seed).path)
        images = open_set(self.subject.data)
        judge = Evaluator(supernet.eval(), images, self.effort.calibration, seed)
        right = {name: judge.correct(genome, REPORTED) for name, genome in self.networks.items()}
        packed = {name: Answers.of(values) for name, values in right.items()}
        write_atomic(path, msgspec.json.encode(packed))
        return right

    def _compared(
        self,
        place: str,
        alone: dict[int, dict[str, Any]],
        answers: dict[int, dict[str, np.ndarray]],
        costs: Sequence[SupernetCost],
        pairs_s: float,
    ) -> dict[str, contract.Figure]:
        found: dict[str, contract.Figure] = {}
        supernet_s = float(np.mean([c.seconds for c in costs if c.seconds is not None]))
        supernet_passes = float(np.mean([c.passes for c in costs if c.passes is not None]))
        rows: dict[str, list[np.ndarray]] = {"alone": [], "taught": []}
        by_network: dict[str, list[float]] = {}
        lone_s, lone_passes, all_s = [], [], []
        for name in self.networks:
            accuracy: dict[str, list[float]] = {"alone": [], "taught": []}
            own_s = []
            for seed in self.seeds:
                entry = alone[seed][name]
                for way, right in entry["right"].items():
                    by_image = differences(answers[seed][name], right)
                    rows[way].append(by_image)
                    accuracy[way].append(float(right.mean()))
                    if way == "alone":
                        by_network.setdefault(name, []).append(float(by_image.mean()))
                found_alone = entry["row"].ways["alone"]
                own_s.append(found_alone.cost.seconds)
                lone_passes.append(found_alone.cost.passes)
                all_s.append(found_alone.all_cost.seconds)
            lone_s += own_s
            ofa = np.mean([answers[seed][name].mean() for seed in self.seeds])
            values = (
                100 * float(ofa),
                100 * float(np.mean(accuracy["alone"])),
                100 * float(np.mean(accuracy["taught"])) if accuracy["taught"] else None,
                supernet_s,
                float(np.mean(own_s)),
                100 * float(np.mean(by_network[name])),
            )
            found |= {f"{place}/{name}/{k}": v for k, v in zip(NETWORK_KEYS, values, strict=True)}
        delta = over_trainings(rows["alone"])
        # The teacher's row has one seed: its interval is that of the images and networks at hand.
        taught = over_images(rows["taught"]) if rows["taught"] else None
        lone, shared = lone_route(float(np.mean(lone_s))), shared_route(supernet_s)
        figures = (
            100 * delta.mean,
            100 * delta.low,
            100 * delta.high,
            None if taught is None else 100 * taught.mean,
            None if taught is None else 100 * taught.low,
            100 * min(float(np.mean(values)) for values in by_network.values()),
            break_even(shared, lone),
            break_even(shared, lone_route(float(np.mean(all_s)))),
            break_even(shared_route(supernet_passes), lone_route(float(np.mean(lone_passes)))),
            self._crossing_by_macs(place.rpartition("/")[2]),
            break_even(
                shared_route(supernet_s, pairs=pairs_s),
                lone_route(float(np.mean(lone_s)), ASSUMED_SEARCH),
            ),
            supernet_passes,
            float(np.mean(lone_passes)),
            pairs_s,
            len(rows["alone"]),
        )
        return found | {f"{place}/{k}": v for k, v in zip(RECIPE_KEYS, figures, strict=True)}

    def _crossing_by_macs(self, recipe: str) -> float | None:
        """Break-even in multiply-accumulates, teachers included: what no clock can disturb."""
        epochs = self.recipes["progressive"].epochs
        own = Plan(self.space, self.recipes[recipe], self.steps, self.seeds[0])
        lone = [
            protocol.lone_plan(genome, self.space, epochs, self.steps, taught=False)
            for genome in self.networks.values()
        ]
        each = float(np.mean([plan.cost(0, plan.steps) for plan in lone]))
        return break_even(shared_route(own.cost(0, own.steps)), lone_route(each))


def _lone_answers(records: Records, genome: list[int], row: Any) -> dict[str, np.ndarray]:
    """Way -> which reported images the network got right at the rate that was chosen."""
    return {
        way: result.answers.right()
        for way, chosen in row.ways.items()
        for result in records.trained
        if list(result.genome) == genome and (result.way, result.rate) == (way, chosen.rate)
    }


def nothing(name: str, effort: Effort, why: str) -> dict[str, contract.Figure]:
    """Null figures of a data set that is not here, and the reason."""
    found: dict[str, contract.Figure] = {f"{name}/reason": why}
    members = ["largest", "smallest", *(f"random{k + 1}" for k in range(effort.random))]
    for recipe in RECIPES:
        found |= {f"{name}/{recipe}/{n}/{key}": None for n in members for key in NETWORK_KEYS}
        found |= {f"{name}/{recipe}/{key}": None for key in RECIPE_KEYS}
    return found


def folders(options: argparse.Namespace, work: Path) -> dict[str, Path | None]:
    """Where the images of each data set are; None: not here."""
    data: Path | None = options.data
    found: dict[str, Path | None] = {protocol.FASHION: None, protocol.CIFAR: None}
    if data is None:
        return found
    if (data / "train-images-idx3-ubyte.gz").is_file():
        found[protocol.FASHION] = data
    archive = data / "cifar10_jpeg.tar.xz"
    if archive.is_file():
        say("Unpacking CIFAR-10 (JPEG) ...")
        most = protocol.QUICK_FILES if options.quick else None
        found[protocol.CIFAR] = protocol.unpacked(archive, work / "cifar10_jpeg", most)
    return found


def training_images(
    work: Path, places: dict[str, Path], effort: Effort, speed: protocol.Speed, processes: int
) -> int:
    """How many training images fit into the time; once chosen it stays."""
    path = work / "protocol.json"
    if path.is_file():
        return int(json.loads(path.read_text())["limit"])
    seconds = {}
    for limit in protocol.LIMITS:
        jobs: list[Job] = []
        for name, place in places.items():
            subject = protocol.subject(name, place, effort, limit)
            jobs += Study(subject, effort, limit).jobs(work, speed)
        seconds[limit] = sum(job.work_s for job in jobs)
    limit = protocol.images_that_fit(seconds, processes)
    write_atomic(path, json.dumps({"limit": limit, "seconds": seconds}).encode())
    return limit


def measure(options: argparse.Namespace) -> dict[str, contract.Figure]:
    """All figures; a data set that is not here has null figures and the reason."""
    effort = QUICK if options.quick else FULL
    work = options.work / ("quick" if options.quick else "full")
    runs = work / "accuracy.nasproj" / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    found = folders(options, work)
    places = {name: place for name, place in found.items() if place is not None}
    figures: dict[str, contract.Figure] = {"search_method": SEARCH_METHOD}
    for name in found.keys() - places.keys():
        figures |= nothing(name, effort, "the data is not here: --data, see --help")
    if not places:
        return figures
    processes = min(2, len(os.sched_getaffinity(0)))
    example = protocol.subject(protocol.FASHION, work, effort, 1).space
    speed = protocol.measured_speed(example, 64, 0.3 if options.quick else 4.0)
    limit = protocol.QUICK_IMAGES
    if not options.quick:
        limit = training_images(work, places, effort, speed, processes)
    studies = [
        Study(protocol.subject(name, place, effort, limit), effort, limit)
        for name, place in places.items()
    ]
    jobs = [job for study in studies for job in study.jobs(runs, speed)]
    tell(jobs, limit, processes, studies)
    Queue(runs, jobs, processes).run()
    figures["images"] = limit
    for study in studies:
        figures |= study.figures(runs)
    return figures


def tell(jobs: Sequence[Job], limit: int, processes: int, studies: Sequence[Study]) -> None:
    """Say what will be done and about how long it takes."""
    total = sum(job.work_s for job in jobs)
    epochs = studies[0].recipes["progressive"].epochs
    say(f"{limit:,} training images, {epochs} epochs, {processes} processes of one thread")
    for job in jobs:
        say(f"  {job.name:36} about {job.work_s / 60:5.1f} min")
    say(f"together about {total / processes / 60:.0f} min")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = contract.parser(__doc__)
    parser.add_argument(
        "--work",
        type=Path,
        default=Path(platformdirs.user_cache_dir("nasstudio")) / "benchmarks" / "accuracy",
        help="folder that keeps what has been trained",
    )
    given = os.environ.get("NASSTUDIO_DATA")
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(given) if given else None,
        help="folder with the Fashion-MNIST IDX files and cifar10_jpeg.tar.xz (or NASSTUDIO_DATA)",
    )
    options = parser.parse_args(arguments)
    if options.data is not None:
        options.data = options.data.absolute()
    options.work = options.work.absolute()
    contract.emit(options, "accuracy", measure(options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
