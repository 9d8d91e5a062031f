"""The Space station: what may be searched, edited option by option while the consequences follow."""

from __future__ import annotations

import math
from functools import lru_cache

import msgspec
from PySide6.QtCore import QThreadPool, QTimer
from PySide6.QtGui import QUndoStack
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from nasstudio.engine.cost.table import LatencyTable
from nasstudio.engine.data.catalog import open_set
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.errors import StudioError
from nasstudio.engine.project import plan
from nasstudio.engine.project.records import Snapshot
from nasstudio.engine.space.families import preset
from nasstudio.engine.space.mobilenet import with_data
from nasstudio.engine.space.space import SpaceDocument
from nasstudio.ui.kit.buttons import ghost_button, primary_button
from nasstudio.ui.kit.header import PageHeader
from nasstudio.ui.kit.notice import ErrorNotice, InlineNotice
from nasstudio.ui.kit.number import written
from nasstudio.ui.pages.page import Page
from nasstudio.ui.pages.space import model
from nasstudio.ui.pages.space.model import Gap, Survey
from nasstudio.ui.pages.space.panel import SpacePanel
from nasstudio.ui.pages.space.stages import StagesCard
from nasstudio.ui.pages.space.survey import HISTORY, SurveyPanel, short
from nasstudio.ui.pages.space.undo import EditSpace
from nasstudio.ui.workbench import Workbench
from nasstudio.ui.workers.tasks import Task

FIRST = "mbv3_28_fast"


