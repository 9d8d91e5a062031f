"""Adding a reference: a torchvision network by name, or an ONNX file, measured on the same devices."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QStringListModel, Qt, Signal
from PySide6.QtWidgets import QCompleter, QFileDialog, QHBoxLayout, QLineEdit, QWidget

from nasstudio.ui import fonts
from nasstudio.ui.kit import metrics
from nasstudio.ui.kit.buttons import primary_button, secondary_button
from nasstudio.ui.kit.fields import labelled
from nasstudio.ui.kit.labels import label
from nasstudio.ui.kit.number import NumberField
from nasstudio.ui.kit.popover import Popover

# To complete what is typed; the job knows the whole list and names it where a name is wrong.
_OFTEN = (
    "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "mnasnet0_5", "mnasnet1_0",
    "efficientnet_b0", "efficientnet_b1", "efficientnet_v2_s", "shufflenet_v2_x0_5",
    "shufflenet_v2_x1_0", "squeezenet1_1", "resnet18", "resnet34", "resnet50", "regnet_y_400mf",
    "regnet_y_800mf", "convnext_tiny", "googlenet", "densenet121", "vit_b_16",
)  # fmt: skip


class AddReference(Popover):
    """The popover. `wanted(source, model, resolution)`: source is ``torchvision`` or ``onnx``."""

    wanted = Signal(str, str, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, width=380)
        self.body.addWidget(label(self.tr("Add a reference"), "title"))
        self.body.addWidget(
            label(
                self.tr("A network of your own, measured on the devices here and drawn in the same plot."),
                "secondary", "muted", wrap=True,
            )
        )  # fmt: skip
        self.name = QLineEdit()
        self.name.setFont(fonts.font())
        self.name.setFixedHeight(metrics.CONTROL_HEIGHT)
        self.name.setPlaceholderText("mobilenet_v3_small")
        self.name.setAccessibleName(self.tr("Name of a torchvision network"))
        self.name.setMinimumWidth(190)
        completer = QCompleter(QStringListModel(list(_OFTEN), self), self)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        self.name.setCompleter(completer)
        self.body.addWidget(labelled(self.tr("Torchvision network"), self.name))
        self.resolution = NumberField(224, "px", 0, 8, 2048, name=self.tr("Input size"), step=8)
        self.resolution.setFixedWidth(100)
        self.body.addWidget(labelled(self.tr("Input size"), self.resolution))
        row = QHBoxLayout()
        self.file_button = secondary_button(self.tr("ONNX file…"), "file")
        self.file_button.setToolTip(
            self.tr("Choose an ONNX file; its accuracy is found out if it fits the data")
        )
        self.add_button = primary_button(self.tr("Measure"), "gauge")
        row.addWidget(self.file_button)
        row.addStretch(1)
        row.addWidget(self.add_button)
        self.body.addLayout(row)
        self.add_button.setEnabled(False)
        self.name.textChanged.connect(lambda text: self.add_button.setEnabled(bool(text.strip())))
        self.name.returnPressed.connect(self._add)
        self.add_button.clicked.connect(self._add)
        self.file_button.clicked.connect(self._ask)

    def _add(self) -> None:
        name = self.name.text().strip()
        if name:
            self.hide()
            self.wanted.emit("torchvision", name, int(self.resolution.value()))

    def _ask(self) -> None:
        self.hide()
        dialog = QFileDialog(self.parentWidget(), self.tr("Choose an ONNX file"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilter(self.tr("ONNX network (*.onnx)"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.add_file)
        dialog.open()

    def add_file(self, name: str) -> None:
        """Measure an ONNX file."""
        self.wanted.emit("onnx", str(Path(name).resolve()), int(self.resolution.value()))
