"""A test of the window that leaves a QThread running fails: it would end the whole run with a crash later."""

from __future__ import annotations

import gc

import pytest
from PySide6.QtCore import QThread
from shiboken6 import isValid


@pytest.fixture(autouse=True)
def nothing_left_running():
    yield
    # `type`, not `isinstance`: some objects of other libraries warn when they are asked for their class.
    left = [
        thread
        for thread in gc.get_objects()
        if issubclass(type(thread), QThread) and isValid(thread) and thread.isRunning()
    ]
    left = [thread for thread in left if thread is not QThread.currentThread()]
    for thread in left:
        thread.wait(5000)
    assert not left, f"threads left running: {left}"
