from __future__ import annotations

import os

import numpy as np
import pytest

from nasstudio.engine.errors import CorruptFile, InvalidInput
from nasstudio.engine.search.archive import columns_of
from nasstudio.engine.search.archive_file import ArchiveReader, ArchiveWriter, load
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.space import unique

COLUMNS = columns_of(("ms", "mb"))


@pytest.fixture
def rows(space):
    rng = np.random.default_rng(3)
    population = space.sample(300, rng)
    population = population[unique(population)]
    return population, rng.random((len(population), len(COLUMNS)))


@pytest.fixture
def folder(tmp_path, space, rows):
    writer = ArchiveWriter(tmp_path / "archive", space, COLUMNS)
    assert writer.append(rows[0], rows[1]) == (0, len(rows[0]))
    writer.close()
    return tmp_path / "archive"


def cut(path, bytes_):
    os.truncate(path, path.stat().st_size - bytes_)


def test_that_a_reader_follows_a_writer(tmp_path, space, rows):
    genomes, values = rows
    writer = ArchiveWriter(tmp_path, space, COLUMNS)
    reader = ArchiveReader(tmp_path)
    assert len(reader.read_new().genomes) == 0
    for start in range(0, len(genomes), 70):
        stop = min(start + 70, len(genomes))
        assert writer.append(genomes[start:stop], values[start:stop]) == (start, stop)
        new = reader.read_new()
        assert (new.start, new.stop) == (start, stop)
        assert np.array_equal(new.genomes, genomes[start:stop])
        assert np.array_equal(new.values, values[start:stop])
        assert len(reader.read_new().genomes) == 0
    writer.close()
    whole = load(tmp_path, space)
    assert np.array_equal(whole.genomes, genomes)
    assert np.array_equal(whole.accuracy, values[:, COLUMNS.index("accuracy")])


def test_that_a_row_exists_when_both_files_hold_it(folder, rows):
    cut(folder / "values.f8", 3)
    reader = ArchiveReader(folder)
    assert len(reader.read_new().genomes) == len(rows[0]) - 1
    with (folder / "values.f8").open("ab") as file:
        file.write(rows[1][-1:].tobytes()[-3:])
    new = reader.read_new()
    assert np.array_equal(new.genomes, rows[0][-1:])
    assert np.array_equal(new.values, rows[1][-1:])


@pytest.mark.parametrize(
    ("name", "bytes_"), [("values.f8", 5), ("values.f8", 8), ("genomes.i2", 2)]
)
def test_that_a_truncated_archive_is_refused(folder, space, name, bytes_):
    cut(folder / name, bytes_)
    with pytest.raises(CorruptFile) as problem:
        load(folder, space)
    assert str(folder) in problem.value.where


def test_that_an_archive_of_another_space_is_refused(folder):
    with pytest.raises(InvalidInput, match="another space"):
        load(folder, build(preset("mbv3_28")))


def test_that_an_option_outside_the_space_is_refused(folder, space):
    with (folder / "genomes.i2").open("rb+") as file:
        file.write(np.array([99], "<i2").tobytes())
    with pytest.raises(CorruptFile, match="Network 0"):
        ArchiveReader(folder).read_new()


def test_that_a_value_that_is_not_a_number_is_refused(folder, space):
    with (folder / "values.f8").open("rb+") as file:
        file.write(np.array([np.nan], "<f8").tobytes())
    with pytest.raises(CorruptFile):
        load(folder, space)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"format": "x"}'])
def test_that_a_header_that_is_not_ours_is_refused(folder, content):
    (folder / "archive.json").write_bytes(content)
    with pytest.raises(CorruptFile):
        ArchiveReader(folder)


def test_that_a_header_of_another_version_is_refused(folder):
    path = folder / "archive.json"
    path.write_text(path.read_text().replace('"version": 1', '"version": 2'))
    with pytest.raises(CorruptFile, match="version 2"):
        ArchiveReader(folder)


def test_that_a_missing_archive_is_said(tmp_path):
    with pytest.raises(InvalidInput, match="no archive"):
        ArchiveReader(tmp_path)


def test_that_a_continued_archive_keeps_its_first_rows(folder, space, rows):
    genomes, values = rows
    reader = ArchiveReader(folder)
    reader.read_new()
    writer = ArchiveWriter(folder, space, COLUMNS, keep=100)
    assert len(reader.read_new().genomes) == 0  # rows were taken back
    assert writer.append(genomes[100:], values[100:]) == (100, len(genomes))
    writer.close()
    assert len(reader.read_new().genomes) == 0  # the same rows again
    assert np.array_equal(load(folder, space).genomes, genomes)


def test_that_rows_which_are_gone_can_not_be_continued(folder, space, rows):
    with pytest.raises(CorruptFile):
        ArchiveWriter(folder, space, COLUMNS, keep=len(rows[0]) + 1)
    with pytest.raises(CorruptFile, match="another search"):
        ArchiveWriter(folder, space, columns_of(("other", "mb")), keep=5)


def test_that_twice_the_same_network_is_refused(tmp_path, space):
    writer = ArchiveWriter(tmp_path, space, COLUMNS)
    twice = np.stack([space.smallest()] * 2)
    writer.append(twice, np.zeros((2, len(COLUMNS))))
    writer.close()
    with pytest.raises(CorruptFile, match="twice"):
        load(tmp_path, space)
