"""The malformed inputs: what is damaged, and the command that meets it. They are run by `cases.tried`."""

from __future__ import annotations

import json
import shutil
import sqlite3
import struct
from collections.abc import Callable
from pathlib import Path

from faulting import mutations
from faulting.cases import GROUPS, Case, Place
from faulting.specimens import CLASSES, PAIRS, PREDICTOR, SEARCH, STOPPED, TRAINED

CASES: list[Case] = []
Prepare = Callable[[Place], list[str]]


def _case(group: int, title: str, *, goes_on_changing: str = "") -> Callable[[Prepare], Prepare]:
    def add(prepare: Prepare) -> Prepare:
        goes_on = bool(goes_on_changing)
        CASES.append(Case(GROUPS[group], title, prepare, goes_on, goes_on_changing or "nothing"))
        return prepare

    return add


def _edited(path: Path, change: Callable[[dict], object]) -> None:
    """Change a JSON file."""
    document = json.loads(path.read_bytes())
    change(document)
    path.write_text(json.dumps(document, indent=1))


def _cut(path: Path, share: float = 0.5) -> None:
    """Keep the first part of a file."""
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])


def _flip(path: Path, share: float = 0.6) -> None:
    """Change one bit of a file."""
    content = bytearray(path.read_bytes())
    content[int(len(content) * share)] ^= 4
    path.write_bytes(content)


# -- latency tables -----------------------------------------------------------------------------------------------


def _table(place: Place, name: str) -> list[str]:
    return ["table", str(place.project), "--import", str(place.home / name)]


def _table_json(title: str, change: Callable[[dict], object]) -> None:
    @_case(0, title)
    def prepare(place: Place) -> list[str]:
        _edited(place.home / "table.json", change)
        return _table(place, "table.json")


def _table_csv(
    title: str, content: bytes | None, *, name: str = "table.csv", taken_in: bool = False
) -> None:
    @_case(0, title, goes_on_changing="latency.json" if taken_in else "")
    def prepare(place: Place) -> list[str]:
        path = place.home / name
        path.write_bytes(mutations.pickled(place.marker) if content is None else content)
        return _table(place, name)


@_case(0, "JSON table, cut off in the middle")
def _(place: Place) -> list[str]:
    _cut(place.home / "table.json")
    return _table(place, "table.json")


@_case(0, "table that is not there")
def _(place: Place) -> list[str]:
    return _table(place, "nowhere.csv")


_table_json("JSON table, a negative p10", lambda t: t["rows"][2]["cells"][0].update(p10=-1.5))
_table_json("JSON table, a time that is text", lambda t: t["rows"][2]["cells"][0].update(ms="fast"))
_table_json("JSON table, the same row twice", lambda t: t["rows"].append(t["rows"][0]))
_table_json("JSON table, a row with too many cells", lambda t: t["rows"][3]["cells"].append(None))
_table_json("JSON table of a later version", lambda t: t.update(version=7))
_table_json("JSON of something else", lambda t: (t.clear(), t.update(name="x", version="1.0")))
_table_csv(
    "CSV table, a line with a field too few", b"Operation,GPU (ms),CPU (ms)\nConv,0.1,2\nDW,0.2\n"
)
_table_csv("CSV table, a word for a time", b"Operation,GPU (ms)\nConv,quick\n")
_table_csv("CSV table with one column", b"Operation\nConv\n")
_table_csv("CSV table, a device without a name", b"Operation,(ms)\nConv,1\n")
_table_csv("CSV table, a column of masses", b"Operation,GPU (ms),Board (kg)\nConv,1,2\n")
_table_csv(
    "CSV table, times of infinity, 0 and -1: taken in and flagged",
    b"Operation,GPU (ms)\nConv,inf\nPool,0\nLinear,-1\n",
    taken_in=True,
)
_table_csv("empty CSV table", b"")
_table_csv("pickle under the name table.csv", None)

