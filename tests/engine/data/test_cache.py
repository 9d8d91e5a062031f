import numpy as np
import pytest
from PIL import Image

from nasstudio.engine.data import cache
from nasstudio.engine.data.catalog import open_set
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.errors import InvalidInput


@pytest.fixture
def decodings(monkeypatch):
    """Names of the files that are decoded."""
    names = []
    real = cache.decode

    def decode(path, size):
        names.append(path.name)
        return real(path, size)

    monkeypatch.setattr(cache, "decode", decode)
    return names


@pytest.fixture
def place(tmp_path):
    return tmp_path / "cache"


def opened(folder, place, progress=None, **options):
    document = DataDocument("image_folder", {"folder": str(folder), "size": 8, **options})
    return open_set(document, cache_folder=place, progress=progress)


def everything(images):
    return [
        images.split(n).images(np.arange(len(images.split(n))))
        for n in ("train", "validation", "test")
    ]


def test_that_a_folder_is_decoded_once(photos, place, decodings):
    first, second = opened(photos, place), opened(photos, place)

    assert len(decodings) == 60
    assert first.fingerprint == second.fingerprint
    for one, other in zip(everything(first), everything(second), strict=True):
        np.testing.assert_array_equal(one, other)


def test_that_other_splits_of_the_same_folder_decode_nothing(photos, place, decodings):
    prints = {
        opened(photos, place, **o).fingerprint
        for o in ({}, {"seed": 1}, {"limit": 9}, {"validation": 0.4})
    }

    assert len(decodings) == 60
    assert len(prints) == 4


def test_that_a_changed_folder_is_decoded_anew_and_replaces_its_entry(photos, place, decodings):
    opened(photos, place)
    Image.new("RGB", (9, 9)).save(photos / "hat" / "new.png")
    images = opened(photos, place)

    assert len(decodings) == 60 + 61
    assert sum(map(len, everything(images))) == 61
    assert len(list(place.glob("*.npy"))) == len(list(place.glob("*.json"))) == 1


def test_that_two_sizes_have_an_entry_each(photos, place, decodings):
    for size in (8, 9, 8, 9):
        opened(photos, place, size=size)

    assert len(decodings) == 120


@pytest.mark.parametrize("kind", ["npy", "json"])
@pytest.mark.parametrize("damage", ["cut", "head", "middle", "longer", "empty", "gone", "other"])
def test_that_a_damaged_entry_is_made_anew(photos, place, decodings, kind, damage):
    before = opened(photos, place)
    expected, fingerprint = everything(before), before.fingerprint
    del before
    (path,) = place.glob(f"*.{kind}")
    content = path.read_bytes()
    place_of_damage = {"head": 70, "middle": len(content) // 2}.get(damage, 0)
    flipped = bytearray(content)
    flipped[place_of_damage] ^= 0x01
    path.unlink()
    if damage != "gone":
        made = {"cut": content[:-7], "longer": content + b"x", "empty": b"", "other": b"[1, 2]"}
        path.write_bytes(made.get(damage, flipped))

    again = opened(photos, place)

    assert len(decodings) == 120
    assert again.fingerprint == fingerprint
    for one, other in zip(expected, everything(again), strict=True):
        np.testing.assert_array_equal(one, other)


def test_that_pixels_come_mapped_from_the_file(photos, place):
    images = opened(photos, place)

    assert isinstance(images._pool._images, np.memmap)
    assert type(images.split("test").images([0])) is np.ndarray


def test_that_progress_counts_the_files(photos, place):
    calls = []
    opened(photos, place, progress=lambda done, total: calls.append((done, total)))

    assert calls[-1] == (60, 60)
    assert calls == sorted(calls, key=lambda c: (c[1], c[0]))


def test_that_stopping_leaves_nothing_behind_and_the_next_opening_works(photos, place):
    class Stop(Exception):
        pass

    def stop(done, total):
        if done == 30:
            raise Stop

    with pytest.raises(Stop):
        opened(photos, place, progress=stop)

    assert list(place.iterdir()) == []
    assert sum(map(len, everything(opened(photos, place)))) == 60


def test_that_a_bomb_among_the_images_leaves_nothing_behind(photos, place, monkeypatch):
    monkeypatch.setattr("nasstudio.engine.data.decode._MOST_PIXELS", 1000)

    with pytest.raises(InvalidInput, match=r"coat.*40 x 70 px"):
        opened(photos, place)

    assert list(place.iterdir()) == []


def test_that_a_cache_folder_that_cannot_be_made_is_named(photos, tmp_path):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(InvalidInput, match="cache folder can't be made"):
        opened(photos, tmp_path / "file" / "cache")
