"""The real window in a process of its own, without a screen: ``python -m faulting.window_process PROJECT WHAT``.

WHAT is ``train`` (start the tiny training and stay), ``watch`` (open the project and stay until no run goes on), or
``resume`` (press the button of the notice that offers it, then watch). What happens is printed, a JSON object a line.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from PySide6.QtCore import QTimer

from faulting import studio
from nasstudio.ui.app import application, dress
from nasstudio.ui.settings import Settings
from nasstudio.ui.window import Window
from nasstudio.ui.workbench import LiveRun


def say(**values: Any) -> None:
    print(json.dumps(values), flush=True)


class Session:
    """What a person would do in the window."""

    def __init__(self, window: Window, what: str) -> None:
        self.window, self.what = window, what
        bench = window.workbench
        bench.opened.connect(lambda snapshot: QTimer.singleShot(300, self._opened))
        bench.problem.connect(lambda problem: say(problem=str(problem)))
        bench.run_ended.connect(self._ended)
        bench.run_events.connect(lambda run, events: say(run=run, events=len(events)))

    def _opened(self) -> None:
        bench = self.window.workbench
        say(
            opened=True,
            writable=bench.writable,
            live={run.id: run.state for run in bench.live.values()},
            notes=[[n.title, n.text, n.button] for n in self.window.notifications.notes()],
        )
        if self.what == "train":
            bench.start(studio.train_spec)
        elif self.what == "resume":
            note = next(n for n in self.window.notifications.notes() if n.button and n.action)
            note.action()
        elif not bench.running():
            self.window.close()

    def _ended(self, run: LiveRun) -> None:
        QTimer.singleShot(100, self._leave)
        say(ended=run.id, state=run.state)

    def _leave(self) -> None:
        say(notes=[[n.title, n.text, n.button] for n in self.window.notifications.notes()])
        self.window.close()


def main(project: Path, what: str) -> int:
    app = application([sys.argv[0]])
    settings = Settings.in_memory()
    dress(app, settings)
    window = Window(settings)
    window.show()
    session = Session(window, what)
    QTimer.singleShot(0, lambda: session.window.workbench.open(project))
    return app.exec()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
