"""The Data station: which images the networks are trained and judged on."""

from __future__ import annotations

import shlex
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from nasstudio.engine.data.catalog import SetDescription
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.errors import InvalidInput, StudioError
from nasstudio.engine.project.records import Snapshot
from nasstudio.ui.kit.buttons import ghost_button, primary_button
from nasstudio.ui.kit.card import Card, Panel
from nasstudio.ui.kit.empty import EmptyState
from nasstudio.ui.kit.header import PageHeader
from nasstudio.ui.kit.labels import SectionCaption, label
from nasstudio.ui.kit.notice import ErrorNotice, InlineNotice
from nasstudio.ui.kit.progress import ProgressBar
from nasstudio.ui.pages.data.board import SetBoard
from nasstudio.ui.pages.data.opener import Opener
from nasstudio.ui.pages.data.preview import Samples, SetFacts, choose
from nasstudio.ui.pages.data.source_form import OptionForm, SourceCard
from nasstudio.ui.pages.page import Page
from nasstudio.ui.workbench import Workbench

FOLDER = "image_folder"


class DataPage(Page):
    """Choosing and looking at a data set."""

    station = "data"

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(workbench, parent)
        self.family = ""
        self.facts: SetFacts | None = None
        self.samples: Samples | None = None
        self._cards: dict[str, SourceCard] = {}
        self._use_when_open = False
        self.opener = Opener(self)
        self._build()
        self._connect()
        self._refresh()
        self.opener.list_sets()

    # -- widgets ------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        self.header = PageHeader(self.tr("Data"))
        self.copy = ghost_button(self.tr("Copy as command"), "terminal")
        self.main = primary_button(self.tr("Use this set"), "check")
        for widget in (self.copy, self.main):
            self.header.add_action(widget)
        outer.addWidget(self.header)
        self.stack = QStackedLayout()
        outer.addLayout(self.stack, 1)
        body = QWidget()
        self.stack.addWidget(body)
        self.no_project = EmptyState(
            "data",
            self.tr("No project is open"),
            self.tr("Open one, or make a new one."),
            self.tr("Go to Start"),
        )
        self.stack.addWidget(self.no_project)
        across = QHBoxLayout(body)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(0)
        across.addWidget(self._panel())
        across.addWidget(self._board(), 1)

    def _panel(self) -> Panel:
        panel = Panel(width=316)
        inside = QFrame()
        inside.setProperty("ground", "surface")
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(SectionCaption(self.tr("Data sets")))
        self._sources = QVBoxLayout()
        self._sources.setSpacing(8)
        column.addLayout(self._sources)
        column.addSpacing(8)
        self.options_caption = SectionCaption(self.tr("Options"))
        column.addWidget(self.options_caption)
        self.form = OptionForm()
        column.addWidget(self.form)
        column.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inside)
        panel.body.addWidget(area)
        return panel

    def _board(self) -> QScrollArea:
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        inside = QFrame()
        inside.setProperty("ground", "window")
        column = QVBoxLayout(inside)
        column.setContentsMargins(16, 8, 16, 16)
        column.setSpacing(16)
        self.error = ErrorNotice()
        self.remedy = InlineNotice("muted", "", "")
        self.notes = InlineNotice("warn", "", "")
        self.opening = Card()
        self.opening_text = label("", "name")
        self.bar = ProgressBar()
        self.opening.body.addWidget(self.opening_text)
        self.opening.body.addWidget(self.bar)
        self.nothing = EmptyState("image", self.tr("Choose a set at the left"), "")
        self.shown = SetBoard()
        for widget in (self.error, self.remedy, self.notes, self.opening):
            column.addWidget(widget)
        column.addWidget(self.nothing, 1)
        column.addWidget(self.shown, 1)
        column.addStretch(0)
        area.setWidget(inside)
        return area

    def _connect(self) -> None:
        bench, opener = self.workbench, self.opener
        bench.opened.connect(self._project_opened)
        bench.closed.connect(self._project_closed)
        bench.changed.connect(self._refresh)
        opener.listed.connect(self._listed)
        opener.advanced.connect(self._advanced)
        opener.opened.connect(self._set_opened)
        opener.sampled.connect(self._sampled)
        opener.failed.connect(self._failed)
        self.form.changed.connect(self._reconsider)
        self.main.clicked.connect(self.use)
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.command_line()))
        self.shown.split.changed.connect(opener.sample)
        self.shown.others.clicked.connect(self._sample_others)
        self.no_project.clicked.connect(lambda: self.go_to.emit("start"))

    # -- the project --------------------------------------------------------------------------------------------

    def _project_opened(self, snapshot: Snapshot) -> None:
        self.error.set_error(None)
        if self._cards:
            self._show_project_set(snapshot)

    def _project_closed(self) -> None:
        self.opener.close()
        self.facts = self.samples = None
        self.family = ""
        self._refresh()

    def _show_project_set(self, snapshot: Snapshot) -> None:
        """Show what the project uses; the shipped set if it uses none yet."""
        document = snapshot.data or DataDocument(next(iter(self._cards)))
        self.choose_family(document.family, dict(document.options))

    def _listed(self, found: list[SetDescription]) -> None:
        while (item := self._sources.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        self._cards = {}
        for description in found:
            card = SourceCard(description)
            card.chosen.connect(self.choose_family)
            self._cards[description.family] = card
            self._sources.addWidget(card)
        if self.workbench.snapshot is not None:
            self._show_project_set(self.workbench.snapshot)

    # -- choosing -----------------------------------------------------------------------------------------------

    def choose_family(self, family: str, options: dict | None = None) -> None:
        """Show the sets of a family; `options` fill its form, else those that the project has for it."""
        card = self._cards.get(family)
        if card is None:
            self._failed(
                StudioError(
                    self.tr(
                        "The project's data set is of the family '{0}', which is not installed."
                    ).format(family),
                    remedy=self.tr("Install the package that brings it, or choose another set."),
                )
            )
            return
        snapshot = self.workbench.snapshot
        if (
            options is None
            and snapshot is not None
            and snapshot.data
            and snapshot.data.family == family
        ):
            options = dict(snapshot.data.options)
        self.family = family
        self.form.show_options(card.description.options, options or {})
        self.options_caption.setVisible(bool(card.description.options))
        self._reconsider()

    def document(self) -> DataDocument:
        """The set that is described at the left."""
        return self.form.document(self.family)

    def _reconsider(self) -> None:
        """Open what is described, if it can be opened without a download."""
        self.error.set_error(None)
        self._use_when_open = False
        self.facts = self.samples = None
        document = self.document()
        if self._can_open(document) and not document.options.get("download"):
            self._open(document)
        else:
            self.opener.close()
            self.opening.hide()
        self._refresh()

    def _can_open(self, document: DataDocument) -> bool:
        card = self._cards.get(document.family)
        if card is None or not self.form.complete():
            return False
        given = {"folder", "download"} & set(document.options)
        return card.description.present or bool(given)

    def _open(self, document: DataDocument) -> None:
        self.opening_text.setText(
            self.tr("Opening {0}").format(self._cards[document.family].description.title)
        )
        self.bar.set_progress(0, None)
        self.opening.show()
        self.opener.open(document)

    def _advanced(self, done: int, total: int) -> None:
        self.bar.set_progress(done, total or None)

    def _failed(self, problem: StudioError) -> None:
        self.opening.hide()
        self._use_when_open = False
        self.error.set_error(problem)
        self._refresh()

    def _set_opened(self, found: SetFacts, samples: Samples) -> None:
        self.opening.hide()
        self.facts = found
        self.shown.split.set_key("train")
        self._sampled(samples)
        if self._use_when_open:
            self.use()

    def _sampled(self, samples: Samples) -> None:
        self.samples = samples
        self._refresh()
        if self.facts is not None:
            self.shown.classes.show_samples(self.facts, samples)

    def _sample_others(self) -> None:
        self.opener.sample(self.shown.split.key(), others=True)

    def use(self) -> None:
        """Make the shown set the project's."""
        document, found = self.document(), self.facts
        if found is None:
            self._use_when_open = True
            self._open(document)
            self._refresh()
            return
        self._use_when_open = False
        # What was downloaded is there from now on.
        options = {k: v for k, v in document.options.items() if k != "download"}
        chosen = DataDocument(document.family, options)
        self.workbench.do(
            lambda project: choose(project, chosen, found.channels, len(found.classes)),
            problem=self.error.set_error,
        )

    def take_file(self, path: Path) -> None:
        """A folder that was dropped on the window: show it as an image folder."""
        if not path.is_dir():
            self.error.set_error(
                InvalidInput(
                    self.tr("This is not a folder of images."),
                    where=path,
                    remedy=self.tr("Drop a folder that holds a folder of images for each class."),
                )
            )
            return
        self.choose_family(FOLDER, {"folder": str(path)})

    # -- what is shown ------------------------------------------------------------------------------------------

    @property
    def in_use(self) -> bool:
        """Whether what is shown is the project's set."""
        snapshot = self.workbench.snapshot
        return (
            snapshot is not None and snapshot.data is not None and snapshot.data == self.document()
        )

    def _refresh(self, *_: object) -> None:
        snapshot, found = self.workbench.snapshot, self.facts
        self.stack.setCurrentIndex(0 if snapshot is not None else 1)
        for widget in (self.copy, self.main):
            widget.setVisible(snapshot is not None)
        used = snapshot.data.family if snapshot and snapshot.data else ""
        for family, card in self._cards.items():
            card.set_state(used=family == used, chosen=family == self.family)
        self._show_main(snapshot)
        card_shown = self._cards.get(self.family)
        missing = card_shown is not None and found is None and not self._can_open(self.document())
        self.remedy.setVisible(
            missing
            and bool(card_shown and (card_shown.description.remedy or not self.form.complete()))
        )
        if missing and card_shown is not None:
            title = self.tr("{0} is not here").format(card_shown.description.title)
            text = card_shown.description.remedy
            if not self.form.complete():
                title, text = (
                    self.tr("Choose the folder at the left"),
                    self.tr("Or drop it on the window."),
                )
            self.remedy.set_notice("muted", title, text)
        self.shown.setVisible(found is not None)
        self.nothing.setVisible(
            found is None and not missing and self.opening.isHidden() and self.error.error is None
        )
        self.notes.setVisible(bool(found and found.notes))
        if found is not None:
            self.notes.set_notice("warn", self.tr("How it was read"), "\n".join(found.notes))
            self.shown.show_set(found, self.samples, self.workbench.space)
        self.header.set_subtitle(self._subtitle(snapshot))

    def _show_main(self, snapshot: Snapshot | None) -> None:
        writable = snapshot is not None and snapshot.writable
        download = bool(self.family) and bool(self.document().options.get("download"))
        ready = self.facts is not None or (download and not self._use_when_open)
        self.main.setEnabled(bool(writable and self.family and ready and not self.in_use))
        if self.in_use:
            self.main.set_text(self.tr("In use"))
        else:
            self.main.set_text(self.tr("Download and use") if download else self.tr("Use this set"))
        self.main.setToolTip(
            self.tr(
                "The space is fitted to its channels and classes; what was trained on another set becomes stale"
            )
        )

    def _subtitle(self, snapshot: Snapshot | None) -> str:
        if snapshot is None or self.facts is None:
            return self.tr("What the networks are trained and judged on.")
        found = self.facts
        kind = self.tr("grey") if found.channels == 1 else self.tr("colour")
        text = self.tr("{0}; {1} px, {2}, {3} classes.").format(
            found.title, found.size, kind, len(found.classes)
        )
        return text if self.in_use else text + " " + self.tr("Not in use yet.")

    def command_line(self) -> str:
        """The command that makes the shown set the project's."""
        snapshot = self.workbench.snapshot
        if snapshot is None or not self.family:
            return ""
        document = self.document()
        parts = ["nasstudio", "data", str(snapshot.path), "--family", document.family]
        for name, value in document.options.items():
            text = str(value).lower() if isinstance(value, bool) else str(value)
            parts += ["--option", f"{name}={text}"]
        return shlex.join(parts)