_ENTRY = b"Conv-input:224x224x3-output:112x112x24: {count: 50, mean: %s, std: 0.1}\n"
_table_csv("OFA table, a word for a mean", _ENTRY % b"two", name="224_lookup_table.yaml")
_table_csv("OFA table, the same key twice", 2 * (_ENTRY % b"1.5"), name="224_lookup_table.yaml")
_table_csv(
    "OFA table with a Python object in it",
    _ENTRY % b"!!python/object/apply:os.system ['touch unpickled']",
    name="224_lookup_table.yaml",
)
_table_csv("OFA table, 100,000 brackets deep", _ENTRY % (b"[" * 100_000), name="t.yaml")
_table_csv(
    "ProxylessNAS table, an entry without a mean",
    b"expanded_conv-input:56x56x24-output:56x56x24-expand:3-kernel:7-stride:1-idskip:1: {var: 1}\n",
    name="mobile_trim.yaml",
)
_table_csv("YAML of something else", b"name: resnet\nlayers: [1, 2]\n", name="config.yaml")
_table_csv(
    "whole networks, a word for a latency",
    b"depth,kernel,latency (ms)\n2,3,11.5\n3,5,timeout\n",
)
_table_csv("whole networks, two of them", b"depth,kernel,latency (ms)\n2,3,11.5\n3,5,14\n")
_table_csv(
    "whole networks, architectures of different lengths",
    b"arch,pixel3,raspi4\n|a~0|+|b~0|c~1|,1,2\n|a~0|,2,3\n",
)


# -- the project folder -------------------------------------------------------------------------------------------


def _database(
    title: str, damage: Callable[[Path], object], words: tuple[str, ...] = ("status",)
) -> None:
    @_case(1, title)
    def prepare(place: Place) -> list[str]:
        damage(place.project / "project.db")
        return [words[0], str(place.project), *words[1:]]


def _sql(path: Path, statement: str) -> None:
    database = sqlite3.connect(path)
    with database:
        database.executescript(statement)
    database.close()


def _foreign(path: Path) -> None:
    path.unlink()
    _sql(path, "CREATE TABLE songs (title TEXT); INSERT INTO songs VALUES ('Yesterday');")


_database("folder without project.db", lambda path: path.unlink())
_database("project.db emptied", lambda path: path.write_bytes(b""))
_database("project.db emptied, a job to be run", lambda path: path.write_bytes(b""), ("collect",))
_database("project.db is a text", lambda path: path.write_text("my project\n" * 99))
_database("project.db cut off", lambda path: _cut(path, 0.4))
_database("project.db of another program", _foreign, ("data", "--family", "fashion_mnist_small"))
_database("project.db of a later version", lambda path: _sql(path, "PRAGMA user_version = 99"))
_database(
    "stored space that is no space",
    lambda path: _sql(path, "UPDATE meta SET value = '[1, 2]' WHERE key = 'space'"),
)
_database(
    "stored summary that is no JSON",
    lambda path: _sql(path, "UPDATE run SET summary = '{\"largest\": ' WHERE id = 'trained'"),
)


@_case(1, "the project's latency table cut off")
def _(place: Place) -> list[str]:
    _cut(place.project / "tables" / "latency.json")
    return ["status", str(place.project)]


@_case(1, "a run whose folder is gone")
def _(place: Place) -> list[str]:
    shutil.rmtree(place.run(STOPPED))
    return ["resume", str(place.project), STOPPED]


@_case(1, "a run's events of another program")
def _(place: Place) -> list[str]:
    with (place.run(STOPPED) / "events.jsonl").open("a") as file:
        file.write('{"event": "applause", "loudness": 11}\n')
    return ["resume", str(place.project), STOPPED]


@_case(
    1, "unfinished run whose events don't read; another command", goes_on_changing="latency.json"
)
def _(place: Place) -> list[str]:
    _sql(
        place.project / "project.db",
        "UPDATE run SET state = 'running', ingested = 0 WHERE id = 'stopped'",
    )
    with (place.run(STOPPED) / "events.jsonl").open("a") as file:
        file.write('{"event": "applause", "loudness": 11}\n')
    return ["table", str(place.project), "--import", str(place.home / "table.csv")]


