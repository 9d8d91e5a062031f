"""How smooth the latency-table editor is with 75,000 operations on 10 devices.

A realistic table (inverted bottlenecks, convolutions and linear layers of many shapes, times that grow with their work,
some measured, some imported, some missing, some wrong) is shown in the editor's own view, without a screen, and used:
opened, scrolled by pages and by rows, sorted, filtered, pasted into, undone and redone, checked for wrong cells, and
saved to a project as an edit is. Beside every step stands the longest time for which the window's thread did not come
to handle its events (a timer of 1 ms), in this process and with all other threads of the editor running.

The whole takes about two minutes on two cores; --quick (5,000 rows) ten seconds. It needs no data.
"""

from __future__ import annotations

import gc
import itertools
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from reporting import contract

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import psutil
from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QGuiApplication, QUndoStack
from PySide6.QtWidgets import QApplication, QScrollBar

from nasstudio.engine.cost.counts import count
from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device.device import Device
from nasstudio.engine.project.project import Project
from nasstudio.engine.space.layer import LayerSpec, text
from nasstudio.ui.app import application, dress
from nasstudio.ui.pages.devices.editor import TableCard
from nasstudio.ui.pages.devices.flags import FlagFinder
from nasstudio.ui.pages.devices.saver import TableSaver, with_changes
from nasstudio.ui.settings import Settings
from nasstudio.ui.tables.change import TableChange
from nasstudio.ui.tables.latency_model import LatencyModel
from nasstudio.ui.tables.shown import FIRST_DEVICE
from nasstudio.ui.workbench import Workbench

ROWS, QUICK_ROWS, DEVICES = 75_000, 5_000, 10
FRAMES = 300
PASTED = (1_000, 10)
NAMES = ("Pixel 8, big core", "Pixel 8, GPU", "Server CPU", "Laptop, 1 thread", "Laptop, 4 threads",
         "NVIDIA GPU", "Jetson", "Raspberry Pi 5", "Edge TPU", "Microcontroller")  # fmt: skip


def layers(rows: int) -> list[LayerSpec]:
    """So many different layers of mobile networks."""
    sizes = (7, 8, 9, 10, 12, 14, 16, 18, 20, 24, 28, 32, 36, 40, 48, 56, 64, 72, 80, 96, 112)
    channels = (16, 24, 32, 40, 48, 64, 80, 96, 112, 128, 160, 192)
    made: dict[LayerSpec, None] = {}
    for size, given, more, kernel, stride, ratio, se in itertools.product(
        sizes, channels, (0, 8, 16, 24, 32, 48, 64, 96), (3, 5, 7), (1, 2), (3, 4, 6), (False, True)
    ):
        spec = LayerSpec("mbconv", given, size, size, given + more, kernel=kernel, stride=stride,
                         middle=given * ratio, se=se, act="hswish")  # fmt: skip
        made[spec] = None
    for size, given, out in itertools.product(sizes, channels, channels):
        made[LayerSpec("conv", given, size, size, out, kernel=1, act="relu")] = None
    found = list(made)
    rng = np.random.default_rng(0)
    chosen = np.sort(rng.choice(len(found), size=min(rows, len(found)), replace=False))
    return [found[i] for i in chosen]


def realistic(specs: list[LayerSpec]) -> LatencyTable:
    """Times of the layers on ten devices, with noise, all sources, gaps, and a few cells that are wrong."""
    rng = np.random.default_rng(1)
    macs = np.array([count(spec).macs for spec in specs], dtype=float)
    speed = np.geomspace(2e5, 2e8, DEVICES)  # MACs a ms
    ms = macs[:, None] / speed + 10 / np.sqrt(speed)
    ms *= rng.lognormal(0, 0.03, ms.shape)
    source = rng.choice(
        [Source.MEASURED, Source.IMPORTED, Source.EDITED, Source.INTERPOLATED], ms.shape,
        p=[0.6, 0.3, 0.02, 0.08],
    ).astype(np.uint8)  # fmt: skip
    cells = Cells.of(ms, Source.MEASURED)
    cells.source[:] = source
    measured = source == Source.MEASURED
    cells.p10[measured], cells.p90[measured] = 0.97 * ms[measured], 1.04 * ms[measured]
    cells.n[measured] = 30
    gone = rng.random(ms.shape) < 0.05
    cells.put(np.nonzero(gone), Cells.missing((int(gone.sum()),)))
    wrong = rng.random(ms.shape) < 1e-4
    cells.ms[wrong & ~gone] *= 20
    devices = [Device(name, "table", title=name) for name in NAMES]
    return LatencyTable([text(s) for s in specs], list(specs), devices, cells)


