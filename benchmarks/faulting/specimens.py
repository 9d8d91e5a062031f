"""One healthy thing of every kind that the program reads, made once by its own jobs; to be copied and damaged.

`specimens/` holds ``tiny.nasproj`` (a finished training, a stopped one, pairs, predictor, search, latency table), and
beside it ``images/``, ``cifar/``, ``images.idx``, ``network.onnx``, ``space.json``, ``schedule.json``, ``table.json``
and ``table.csv``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
from onnx import TensorProto, helper
from PIL import Image

from faulting import studio
from nasstudio.engine.cost.formats.delimited import to_csv
from nasstudio.engine.cost.formats.own_json import to_json
from nasstudio.engine.data.idx import write_idx
from nasstudio.engine.job.context import JobContext
from nasstudio.engine.job.folder import RunFolder
from nasstudio.engine.job.specification import AnySpec
from nasstudio.engine.project import plan
from nasstudio.engine.project.ingest import Intake
from nasstudio.engine.project.project import Project
from nasstudio.engine.space.families import save

CLASSES = ("disc", "ring", "star")
TRAINED, STOPPED, PAIRS, PREDICTOR, SEARCH = "trained", "stopped", "pairs", "predictor", "search"


def make(home: Path) -> Path:
    """Make all of it in a new folder. Returns the folder."""
    home.mkdir(parents=True)
    rng = np.random.default_rng(11)
    _images(home / "images", rng)
    _cifar(home / "cifar", rng)
    write_idx(home / "images.idx", rng.integers(0, 256, (5, 6, 6)).astype(np.uint8))
    onnx.save_model(_network(rng), str(home / "network.onnx"))
    (home / "space.json").write_bytes(save(studio.SPACE))
    (home / "schedule.json").write_bytes(msgspec.json.encode(studio.SCHEDULE))
    project = studio.new_project(home / "tiny")
    try:
        _jobs(project)
        (home / "table.json").write_bytes(to_json(project.table))
        (home / "table.csv").write_text(to_csv(project.table))
    finally:
        project.close()
    return home


def _jobs(project: Project) -> None:
    train = studio.train_spec(project, checkpoint_s=1e6)
    _ran(project, TRAINED, train)
    _ran(project, STOPPED, studio.changed(train, checkpoint_s=0.0), stop_at=10)
    _ran(project, PAIRS, plan.collect(project, 40, validation_images=50, calibration_images=32))
    _ran(project, PREDICTOR, plan.fit(project))
    _ran(
        project,
        SEARCH,
        plan.search(project, f"latency:{studio.DEVICE.id}", budget=150, population=20),
    )


def _ran(project: Project, name: str, spec: AnySpec, stop_at: int = 0) -> None:
    """A run under a plain name, in this process; stopped at its n-th look at the outside, if that is given."""
    folder = project.new_run(spec)
    plain = RunFolder(folder.path.rename(folder.path.with_name(name)))
    with project.database as database:
        database.execute("UPDATE run SET id = ? WHERE id = ?", (name, folder.id))
    check, looks = JobContext.check, 0

    def counted(job: JobContext, on_pause: Any = None) -> None:
        nonlocal looks
        looks += 1
        if looks == stop_at:
            job.stop()
        check(job, on_pause)

    JobContext.check = counted  # type: ignore[method-assign]
    try:
        studio.Inline(plain)
    finally:
        JobContext.check = check  # type: ignore[method-assign]
    state = Intake(project, name).read().state
    if state != ("stopped" if stop_at else "done"):
        raise RuntimeError(f"{name} is {state}: {plain.log.read_text()}")


def _images(folder: Path, rng: np.random.Generator) -> None:
    for label in CLASSES:
        (folder / label).mkdir(parents=True)
        for number in range(6):
            pixels = rng.integers(0, 256, (10, 10, 3)).astype(np.uint8)
            suffix = "jpg" if number % 2 else "png"
            Image.fromarray(pixels).save(folder / label / f"{number}.{suffix}")


def _cifar(folder: Path, rng: np.random.Generator) -> None:
    folder.mkdir()
    for name in [*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin"]:
        records = rng.integers(0, 256, (20, 3073)).astype(np.uint8)
        records[:, 0] = np.arange(20) % 10
        (folder / name).write_bytes(records.tobytes())


def _network(rng: np.random.Generator) -> Any:
    def weights(name: str, *shape: int) -> Any:
        values = rng.normal(size=shape).astype(np.float32)
        return helper.make_tensor(name, TensorProto.FLOAT, shape, values.tobytes(), raw=True)

    nodes = [
        helper.make_node("Conv", ["image", "w"], ["a"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("GlobalAveragePool", ["b"], ["c"]),
        helper.make_node("Flatten", ["c"], ["d"]),
        helper.make_node("Gemm", ["d", "v"], ["logits"]),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 1, "h", "w_"])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 10])
    graph = helper.make_graph(
        nodes, "tiny", [image], [logits], [weights("w", 4, 1, 3, 3), weights("v", 4, 10)]
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
