"""Subjects that are not text: tensors, arrays, images and networks."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from faulting import mutations, specimens
from faulting.subject import Generator, Subject, copied
from nasstudio.engine.data.catalog import open_set
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.job.folder import RunFolder

# -- tensors ------------------------------------------------------------------------------------------------------


class SupernetFile(Subject):
    source = f"tiny.nasproj/runs/{specimens.TRAINED}/supernet-3-expand.safetensors"

    def read(self, path: Path) -> None:
        from nasstudio.engine.net.storage import load_supernet

        load_supernet(path)


class SupernetTensors(SupernetFile):
    """A file that is whole by its own hash and holds other tensors, or says other things about them."""

    def damaged(self, content: bytes, number: int, rng: Generator, marker: Path) -> bytes:
        import torch

        from nasstudio.engine.net.storage import KIND
        from nasstudio.engine.net.tensor_file import read_tensors, write_tensors

        place = marker.with_name("whole")
        place.write_bytes(content)
        tensors, about = read_tensors(place, KIND, "")
        name = sorted(tensors)[int(rng.integers(0, len(tensors)))]
        value = tensors[name]
        match number % 7:
            case 0:
                del tensors[name]
            case 1:
                tensors[f"{name}.more"] = value.clone()
            case 2:
                tensors[name] = value.double() if value.is_floating_point() else value.float()
            case 3:
                tensors[name] = torch.cat([value.reshape(-1)] * 2)
            case 4:
                tensors[name] = (
                    torch.full_like(value, float("nan")) if value.is_floating_point() else value
                )
            case _:
                about = mutations.of_json(about, rng).decode(errors="replace").encode()
        write_tensors(place, KIND, tensors, about)
        return place.read_bytes()


class ResumeFile(Subject):
    source = f"tiny.nasproj/runs/{specimens.STOPPED}"

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.trainer, self.identity = _trainer(RunFolder(home / self.source))

    def prepare(self, folder: Path, number: int, rng: Generator, marker: Path) -> None:
        copied(self.home / self.source, folder)
        for path in sorted(folder.glob("resume-*"))[number % 2 :]:
            content = mutations.of_bytes(path.read_bytes(), rng)
            path.write_bytes(mutations.disguised(number, marker) if number % 10 > 7 else content)

    def read(self, path: Path) -> None:
        from nasstudio.engine.train.checkpoint import Checkpoints

        progress = Checkpoints(path, self.identity).restore(self.trainer, lambda text: None)
        assert (path / f"resume-{progress.step:09d}.safetensors").is_file(), progress


def _trainer(run: RunFolder) -> tuple[Any, Any]:
    from nasstudio.engine.job.context import JobContext
    from nasstudio.engine.run.train import _Training
    from nasstudio.engine.train.distributed import Ranks

    spec = run.spec()
    job = JobContext(run, None, None)  # type: ignore[arg-type]
    training = _Training(spec, job, open_set(spec.data), "cpu", Ranks())
    return training.trainer, training.checkpoints.identity


# -- arrays -------------------------------------------------------------------------------------------------------


class Npz(Subject):
    """An npz file: its bytes, and arrays of other types and shapes in a sound file."""

    def damaged(self, content: bytes, number: int, rng: Generator, marker: Path) -> bytes:
        if number % 2:
            return mutations.of_bytes(content, rng)
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        name = sorted(arrays)[int(rng.integers(0, len(arrays)))]
        value = arrays[name]
        match number // 2 % 7:
            case 0:
                del arrays[name]
            case 1:
                arrays[name] = (
                    value.astype(np.float64) * np.nan if value.dtype.kind in "fiu" else value
                )
            case 2:
                arrays[name] = value.reshape(-1)[:-1]
            case 3:
                arrays[name] = np.array([mutations.Payload(marker)], dtype=object)
            case 4:
                arrays[name] = value.astype("U8")
            case 5 if name == "header":
                text = mutations.of_json(value.tobytes(), rng)
                arrays[name] = np.frombuffer(text, np.uint8)
            case 5:
                arrays[name] = -value if value.dtype.kind in "fi" else value
            case _:
                return _with_huge_shape(content, rng)
        made = io.BytesIO()
        np.savez(made, **arrays)
        return made.getvalue()


def _with_huge_shape(content: bytes, rng: Generator) -> bytes:
    """An array's header that claims more than any machine holds."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w") as new:
        names = old.namelist()
        chosen = names[int(rng.integers(0, len(names)))]
        for name in names:
            data = old.read(name)
            if name == chosen:
                head = io.BytesIO()
                shape = (int(10 ** rng.integers(3, 18)),)
                np.lib.format.write_array_header_1_0(
                    head, {"descr": "<f8", "fortran_order": False, "shape": shape}
                )
                data = head.getvalue() + data[-64:]
            new.writestr(name, data)
    return made.getvalue()


class Predictor(Npz):
    source = f"tiny.nasproj/runs/{specimens.PREDICTOR}/predictor.npz"

    def read(self, path: Path) -> None:
        from nasstudio.engine.predictor.ensemble import load

        predictor = load(path, self.space)
        found = predictor.of(self.space.sample(4, np.random.default_rng(0)))
        assert np.isfinite(found).all()


