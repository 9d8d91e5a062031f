"""SearchModel: what the Search page shows, without a screen.

It loads the archives of the shown search runs off the window's thread and follows them while they grow; it holds
limits, axes, brush and replayed generation, and answers each change of them at once. Widgets read it after its signals.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QUndoStack

from nasstudio.engine.job import events as ev
from nasstudio.engine.job.specification import SearchSpec
from nasstudio.engine.project.records import Snapshot
from nasstudio.engine.search.archive import ACCURACY
from nasstudio.engine.space.space import Population, SearchSpace
from nasstudio.ui.views import limits as lim
from nasstudio.ui.views.answer import Answer, Arrangement, answer
from nasstudio.ui.views.archive_feed import ArchiveFeed
from nasstudio.ui.views.limits import LimitCommand, Limits, LimitState
from nasstudio.ui.views.network import as_key, fits
from nasstudio.ui.views.quantity import Quantity, quantities, unknown
from nasstudio.ui.views.search_runs import of_space, search_spec, shown_runs, sources
from nasstudio.ui.views.seen import Explanation, Ground, Seen, predictor_file
from nasstudio.ui.workbench import Workbench

Indices = NDArray[np.intp]
Ranges = dict[str, tuple[float, float]]
_MOST_ROWS = 1000


class SearchModel(QObject):
    """The state of the Search page.

    Signals
    -------
    grounded : metrics, quantities or what is missing changed.
    loaded : other or more networks, other axes, or another run is shown.
    answered : limits or networks changed, and so did the answer.
    explained : why the answer is what it is, a moment later.
    brushed : other networks are brushed.
    failed(StudioError) : an archive or the predictor does not read.
    """

    grounded = Signal()
    loaded = Signal()
    answered = Signal()
    explained = Signal()
    brushed = Signal()
    failed = Signal(object)

    def __init__(
        self,
        workbench: Workbench,
        undo_stack: QUndoStack | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.workbench = workbench
        self.undo_stack = undo_stack
        self._feed = ArchiveFeed(self)
        self._feed.loaded.connect(self._take)
        self._feed.arranged.connect(self._show)
        self._feed.explained.connect(self._take_explanation)
        self._feed.failed.connect(self.failed)
        self._follow_timer = QTimer(self, singleShot=True, interval=50)
        self._follow_timer.timeout.connect(self._follow)
        self._save_timer = QTimer(self, singleShot=True, interval=600)
        self._save_timer.timeout.connect(self.save)
        self._forget()
        workbench.opened.connect(self._opened)
        workbench.closed.connect(self._closed)
        workbench.changed.connect(self._changed)
        workbench.run_events.connect(self._heard)
        workbench.run_ended.connect(self._ended)
        if workbench.snapshot is not None:
            self._opened(workbench.snapshot)
            self._changed(workbench.snapshot)

    def _forget(self) -> None:
        self.space: SearchSpace | None = None
        self.ground: Ground | None = None
        self.quantities: dict[str, Quantity] = quantities((), {})
        self.arrangement: Arrangement | None = None
        self.answer: Answer | None = None
        self.explanation: Explanation | None = None
        self.limits: Limits = {}
        self.x_key, self.y_key = "", ACCURACY
        self.ranges: Ranges = {}
        self.brush: Indices | None = None
        self.generation: float | None = None
        self.chosen_run = ""
        self.shown: tuple[str, ...] = ()
        self.outdated = False
        self.busy = False
        self.settings: dict[str, Any] = {}
        self._ground_key: Any = None
        self._source_key: Any = None
        self._gesture = 0
        self._followed: tuple[int, ...] | None = None
        self._found: tuple[Seen, tuple[int, ...], int | None] | None = None

    # -- the project --------------------------------------------------------------------------------------------

    @property
    def needs(self) -> str:
        """What is missing before one can search: ``project``, ``space``, ``table``, ``predictor``; empty: nothing."""
        snapshot = self.workbench.snapshot
        if snapshot is None:
            return "project"
        if self.space is None:
            return "space"
        if self.ground is not None and not any(m.device for m in self.ground.metrics):
            return "table"
        if of_space(snapshot, self.space, "predictor") is None and not self.seen_count:
            return "predictor"
        return ""

    @property
    def seen(self) -> Seen | None:
        return self.arrangement.seen if self.arrangement else None

    @property
    def seen_count(self) -> int:
        return len(self.arrangement) if self.arrangement else 0

    def _opened(self, snapshot: Snapshot) -> None:
        self._stop_timers()
        self._feed.clear()
        self._forget()
        stored = snapshot.choices.get("search")
        self.settings = dict(stored) if isinstance(stored, dict) else {}
        self.limits = lim.from_choice(self.settings.get("limits"))
        self.x_key = str(self.settings.get("x") or "")
        self.y_key = str(self.settings.get("y") or ACCURACY)

    def _closed(self) -> None:
        self._stop_timers()
        self._feed.clear()
        self._forget()
        self.grounded.emit()
        self.loaded.emit()
        self.answered.emit()

    def _stop_timers(self) -> None:
        for timer in (self._follow_timer, self._save_timer):
            timer.stop()

    def _changed(self, snapshot: Snapshot) -> None:
        """Load again what a change of the project concerns, and nothing else."""
        self.space = self.workbench.space
        if self.space is None:
            self.ground = self.arrangement = self.answer = None
            self._ground_key = self._source_key = None
            self._feed.clear()
            self.grounded.emit()
            return
        predictor = of_space(snapshot, self.space, "predictor")
        ground_key = (
            snapshot.path,
            self.space.hash,
            snapshot.table_sha256,
            predictor.path if predictor else "",
        )
        runs = shown_runs(snapshot, self.chosen_run)
        made = sources(runs)
        self.shown = tuple(run.id for run in runs)
        self.outdated = any(source.table != snapshot.table_sha256 for source in made)
        if (ground_key, made) != (self._ground_key, self._source_key):
            self._ground_key, self._source_key = ground_key, made
            file = predictor_file(snapshot.path, predictor.path if predictor else "")
            self.busy = True
            self._feed.load(snapshot, self.space, made, file, (self.x_key, self.y_key))

    def show_run(self, run_id: str) -> None:
        """Show the archive of another search; empty: the newest."""
        self.chosen_run = run_id
        self.generation = None
        if self.workbench.snapshot is not None:
            self._changed(self.workbench.snapshot)

    # -- what the feed brings -----------------------------------------------------------------------------------

    def _take(self, found: Ground, arrangement: Arrangement) -> None:
        self.busy = False
        self.ground = found
        self.quantities = quantities(found.metrics, found.ends)
        for key in arrangement.seen.values:
            self.quantities.setdefault(key, unknown(key))
        self._complete_limits()
        self.ranges = {}
        self.grounded.emit()
        self._show(arrangement)

    def _show(self, arrangement: Arrangement) -> None:
        self.arrangement = arrangement
        self.x_key, self.y_key = arrangement.x_key, arrangement.y_key
        self._update_brush()
        self._answer()
        self.loaded.emit()
        self.answered.emit()
        self.brushed.emit()

    def _take_explanation(self, explanation: Explanation) -> None:
        self.explanation = explanation
        self.explained.emit()

    def _heard(self, run_id: str, events: Sequence[ev.AnyEvent]) -> None:
        if run_id in self.shown and any(
            isinstance(event, ev.Artefact | ev.MetricEvent) for event in events
        ):
            self._feed.grow_soon()

    def _ended(self, run: Any) -> None:
        if run.id in self.shown:
            self._feed.grow_soon()

    def close(self) -> None:
        """Wait for what is being read; nothing is started after that."""
        self._stop_timers()
        self._feed.close()

    # -- axes, brush, generation --------------------------------------------------------------------------------

    def set_axes(self, x_key: str, y_key: str) -> None:
        """Put other quantities on the axes."""
        if self.arrangement is None or (x_key, y_key) == (self.x_key, self.y_key):
            return
        self.x_key, self.y_key = x_key, y_key
        self._remember()
        self._feed.set_axes(x_key, y_key)

    def set_generation(self, generation: float | None) -> None:
        """Show only networks up to a generation; None: all."""
        if generation != self.generation:
            self.generation = generation
            self._answer()
            self.answered.emit()

    @property
    def x_key_for_search(self) -> str:
        """The metric that a search trades against accuracy: the one on an axis."""
        for key in (self.x_key, self.y_key):
            if key and key != ACCURACY:
                return key
        return self.ground.metrics[0].key if self.ground and self.ground.metrics else ""

    def _shown_spec(self) -> SearchSpec | None:
        snapshot = self.workbench.snapshot
        run = snapshot.run(self.shown[-1]) if snapshot and self.shown else None
        return search_spec(run) if run else None

    def shown_algorithm(self) -> str:
        """Name of the algorithm of the shown search; empty if none is shown."""
        spec = self._shown_spec()
        return spec.algorithm.name if spec else ""

    def shown_budget(self) -> int:
        """Budget of the shown search, networks."""
        spec = self._shown_spec()
        return spec.budget if spec else 0

    @property
    def last_generation(self) -> int:
        seen = self.seen
        return int(seen.generation.max()) if seen is not None and len(seen) else 0

    def set_ranges(self, ranges: Ranges) -> None:
        """Brush the networks whose values lie in all of `ranges` (stored units); empty: nothing is brushed."""
        self.ranges = dict(ranges)
        self._update_brush()
        self.brushed.emit()

    def _update_brush(self) -> None:
        seen = self.seen
        if seen is None or not self.ranges:
            self.brush = None
            return
        mask = np.ones(len(seen), dtype=bool)
        for key, (low, high) in self.ranges.items():
            if key in seen.values:
                mask &= (seen.values[key] >= low) & (seen.values[key] <= high)
        self.brush = np.flatnonzero(mask)

    def rows(self) -> Indices:
        """Networks for the table, the most accurate first: the brushed ones, else the feasible front.

        With accuracy on no axis the front is one of costs: then the most accurate feasible networks.
        """
        if self.seen is None or self.answer is None:
            return np.zeros(0, dtype=np.intp)
        chosen = self.answer.front if self.brush is None else self.brush
        if self.brush is None and ACCURACY not in (self.x_key, self.y_key):
            chosen = np.flatnonzero(self.answer.mask)
        accuracy = self.seen.values[ACCURACY][chosen]
        return chosen[np.argsort(-accuracy, kind="stable")][:_MOST_ROWS]

    # -- limits -------------------------------------------------------------------------------------------------

    def span(self, key: str) -> tuple[float, float]:
        """Ends of a metric's slider, stored unit: what the space can do, with room for asking too much."""
        low, high = 0.0, 1.0
        if self.ground is not None and key in self.ground.ends:
            low, high = self.ground.ends[key]
        elif self.seen_count and self.seen is not None:
            low, high = (
                float(np.nanmin(self.seen.values[key])),
                float(np.nanmax(self.seen.values[key])),
            )
        room = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
        return max(low - room, 0.0), high + 0.02 * (high - low or 1.0)

    def _complete_limits(self) -> None:
        """A limit for every metric; at first only the first latency holds, where it leaves a choice."""
        assert self.ground is not None
        first = not self.limits
        for number, metric in enumerate(self.ground.metrics):
            if metric.key not in self.limits:
                low, high = self.ground.ends[metric.key]
                holds = first and number == 0 and metric.device is not None
                most = low + 0.4 * (high - low) if holds else high
                places = self.quantities[metric.key].decimals
                self.limits[metric.key] = LimitState(round(most + 0.5 * 10**-places, places), holds)

    def begin_gesture(self) -> None:
        """The steps that follow are one change for undo."""
        self._gesture += 1

    def set_limit(self, key: str, *, most: float | None = None, on: bool | None = None) -> None:
        """Change a limit; the answer follows before this returns."""
        if key not in self.limits:
            return
        after = lim.changed(self.limits, key, most=most, on=on)
        if after == self.limits:
            return
        if self.undo_stack is None:
            self.show_limits(after)
            return
        text = self.tr("Limit {0}").format(self.quantities.get(key, unknown(key)).name)
        self.undo_stack.push(
            LimitCommand(text, self.show_limits, self.limits, after, self._gesture)
        )

    def show_limits(self, limits: Limits) -> None:
        """Take these limits over, as undo and redo do."""
        self.limits = dict(limits)
        self._remember()
        self._answer()
        self.answered.emit()

    def _answer(self) -> None:
        if self.arrangement is None:
            self.answer = None
            return
        known = self.arrangement.seen.values
        self.answer = answer(self.arrangement, lim.holding(self.limits, known), self.generation)
        self._feed.explain(self.answer.limits)
        if not self._follow_timer.isActive():
            self._follow_timer.start()

    # -- single networks ----------------------------------------------------------------------------------------

    def genome(self, index: int) -> tuple[int, ...]:
        """A network as the window passes it around."""
        assert self.seen is not None
        return as_key(self.seen.genomes[index])

    def index(self, genome: Sequence[int] | None) -> int | None:
        """Where a network is among those seen."""
        seen = self.seen
        if seen is None or genome is None or self.space is None or not fits(self.space, genome):
            return None
        if self._found is None or self._found[0] is not seen or self._found[1] != tuple(genome):
            same = (seen.genomes == np.asarray(genome, dtype=np.int16)).all(axis=1)
            at = np.flatnonzero(same)
            self._found = (seen, tuple(genome), int(at[0]) if len(at) else None)
        return self._found[2]

    def values_of(self, population: Population) -> dict[str, NDArray[np.float64]]:
        """Every metric and the predicted accuracy of a few networks, seen or not; stored units."""
        if self.ground is None:
            return {}
        values = {m.key: m.of(population) for m in self.ground.metrics}
        if self.ground.predictor is not None:
            values[ACCURACY] = self.ground.predictor.of(population)
        else:
            values[ACCURACY] = np.full(len(population), np.nan)
        return values

    def accuracy_error(self, genome: Sequence[int]) -> float | None:
        """How far off the predicted accuracy may be, share; None without a predictor."""
        if self.ground is None or self.ground.predictor is None:
            return None
        row = np.asarray(genome, dtype=np.int16)[None]
        return float(self.ground.predictor.interval(row)[0])

    def _follow(self) -> None:
        """The selection goes with the star until a person selects something else."""
        selection = self.workbench.selection
        if self.answer is None or self.answer.best is None or self.space is None:
            return
        own = selection is None or selection == self._followed or not fits(self.space, selection)
        if own:
            self._followed = self.genome(self.answer.best)
            self.workbench.select(self._followed)

    # -- what is remembered -------------------------------------------------------------------------------------

    def remember(self, **settings: Any) -> None:
        """Remember a choice of the page with the project."""
        if any(self.settings.get(key) != value for key, value in settings.items()):
            self.settings.update(settings)
            self._save_timer.start()

    def _remember(self) -> None:
        self.remember(limits=lim.to_choice(self.limits), x=self.x_key, y=self.y_key)

    def save(self) -> None:
        """Write what is to be remembered into the project, in the background."""
        self._save_timer.stop()
        if not self.workbench.writable:
            return
        stored = msgspec.to_builtins(self.settings)
        self.workbench.do(
            lambda project: project.put(
                "choices", {**project.get("choices", dict[str, Any], {}), "search": stored}
            )
        )