@_case(1, "a path out of the project as a run's name")
def _(place: Place) -> list[str]:
    return ["delete", str(place.project), "../../images"]


# -- checkpoints --------------------------------------------------------------------------------------------------


def _resume(title: str, damage: Callable[[list[Path], Place], object], changes: str = "") -> None:
    @_case(2, title, goes_on_changing=changes)
    def prepare(place: Place) -> list[str]:
        damage(sorted(place.run(STOPPED).glob("resume-*")), place)
        return ["resume", str(place.project), STOPPED]


def _supernet(
    title: str, damage: Callable[[Path, Place], object], command: str = "collect"
) -> None:
    @_case(2, title)
    def prepare(place: Place) -> list[str]:
        damage(place.run(TRAINED) / "supernet-3-expand.safetensors", place)
        return [command, str(place.project), *(("--more",) if command == "train" else ())]


def _all(damage: Callable[[Path], object]) -> Callable[[list[Path], Place], object]:
    return lambda paths, place: [damage(path) for path in paths]


def _swap(path: Path, place: Place) -> None:
    shutil.copy(sorted(place.run(STOPPED).glob("resume-*"))[-1], path)


def _huge_header(path: Path) -> None:
    path.write_bytes(struct.pack("<Q", 1 << 62) + path.read_bytes()[8:])


_resume(
    "newest checkpoint cut off: the one before it is taken",
    lambda p, _: _cut(p[-1]),
    "runs/stopped/resume",
)
_resume(
    "newest checkpoint, one bit changed: the same", lambda p, _: _flip(p[-1]), "runs/stopped/resume"
)
_resume("both checkpoints cut off", _all(_cut))
_resume("both checkpoints, one bit changed", _all(_flip))
_resume("both checkpoints empty", _all(lambda path: path.write_bytes(b"")))
_resume("checkpoints with a header of 4 EiB", _all(_huge_header))
_resume(
    "pickles under the checkpoints' names",
    lambda paths, place: [p.write_bytes(mutations.pickled_torch(place.marker)) for p in paths],
)
_resume(
    "checkpoint of another training",
    lambda paths, place: _edited(
        place.run(STOPPED) / "spec.json", lambda spec: spec.update(seed=6)
    ),
)
_supernet("supernet cut off", lambda path, _: _cut(path))
_supernet("supernet, one bit changed", lambda path, _: _flip(path))
_supernet("supernet gone", lambda path, _: path.unlink())
_supernet("resume checkpoint under the supernet's name", _swap, "train")
_supernet(
    "pickle under the supernet's name",
    lambda path, place: path.write_bytes(mutations.pickled_torch(place.marker)),
    "train",
)


# -- specifications -----------------------------------------------------------------------------------------------


def _spec(title: str, damage: Callable[[Path, Place], object]) -> None:
    @_case(3, title)
    def prepare(place: Place) -> list[str]:
        damage(place.run(STOPPED) / "spec.json", place)
        return ["resume", str(place.project), STOPPED]


def _spec_with(title: str, change: Callable[[dict], object]) -> None:
    _spec(title, lambda path, _: _edited(path, change))


_spec("specification cut off", lambda path, _: _cut(path))
_spec("specification gone", lambda path, _: path.unlink())
_spec("specification, 200,000 brackets deep", lambda path, _: path.write_bytes(b"[" * 200_000))
_spec(
    "pickle under the name spec.json", lambda path, p: path.write_bytes(mutations.pickled(p.marker))
)
_spec_with("specification of a job that is none", lambda spec: spec.update(job="bake"))
_spec_with("specification with a field that is none", lambda spec: spec.update(speed=11))
_spec_with("specification, a batch that is text", lambda spec: spec.update(batch="many"))
_spec_with("specification, a batch of 0", lambda spec: spec.update(batch=0))
_spec_with("specification, a momentum of 1e308", lambda spec: spec.update(momentum=1e308))
_spec_with("specification, minus 3 threads", lambda spec: spec.update(threads=-3))
_spec_with("specification, a seed of minus 1", lambda spec: spec.update(seed=-1))
_spec_with(
    "specification that starts from a file outside the project",
    lambda spec: spec.update(start={"path": "../../../etc/passwd", "sha256": "0" * 64}),
)


