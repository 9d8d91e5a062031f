import numpy as np
import pytest
from PIL import Image

from nasstudio.engine.data.catalog import open_set
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.project.project import Project
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.space import SpaceDocument
from nasstudio.ui.pages.data.page import DataPage
from nasstudio.ui.pages.data.pictures import as_image, at_resolution
from nasstudio.ui.pages.data.preview import choose, facts, resolutions, samples
from nasstudio.ui.workbench import Workbench

SMALL = DataDocument("fashion_mnist_small")


@pytest.fixture
def project(tmp_path):
    made = Project.create(tmp_path / "p")
    yield made
    made.close()


@pytest.fixture
def photos(tmp_path):
    """Colour photos of two classes, and one file that is no image."""
    rng = np.random.default_rng(0)
    for name, count in (("cat", 12), ("dog", 16)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for at in range(count):
            pixels = rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{at}.png")
    (tmp_path / "photos" / "cat" / "broken.png").write_bytes(b"no image")
    return tmp_path / "photos"


@pytest.fixture
def open_page(qtbot, project, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bench = Workbench()
    pages = []

    def opened():
        page = DataPage(bench)
        pages.append(page)
        qtbot.addWidget(page)
        page.show()
        project.close()
        bench.open(project.path)
        qtbot.waitUntil(lambda: bench.snapshot is not None)
        return page

    yield opened
    for page in pages:
        page.opener.close()
    bench.close()


def test_that_the_numbers_of_a_set_add_up():
    found = facts(SMALL, open_set(SMALL))
    assert found.sizes["validation"] == found.sizes["validation_a"] + found.sizes["validation_b"]
    for split in ("train", "validation", "test"):
        assert found.counts[split].sum() == found.sizes[split]


def test_that_samples_hold_every_class_and_variants_keep_their_shape():
    images = open_set(SMALL)
    found = samples(images, "test", np.random.default_rng(1))
    assert set(found.labels) == set(range(10))
    assert (np.diff(found.labels) >= 0).all()
    assert found.variants.shape[1:] == found.original.shape
    other = samples(images, "test", np.random.default_rng(2))
    assert not np.array_equal(found.images, other.images)


def test_that_choosing_a_set_fits_the_space(project):
    project.put("space", preset("mbv3_28_fast"))
    assert choose(project, DataDocument("cifar10"), 3, 10)
    space = project.get("space", SpaceDocument | None, None)
    assert (space.options["channels"], space.options["classes"]) == (3, 10)
    assert project.get("data", DataDocument | None, None).family == "cifar10"
    assert not choose(project, DataDocument("cifar10"), 3, 10)


def test_that_choosing_a_set_needs_no_space(project):
    assert not choose(project, SMALL, 1, 10)


def test_that_the_resolutions_are_the_ends_of_the_space():
    assert resolutions(build(preset("mbv3_28_fast"))) == (20, 28)
    assert resolutions(None) == ()


@pytest.mark.parametrize("channels", [1, 3])
def test_that_pixels_become_an_image_unchanged(channels):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 6, channels), dtype=np.uint8)
    image = as_image(pixels)
    color = image.pixelColor(4, 2)
    assert (color.red(), color.blue()) == (pixels[2, 4, 0], pixels[2, 4, -1])
    assert at_resolution(pixels, 3).size().width() == 3


def test_that_without_a_project_the_page_leads_to_start(qtbot):
    bench = Workbench()
    page = DataPage(bench)
    qtbot.addWidget(page)
    page.show()
    assert page.no_project.isVisible()
    with qtbot.waitSignal(page.go_to) as asked:
        page.no_project.button.click()
    assert asked.args == ["start"]
    page.opener.close()


def test_that_a_new_project_is_shown_the_shipped_set_and_can_use_it(qtbot, open_page):
    page = open_page()
    qtbot.waitUntil(lambda: page.facts is not None)
    assert page.family == "fashion_mnist_small"
    assert "Not in use yet" in page.header.subtitle_label.whole_text()
    page.main.click()
    qtbot.waitUntil(lambda: page.in_use)
    assert not page.main.isEnabled()
    assert page.workbench.snapshot.data == SMALL
    assert page.command_line().endswith("--family fashion_mnist_small")


def test_that_another_split_shows_its_images(qtbot, open_page):
    page = open_page()
    qtbot.waitUntil(lambda: page.facts is not None)
    page.shown.split.button("test").click()
    qtbot.waitUntil(lambda: page.samples.split == "test")
    assert page.shown.classes.image_count() > 10
    before = page.samples.images
    page.shown.others.click()
    qtbot.waitUntil(lambda: page.samples.images is not before)
    assert page.samples.split == "test"


def test_that_an_option_is_part_of_the_set(qtbot, open_page):
    page = open_page()
    qtbot.waitUntil(lambda: page.facts is not None)
    field = page.form._fields["limit"]
    field.setText("500")
    field.editingFinished.emit()
    qtbot.waitUntil(lambda: page.facts is not None and page.facts.sizes["train"] == 500)
    assert "--option limit=500" in page.command_line()


def test_that_a_wrong_option_is_said_in_place(qtbot, open_page):
    page = open_page()
    qtbot.waitUntil(lambda: page.facts is not None)
    field = page.form._fields["validation"]
    field.setText("many")
    field.editingFinished.emit()
    qtbot.waitUntil(page.error.isVisible)
    assert "validation" in page.error.error.what
    assert not page.main.isEnabled()


def test_that_a_set_that_is_not_here_says_how_to_get_it(qtbot, open_page):
    page = open_page()
    qtbot.waitUntil(lambda: page.facts is not None)
    page.choose_family("cifar10")
    assert page.remedy.isVisible()
    assert "download" in page.remedy.text_label.text()
    assert not page.main.isEnabled()
    page.form._fields["download"].setChecked(True)
    assert page.main.isEnabled()
    assert page.main.text().strip() == "Download and use"


def test_that_a_dropped_folder_of_images_can_be_used(qtbot, open_page, photos):
    page = open_page()
    qtbot.waitUntil(lambda: page.facts is not None)
    page.take_file(photos)
    qtbot.waitUntil(lambda: page.facts is not None and page.facts.title == "photos", timeout=20_000)
    assert page.facts.channels == 3
    assert "can't be read" in page.notes.text_label.text()
    page.use()
    qtbot.waitUntil(lambda: page.in_use)
    assert page.workbench.snapshot.data.options["folder"] == str(photos)


def test_that_a_dropped_file_is_refused(qtbot, open_page, photos):
    page = open_page()
    page.take_file(photos / "cat" / "0.png")
    assert page.error.isVisible()
    assert page.error.error.remedy


def test_that_an_image_folder_asks_for_its_folder(qtbot, open_page):
    page = open_page()
    qtbot.waitUntil(lambda: page.facts is not None)
    page.choose_family("image_folder")
    assert page.remedy.isVisible()
    assert page.facts is None


def test_that_a_family_that_is_not_installed_is_said(qtbot, project, open_page):
    project.put("data", DataDocument("made_up"))
    page = open_page()
    qtbot.waitUntil(page.error.isVisible)
    assert "made_up" in page.error.error.what
