"""What a training says that it cost."""

from __future__ import annotations

import time
from pathlib import Path

from nasstudio.engine.job.folder import RunFolder
from nasstudio.engine.net.storage import load_supernet
from nasstudio.engine.run.train import run
from nasstudio.engine.train.checkpoint import Progress
from nasstudio.engine.train.clock import work_clock
from nasstudio.engine.train.schedule import Phase, Schedule

STEPS = 96 // 16


def test_that_a_supernet_knows_its_passes_and_its_computing_time(whole: Path) -> None:
    seconds = []
    for number, passes in enumerate((1, 3, 6), start=1):  # 1, 2 and 3 networks a step
        (path,) = whole.glob(f"supernet-{number}-*.safetensors")
        _, about = load_supernet(path)
        assert about.passes == passes * STEPS * 16
        seconds.append(about.seconds)
    assert 0 < seconds[0] < seconds[1] < seconds[2]


def test_that_a_supernet_that_goes_on_counts_what_came_before(
    make_job, with_spec, uninterrupted: Path
) -> None:
    (path,) = uninterrupted.glob("supernet-1-*.safetensors")
    _, before = load_supernet(path)
    more = Schedule("more", "More", (Phase("Expand", 1, 0.01, networks=2),))
    spec = with_spec(schedule=more, start=RunFolder(uninterrupted).reference(path))
    job = make_job("more", spec)
    run(spec, job)
    _, after = load_supernet(job.path / "supernet-1-expand.safetensors")
    assert after.passes == before.passes + 2 * STEPS * 16
    assert after.seconds > before.seconds


def test_that_a_busy_machine_does_not_count_on_a_processor() -> None:
    assert work_clock("cpu") is time.process_time
    assert work_clock("cuda") is time.monotonic


def test_that_a_step_adds_up() -> None:
    progress = Progress().after_step(1, 16, 3, 0.5).after_step(2, 16, 1, 0.25)
    assert (progress.step, progress.images, progress.passes) == (2, 32, 64)
    assert progress.step_seconds == 0.75
