"""A kit holds what its manifest says, whole or not at all."""

import errno
import hashlib
import zipfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from nasstudio.engine.device.coverage import layers_to_measure
from nasstudio.engine.device.kit import formats, manifest
from nasstudio.engine.device.kit.choose import networks_of
from nasstudio.engine.device.kit.write import KitWriter, folder_bytes
from nasstudio.engine.device.runtime import registry
from nasstudio.engine.errors import CorruptFile, InvalidInput, NeedsExtra, StudioError
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.layer import parse


def _read(kit):
    return manifest.decode((kit / manifest.NAME).read_bytes())


def test_that_the_kit_has_every_layer_an_empty_model_and_the_networks(space, kit):
    found = _read(kit)
    layers = [parse(model.layer) for model in found.models if model.kind == "layer"]
    assert tuple(layers) == space.layers
    assert sum(model.kind == "empty" for model in found.models) == 1
    networks = [model.genome for model in found.models if model.kind == "network"]
    assert len(set(networks)) == len(networks) >= 4
    assert space.checked(networks).tolist() == [list(genome) for genome in networks]
    assert (found.space_hash, build(found.space).hash) == (space.hash, space.hash)


def test_that_every_file_is_the_one_the_manifest_names_and_runs(kit):
    for model in _read(kit).models:
        file = model.files["onnx"]
        content = (kit / file.path).read_bytes()
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (file.sha256, file.bytes)
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        (entry,) = session.get_inputs()
        assert tuple(entry.shape) == model.input
        (output,) = session.run(None, {entry.name: np.ones(model.input, np.float32)})
        assert np.isfinite(output).all()


def test_that_the_runner_its_readme_and_its_licence_are_in_the_kit(kit):
    for name in ("run_kit.py", "collect_android.py", "README.md", "RESULTS.md", "LICENSE.txt"):
        assert (kit / name).stat().st_size > 100
    assert {path.name for path in (kit / "runner").iterdir()} >= {
        "files.py",
        "child.py",
        "machine.py",
    }
    assert not list(kit.rglob("*.part"))
    assert not list(kit.rglob("__pycache__"))


def test_that_large_weights_repeat_so_that_a_zip_is_small_and_numbers_stay_ordinary():
    layer = parse("conv 160x7x7 -> 960 k1 s1 hswish")
    write, _ = formats.writer("onnx")
    model = onnx.load_from_string(write([layer]))
    weights = onnx.numpy_helper.to_array(model.graph.initializer[0])
    assert len(np.unique(weights)) < weights.size / 100
    assert len(np.unique(weights[:, :, 0, 0], axis=0)) > 100
    assert weights.std() == pytest.approx((2 / 160) ** 0.5, rel=0.1)


def test_that_a_zip_holds_the_same_kit_in_a_folder_of_its_name(space, kit, tmp_path):
    target = tmp_path / "board.zip"
    networks = networks_of(space, space.layers, 6, np.random.default_rng(0))
    KitWriter(target, space, space.layers, networks).write()
    with zipfile.ZipFile(target) as archive:
        assert archive.testzip() is None
        names = {name.removeprefix("board/") for name in archive.namelist()}
        found = manifest.decode(archive.read("board/manifest.json"))
    assert names == {path.relative_to(kit).as_posix() for path in kit.rglob("*") if path.is_file()}
    assert found.models == _read(kit).models
    assert target.stat().st_size == folder_bytes(target) < folder_bytes(kit)
    assert list(tmp_path.iterdir()) == [target]


def test_that_a_stopped_kit_leaves_no_target_and_goes_on_with_what_it_has(space, tmp_path):
    class Enough(Exception):
        pass

    def stop_after(done, name):
        if done == 3:
            raise Enough

    target = tmp_path / "kit"
    none = np.zeros((0, len(space.genes)), np.int16)
    with pytest.raises(Enough):
        KitWriter(target, space, space.layers, none).write(on_file=stop_after)
    assert not target.exists()
    (part,) = tmp_path.iterdir()
    times = {path.name: path.stat().st_mtime_ns for path in (part / "models").iterdir()}
    assert len(times) == 3
    KitWriter(target, space, space.layers, none).write()
    kept = {path.name: path.stat().st_mtime_ns for path in (target / "models").iterdir()}
    assert times.items() <= kept.items()
    assert list(tmp_path.iterdir()) == [target]