# -- image folders ------------------------------------------------------------------------------------------------


def _images(title: str, damage: Callable[[Path, Place], object], changes: str = "") -> None:
    @_case(4, title, goes_on_changing=changes)
    def prepare(place: Place) -> list[str]:
        folder = place.home / "images"
        damage(folder, place)
        return [
            "data",
            str(place.project),
            "--family",
            "image_folder",
            "--option",
            f"folder={folder}",
        ]


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _loose(folder: Path, place: Place) -> None:
    for label in CLASSES:
        for path in _files(folder / label):
            path.rename(folder / f"{label}{path.name}")
        (folder / label).rmdir()


def _bombed(folder: Path, place: Place) -> None:
    (folder / CLASSES[0] / "0.png").write_bytes(mutations.bomb())


_images("folder that is not there", lambda folder, _: shutil.rmtree(folder))
_images("empty folder", lambda folder, _: (shutil.rmtree(folder), folder.mkdir()))
_images(
    "file instead of a folder", lambda folder, _: (shutil.rmtree(folder), folder.write_text("x"))
)
_images(
    "one class only", lambda folder, _: [shutil.rmtree(folder / label) for label in CLASSES[1:]]
)
_images("images without class folders", _loose)
_images(
    "class without a readable image",
    lambda f, _: [p.write_bytes(b"") for p in _files(f / CLASSES[0])],
)
_images("every image cut off", lambda folder, _: [_cut(path, 0.1) for path in _files(folder)])
_images(
    "pickles under the images' names",
    lambda folder, place: [p.write_bytes(mutations.pickled(place.marker)) for p in _files(folder)],
)
_images("one image that claims 60,000 x 60,000 px", _bombed)
_images(
    "text files among the images",
    lambda folder, _: (folder / CLASSES[0] / "a.txt").write_text("x"),
    "row is gone: meta",
)


@_case(4, "size that is text")
def _(place: Place) -> list[str]:
    folder = f"folder={place.home / 'images'}"
    words = ["data", str(place.project), "--family", "image_folder", "--option", folder]
    return [*words, "--option", "size=big"]


# -- data sets, spaces, schedules ---------------------------------------------------------------------------------


def _cifar(title: str, damage: Callable[[Path, Place], object]) -> None:
    @_case(5, title)
    def prepare(place: Place) -> list[str]:
        damage(place.home / "cifar", place)
        option = f"folder={place.home / 'cifar'}"
        return ["data", str(place.project), "--family", "cifar10", "--option", option]


def _pickled_cifar(folder: Path, place: Place) -> None:
    for path in _files(folder):
        path.unlink()
        path.with_suffix("").write_bytes(mutations.pickled(place.marker))


def _space(title: str, change: Callable[[dict], object]) -> None:
    @_case(5, title)
    def prepare(place: Place) -> list[str]:
        _edited(place.home / "space.json", change)
        return ["space", str(place.project), "--file", str(place.home / "space.json")]


def _schedule(title: str, change: Callable[[dict], object]) -> None:
    @_case(5, title)
    def prepare(place: Place) -> list[str]:
        _edited(place.home / "schedule.json", change)
        return ["train", str(place.project), "--schedule", str(place.home / "schedule.json")]


def _fashion(place: Place) -> Path:
    """The four files of Fashion-MNIST, as far as a reader needs them to find fault with the first."""
    folder = place.home / "fashion"
    folder.mkdir()
    for part in ("train", "t10k"):
        (folder / f"{part}-images-idx3-ubyte").write_bytes((place.home / "images.idx").read_bytes())
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(
            struct.pack(">HBBI", 0, 8, 1, 5) + bytes(5)
        )
    return folder