class SpacePage(Page):
    """The space editor. The draft is local until it is used."""

    station = "space"

    def __init__(
        self,
        workbench: Workbench,
        parent: QWidget | None = None,
        *,
        undo_stack: QUndoStack | None = None,
    ) -> None:
        super().__init__(workbench, parent)
        self.undo_stack = undo_stack or QUndoStack(self)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._data_pool = QThreadPool(self)
        self._data_pool.setMaxThreadCount(1)
        self.draft = preset(FIRST)
        self._stored: SpaceDocument | None = None
        self._resolutions = model.offered(self.draft, None, "resolution")
        self._data: DataDocument | None = None
        self._input: tuple[int, int, str] | None = None
        self._table = LatencyTable()
        self._table_sha = ""
        self._seed = 0
        self._asked = 0
        self._sizes: list[float] = []
        self._was_stale: list[str] = []
        self._timer = QTimer(self, singleShot=True, interval=40)
        self._timer.timeout.connect(self._look)
        self._build()
        self._connect()
        if workbench.snapshot is not None:
            self._opened(workbench.snapshot)
        self._show()

    # -- widgets ------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        across = QHBoxLayout(self)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(0)
        left = QVBoxLayout()
        left.setSpacing(0)
        self.header = PageHeader(self.tr("Space"))
        self.reset = ghost_button(self.tr("Reset"), "undo")
        self.reset.setToolTip(self.tr("Back to the project's space"))
        self.use = primary_button(self.tr("Use this space"), "check")
        self.header.add_action(self.reset)
        self.header.add_action(self.use)
        left.addWidget(self.header)
        row = QHBoxLayout()
        row.setSpacing(0)
        self.panel = SpacePanel()
        row.addWidget(self.panel)
        middle = QVBoxLayout()
        middle.setContentsMargins(16, 16, 16, 16)
        middle.setSpacing(12)
        self.error = ErrorNotice()
        self.stages = StagesCard()
        self.gap = InlineNotice("warn", button=self.tr("Measure"), button_icon="gauge")
        self.news = InlineNotice("soft", closable=True)
        self.error.hide()
        self.gap.hide()
        self.news.hide()
        middle.addWidget(self.error)
        middle.addWidget(self.news)
        middle.addWidget(self.stages, 1)
        middle.addWidget(self.gap)
        row.addLayout(middle, 1)
        left.addLayout(row, 1)
        across.addLayout(left, 1)
        self.survey_panel = SurveyPanel()
        across.addWidget(self.survey_panel)

    def _connect(self) -> None:
        bench = self.workbench
        bench.opened.connect(self._opened)
        bench.closed.connect(self._closed)
        bench.changed.connect(self._changed)
        self.use.clicked.connect(self.store)
        self.reset.clicked.connect(self.back_to_stored)
        self.panel.preset_chosen.connect(self.take_preset)
        self.panel.input_changed.connect(self._input_edited)
        self.stages.toggled.connect(self._toggled)
        self.stages.apply_to_all.connect(self._apply_to_all)
        self.survey_panel.sample_asked.connect(self._sample_again)
        self.survey_panel.plot.failed.connect(self.error.set_error)
        self.gap.clicked.connect(self.measure)

    # -- the project --------------------------------------------------------------------------------------------

    def _opened(self, snapshot: Snapshot) -> None:
        self.undo_stack.clear()
        self._stored = snapshot.space
        self._sizes = []
        self._data, self._input = None, None
        self.error.set_error(None)
        self.news.hide()
        self._take(snapshot.space or preset(FIRST))
        self._changed(snapshot)

    def _closed(self) -> None:
        self.undo_stack.clear()
        self._stored, self._table, self._table_sha = None, LatencyTable(), ""
        self._sizes = []
        self._take(preset(FIRST))

    def _changed(self, snapshot: Snapshot) -> None:
        clean = self.draft == self._stored
        if snapshot.space != self._stored:
            self._stored = snapshot.space
            if clean and snapshot.space is not None:
                self._take(snapshot.space)
        if snapshot.table_sha256 != self._table_sha:
            self._table, self._table_sha = snapshot.table, snapshot.table_sha256
            self._look_soon()
        if snapshot.data != self._data:
            self._data = snapshot.data
            self._ask_data(snapshot.data)
        self._show()

    def _ask_data(self, document: DataDocument | None) -> None:
        """Find out what the data set's images are; opening one may take a while."""
        self._input = None
        if document is None:
            return
        key = msgspec.json.encode(document)

        def arrived(found: tuple[int, int, str]) -> None:
            if document == self._data:
                self._input = found
                self._take(self._for_data(self.draft))

        Task(self, lambda: _shape(key), arrived, self.error.set_error).start(self._data_pool)

    def _for_data(self, document: SpaceDocument) -> SpaceDocument:
        if self._input is None or document.family != model.EDITABLE:
            return document
        return with_data(document, channels=self._input[0], classes=self._input[1])

    # -- editing ------------------------------------------------------------------------------------------------

    @property
    def edited(self) -> bool:
        """Whether the draft is not the project's space."""
        return self.draft != self._stored

    def _take(self, document: SpaceDocument) -> None:
        """Show a document without undo."""
        self.draft = document
        if document.family == model.EDITABLE:
            self._resolutions = model.offered(document, None, "resolution")
        self._show()
        self._look_soon()

    def _show_edit(self, document: SpaceDocument) -> None:
        """For undo commands."""
        self.draft = document
        if document.family == model.EDITABLE:
            now = model.allowed(document, None, "resolution")
            self._resolutions = tuple(sorted({*self._resolutions, *now}))
        self._show()
        self._look_soon()

    def _edit(self, document: SpaceDocument, text: str) -> None:
        if document != self.draft:
            self.news.hide()
            self.undo_stack.push(EditSpace(self._show_edit, self.draft, document, text))
        else:
            self._show()

    def _toggled(self, stage: int, kind: str, value: float) -> None:
        place = None if stage < 0 else stage
        document = model.toggled(self.draft, place, kind, value)
        if document is None:
            self._show()
            return
        on = value in model.allowed(document, place, kind)
        where = "" if place is None else f" in stage {place + 1}"
        self._edit(document, f"{'allow' if on else 'remove'} {kind} {value:g}{where}")

    def _apply_to_all(self, stage: int) -> None:
        self._edit(model.applied_to_all(self.draft, stage), f"apply stage {stage + 1} to all")

    def take_preset(self, name: str) -> None:
        """Start from a space that ships with the program."""
        document = self._for_data(preset(name))
        self._resolutions = model.offered(document, None, "resolution")
        self._edit(document, f"preset {name}")

    def _input_edited(self, channels: int, classes: int) -> None:
        self._edit(with_data(self.draft, channels=channels, classes=classes), "edit the input")

    def back_to_stored(self) -> None:
        """Back to the project's space; undo brings the draft back."""
        if self._stored is not None:
            self._edit(self._stored, "reset the space")

    def store(self) -> None:
        """Make the draft the project's space."""
        document = self.draft
        states = self.workbench.stations
        before = [
            title
            for station, title in (("train", self.tr("Train")), ("search", self.tr("Search")))
            if states[station] in ("done", "stale")
        ]

        def stored(_: object) -> None:
            if before:
                self.news.set_notice(
                    "warn",
                    self.tr("{0} were made from another space").format(
                        self.tr(" and ").join(before)
                    ),
                    self.tr("What they have made is kept. Train and search again for this one."),
                )
            else:
                self.news.set_notice("good", self.tr("The project uses this space"))
            self.news.show()

        self.error.set_error(None)
        self.workbench.do(lambda p: p.put("space", document), stored, self.error.set_error)

    # -- what it means ------------------------------------------------------------------------------------------

    def _look_soon(self) -> None:
        self._timer.start()

    def _look(self) -> None:
        self._asked += 1
        number, draft, table, seed = self._asked, self.draft, self._table, self._seed

        def arrived(survey: Survey) -> None:
            if number == self._asked:
                self._surveyed(survey)

        def failed(problem: StudioError) -> None:
            if number == self._asked:
                self.survey_panel.show_survey(None)
                self.error.set_error(problem)
                self._show()

        Task(self, lambda: model.survey(draft, table, seed), arrived, failed).start(self._pool)

    def _surveyed(self, survey: Survey) -> None:
        self.error.set_error(None)
        size = math.log10(survey.size) if survey.size else 0.0
        if not self._sizes or self._sizes[-1] != size:
            self._sizes = [*self._sizes, size][-(HISTORY + 1) :]
        self.survey_panel.show_survey(survey, self._sizes)
        self._show()

    def _sample_again(self) -> None:
        self._seed += 1
        self._look_soon()

    # -- what is shown ------------------------------------------------------------------------------------------

    def _show(self) -> None:
        snapshot = self.workbench.snapshot
        enabled = snapshot is not None and snapshot.writable
        editable = self.draft.family == model.EDITABLE
        self.stages.setVisible(editable)
        if editable:
            self.stages.show_document(self.draft, self._resolutions, enabled=enabled)
            self.panel.show_input(
                int(self.draft.options.get("channels", 3)),
                int(self.draft.options.get("classes", 1000)),
                fixed_by=self._input[2] if self._input else "",
                enabled=enabled,
            )
        self.panel.preset.set_key(self.draft.name)
        self.reset.setEnabled(self._stored is not None and self.edited)
        self.use.setEnabled(enabled and self.edited and self.error.error is None)
        self.use.setToolTip(
            self.tr("Make this the project's space")
            if self.edited
            else self.tr("The project uses this space already")
        )
        self.header.set_subtitle(self._subtitle(snapshot))
        self._show_gap()

    def _subtitle(self, snapshot: Snapshot | None) -> str:
        if snapshot is None:
            return self.tr("Open a project first.")
        count = len(model.stages(self.draft))
        text = self.tr("{0}, {1} stages.").format(self.draft.title or self.draft.name, count)
        if self._stored is None:
            return text + " " + self.tr("Not in the project yet.")
        if not self.edited:
            return text
        states = self.workbench.stations
        made = [n for s, n in (("train", "Train"), ("search", "Search")) if states[s] != "empty"]
        if made:
            was = self.tr("was") if len(made) == 1 else self.tr("were")
            names = self.tr(" and ").join(made)
            return (
                text
                + " "
                + self.tr("Edited: {0} {1} made from the space before it.").format(names, was)
            )
        return text + " " + self.tr("Edited, and not used yet.")

    def _gap(self) -> Gap | None:
        """The device to warn about: one of this machine first, because it can be measured."""
        survey = self.survey_panel.survey
        gaps = survey.gaps if survey is not None else ()
        return min(gaps, key=lambda g: (not self._measurable(g), len(g.missing)), default=None)

    def _measurable(self, gap: Gap) -> bool:
        return gap.device.here and gap.device.runtime != "table"

    def _show_gap(self) -> None:
        gap = self._gap()
        self.gap.setVisible(gap is not None)
        survey = self.survey_panel.survey
        if gap is None or survey is None:
            return
        name = short(gap.device)
        about = gap.about[0].upper() + gap.about[1:]
        count = len(gap.missing)
        rows = (
            self.tr("1 row is missing")
            if count == 1
            else self.tr("{0} rows are missing").format(written(count))
        )
        full = [short(m.device) for m in survey.metrics if m.device is not None][:2]
        names = self.tr(" and ").join(full)
        have = {0: "", 1: self.tr("; {0} has them all"), 2: self.tr("; {0} have them all")}[
            len(full)
        ]
        have = have.format(names)
        self.gap.set_notice(
            "warn",
            self.tr("{0} cannot be asked of {1}").format(about, name),
            self.tr("Its table has no such rows. {0}{1}.").format(rows, have),
        )
        can = self._measurable(gap)
        self.gap.button.setVisible(can)
        word = self.tr("row") if count == 1 else self.tr("rows")
        self.gap.button.set_text(self.tr("Measure {0} {1}").format(written(count), word))
        ready = (
            not self.edited and self.workbench.writable and not self.workbench.running("profile")
        )
        self.gap.button.setEnabled(ready)
        self.gap.button.setToolTip(
            self.tr("Use this space first: only rows of the project's space are measured")
            if self.edited
            else self.tr("Measure these rows on this machine")
        )

    def measure(self) -> None:
        """Measure the missing rows of the device in the notice."""
        gap = self._gap()
        if gap is not None and self._measurable(gap):
            device = gap.device
            self.workbench.start(lambda p: plan.profile(p, device), problem=self.error.set_error)
            self.go_to.emit("devices")

    def command_line(self) -> str:
        """The command that stores a preset; empty for a draft that is none."""
        snapshot = self.workbench.snapshot
        if snapshot is None:
            return ""
        path = str(snapshot.path)
        return f"nasstudio space {_quoted(path)} --preset {self.draft.name}"


def _quoted(path: str) -> str:
    return f"'{path}'" if " " in path else path


@lru_cache(maxsize=16)
def _shape(document: bytes) -> tuple[int, int, str]:
    """(channels, classes, title) of a data set."""
    found = open_set(msgspec.json.decode(document, type=DataDocument))
    return found.channels, len(found.classes), found.title