def test_that_a_kit_grows_in_the_folder_of_its_run_and_moves_to_another_disk(
    space, tmp_path, monkeypatch
):
    work, target = tmp_path / "run", tmp_path / "away" / "kit"
    work.mkdir()
    target.parent.mkdir()
    rename = Path.rename

    def renamed(source, place):
        if source.parent != Path(place).parent:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return rename(source, place)

    monkeypatch.setattr(Path, "rename", renamed)
    none = np.zeros((0, len(space.genes)), np.int16)
    writer = KitWriter(target, space, space.layers[:2], none, work=work)
    writer.write(on_file=lambda done, name: None if any(work.iterdir()) else pytest.fail(name))
    assert len(_read(target).models) == 3
    assert list(target.parent.iterdir()) == [target]
    assert not list(work.iterdir())


def test_that_what_another_kit_left_behind_is_not_taken(space, tmp_path):
    none = np.zeros((0, len(space.genes)), np.int16)
    names = [KitWriter(tmp_path / "k", space, space.layers[:n], none)._part for n in (2, 3)]
    assert names[0] != names[1]


def test_that_nothing_is_overwritten(space, kit):
    before = folder_bytes(kit)
    with pytest.raises(InvalidInput, match="already") as caught:
        KitWriter(kit, space, space.layers, np.zeros((0, len(space.genes)), np.int16))
    assert caught.value.remedy
    assert folder_bytes(kit) == before


@pytest.mark.parametrize(
    ("names", "word"), [((), "needs a format"), (("onnx", "tensorrt"), "tensorrt")]
)
def test_that_a_format_that_is_none_is_named(names, word):
    with pytest.raises(InvalidInput, match=word):
        manifest.check_formats(names)


def test_that_a_format_whose_package_is_missing_says_which_extra_brings_it(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(formats.importlib, "import_module", missing)
    with pytest.raises(NeedsExtra) as caught:
        formats.writer("litert")
    assert "litert" in caught.value.remedy


def test_that_models_of_executorch_are_what_its_runtime_lowers(monkeypatch):
    asked = []

    class Runtime:
        @staticmethod
        def version():
            return "1.5.1"

        @staticmethod
        def lower(layers, device):
            asked.append((tuple(layers), device.runtime, device.batch, device.precision))
            return b"program"

    monkeypatch.setattr(registry, "get", {"executorch": Runtime}.__getitem__)
    write, version = formats.writer("executorch")
    layer = parse("linear 8x1x1 -> 4 k1 s1 nobn bias")
    assert (write([layer]), version) == (b"program", "1.5.1")
    assert asked == [((layer,), "executorch", 1, "fp32")]


def test_that_the_converter_of_litert_gets_images_channels_last_and_its_failure_is_said():
    class Converter:
        asked = ()

        @classmethod
        def to_channel_last_io(cls, module, **ends):
            cls.asked = ends
            return module

        @staticmethod
        def convert(module, inputs):
            raise RuntimeError(f"no kernel for {tuple(inputs[0].shape)}")

    with pytest.raises(StudioError, match=r"no kernel for \(1, 9, 9, 3\)"):
        formats._converted(Converter, [parse("conv 3x9x9 -> 8 k3 s2 hswish")])
    assert Converter.asked == {"args": [0], "outputs": [0]}


def test_that_a_kit_of_the_published_space_has_four_resolutions_and_networks_made_of_them():
    published = build(preset("ofa_mbv3"))
    layers = layers_to_measure(published)
    networks = networks_of(published, layers, 40, np.random.default_rng(0))
    assert set(published.resolution(networks).tolist()) == {128, 160, 192, 224}
    known = set(layers)
    used = {block.layer for genome in networks for block in published.blocks(genome)}
    assert used <= known
    assert len(networks) >= 36
    assert networks_of(published, layers, 0, np.random.default_rng(0)).shape == (0, 51)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", CorruptFile),
        (b"{}", CorruptFile),
        (b'{"format": "nasstudio-kit", "version": 1, "models": 3}', CorruptFile),
    ],
)
def test_that_a_damaged_manifest_is_refused(content, kind):
    with pytest.raises(kind) as caught:
        manifest.decode(content, "kit/manifest.json")
    assert caught.value.where == "kit/manifest.json"


def test_that_a_manifest_of_another_version_is_refused(kit):
    content = (kit / manifest.NAME).read_bytes().replace(b'"version": 1', b'"version": 7')
    with pytest.raises(InvalidInput, match="version 7"):
        manifest.decode(content)
