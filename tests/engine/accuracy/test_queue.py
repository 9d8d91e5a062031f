"""The evaluation queue: order, what is measured once, and going on where it was left."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from nasstudio.engine.accuracy import queue as module
from nasstudio.engine.accuracy.queue import EvaluationQueue, Pair
from nasstudio.engine.accuracy.subnets import Measured, SubnetAccuracy
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.errors import CorruptFile, StudioError
from nasstudio.engine.net.storage import SupernetAbout, save_supernet
from nasstudio.engine.net.supernet import Supernet
from nasstudio.engine.space.mobilenet import MobileNetSpace
from nasstudio.engine.space.space import SpaceDocument

STAGE = {"depth": [1, 2], "kernel": [3, 5], "expand": [2, 3]}
SPACE = MobileNetSpace(
    SpaceDocument(
        "mobilenetv3",
        "tiny",
        "Tiny",
        {
            "resolution": [8, 12],
            "stem": 8,
            "head": [16, 24],
            "channels": 1,
            "classes": 10,
            "stages": [{**STAGE, "channels": 8, "stride": 2}],
        },
    )
)


class Counting(SubnetAccuracy, frozen=True):
    """Measures nothing: the accuracy follows from the genome."""

    def open(self, check=lambda: None):
        return lambda genome: Measured(int(genome.sum()) / 100, 10, (0.5, 0.25))


SUBJECT = Counting("", DataDocument("fashion_mnist_small"), "validation")


def networks(n: int, seed: int = 0) -> np.ndarray:
    found = np.unique(SPACE.sample(20 * n, np.random.default_rng(seed)), axis=0)
    return np.random.default_rng(seed).permutation(found)[:n]


def keys(population: np.ndarray) -> list[tuple[int, ...]]:
    return [tuple(row) for row in population.tolist()]


def test_that_results_are_told_and_kept_in_the_order_of_priority(tmp_path: Path) -> None:
    population, told = networks(6), []
    queue = EvaluationQueue(tmp_path, SUBJECT)
    queue.put(population[:3], reason="first")
    queue.put(population[3:], priority=1.0, reason="urgent")
    assert len(queue) == 6
    queue.run(told.append)
    assert [pair.genome for pair in told] == keys(population[[3, 4, 5, 0, 1, 2]])
    assert [pair.reason for pair in told] == ["urgent"] * 3 + ["first"] * 3
    assert told[0] == Pair(told[0].genome, sum(told[0].genome) / 100, 10, (0.5, 0.25), "urgent")
    lines = (tmp_path / "pairs.jsonl").read_text().splitlines()
    assert [tuple(json.loads(line)["genome"]) for line in lines] == [pair.genome for pair in told]
    assert len(queue) == 0


def test_that_a_network_is_measured_once_and_earlier_if_it_is_asked_for_again(
    tmp_path: Path,
) -> None:
    population = networks(4)
    queue = EvaluationQueue(tmp_path, SUBJECT)
    queue.put(population)
    queue.put(population[2:3], priority=2.0, reason="again")
    assert len(queue) == 4
    queue.run()
    assert [pair.genome for pair in queue.results] == keys(population[[2, 0, 1, 3]])
    queue.put(population)
    assert len(queue) == 0
    queue.run()
    assert len(queue.results) == 4


def test_that_what_is_put_in_meanwhile_is_measured_too(tmp_path: Path) -> None:
    population = networks(5)
    queue = EvaluationQueue(tmp_path, SUBJECT)
    queue.put(population[:2])
    queue.run(lambda pair: queue.put(population[2:], priority=1.0))
    assert [pair.genome for pair in queue.results] == keys(population[[0, 2, 3, 4, 1]])


def test_that_a_queue_goes_on_where_it_was_left(tmp_path: Path) -> None:
    class Ended(Exception):
        pass

    population = networks(6)
    queue = EvaluationQueue(tmp_path, SUBJECT)
    queue.put(population, reason="r")

    def end(pair: Pair) -> None:
        if len(queue.results) == 3:
            raise Ended

    with pytest.raises(Ended):
        queue.run(end)
    for name in ("pairs.jsonl", "queue.jsonl"):
        with (tmp_path / name).open("ab") as file:
            file.write(b'{"genomes": [[1')  # a kill in the middle of a line
    again = EvaluationQueue(tmp_path, SUBJECT)
    assert (len(again), len(again.results), len(again.batches)) == (3, 3, 1)
    again.run()
    assert [pair.genome for pair in again.results] == keys(population)
    assert EvaluationQueue(tmp_path, SUBJECT).results == again.results


def test_that_an_ended_measurement_leaves_its_network_pending(tmp_path: Path) -> None:
    asked = []

    def check() -> None:
        asked.append(1)
        if len(asked) == 3:
            raise StudioError("stopped")

    queue = EvaluationQueue(tmp_path, SUBJECT, check=check)
    queue.put(networks(4))
    with pytest.raises(StudioError, match="stopped"):
        queue.run()
    assert (len(queue.results), len(queue)) == (2, 2)
    queue.run()
    assert [pair.genome for pair in queue.results] == keys(networks(4))


def test_that_damaged_lines_and_foreign_networks_are_named(tmp_path: Path) -> None:
    (tmp_path / "pairs.jsonl").write_text('{"genome": [0], "accuracy": 0.5}\n{}\n')
    with pytest.raises(CorruptFile, match="Line 2 does not read"):
        EvaluationQueue(tmp_path, SUBJECT)
    (tmp_path / "pairs.jsonl").write_text('{"genome": [0], "accuracy": 0.5}\n')
    queue = EvaluationQueue(tmp_path, SUBJECT)
    queue.put(networks(2))
    with pytest.raises(CorruptFile, match="Line 1 is not a network of this run"):
        queue.run()


def test_that_the_halves_are_alternate_images() -> None:
    right = np.array([True, False, True, True, True])
    assert Measured.of(right) == Measured(0.8, 5, (1.0, 0.5))


@pytest.fixture
def real(tmp_path: Path) -> SubnetAccuracy:
    """An untrained supernet on disk."""
    path = tmp_path / "s.safetensors"
    supernet = Supernet(SPACE, torch.Generator().manual_seed(1))
    save_supernet(path, supernet, SupernetAbout(space=SPACE.document))
    data = DataDocument("fashion_mnist_small", {"limit": 100})
    return SubnetAccuracy(str(path), data, "validation", 50, 32, 2)


def test_that_workers_find_what_one_process_finds(real: SubnetAccuracy, tmp_path: Path) -> None:
    population, found = networks(7), []
    for workers in (1, 2):
        folder = tmp_path / str(workers)
        folder.mkdir()
        queue = EvaluationQueue(folder, real, workers)
        queue.put(population)
        queue.run()
        found.append((folder / "pairs.jsonl").read_bytes())
    assert found[0] == found[1]
    assert len(found[0].splitlines()) == 7


def test_that_a_worker_that_ends_is_reported(
    real: SubnetAccuracy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = []

    class Watched(module.Worker):
        def __init__(self, *arguments) -> None:
            super().__init__(*arguments)
            workers.append(self)

        def ask(self, genome) -> None:
            super().ask(genome)
            self._child.kill()

    monkeypatch.setattr(module, "Worker", Watched)
    queue = EvaluationQueue(tmp_path, real, 2)
    queue.put(networks(3))
    with pytest.raises(StudioError, match="ended unexpectedly"):
        queue.run()
    assert len(queue) == 3
    assert all(worker._child.poll() is not None for worker in workers)
