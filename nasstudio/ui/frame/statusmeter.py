"""How busy the machine is: CPU and memory, once a second, as a small line and a number."""

from __future__ import annotations

import psutil
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from nasstudio.ui import fonts
from nasstudio.ui.kit.labels import label
from nasstudio.ui.kit.sparkline import Sparkline

_INTERVAL_MS = 1000
_GIB = 1024**3


class StatusMeter(QWidget):
    """CPU (%) and memory (GB used of all) of this machine; it samples only while it can be seen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self.cpu_line = Sparkline("accent", low=0.0, high=100.0)
        self.memory_line = Sparkline("pin", low=0.0, high=1.0)
        self.cpu_label = label("–", "secondary")
        self.memory_label = label("–", "secondary")
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for shown, widest in ((self.cpu_label, "100 %"), (self.memory_label, "888.8 / 888 GB")):
            shown.setFont(fonts.font(12, fonts.SEMIBOLD))
            shown.setAlignment(right)
            shown.setMinimumWidth(fonts.width(widest, 12, fonts.SEMIBOLD))
        self.memory_label.setMinimumWidth(fonts.width("88.8 / 88 GB", 12, fonts.SEMIBOLD))
        cpu = label(self.tr("CPU"), "caption", "muted")
        memory = label(self.tr("Memory"), "caption", "muted")
        row.addWidget(cpu)
        row.addWidget(self.cpu_line)
        row.addWidget(self.cpu_label)
        row.addSpacing(8)
        row.addWidget(memory)
        row.addWidget(self.memory_line)
        row.addWidget(self.memory_label)
        self.setToolTip(self.tr("CPU (%) and memory (GB) of this computer, all programs"))
        self._timer = QTimer(self)
        self._timer.setInterval(_INTERVAL_MS)
        self._timer.timeout.connect(self.sample)
        psutil.cpu_percent(None)  # the first call only sets the start of the interval

    def sample(self) -> None:
        """Take and show one sample. Under a millisecond."""
        memory = psutil.virtual_memory()
        used = memory.total - memory.available
        self.show_sample(psutil.cpu_percent(None), used, memory.total)

    def show_sample(self, cpu_percent: float, used_bytes: float, total_bytes: float) -> None:
        """Show CPU in per cent, memory in bytes."""
        self.cpu_line.push(cpu_percent)
        self.memory_line.push(used_bytes / total_bytes if total_bytes else 0.0)
        self.cpu_label.setText(f"{cpu_percent:.0f} %")
        self.memory_label.setText(f"{used_bytes / _GIB:.1f} / {total_bytes / _GIB:.0f} GB")
        self.setAccessibleName(
            self.tr("CPU {cpu}, memory {memory}").format(
                cpu=self.cpu_label.text(), memory=self.memory_label.text()
            )
        )

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()
