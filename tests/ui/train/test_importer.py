"""A published supernet that is imported on the Train page, and files that are none."""

import pytest
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDropEvent

from nasstudio.engine.project.project import Project
from nasstudio.ui.pages.train.importer import dropped
from nasstudio.ui.pages.train.page import TrainPage
from nasstudio.ui.workbench import Workbench


@pytest.fixture
def page(qtbot, tmp_path, tiny_space):
    project = Project.create(tmp_path / "mine.nasproj")
    project.put("space", tiny_space)
    project.close()
    bench = Workbench()
    made = TrainPage(bench)
    qtbot.addWidget(made)
    made.show()
    bench.open(tmp_path / "mine.nasproj")
    qtbot.waitUntil(lambda: bench.snapshot is not None)
    yield made
    bench.close()


def _drop(*paths):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    copy, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    # The event does not keep its data alive.
    return data, QDropEvent(QPoint(1, 1), copy, data, left, Qt.KeyboardModifier.NoModifier)


def test_that_a_published_supernet_becomes_a_checkpoint_of_the_project(
    page, qtbot, tmp_path, tiny_space, save_published
):
    save_published(tiny_space, tmp_path / "tiny_w1.0")
    page.importer.take_in([tmp_path / "gone.pth"])
    qtbot.waitUntil(page.error.isVisible)
    _data, event = _drop(tmp_path / "tiny_w1.0")
    page.dropEvent(event)
    bench = page.workbench
    qtbot.waitUntil(
        lambda: any(a.kind == "supernet" for a in bench.snapshot.artefacts), timeout=60_000
    )
    assert not page.error.isVisible()


def test_that_a_file_that_is_no_supernet_is_refused_by_name_and_leaves_nothing(
    page, qtbot, tmp_path
):
    (tmp_path / "notes.pth").write_text("not a checkpoint")
    page.take_file(tmp_path / "notes.pth")
    qtbot.waitUntil(page.error.isVisible, timeout=60_000)
    assert "notes.pth" in page.error.text()
    assert not page.workbench.snapshot.artefacts


def test_that_a_file_that_is_gone_is_said_without_a_job(page, qtbot, tmp_path):
    page.importer.take_in([tmp_path / "gone.pth"])
    qtbot.waitUntil(page.error.isVisible)
    assert "gone.pth" in page.error.text()
    assert not page.workbench.snapshot.runs


def test_that_tables_and_folders_are_left_to_the_pages_that_know_them(tmp_path):
    (tmp_path / "table.csv").write_text("")
    (tmp_path / "net_w1.0").write_text("")
    _data, event = _drop(tmp_path / "table.csv", tmp_path, tmp_path / "net_w1.0")
    assert dropped(event) == [tmp_path / "net_w1.0"]
