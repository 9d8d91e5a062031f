"""The archive as a folder of append-only arrays, written by the search and read by anybody while it grows.

`archive.json` says what the arrays are; `genomes.i2` and `values.f8` are little-endian, row-major and without a header.
A row exists when both files hold it whole; the values are written last.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.errors import CorruptFile, InvalidInput
from nasstudio.engine.search.archive import ACCURACY, GENERATION, Archive
from nasstudio.engine.space.space import Population, SearchSpace

_FORMAT, _VERSION = "nasstudio.archive", 1


class ArchiveHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`archive.json`: the space, its genes with the number of their options, and the value columns."""

    format: str
    version: int
    space: str
    space_hash: str
    genes: tuple[str, ...]
    options: tuple[int, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True)
class ArchiveRows:
    """Rows of an archive.

    Attributes
    ----------
    start : number of the first one.
    genomes : `(n, genes)`.
    values : `(n, columns)`.
    """

    start: int
    genomes: Population
    values: NDArray[np.float64]

    @property
    def stop(self) -> int:
        return self.start + len(self.genomes)


class ArchiveWriter:
    """Appends rows. A folder that holds an archive already is continued after its first `keep` rows."""

    def __init__(
        self, folder: Path, space: SearchSpace, columns: tuple[str, ...], *, keep: int = 0
    ) -> None:
        self.folder = folder
        self.rows = keep
        self._genes = len(space.genes)
        self._columns = len(columns)
        header = ArchiveHeader(
            _FORMAT,
            _VERSION,
            space.name,
            space.hash,
            tuple(gene.name for gene in space.genes),
            tuple(len(gene) for gene in space.genes),
            columns,
        )
        folder.mkdir(parents=True, exist_ok=True)
        if keep and _header(folder) != header:
            raise CorruptFile(
                "The archive to be continued belongs to another search.",
                where=folder,
                remedy="Start the search anew.",
            )
        self.genomes_path = folder / "genomes.i2"
        self.values_path = folder / "values.f8"
        self._open(header, keep)

    def _open(self, header: ArchiveHeader, keep: int) -> None:
        sizes = (keep * 2 * self._genes, keep * 8 * self._columns)
        self._files = []
        for path, size in zip((self.genomes_path, self.values_path), sizes, strict=True):
            file = path.open("ab")
            self._files.append(file)
            if os.path.getsize(path) < size:
                self.close()
                raise CorruptFile(
                    f"The archive holds fewer than the {keep} networks it should.",
                    where=path,
                    remedy="Start the search anew.",
                )
            file.truncate(size)
        if not keep:
            temporary = self.folder / "archive.json.part"
            temporary.write_bytes(msgspec.json.format(msgspec.json.encode(header), indent=1))
            os.replace(temporary, self.folder / "archive.json")

    def append(self, genomes: Population, values: NDArray[np.float64]) -> tuple[int, int]:
        """Add rows. genomes: `(n, genes)`, values: `(n, columns)`. Returns the range of the new rows."""
        n = len(genomes)
        if genomes.shape != (n, self._genes) or values.shape != (n, self._columns):
            raise ValueError(f"rows of shape {genomes.shape} and {values.shape} do not fit")
        start, self.rows = self.rows, self.rows + n
        for file, array, kind in zip(self._files, (genomes, values), ("<i2", "<f8"), strict=True):
            file.write(np.ascontiguousarray(array, dtype=kind).tobytes())
            file.flush()
        return start, self.rows

    def sync(self) -> None:
        """Make sure that what was written is on the disk."""
        for file in self._files:
            os.fsync(file.fileno())

    def close(self) -> None:
        for file in self._files:
            file.close()


