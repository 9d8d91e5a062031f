"""The registry of formats and the safe names of what is written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasstudio.engine.errors import InvalidInput, NeedsExtra
from nasstudio.engine.export import formats
from nasstudio.engine.export.formats import ExportFormat, named, safe_name

FOREIGN = ExportFormat("foreign", "Foreign", "For a test.", ("{name}.x",), "foreign", "a.b:write")


@given(st.text())
def test_that_any_title_gives_a_name_that_is_one_file_name(title: str) -> None:
    name = safe_name(title)
    assert name
    assert len(name.encode()) <= formats.LONGEST_NAME + len("network-")
    assert not re.search(r"[\\/:*?\"<>|\x00-\x1f\s]", name)
    assert ".." not in name
    assert name[0] not in ".-"
    assert name[-1] not in ". "


@given(st.text())
def test_that_a_safe_name_stays_as_it_is(title: str) -> None:
    assert safe_name(safe_name(title)) == safe_name(title)


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Fashion 5 ms", "Fashion-5-ms"),
        ("../../etc/passwd", "etc-passwd"),
        ("a/b\\c:d", "a-b-c-d"),
        ("  ", "network"),
        ("CON", "network-CON"),
        ("nul.onnx", "network-nul.onnx"),
        ("Größe 1", "Größe-1"),
        ("网络", "网络"),
    ],
)
def test_that_titles_become_readable_names(title: str, name: str) -> None:
    assert safe_name(title) == name


def test_that_every_format_of_ours_has_a_writer() -> None:
    assert set(formats.formats()) >= {"onnx", "pytorch"}
    for name in ("onnx", "pytorch"):
        assert callable(named(name).load())


def test_that_an_unknown_format_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidInput) as problem:
        named("tflite")
    assert "onnx" in problem.value.remedy


def test_that_another_package_can_add_a_format(monkeypatch: pytest.MonkeyPatch) -> None:
    point = SimpleNamespace(name="foreign", value="a:b", load=lambda: FOREIGN)
    monkeypatch.setattr(formats, "entry_points", lambda group: [point])
    assert named("foreign").paths("n") == ("n.x",)
    with pytest.raises(NeedsExtra):
        named("foreign").load()


def test_that_an_entry_point_of_another_kind_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    point = SimpleNamespace(name="odd", value="a:b", load=lambda: 3)
    monkeypatch.setattr(formats, "entry_points", lambda group: [point])
    with pytest.raises(InvalidInput, match="odd"):
        formats.formats()


def test_that_the_formats_and_the_card_are_known_without_torch_or_onnx() -> None:
    code = (
        "import sys; import nasstudio.engine.export.formats as f; f.formats();"
        "import nasstudio.engine.export.card, nasstudio.engine.export.card_text;"
        "print([m for m in ('torch','onnx','onnxruntime','scipy','safetensors') if m in sys.modules])"
    )
    root = Path(formats.__file__).parents[3]
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == "[]"
