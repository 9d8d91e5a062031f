"""The Devices page over a project, as its tests open it."""

import contextlib

import pytest

from nasstudio.engine.space.families import build, preset
from nasstudio.ui.pages.devices.page import DevicesPage


@pytest.fixture(scope="module")
def space():
    return build(preset("mbv3_28_fast"))


@pytest.fixture
def shown(qtbot, noting_workbench):
    """Opens the page over a project's path: ``with shown(path) as (page, workbench)``."""

    @contextlib.contextmanager
    def open_page(path):
        bench = noting_workbench()
        page = DevicesPage(bench)
        qtbot.addWidget(page)
        page.resize(1364, 780)
        page.show()
        bench.open(path)
        qtbot.waitUntil(lambda: bench.snapshot is not None and page.model.settled)
        try:
            yield page, bench
            qtbot.waitUntil(lambda: page.saver.idle)
        finally:
            page._pool.waitForDone()
            page.model.pool.waitForDone()
            bench.close()
            page.close()

    return open_page
