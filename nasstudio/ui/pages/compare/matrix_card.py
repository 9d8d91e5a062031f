"""The card of the device matrix: an accuracy floor, the matrix, and what it says in one sentence."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QWidget

from nasstudio.engine.device.device import distinct_names
from nasstudio.ui.kit.card import Card
from nasstudio.ui.kit.empty import EmptyState
from nasstudio.ui.kit.labels import Divider, label
from nasstudio.ui.kit.number import NumberField, written
from nasstudio.ui.kit.segmented import SegmentedControl
from nasstudio.ui.pages.compare import figures
from nasstudio.ui.pages.compare.figures import Matrix, Searched
from nasstudio.ui.plots.matrix import MatrixView

SLOWDOWN, MS = "slowdown", "ms"


class MatrixCard(Card):
    """Best for A, run on B."""

    def __init__(self) -> None:
        self.unit = SegmentedControl(
            [(SLOWDOWN, self.tr("slowdown")), (MS, self.tr("ms"))], self.tr("Show")
        )
        super().__init__(self.tr("Best for A, run on B"), trailing=self.unit)
        self.matrix: Matrix | None = None
        self._found: Searched | None = None
        self._floor_typed = False
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(label(self.tr("of at least"), "secondary", "muted"))
        self.floor = NumberField(
            0.0, "%", 1, 0.0, 100.0, name=self.tr("Accuracy floor"), small=True
        )
        self.floor.setToolTip(
            self.tr("The fastest network of each device that reaches this predicted accuracy")
        )
        self.floor.setFixedWidth(92)
        row.addWidget(self.floor)
        row.addWidget(label(self.tr("predicted accuracy"), "secondary", "muted"))
        row.addStretch(1)
        self._floor_row = QWidget()
        self._floor_row.setLayout(row)
        row.setContentsMargins(0, 0, 0, 0)
        self.body.addWidget(self._floor_row)
        self.view = MatrixView()
        self.body.addWidget(self.view, 1)
        self.no_matrix = EmptyState("devices", " ", " ")
        self.body.addWidget(self.no_matrix, 1)
        self._matrix_line = Divider()
        self.body.addWidget(self._matrix_line)
        self.sentence = label("", "secondary", "muted", wrap=True)
        self.body.addWidget(self.sentence)
        self.unit.changed.connect(lambda _: self._show())
        self.floor.committed.connect(self._floor_set)
        self._show()

    def _floor_set(self, _: float) -> None:
        self._floor_typed = True
        self._show()

    def forget(self) -> None:
        """Another project: the usual floor again."""
        self._floor_typed = False
        self.show_searched(None)

    def show_searched(self, found: Searched | None) -> None:
        """Show the matrix of a search; None: there is none."""
        if found is not self._found and found is not None and len(found) and not self._floor_typed:
            self.floor.set_value(100 * figures.usual_floor(found))
        self._found = found
        self._show()

    def _show(self) -> None:
        found = self._found
        self.matrix = (
            figures.matrix(found, self.floor.value() / 100 - 1e-9) if found is not None else None
        )
        shown = self.matrix is not None
        enough = found is not None and len(found) > 0 and len(found.devices) >= 2
        for widget in (self.view, self.sentence, self._matrix_line):
            widget.setVisible(shown)
        self._floor_row.setVisible(enough)
        self.unit.setVisible(shown)
        self.no_matrix.setVisible(not shown)
        if self.matrix is None:
            self._say_no_matrix(found)
            return
        names = distinct_names(self.matrix.devices)
        slow = self.matrix.slowdown
        if self.unit.key() == SLOWDOWN:
            texts = [[f"{v:.2f}×" for v in row] for row in slow]
            ends = (f"{slow.min():.2f}×", f"{MatrixView.hottest(slow):.2f}×")
        else:
            texts = [
                [written(v, 3 if v < 1 else 2 if v < 10 else 1) for v in row]
                for row in self.matrix.ms
            ]
            ends = ("", "")
        self.view.show_matrix(names, slow, texts, ends)
        row, column = self.matrix.worst()
        if slow[row, column] < 1.005:
            self.sentence.setText(self.tr("Here the same network is best for every device."))
        else:
            self.sentence.setText(
                self.tr(
                    "The network that is best for {0} takes {1} times as long on {2} as the one searched for it."
                ).format(names[row], f"{slow[row, column]:.2f}", names[column])
            )

    def _say_no_matrix(self, found: Searched | None) -> None:
        devices = len(found.devices) if found is not None else 0
        if found is None or not len(found):
            self.no_matrix.set_text(
                self.tr("Not searched yet"), self.tr("It is read off the networks of a search.")
            )
        elif devices < 2:
            self.no_matrix.set_text(
                self.tr("It takes two devices"),
                self.tr("{0} of this project has a time for every layer.").format(
                    devices or self.tr("None")
                ),
            )
        else:
            self.no_matrix.set_text(
                self.tr("No network is as accurate"),
                self.tr("The best that was seen is predicted at {0} %.").format(
                    written(100 * found.accuracy.max(), 1)
                ),
            )
