"""The cards of the Train page that show: timeline, numbers, curves."""

from __future__ import annotations

from datetime import datetime, timedelta

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QSizePolicy, QWidget

from nasstudio.ui.kit.card import Card
from nasstudio.ui.kit.labels import label
from nasstudio.ui.kit.number import written
from nasstudio.ui.kit.sparkline import Sparkline
from nasstudio.ui.kit.stat import StatCard
from nasstudio.ui.pages.train.course import Course
from nasstudio.ui.pages.train.words import duration, percent
from nasstudio.ui.plots.curves import CurvesPlot, Series, SeriesMark


class Numbers(QWidget):
    """Images a second, time left, phase, best accuracy."""

    def __init__(self) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(16)
        self.line = Sparkline("front", points=60, size=QSize(84, 34))
        self.line.setAccessibleName(self.tr("Images per second over the last minute"))
        self.speed = StatCard(self.tr("Images per second"), trailing=self.line)
        self.left = StatCard(self.tr("Time left"))
        self.phase = StatCard(self.tr("Phase"))
        self.best = StatCard(self.tr("Best, largest network"))
        for card in (self.speed, self.left, self.phase, self.best):
            row.addWidget(card, 1)
            # In a small window the note gives way, not the checkpoints.
            card.note_label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def show_course(self, course: Course | None, *, live: bool) -> None:
        """Show where a training is; None: nothing has been trained."""
        if course is None:
            for card in (self.speed, self.left, self.phase, self.best):
                card.set("–", "", "")
            self.line.set_values(())
            return
        self._show_speed(course)
        self._show_left(course, live=live)
        phases = course.schedule.phases
        if course.state == "done":
            epochs = written(course.schedule.epochs)
            self.phase.set(self.tr("Done"), "", self.tr("all {0} epochs").format(epochs))
        else:
            at = course.phase
            inside = course.epoch - (course.ends[at - 1] if at else 0)
            number = min(int(inside) + 1, phases[at].epochs)
            text = self.tr("epoch {0} of {1}").format(number, phases[at].epochs)
            self.phase.set(phases[at].name, "", text)
        best = course.best()
        if best is None:
            self.best.set("–", "", self.tr("known after the first epoch"))
        else:
            note = self.tr("epoch {0}, validation images").format(written(best[1]))
            self.best.set(percent(best[0]), "%", note)

    def _show_speed(self, course: Course) -> None:
        speed = course.speed
        self.line.set_values(speed.values[-60:])
        if speed.last is None:
            self.speed.set("–", "", self.tr("not measured yet"))
            return
        best = max(speed.values)
        self.speed.set(written(speed.last), "", self.tr("of {0} at best").format(written(best)))

    def _show_left(self, course: Course, *, live: bool) -> None:
        if course.state == "done":
            value, unit = duration(course.seconds)
            self.left.caption_label.setText(self.tr("Time taken"))
            self.left.set(value, unit, self.tr("of work"))
            return
        self.left.caption_label.setText(self.tr("Time left"))
        value, unit = duration(course.left_s)
        note = ""
        if live and course.state == "running" and course.left_s is not None:
            end = datetime.now() + timedelta(seconds=course.left_s)
            note = self.tr("done at about {0}").format(end.strftime("%H:%M"))
        elif course.state in ("paused", "waiting") and live:
            note = self.tr("it rests")
        elif course.left_s is not None:
            note = self.tr("when it goes on")
        self.left.set(value, unit, note)


class Curves(QWidget):
    """Accuracy and loss against epochs."""

    def __init__(self) -> None:
        super().__init__()
        self._accuracy = (
            Series("largest", self.tr("Largest"), "front", "o"),
            Series("random_mean", self.tr("Random"), "pin", "s"),
            Series("smallest", self.tr("Smallest"), "star", "t1", dashed=True),
        )
        self._loss = (
            Series("loss", self.tr("labels"), "front", "o"),
            Series("loss_kd", self.tr("distillation"), "reference", "d"),
        )
        self.accuracy = CurvesPlot(
            self._accuracy,
            self.tr("Validation (%)"),
            self.tr("Accuracy"),
            band=("random_p10", "random_p90"),
            band_of="random_mean",
            factor=100.0,
        )
        self.loss = CurvesPlot(self._loss, self.tr("Cross-entropy"), self.tr("Loss"))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(16)
        row.addWidget(self._accuracy_card(), 5)
        row.addWidget(self._loss_card(), 3)
        for plot in (self.accuracy, self.loss):
            plot.setMinimumHeight(150)
            # A plot wants 480 px; here it takes what is left.
            plot.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)

    def _accuracy_card(self) -> Card:
        card = Card(self.tr("Accuracy"))
        card.setToolTip(
            self.tr(
                "Share of validation images that are classified right; the test split is never used here"
            )
        )
        across = QHBoxLayout()
        across.addWidget(self.accuracy, 1)
        legend = QGridLayout()
        legend.setHorizontalSpacing(8)
        legend.setVerticalSpacing(9)
        self._values = {}
        for row, series in enumerate(self._accuracy):
            value = label("–", "name")
            self._values[series.key] = value
            legend.addWidget(SeriesMark(series), row, 0)
            legend.addWidget(label(series.title, "name"), row, 1)
            legend.addWidget(value, row, 2)
        legend.addWidget(label(self.tr("band: 10 to 90 %"), "caption", "muted"), 3, 1, 1, 2)
        legend.setRowStretch(4, 1)
        legend.setContentsMargins(8, 12, 0, 0)
        across.addLayout(legend)
        card.body.setContentsMargins(8, 0, 16, 8)
        card.body.addLayout(across)
        return card

    def _loss_card(self) -> Card:
        legend = QWidget()
        row = QHBoxLayout(legend)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for series in self._loss:
            row.addWidget(SeriesMark(series))
            row.addWidget(label(series.title, "secondary", "muted"))
            row.addSpacing(6)
        card = Card(self.tr("Loss"), trailing=legend)
        card.body.setContentsMargins(8, 0, 8, 8)
        card.body.addWidget(self.loss, 1)
        return card

    def show_course(self, course: Course | None, *, live: bool) -> None:
        """Show the curves of a training; None: none."""
        curves = {k: (c.epochs, c.values) for k, c in course.curves.items()} if course else {}
        ends = course.ends if course else []
        current = course.phase if course and live and course.state != "done" else None
        for plot in (self.accuracy, self.loss):
            plot.show_phases(ends, current)
            plot.show_curves(curves)
        for key, value in self._values.items():
            value.setText(percent(course.curves[key].last) if course else "–")


class TimelineCard(Card):
    """The phases to scale."""

    def __init__(self, timeline: QWidget) -> None:
        self.summary = label("", "secondary", "muted")
        super().__init__(self.tr("Progressive shrinking"), trailing=self.summary)
        self.body.setContentsMargins(16, 0, 16, 6)
        self.body.addWidget(timeline)
