"""What the Data page shows of the set that is open: splits, classes with sample images, previews."""

from __future__ import annotations

from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from nasstudio.engine.space.space import SearchSpace
from nasstudio.ui.kit.buttons import ghost_button
from nasstudio.ui.kit.card import Card
from nasstudio.ui.kit.labels import label
from nasstudio.ui.kit.number import written
from nasstudio.ui.kit.segmented import SegmentedControl
from nasstudio.ui.pages.data.pictures import (
    ClassRows,
    Pictures,
    SplitBar,
    Swatch,
    as_image,
    at_resolution,
)
from nasstudio.ui.pages.data.preview import Samples, SetFacts, resolutions


class SetBoard(QWidget):
    """Splits, classes, resolution and augmentation of one set."""

    def __init__(self) -> None:
        super().__init__()
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(16)
        rows.addWidget(self._splits_card())
        rows.addWidget(self._classes_card(), 1)
        low = QHBoxLayout()
        low.setSpacing(16)
        low.addWidget(self._resolution_card(), 2)
        low.addWidget(self._augmentation_card(), 5)
        rows.addLayout(low)

    def _splits_card(self) -> Card:
        card = Card(self.tr("Splits"), self.tr("Searching never sees the test images"))
        self.split_bar = SplitBar()
        card.body.addWidget(self.split_bar)
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(2)
        self._split_counts = []
        parts = (
            (self.tr("Train"), self.tr("trains the supernet")),
            (self.tr("Validation, first half"), self.tr("accuracy pairs: what Search goes by")),
            (self.tr("Validation, second half"), self.tr("verifies what was found")),
            (self.tr("Test"), self.tr("looked at once, at export")),
        )
        for at, (name, purpose) in enumerate(parts):
            count = label("", "name")
            self._split_counts.append(count)
            cell = QHBoxLayout()
            cell.setSpacing(7)
            cell.addWidget(Swatch(SplitBar.TOKENS[at]))
            cell.addWidget(label(name, "secondary"))
            cell.addWidget(count)
            cell.addStretch(1)
            grid.addLayout(cell, 0, at)
            note = label(purpose, "caption", "muted")
            note.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            note.setToolTip(purpose)
            grid.addWidget(note, 1, at)
            grid.setColumnStretch(at, 1)
        card.body.addLayout(grid)
        return card

    def _classes_card(self) -> Card:
        self.split = SegmentedControl(
            [
                ("train", self.tr("Train")),
                ("validation", self.tr("Validation")),
                ("test", self.tr("Test")),
            ],
            self.tr("Split"),
        )
        card = Card(self.tr("Classes"), " ")
        self.others = ghost_button(self.tr("Other images"), "refresh").set_small()
        card.add_trailing(self.others)
        card.add_trailing(self.split)
        self.classes_card = card
        self.classes = ClassRows()
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setMinimumHeight(180)
        # As high as there is room, not as high as all classes.
        area.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        holder = QFrame()
        holder.setProperty("ground", "surface")
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.classes)
        column.addStretch(1)
        area.setWidget(holder)
        card.body.addWidget(area, 1)
        return card

    def _resolution_card(self) -> Card:
        card = Card(self.tr("Resolution"), self.tr("preview"))
        self.resolution_note = label("", "caption", "muted", wrap=True)
        self.resolution = Pictures(self.tr("One image at the resolutions of the space"))
        card.body.addWidget(self.resolution)
        card.body.addWidget(self.resolution_note)
        return card

    def _augmentation_card(self) -> Card:
        card = Card(self.tr("Augmentation"), self.tr("preview"))
        self.augmentation_note = label("", "caption", "muted", wrap=True)
        self.augmentation = Pictures(self.tr("One image as training may see it"))
        card.body.addWidget(self.augmentation)
        card.body.addWidget(self.augmentation_note)
        return card

    def show_set(self, found: SetFacts, samples: Samples | None, space: SearchSpace | None) -> None:
        """Show the numbers of a set and, if there are some, its images; `space` chooses the resolutions."""
        parts = [found.sizes[name] for name in ("train", "validation_a", "validation_b", "test")]
        self.split_bar.show_parts(parts)
        for count, shown in zip(parts, self._split_counts, strict=True):
            shown.setText(written(count))
        self.classes_card.set_caption(
            self.tr("{0} classes, images of each").format(len(found.classes))
        )
        how = found.augmentation
        shift = self.tr("shifted by up to {0} px").format(how.padding)
        mirror = self.tr("and mirrored half the time") if how.flip else self.tr("never mirrored")
        self.augmentation_note.setText(
            self.tr(
                "The first is the image itself; training sees it {0}, {1}, anew each time."
            ).format(shift, mirror)
        )
        if samples is not None:
            self._show_pictures(found, samples, space)

    def _show_pictures(self, found: SetFacts, samples: Samples, space: SearchSpace | None) -> None:
        sizes = resolutions(space)
        shown = [(at_resolution(samples.original, px), f"{px} px") for px in sizes or (found.size,)]
        self.resolution.show_pictures(shown)
        self.resolution_note.setText(
            self.tr("The smallest and the largest input of the space.")
            if sizes
            else self.tr("As it is in the set; the space chooses the resolutions.")
        )
        variants = [(as_image(samples.original), self.tr("original"))]
        variants += [(as_image(pixels), "") for pixels in samples.variants]
        self.augmentation.show_pictures(variants)
