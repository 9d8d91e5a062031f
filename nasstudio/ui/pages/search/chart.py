"""The card in the middle: axes, tools, the Pareto plot, the replay of generations and the legend."""

from __future__ import annotations

import csv
import io

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from nasstudio.engine.search.archive import ACCURACY
from nasstudio.ui import fonts
from nasstudio.ui.kit.buttons import tool_button
from nasstudio.ui.kit.card import Card
from nasstudio.ui.kit.fields import Combo
from nasstudio.ui.kit.labels import Divider, label
from nasstudio.ui.kit.popover import menu
from nasstudio.ui.kit.slider import Slider
from nasstudio.ui.plots.pareto import ParetoPlot
from nasstudio.ui.plots.pareto_layer import diamond
from nasstudio.ui.theme import theme
from nasstudio.ui.views.network import network_name
from nasstudio.ui.views.search_model import SearchModel

_PLAY_MS = 120


class Legend(QWidget):
    """Shapes and what they mean."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items = [
            (self.tr("Front"), "dot", "front"),
            (self.tr("Evaluated"), "small", "point"),
            (self.tr("Pinned"), "ring", "pin"),
            (self.tr("Verified"), "square", "pin"),
            (self.tr("Reference"), "diamond", "reference"),
        ]
        self.setAccessibleName(", ".join(word for word, *_ in self._items))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self.update)

    def _widths(self) -> list[float]:
        metrics = QFontMetricsF(fonts.font(11))
        return [metrics.horizontalAdvance(word) + 26 for word, *_ in self._items]

    def sizeHint(self) -> QSize:
        return QSize(int(sum(self._widths())) + 2, 18)

    def paintEvent(self, event) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        x = 0.0
        for (word, shape, token), width in zip(self._items, self._widths(), strict=True):
            color, at = theme().color(token), QPointF(x + 6, 9)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color)
            if shape == "dot":
                painter.drawEllipse(at, 3.2, 3.2)
            elif shape == "small":
                painter.drawEllipse(at, 2, 2)
            elif shape == "square":
                painter.drawRect(QRectF(at.x() - 3.5, at.y() - 3.5, 7, 7))
            elif shape == "diamond":
                painter.drawPolygon(diamond(at, 5))
            else:
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(color, 2))
                painter.drawEllipse(at, 4, 4)
            painter.setFont(fonts.font(11))
            painter.setPen(theme().color("muted"))
            painter.drawText(QPointF(x + 15, 13), word)
            x += width


class Replay(QWidget):
    """Play button, slider and number of the generation. `moved(generation or None)`; None shows all."""

    moved = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self.play = tool_button("play", self.tr("Replay the generations of the search"), small=True)
        self.slider = Slider()
        self.slider.setAccessibleName(self.tr("Generation"))
        self.slider.setToolTip(self.tr("Show only what was known up to this generation"))
        self.slider.setMinimumWidth(120)
        self.slider.setMaximumWidth(190)
        self.number = label("", "name")
        self.number.setMinimumWidth(74)
        self._last = 0
        self._timer = QTimer(self, interval=_PLAY_MS)
        self._timer.timeout.connect(self._step)
        row.addWidget(self.play)
        row.addWidget(label(self.tr("Generation"), "secondary", "muted"))
        # The kit's slider keeps room for a mark under its groove.
        lowered = QVBoxLayout()
        lowered.setContentsMargins(0, 6, 0, 0)
        lowered.addWidget(self.slider)
        row.addLayout(lowered, 1)
        row.addWidget(self.number)
        self.play.clicked.connect(self.toggle)
        self.slider.valueChanged.connect(self._moved)
        self.set_last(0)

    def set_last(self, last: int) -> None:
        """The newest generation; a slider at its end stays there."""
        at_end = self.slider.value() >= self._last
        self._last = last
        self.slider.blockSignals(True)
        self.slider.setRange(0, last)
        self.slider.setSingleStep(1)
        self.slider.setPageStep(max(1, last // 10))
        if at_end:
            self.slider.setValue(last)
        self.slider.blockSignals(False)
        self.slider.update()
        self.setEnabled(last > 0)
        self._write()

    def reset(self) -> None:
        """Show all generations."""
        self.stop()
        self.slider.setValue(self._last)

    def toggle(self) -> None:
        """Play from here, or from the beginning if all is shown; or stop."""
        if self._timer.isActive():
            self.stop()
            return
        if self.slider.value() >= self._last:
            self.slider.setValue(0)
        self._timer.start()
        self.play.set_icon("pause")

    def stop(self) -> None:
        """Stop playing."""
        self._timer.stop()
        self.play.set_icon("play")

    def _step(self) -> None:
        # A long search is played in about 6 s.
        self.slider.setValue(self.slider.value() + max(1, self._last // 50))
        if self.slider.value() >= self._last:
            self.stop()

    def _moved(self, value: int) -> None:
        self._write()
        self.moved.emit(float(value) if value < self._last else None)

    def _write(self) -> None:
        self.number.setText(f"{self.slider.value()} / {self._last}" if self._last else "–")


class Chart(Card):
    """The card. It binds the plot to the model; `genome_chosen(genome)` when a network is clicked."""

    genome_chosen = Signal(object)
    reference_wanted = Signal()

    def __init__(self, model: SearchModel, parent: QWidget | None = None) -> None:
        super().__init__(flush=True, parent=parent)
        self._model = model
        self._scaled: tuple[np.ndarray, ...] = (np.zeros(0), np.zeros(0))
        self._axes_shown = ("", "")
        self.plot = ParetoPlot(self.tr("Accuracy against cost"))
        self.plot.setMinimumHeight(220)
        self.plot.describe = self.describe
        self.plot.set_csv(self.csv_text)
        self.body.setSpacing(0)
        self.body.addLayout(self._tools())
        self.body.addWidget(self.plot, 1)
        self.body.addWidget(Divider())
        self.body.addLayout(self._strip())
        self._connect()

    def _tools(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(16, 8, 10, 0)
        row.setSpacing(8)
        self.y_axis = Combo(name=self.tr("Vertical axis"))
        self.x_axis = Combo(name=self.tr("Horizontal axis"))
        for combo in (self.y_axis, self.x_axis):
            combo.setToolTip(self.tr("What stands on this axis"))
            combo.chosen.connect(self._axes_chosen)
        row.addWidget(self.y_axis)
        row.addWidget(label(self.tr("against"), "secondary", "muted"))
        row.addWidget(self.x_axis)
        row.addStretch(1)
        self.select_tool = tool_button("cursor", self.tr("Select and pan"), checkable=True)
        self.brush_tool = tool_button(
            "rect",
            self.tr("Brush a rectangle: the table and the parallel coordinates follow"),
            checkable=True,
        )
        self._group = QButtonGroup(self)
        for button in (self.select_tool, self.brush_tool):
            self._group.addButton(button)
            row.addWidget(button)
        self.select_tool.setChecked(True)
        self.brush_tool.toggled.connect(self.plot.set_brush_tool)
        self.fit_button = tool_button("fit", self.tr("Show everything"))
        self.fit_button.clicked.connect(self.plot.show_all)
        self.save_button = tool_button("upload", self.tr("Save the plot as PNG, SVG or CSV"))
        self.save_button.clicked.connect(self._save_menu)
        self.more_button = tool_button("more", self.tr("More"))
        self.more_button.clicked.connect(self._more_menu)
        for button in (self.fit_button, self.save_button, self.more_button):
            row.addWidget(button)
        return row

    def _strip(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(14, 5, 16, 5)
        row.setSpacing(16)
        self.replay = Replay()
        row.addWidget(self.replay)
        row.addStretch(1)
        row.addWidget(Legend())
        return row

    def _connect(self) -> None:
        model, plot = self._model, self.plot
        plot.limit_began.connect(lambda axis: model.begin_gesture())
        plot.limit_moved.connect(self._limit_moved)
        plot.picked.connect(lambda index: self.genome_chosen.emit(model.genome(index)))
        plot.picked_genome.connect(self.genome_chosen)
        plot.brushed.connect(self._brushed)
        self.replay.moved.connect(model.set_generation)
        model.loaded.connect(self.show_networks)
        model.answered.connect(self.show_answer)
        model.brushed.connect(self._show_brush)

    # -- from the model to the plot -----------------------------------------------------------------------------

    def show_axes(self) -> None:
        """What may stand on the axes, and what does."""
        model = self._model
        items = [(q.key, q.title) for q in model.quantities.values()]
        for combo, key in ((self.x_axis, model.x_key), (self.y_axis, model.y_key)):
            if [combo.itemData(i) for i in range(combo.count())] != [k for k, _ in items]:
                combo.set_items(items)
            combo.set_key(key)

    def show_networks(self) -> None:
        """Other networks or other axes."""
        arrangement = self._model.arrangement
        self.show_axes()
        self.replay.set_last(self._model.last_generation)
        if arrangement is None:
            self._scaled = (np.zeros(0), np.zeros(0))
            self.plot.set_networks(*self._scaled)
            return
        quantities = self._model.quantities
        x, y = quantities[arrangement.x_key], quantities[arrangement.y_key]
        self._scaled = tuple(
            values if q.factor == 1.0 else values * q.factor
            for values, q in ((arrangement.x, x), (arrangement.y, y))
        )
        self.plot.set_axes(x.axis_title, y.axis_title)
        axes = (arrangement.x_key, arrangement.y_key)
        if axes != self._axes_shown:
            self._axes_shown = axes
            self.plot.fit_on_next()
        self.plot.set_networks(*self._scaled)

    def show_answer(self) -> None:
        """Line, star and front at once; the cloud follows."""
        answer = self._model.answer
        if answer is None:
            self.plot.set_fronts(*(np.zeros(0, dtype=np.intp),) * 2, np.zeros(0, dtype=bool))
            self.plot.star.set_star(None)
            for axis in ("x", "y"):
                self.plot.set_limit(axis, None)
            return
        self._show_lines()
        self.plot.set_fronts(answer.front, answer.whole, ~answer.mask[answer.whole])
        self.plot.set_feasible(answer.mask, answer.shown)
        self._show_star(answer.best)

    def _show_lines(self) -> None:
        model = self._model
        for axis, key in (("x", model.x_key), ("y", model.y_key)):
            state = model.limits.get(key)
            if state is None or not state.on or key not in model.quantities:
                self.plot.set_limit(axis, None)
                continue
            quantity = model.quantities[key]
            step = 10.0**-quantity.decimals
            self.plot.set_limit(axis, state.most, quantity.text(state.most), step)

    def _show_star(self, best: int | None) -> None:
        model = self._model
        if best is None or model.seen is None or model.space is None:
            self.plot.star.set_star(None)
            return
        rows = []
        for key in dict.fromkeys((ACCURACY, model.y_key, model.x_key)):
            quantity = model.quantities[key]
            value = float(model.seen.values[key][best])
            half = model.accuracy_error(model.genome(best)) if key == ACCURACY else None
            word = self.tr("Latency") if quantity.device is not None else quantity.name
            rows.append((word, quantity.interval(value, half, unit=True)))
        name = network_name(model.space, model.seen.genomes[best])
        place = (float(self._scaled[0][best]), float(self._scaled[1][best]))
        self.plot.star.set_star(place, self.tr("Best feasible"), name, rows)

    def show_ring(self, genome: tuple[int, ...] | None) -> None:
        """Ring around the selected network, unless it is the star."""
        model = self._model
        index = model.index(genome)
        best = model.answer.best if model.answer else None
        if index is None or index == best:
            self.plot.marks.set_ring(None)
        else:
            self.plot.marks.set_ring((float(self._scaled[0][index]), float(self._scaled[1][index])))

    def _show_brush(self) -> None:
        model = self._model
        x, y = model.ranges.get(model.x_key), model.ranges.get(model.y_key)
        if x is None or y is None or model.x_key == model.y_key:
            self.plot.pointer.set_box(None)
            return
        fx, fy = (model.quantities[k].factor for k in (model.x_key, model.y_key))
        self.plot.pointer.set_box((x[0] * fx, x[1] * fx, y[0] * fy, y[1] * fy))

    # -- from the hand to the model -----------------------------------------------------------------------------

    def _limit_moved(self, axis: str, value: float) -> None:
        model = self._model
        key = model.x_key if axis == "x" else model.y_key
        if key not in model.limits:
            return
        low, high = model.span(key)
        places = model.quantities[key].decimals
        model.set_limit(key, most=round(min(max(value, low), high), places))

    def _axes_chosen(self, _: object) -> None:
        self._model.set_axes(str(self.x_axis.key()), str(self.y_axis.key()))

    def _brushed(self, box: tuple[float, float, float, float] | None, finished: bool) -> None:
        model = self._model
        if box is None:
            model.set_ranges({})
            return
        fx, fy = (model.quantities[k].factor for k in (model.x_key, model.y_key))
        x0, x1, y0, y1 = box
        model.set_ranges({model.x_key: (x0 / fx, x1 / fx), model.y_key: (y0 / fy, y1 / fy)})

    def _save_menu(self) -> None:
        made = menu(parent=self)
        made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        made.addAction(self.tr("Copy image"), self.plot.copy_image)
        made.addAction(self.tr("Save as PNG…"), self.plot._ask_png)
        made.addAction(self.tr("Save as SVG…"), self.plot._ask_svg)
        made.addAction(self.tr("Save data as CSV…"), self.plot._ask_csv)
        made.popup(self.save_button.mapToGlobal(self.save_button.rect().bottomLeft()))

    def _more_menu(self) -> None:
        made = menu(parent=self)
        made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        made.addAction(self.tr("Add reference…"), self.reference_wanted.emit)
        made.addAction(self.tr("Take the brush away"), lambda: self._model.set_ranges({}))
        made.addAction(self.tr("Swap the axes"), self._swap)
        made.popup(self.more_button.mapToGlobal(self.more_button.rect().bottomLeft()))

    def _swap(self) -> None:
        self._model.set_axes(self._model.y_key, self._model.x_key)

    # -- words and data -----------------------------------------------------------------------------------------

    def describe(self, index: int) -> str:
        """A network in a tooltip."""
        model = self._model
        if model.seen is None or model.space is None:
            return ""
        lines = [network_name(model.space, model.seen.genomes[index])]
        for key, values in model.seen.values.items():
            quantity = model.quantities[key]
            lines.append(f"{quantity.title}: {quantity.text(float(values[index]))}")
        if model.answer is not None and not model.answer.mask[index]:
            lines.append(self.tr("over a limit"))
        return "\n".join(lines)

    def csv_text(self) -> str:
        """Every network with its values, as CSV."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        seen, answer = self._model.seen, self._model.answer
        if seen is None:
            return ""
        writer.writerow(["genome", *seen.values, "generation", "feasible"])
        columns = list(seen.values.values())
        for index, genome in enumerate(seen.genomes.tolist()):
            met = bool(answer.mask[index]) if answer is not None else True
            row = [f"{float(column[index]):.9g}" for column in columns]
            words = " ".join(str(option) for option in genome)
            writer.writerow([words, *row, int(seen.generation[index]), int(met)])
        return out.getvalue()