class ArchiveReader:
    """Reads an archive, also while it is still written.

    Attributes
    ----------
    header : what the arrays are.
    rows : how many have been read.

    Raises
    ------
    InvalidInput
        There is no archive.
    CorruptFile
        Its header does not read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.header = _header(folder)
        self.rows = 0
        self._widths = (2 * len(self.header.genes), 8 * len(self.header.columns))
        self._paths = (folder / "genomes.i2", folder / "values.f8")

    def count(self) -> int:
        """Complete rows on the disk now."""
        return min(
            path.stat().st_size // width if path.exists() else 0
            for path, width in zip(self._paths, self._widths, strict=True)
        )

    def read_new(self, limit: int | None = None) -> ArchiveRows:
        """The rows that were added since the last call, at most `limit`; none if there are none.

        A writer that was interrupted may take back rows; it writes the same ones again, so nothing is read twice.

        Raises
        ------
        CorruptFile
            A row names an option that the space does not have, or a value is not a number.
        """
        start = self.rows
        n = max(0, self.count() - start)
        if limit is not None:
            n = min(n, limit)
        genomes = self._part(0, start, n, "<i2").astype(np.int16)
        values = self._part(1, start, n, "<f8").astype(np.float64)
        n = min(len(genomes), len(values))
        rows = ArchiveRows(start, genomes[:n], values[:n])
        self._check(rows)
        self.rows += n
        return rows

    def _part(self, which: int, start: int, n: int, kind: str) -> NDArray[np.generic]:
        width = self._widths[which]
        if not n:
            return np.zeros((0, width // np.dtype(kind).itemsize), dtype=kind)
        with self._paths[which].open("rb") as file:
            file.seek(start * width)
            content = file.read(n * width)
        whole = len(content) // width
        array: NDArray[np.generic] = np.frombuffer(content[: whole * width], dtype=kind)
        return array.reshape(whole, -1)

    def _check(self, rows: ArchiveRows) -> None:
        options = np.asarray(self.header.options)
        bad = ((rows.genomes < 0) | (rows.genomes >= options)).any(axis=1)
        bad |= ~np.isfinite(rows.values).all(axis=1)
        if bad.any():
            raise CorruptFile(
                f"Network {rows.start + int(np.argmax(bad))} of the archive is not one of {self.header.space}.",
                where=self.folder,
                remedy="Search again.",
            )


def load(folder: Path, space: SearchSpace, *, rows: int | None = None) -> Archive:
    """A finished archive, or its first `rows` rows.

    Raises
    ------
    InvalidInput
        There is no archive, or it belongs to another space.
    CorruptFile
        It is truncated, torn or altered.
    """
    reader = ArchiveReader(folder)
    check_space(reader, space)
    if rows is None:
        _check_whole(reader)
    read = reader.read_new(limit=rows)
    if rows is not None and len(read.genomes) < rows:
        raise _truncated(folder, f"it holds {len(read.genomes)} of {rows} networks")
    archive = Archive(space, reader.header.columns)
    archive.append(read.genomes, read.values)
    if len(archive) != len(read.genomes):
        raise _truncated(folder, "a network occurs twice")
    return archive


def check_space(reader: ArchiveReader, space: SearchSpace) -> None:
    """Make sure that an archive belongs to a space.

    Raises
    ------
    InvalidInput
        It belongs to another one.
    """
    if reader.header.space_hash != space.hash:
        raise InvalidInput(
            f"This archive belongs to another space ({reader.header.space}), not to {space.name}.",
            where=reader.folder,
            remedy="Open the space it was searched in, or search again.",
        )


def _check_whole(reader: ArchiveReader) -> None:
    sizes = [path.stat().st_size if path.exists() else 0 for path in reader._paths]
    counts = [divmod(size, width) for size, width in zip(sizes, reader._widths, strict=True)]
    if counts[0] != counts[1] or counts[0][1]:
        raise _truncated(reader.folder, "its arrays do not end with the same network")


def _truncated(folder: Path, why: str) -> CorruptFile:
    return CorruptFile(
        f"The archive is damaged: {why}.",
        where=folder,
        remedy="Resume the search, or search again.",
    )


def _header(folder: Path) -> ArchiveHeader:
    path = folder / "archive.json"
    try:
        header = msgspec.json.decode(path.read_bytes(), type=ArchiveHeader)
    except FileNotFoundError:
        raise InvalidInput(
            "There is no archive here.", where=folder, remedy="Search first."
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise CorruptFile(
            f"This is not an archive: {problem}.", where=path, remedy="Search again."
        ) from None
    wrong = (
        (header.format, header.version) != (_FORMAT, _VERSION)
        or len(header.genes) != len(header.options)
        or not {ACCURACY, GENERATION} <= set(header.columns)
    )
    if wrong:
        raise CorruptFile(
            f"This is '{header.format}' version {header.version}, not an archive of ours.",
            where=path,
            remedy="Open it with the version that wrote it, or search again.",
        )
    return header