class SearchState(Npz):
    source, file = f"tiny.nasproj/runs/{specimens.SEARCH}", "state.npz"

    def read(self, path: Path) -> None:
        from nasstudio.engine.run.search import _prepared, _Session

        run = RunFolder(path)
        spec = msgspec.structs.replace(run.spec(), budget=170)
        job = _Quiet(path)
        job.home = self.home / "tiny.nasproj"
        search, baseline = _prepared(spec, job)
        session = _Session(spec, job, search, baseline)
        session.resume()
        session.step()
        assert session.writer is not None
        session.writer.close()


class _Quiet:
    """A job that nobody listens to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.home = path

    def input(self, reference: Any) -> Path:
        return self.home / reference.path

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments, **named: None


class Archive(Subject):
    source = f"tiny.nasproj/runs/{specimens.SEARCH}/archive"

    def prepare(self, folder: Path, number: int, rng: Generator, marker: Path) -> None:
        copied(self.home / self.source, folder)
        path = folder / ("archive.json", "archive.json", "genomes.i2", "values.f8")[number % 4]
        content = path.read_bytes()
        damaged = (mutations.of_json if number % 4 == 0 else mutations.of_bytes)(content, rng)
        path.write_bytes(mutations.disguised(number, marker) if number % 10 == 9 else damaged)

    def read(self, path: Path) -> None:
        from nasstudio.engine.search.archive_file import load

        archive = load(path, self.space)
        archive.best([])
        for column in archive.columns:
            archive.column(column)


# -- images and networks ------------------------------------------------------------------------------------------


class ImageFolder(Subject):
    source = "images"

    def prepare(self, folder: Path, number: int, rng: Generator, marker: Path) -> None:
        copied(self.home / self.source, folder)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        chosen = rng.choice(len(files), int(rng.integers(1, len(files) + 1)), replace=False)
        for n, at in enumerate(chosen):
            path = files[int(at)]
            match (number + n) % 8:
                case 0:
                    path.write_bytes(mutations.disguised(number + n, marker))
                case 1:
                    path.unlink()
                case 2:
                    path.unlink()
                    path.mkdir()
                case 3:
                    path.unlink()
                    path.symlink_to(path.name)
                case 4:
                    path.write_bytes(mutations.bomb())
                case _:
                    path.write_bytes(mutations.of_bytes(path.read_bytes(), rng))

    def read(self, path: Path) -> None:
        document = DataDocument("image_folder", {"folder": str(path), "size": 8})
        images = open_set(document, cache_folder=path.with_name("cache"))
        images.split("train").images(np.arange(2))


class Cifar(Subject):
    source, file = "cifar", "data_batch_3.bin"

    def read(self, path: Path) -> None:
        images = open_set(DataDocument("cifar10", {"folder": str(path)}))
        images.split("train").images(np.arange(2))


class Idx(Subject):
    source = "images.idx"

    def damaged(self, content: bytes, number: int, rng: Generator, marker: Path) -> bytes:
        if number % 3:
            return mutations.of_bytes(content, rng)
        head = bytearray(content[:16])
        head[int(rng.integers(0, 16))] = int(rng.integers(0, 256))
        return bytes(head) + content[16:]

    def read(self, path: Path) -> None:
        from nasstudio.engine.data.idx import read_idx

        read_idx(path, 3, "Get it again.")


class Onnx(Subject):
    source = "network.onnx"

    def damaged(self, content: bytes, number: int, rng: Generator, marker: Path) -> bytes:
        import onnx

        if number % 2:
            return mutations.of_bytes(content, rng)
        model = onnx.load_model_from_string(content)
        graph, at = model.graph, int(rng.integers(0, len(model.graph.node)))
        match number // 2 % 9:
            case 0:
                del graph.node[at]
            case 1:
                graph.node[at].op_type = "Nonsense"
            case 2:
                graph.node[at].input[0] = "nowhere"
            case 3:
                graph.initializer[0].dims[0] = int(rng.integers(-3, 2**40))
            case 4:
                graph.input[0].type.tensor_type.shape.dim[int(rng.integers(0, 4))].dim_value = int(
                    rng.choice([-1, 7, 2**40])
                )
            case 5:
                graph.initializer[0].data_location = onnx.TensorProto.EXTERNAL
                entry = graph.initializer[0].external_data.add()
                entry.key, entry.value = "location", "../../../../etc/passwd"
            case 6:
                model.opset_import[0].version = int(rng.choice([0, 1, 999]))
            case 7:
                graph.node[0].attribute[0].ints[0] = int(rng.integers(-5, 2**40))
            case _:
                graph.input[0].type.tensor_type.elem_type = int(rng.integers(0, 40))
        return model.SerializeToString()

    def read(self, path: Path) -> None:
        from nasstudio.engine.device.onnx_file import macs_by_running, open_onnx

        network = open_onnx(path, resolution=16, channels=1)
        if network.macs is None:
            macs_by_running(network)