class Watch(QObject):
    """The longest time between two turns of the window's thread."""

    def __init__(self) -> None:
        super().__init__()
        self._timer = QTimer(self, interval=1)
        self._timer.timeout.connect(self._tick)
        self._last = 0.0
        self.longest = 0.0

    def begin(self) -> None:
        self.longest, self._last = 0.0, time.perf_counter()
        self._timer.start()

    def _tick(self) -> None:
        now = time.perf_counter()
        self.longest = max(self.longest, now - self._last)
        self._last = now

    def end(self) -> float:
        """The longest, ms."""
        self._tick()
        self._timer.stop()
        return 1000 * self.longest


class Bench:
    """The editor's card over a model, and what is measured of it."""

    def __init__(self, app: QApplication) -> None:
        self.app = app
        self.watch = Watch()
        self.figures: dict[str, Any] = {}
        self.model = LatencyModel(QUndoStack())
        self.card = TableCard(self.model)
        self.card.resize(1064, 720)
        self.card.show()
        self.until(lambda: True)

    def until(self, done: Callable[[], bool], most: float = 120.0) -> None:
        """Handle events until something is so."""
        end = time.perf_counter() + most
        while True:
            self.app.processEvents()
            if done() and self.model.settled:
                self.app.processEvents()
                return
            if time.perf_counter() > end:
                raise TimeoutError("the editor did not settle")
            time.sleep(0.0005)

    def step(
        self, name: str, act: Callable[[], None], done: Callable[[], bool], unit: str = "ms"
    ) -> None:
        """Do something, wait until it is shown, and keep how long both took and the longest stall."""
        gc.collect()
        self.watch.begin()
        began = time.perf_counter()
        act()
        self.until(done)
        took = time.perf_counter() - began
        self.figures[f"{name}_{unit}"] = round(took * (1000 if unit == "ms" else 1), 3)
        self.figures[f"{name}_stall_ms"] = round(self.watch.end(), 2)

    def scroll(self) -> None:
        """Frames of a viewport that is painted whole (by pages), and by rows as a wheel does."""
        bar = self.card.view.verticalScrollBar()
        page = 7 * self.card.view.viewport().height()
        for name, jump in (("scroll_frame", page), ("scroll_row_frame", 32)):
            places = [number * jump % bar.maximum() for number in range(FRAMES)]
            self.keep_frames(name, [self.frame(bar, place) for place in places])

    def frame(self, bar: QScrollBar, place: int) -> float:
        """Scroll and paint, ms."""
        began = time.perf_counter()
        bar.setValue(place)
        self.card.view.viewport().update()
        self.app.processEvents()
        return 1000 * (time.perf_counter() - began)

    def keep_frames(self, name: str, frames: list[float]) -> None:
        """Keep quantiles and the worst of frames."""
        for share in (50, 95):
            self.figures[f"{name}_p{share}_ms"] = round(float(np.percentile(frames, share)), 2)
        self.figures[f"{name}_stall_ms"] = round(max(frames), 2)

    def paste(self) -> None:
        """A spreadsheet's 10,000 cells, taken back and put again."""
        rows, columns = PASTED
        rows = min(rows, self.model.rowCount() // 4)
        rng = np.random.default_rng(2)
        block = "\n".join(
            "\t".join(f"{v:.4f}" for v in line) for line in rng.uniform(0.1, 9, (rows, columns))
        )
        QGuiApplication.clipboard().setText(block)
        view, stack = self.card.view, self.model.undo_stack
        first = next(r for r in range(10) if self.model.table_row(r) is not None)
        view.setCurrentIndex(self.model.index(first, FIRST_DEVICE))
        self.step(f"paste_{rows * columns}", view.paste, lambda: stack.index() == 1)
        row = int(self.model.layout.rows[first])
        assert abs(self.model.table.cells.ms[row, 0] - float(block.split("\t", 1)[0])) < 1e-9
        self.step("undo", stack.undo, lambda: stack.index() == 0)
        self.step("redo", stack.redo, lambda: stack.index() == 1)
        self.step("undo_again", stack.undo, lambda: stack.index() == 0)

    def edit(self) -> None:
        """One cell typed; columns cleared, which is the largest thing that a person can undo."""
        view, stack = self.card.view, self.model.undo_stack
        index = self.model.index(5, FIRST_DEVICE + 1)
        self.step("edit", lambda: self.model.setData(index, "12,5 us"), lambda: True)
        view.select_column(FIRST_DEVICE + 2)
        before = stack.index()
        self.step(
            "clear_column",
            lambda: view.actions_of.clear(view.chosen),
            lambda: stack.index() > before,
        )
        self.step("undo_clear_column", stack.undo, lambda: True)

    def reload(self, table: LatencyTable) -> None:
        """Large changes are laid over the project's table by another thread, as the page has it done."""
        changes: list[TableChange] = []
        self.model.changed_by_person.connect(changes.append)
        self.model.reload = lambda: self.model.show(
            lambda: with_changes(table, tuple(changes)), None, cells=table.cells.ms.size
        )

    def live(self, table: LatencyTable) -> None:
        """A time that a profile brings, in a table of its own, as snapshots do."""
        found = self.model.table.copy()
        found.cells.ms[self.model.table.row(table.labels[17]), 3] = 0.123

        def come() -> None:
            self.model.show(lambda: found, None, cells=found.cells.ms.size)

        row = self.model.table.row(table.labels[17])
        self.step("live_cell", come, lambda: self.model.table.cells.ms[row, 3] == 0.123)

    def flags(self) -> None:
        """Every cell checked."""
        found: list[int] = []
        finder = FlagFinder(self.model, self.model.pool, self.model)
        finder.found.connect(found.append)
        self.step("flags", finder.check_soon, lambda: bool(found), "s")
        self.figures["flags_found"] = found[0]

    def save(self, table: LatencyTable, home: Path) -> None:
        """An edit on its way into the project, with the snapshot that comes back; five at once are one or two."""
        project = Project.create(home / "Table")
        project.table = table.copy()
        project.save_table()
        project.close()
        bench = Workbench()
        saver = TableSaver(bench)
        snapshots: list[object] = []
        bench.changed.connect(snapshots.append)
        self.step(
            "project_open",
            lambda: bench.open(project.path),
            lambda: bench.snapshot is not None,
            "s",
        )
        saved = len(snapshots)
        self.model.changed_by_person.connect(saver.push)

        def edit() -> None:
            for row in range(5):
                self.model.setData(self.model.index(row + 3, FIRST_DEVICE), f"{row + 1.5}")

        self.step("save_five_edits", edit, lambda: saver.idle, "s")
        self.figures["save_five_edits_writes"] = len(snapshots) - saved
        self.model.setData(self.model.index(4, FIRST_DEVICE), "7.25")
        frames = []
        while not saver.idle:
            bar = self.card.view.verticalScrollBar()
            frames.append(self.frame(bar, (bar.value() + 32) % bar.maximum()))
        self.keep_frames("scroll_row_frame_while_saving", frames)
        bench.close()


def main() -> int:
    options = contract.parser(__doc__).parse_args()
    app = application(sys.argv[:1])
    settings = Settings.in_memory()
    dress(app, settings)
    specs = layers(QUICK_ROWS if options.quick else ROWS)
    table = realistic(specs)
    process = psutil.Process()
    before = process.memory_info().rss
    bench = Bench(app)
    figures = bench.figures
    figures["rows"], figures["devices"] = table.shape
    bench.step(
        "open",
        lambda: bench.model.show(lambda: table, None, cells=table.cells.ms.size),
        lambda: bench.model.rowCount() > 0,
        "s",
    )
    bench.reload(table)
    idle = time.perf_counter() + 1
    bench.step("idle", lambda: None, lambda: time.perf_counter() > idle)
    del figures["idle_ms"]
    bench.scroll()
    model, view = bench.model, bench.card.view
    bench.step(
        "sort", lambda: view.sort(FIRST_DEVICE, descending=True), lambda: model.group_at(0) is None
    )
    bench.step("sort_operations", lambda: view.sort(0), lambda: model.table_row(0) is not None)
    bench.step("groups", lambda: view.sort(None), lambda: model.group_at(0) is not None)
    counted: list[int] = []
    model.counted.connect(counted.append)
    bench.step(
        "filter", lambda: bench.card.filter.set_text("mbconv k5 -se >2ms"), lambda: bool(counted)
    )
    figures["filter_rows"] = counted[-1]
    bench.step("filter_off", lambda: bench.card.filter.set_text(""), lambda: len(counted) > 1)
    bench.paste()
    bench.edit()
    bench.live(table)
    bench.flags()
    figures["rss_mib"] = round(process.memory_info().rss / 2**20, 1)
    figures["rss_table_mib"] = round((process.memory_info().rss - before) / 2**20, 1)
    with tempfile.TemporaryDirectory() as home:
        bench.save(table, Path(home))
    stalls = {k: v for k, v in figures.items() if k.endswith("_stall_ms")}
    figures["longest_stall_ms"] = max(stalls.values())
    bench.card.close()
    model.pool.waitForDone()
    contract.emit(options, "table", figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
