"""Opens data sets off the window's thread; an opening that nobody waits for any more is stopped."""

from __future__ import annotations

import threading

import numpy as np
from PySide6.QtCore import QObject, QThreadPool, Signal

from nasstudio.engine.data.catalog import open_set, sets
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.data.image_set import ImageSet
from nasstudio.engine.errors import StudioError
from nasstudio.ui.pages.data.preview import Samples, SetFacts, facts, samples
from nasstudio.ui.workers.tasks import Task


class Opener(QObject):
    """One set at a time.

    Signals
    -------
    listed(list of SetDescription) : which sets there are.
    advanced(done, total) : how far the opening is.
    opened(SetFacts, Samples) : the set is open.
    sampled(Samples) : other images of it.
    failed(StudioError) : it can't be opened.
    """

    listed = Signal(object)
    advanced = Signal(int, int)
    opened = Signal(object, object)
    sampled = Signal(object)
    failed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._images: ImageSet | None = None
        self._cancel = threading.Event()
        self._draw = 0
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)

    def list_sets(self) -> None:
        """Look which sets there are."""
        Task(self, sets, self.listed.emit, self.failed.emit).start(self._pool)

    def open(self, document: DataDocument) -> None:
        """Open a set; an earlier opening that has not ended is stopped."""
        self._cancel.set()
        self._cancel = cancel = threading.Event()
        self._images = None

        def say(done: int, total: int) -> None:
            if cancel.is_set():
                raise StudioError("The opening was stopped.")
            self.advanced.emit(done, total)

        def work() -> tuple[ImageSet, SetFacts, Samples]:
            say(0, 0)
            images = open_set(document, progress=say)
            return (
                images,
                facts(document, images),
                samples(images, "train", np.random.default_rng(0)),
            )

        def arrived(answer: tuple[ImageSet, SetFacts, Samples]) -> None:
            if not cancel.is_set():
                self._images = answer[0]
                self.opened.emit(answer[1], answer[2])

        def broken(problem: StudioError) -> None:
            if not cancel.is_set():
                self.failed.emit(problem)

        Task(self, work, arrived, broken).start(self._pool)

    def sample(self, split: str, *, others: bool = False) -> None:
        """Images of a split, or `others` of it."""
        images, cancel = self._images, self._cancel
        if images is None:
            return
        self._draw += others
        rng = np.random.default_rng(self._draw)

        def arrived(found: Samples) -> None:
            if not cancel.is_set():
                self.sampled.emit(found)

        Task(self, lambda: samples(images, split, rng), arrived, self.failed.emit).start(self._pool)

    def close(self) -> None:
        """Stop and forget."""
        self._cancel.set()
        self._images = None
        self._pool.waitForDone()
