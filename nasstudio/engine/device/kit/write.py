"""Writes a kit: a folder, or a zip of it, that measures a device which is not here.

The folder grows in a place of its own and is moved when it is whole, so that a kit is there whole or not at all; a job
that was stopped finds the models that it has already written.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

from nasstudio.engine.atomic import file_sha256, replace_atomic, write_atomic
from nasstudio.engine.device.kit.formats import Write, writer
from nasstudio.engine.device.kit.manifest import (
    FORMATS,
    NAME,
    Manifest,
    Model,
    ModelFile,
    check_formats,
    check_target,
    encode,
)
from nasstudio.engine.device.runtime.shapes import input_shape
from nasstudio.engine.errors import StudioError
from nasstudio.engine.space.layer import LayerSpec, text
from nasstudio.engine.space.space import Population, SearchSpace
from nasstudio.resources import resource

RUNNER = "kit"
_NOT_COPIED = ("__pycache__",)


class KitWriter:
    """Writes one kit.

    Parameters
    ----------
    target : the folder to make; a name that ends in ``.zip`` makes an archive. It must not be there yet.
    space, layers, networks : what is measured; the networks are made of the layers.
    formats : names of `manifest.FORMATS`.
    work : folder in which the kit grows, e.g. that of a run; beside the target by default.

    Raises
    ------
    InvalidInput
        The target is there already or its folder is not, or a format is not known.
    NeedsExtra
        The package of a format is not installed.
    """

    def __init__(
        self,
        target: Path,
        space: SearchSpace,
        layers: Sequence[LayerSpec],
        networks: Population,
        formats: Sequence[str] = ("onnx",),
        *,
        work: Path | None = None,
    ) -> None:
        self.target = target
        self.zipped = target.suffix.lower() == ".zip"
        self._space = space
        self._chains = _chains(space, layers, networks)
        names = check_formats(formats)
        check_target(target)
        self._writers = {name: writer(name) for name in names}
        # What an earlier attempt has written is found again only if it was to write the same.
        self._part = (work or target.parent) / f".{target.name}.{self._digest()}.part"

    def __len__(self) -> int:
        """Files of models that are written."""
        return len(self._chains) * len(self._writers)

    def _digest(self) -> str:
        models = [(model.id, model.layer, model.genome) for model, _ in self._chains]
        versions = [(name, version) for name, (_, version) in self._writers.items()]
        return hashlib.sha256(repr((models, versions)).encode()).hexdigest()[:12]

    def write(
        self,
        check: Callable[[], None] = lambda: None,
        on_file: Callable[[int, str], None] = lambda done, name: None,
    ) -> Manifest:
        """Write the kit.

        Parameters
        ----------
        check : called before each file; may raise to stop. What is written is found again by the next attempt.
        on_file : called with the number of files that are there, and the last one's name.

        Raises
        ------
        InvalidInput
            A layer can't be written in a format.
        NoSpaceLeft
            The disk is full.
        """
        folder = self._part
        _make(folder / "models")
        models, done = [], 0
        for model, layers in self._chains:
            files = {}
            for name, (write, _) in self._writers.items():
                check()
                files[name] = _file(folder, f"models/{model.id}.{FORMATS[name]}", write, layers)
                done += 1
                on_file(done, model.id)
            models.append(_with(model, files))
        manifest = self._manifest(tuple(models))
        _copy_runner(folder)
        write_atomic(folder / NAME, encode(manifest))
        self._finish(check)
        return manifest

    def _manifest(self, models: tuple[Model, ...]) -> Manifest:
        return Manifest(
            title=self._space.document.title,
            made_at=time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            space_hash=self._space.hash,
            space=self._space.document,
            formats={name: version for name, (_, version) in self._writers.items()},
            models=models,
        )

    def _finish(self, check: Callable[[], None]) -> None:
        """Put the whole folder, or a zip of it, in its place."""
        if self.zipped:
            inside = self.target.stem
            replace_atomic(self.target, lambda path: _zip(self._part, path, inside, check))
            shutil.rmtree(self._part, ignore_errors=True)
            return
        try:
            _move(self._part, self.target)
        except OSError as problem:
            raise StudioError(
                f"The kit can't be put in its place: {problem.strerror or problem}.",
                where=self.target,
                remedy="Check the disk's space and the folder's rights, then resume the job.",
            ) from problem


def _move(folder: Path, target: Path) -> None:
    """Rename a folder; over a border of file systems it is copied beside the target before."""
    try:
        folder.rename(target)
        return
    except OSError as problem:
        if problem.errno != errno.EXDEV:
            raise
    part = target.with_name(f".{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        shutil.copytree(folder, part)
        part.rename(target)
    except OSError:
        shutil.rmtree(part, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)


def _chains(
    space: SearchSpace, layers: Sequence[LayerSpec], networks: Population
) -> list[tuple[Model, list[LayerSpec]]]:
    """Each model without its files, and the layers that it is made of."""
    found: list[tuple[Model, list[LayerSpec]]] = [(Model("empty", "empty", (1, 1), {}), [])]
    for number, layer in enumerate(layers, start=1):
        name = f"layer-{number:0{_width(layers)}d}"
        found.append((Model(name, "layer", input_shape(layer), {}, layer=text(layer)), [layer]))
    for number, genome in enumerate(networks, start=1):
        chain = [block.layer for block in space.blocks(genome)]
        name = f"network-{number:0{_width(networks)}d}"
        key = tuple(int(i) for i in genome)
        found.append((Model(name, "network", input_shape(chain[0]), {}, genome=key), chain))
    return found


def _width(things: Sequence[LayerSpec] | Population) -> int:
    return max(2, len(str(len(things))))


def _with(model: Model, files: dict[str, ModelFile]) -> Model:
    return Model(model.id, model.kind, model.input, files, model.layer, model.genome)


def _file(folder: Path, name: str, write: Write, layers: Sequence[LayerSpec]) -> ModelFile:
    """Write one model, if an earlier attempt has not."""
    path = folder / name
    if not path.exists():
        write_atomic(path, write(layers))
    return ModelFile(name, file_sha256(path), path.stat().st_size)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise StudioError(
            f"The folder can't be made: {problem.strerror or problem}.",
            where=folder,
            remedy="Check the rights of the folder that the kit goes to.",
        ) from problem


def _copy_runner(folder: Path) -> None:
    """The runner's scripts and texts, as they ship with the program."""
    ignore = shutil.ignore_patterns(*_NOT_COPIED)
    shutil.copytree(resource(RUNNER), folder, ignore=ignore, dirs_exist_ok=True)


def _zip(folder: Path, target: Path, inside: str, check: Callable[[], None]) -> None:
    """Pack the folder, as a folder of the archive's name."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            check()
            if path.is_file() and not re.search(r"\.part$", path.name):
                archive.write(path, f"{inside}/{path.relative_to(folder).as_posix()}")


def folder_bytes(path: Path) -> int:
    """Size of a kit on the disk, folder or zip, bytes."""
    if path.is_file():
        return path.stat().st_size
    return sum(os.path.getsize(found) for found in path.rglob("*") if found.is_file())