def _idx(title: str, damage: Callable[[Path], object]) -> None:
    @_case(5, title)
    def prepare(place: Place) -> list[str]:
        folder = _fashion(place)
        damage(folder / "train-images-idx3-ubyte")
        option = f"folder={folder}"
        return ["data", str(place.project), "--family", "fashion_mnist", "--option", option]


def _claims(path: Path) -> None:
    path.write_bytes(struct.pack(">HBBIII", 0, 8, 3, 2**31, 2**31, 2**31) + bytes(99))


_cifar("CIFAR-10 in its pickled version", _pickled_cifar)
_cifar("CIFAR-10, a file cut off", lambda folder, _: _cut(folder / "data_batch_2.bin", 0.501))
_idx("IDX file cut off", _cut)
_idx("IDX file that claims 2^93 bytes", _claims)
_space("space with a kernel of 4.5", lambda s: s["options"]["stages"][0].update(kernel=[4.5]))
_space("space without stages", lambda s: s["options"].update(stages=[]))
_space("space with a resolution of 10^9 px", lambda s: s["options"].update(resolution=[10**9]))
_space("space of a family that is not installed", lambda s: s.update(family="octonet"))
_schedule("schedule without phases", lambda s: s.update(phases=[]))
_schedule("schedule with minus 3 epochs", lambda s: s["phases"][1].update(epochs=-3))
_schedule("schedule with a rate of 0", lambda s: s["phases"][0].update(rate=0))
_schedule("schedule with a field that is none", lambda s: s["phases"][0].update(colour="red"))


# -- pairs, predictors, archives ----------------------------------------------------------------------------------


def _file(title: str, path: str, damage: Callable[[Path, Place], object], *words: str) -> None:
    @_case(6, title)
    def prepare(place: Place) -> list[str]:
        damage(place.project / "runs" / path, place)
        return [words[0], str(place.project), *words[1:]]


_pairs, _predictor, _archive = (
    f"{PAIRS}/pairs.jsonl",
    f"{PREDICTOR}/predictor.npz",
    f"{SEARCH}/archive",
)
_file("pairs changed after they were collected", _pairs, lambda path, _: _flip(path), "fit")
_file("predictor cut off", _predictor, lambda path, _: _cut(path), "search")
_file(
    "npz of pickles under the predictor's name",
    _predictor,
    lambda path, place: path.write_bytes(mutations.pickled_npz(place.marker)),
    "search",
)
_file(
    "archive cut off inside a network", _archive, lambda p, _: _cut(p / "values.f8", 0.77), "front"
)
_file("archive whose genomes are noise", _archive, lambda p, _: _noise(p / "genomes.i2"), "front")
_file("archive without its description", _archive, lambda p, _: _cut(p / "archive.json"), "front")


def _noise(path: Path) -> None:
    path.write_bytes(b"\xff\x7f" * (path.stat().st_size // 2))


# -- ONNX and limits ----------------------------------------------------------------------------------------------


def _onnx(title: str, damage: Callable[[Path, Place], object]) -> None:
    @_case(7, title)
    def prepare(place: Place) -> list[str]:
        path = place.home / "network.onnx"
        damage(path, place)
        return ["reference", str(place.project), "--onnx", str(path)]


_onnx("ONNX file cut off", lambda path, _: _cut(path))
_onnx("ONNX file that is not there", lambda path, _: path.unlink())
_onnx(
    "pickle under an ONNX file's name",
    lambda path, p: path.write_bytes(mutations.pickled(p.marker)),
)


@_case(7, "limit that is none")
def _(place: Place) -> list[str]:
    return ["search", str(place.project), "--limit", "latency under 5"]


@_case(7, "limit on a metric that is none")
def _(place: Place) -> list[str]:
    return ["front", str(place.project), "--limit", "beauty<=5"]


@_case(7, "limit that no network meets")
def _(place: Place) -> list[str]:
    return ["search", str(place.project), "--limit", "latency<=0.000001"]


@_case(7, "network that the search did not find")
def _(place: Place) -> list[str]:
    return ["pin", str(place.project), "ofa-000000"]
