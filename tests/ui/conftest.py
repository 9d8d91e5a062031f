"""A test of the window that leaves a QThread running fails: it would end the whole run with a crash later."""

from __future__ import annotations

import gc

import pytest
from PySide6.QtCore import QThread
from shiboken6 import isValid


@pytest.fixture(autouse=True)
def nothing_left_running():
    yield
    left = [
        thread
        for thread in gc.get_objects()
        if isinstance(thread, QThread) and isValid(thread) and type(thread) is not QThread and thread.isRunning()
    ]
    for thread in left:
        thread.wait(5000)
    assert not left, f"threads left running: {left}"
