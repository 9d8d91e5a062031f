"""What packages are made of agrees with the program: desktop entry, MIME type, AppStream, icons, entry point, spec."""

import ast
import configparser
import os
import runpy
import shlex
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from PySide6.QtGui import QImage

from nasstudio.cli.main import parser
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.job import events as ev
from nasstudio.engine.job import supervise
from nasstudio.engine.job.folder import RunFolder
from nasstudio.engine.job.specification import ProbeSpec, Reference, VerifySpec
from nasstudio.engine.project.project import SUFFIX, Project
from nasstudio.engine.space.families import preset
from nasstudio.ui.app import application

ROOT = Path(__file__).parent.parent
PACKAGING = ROOT / "packaging"
LINUX = PACKAGING / "linux"
ENTRY = PACKAGING / "entry.py"
MIME = "application/x-nasstudio-project"
DATA = DataDocument("fashion_mnist_small")


@pytest.fixture(scope="module")
def package():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def desktop():
    read = configparser.ConfigParser(interpolation=None, strict=True)
    read.optionxform = str
    read.read_string((LINUX / "nasstudio.desktop").read_text())
    return read


@pytest.fixture(scope="module")
def metainfo():
    (path,) = LINUX.glob("*.metainfo.xml")
    root = ElementTree.parse(path).getroot()
    assert path.name == f"{root.findtext('id')}.metainfo.xml"
    return root


# -- Linux ----------------------------------------------------------------------------------------------------------


def test_that_the_desktop_entry_starts_the_program_with_or_without_a_project(desktop, package):
    entry = desktop["Desktop Entry"]
    assert entry["Type"] == "Application"
    assert entry["Name"] == "NAS Studio"
    assert entry["Categories"].endswith(";")
    program, *arguments = shlex.split(entry["Exec"])
    assert program in package["scripts"]
    assert entry["TryExec"] == program
    without = [a for a in arguments if a != "%f"]
    with_one = ["/home/me/Phone.nasproj" if a == "%f" else a for a in arguments]
    assert parser().parse_args(without).project is None
    assert parser().parse_args(with_one).project == Path("/home/me/Phone.nasproj")


def test_that_every_action_of_the_desktop_entry_is_a_command(desktop):
    for name in filter(None, desktop["Desktop Entry"]["Actions"].split(";")):
        action = desktop[f"Desktop Action {name}"]
        assert action["Name"]
        _, *arguments = shlex.split(action["Exec"])
        parser().parse_args(arguments)


def test_that_the_window_says_the_name_of_its_desktop_entry(desktop):
    name = application([]).desktopFileName()
    assert (LINUX / f"{name}.desktop").is_file()
    assert desktop["Desktop Entry"]["StartupWMClass"] == name


def test_that_the_mime_type_is_that_of_a_project(desktop):
    space = {"m": "http://www.freedesktop.org/standards/shared-mime-info"}
    root = ElementTree.parse(LINUX / "nasstudio-mime.xml").getroot()
    (kind,) = root.findall("m:mime-type", space)
    assert kind.get("type") == MIME
    assert [g.get("pattern") for g in kind.findall("m:glob", space)] == [f"*{SUFFIX}"]
    assert MIME in desktop["Desktop Entry"]["MimeType"].split(";")


def test_that_the_metadata_is_that_of_this_version(metainfo, package, desktop):
    assert metainfo.tag == "component"
    assert metainfo.get("type") == "desktop-application"
    assert metainfo.findtext("project_license") == package["license"]
    assert metainfo.findtext("metadata_license") == "CC0-1.0"
    assert metainfo.findtext("launchable") == "nasstudio.desktop"
    assert metainfo.findtext("provides/mediatype") == MIME
    assert metainfo.findtext("provides/binary") in package["scripts"]
    versions = [release.get("version") for release in metainfo.findall("releases/release")]
    assert versions[0] == package["version"]
    assert metainfo.findtext("name") == desktop["Desktop Entry"]["Name"]
    assert len(metainfo.findtext("summary")) < 70
    assert not metainfo.findtext("summary").endswith(".")


# -- icons ----------------------------------------------------------------------------------------------------------


def test_that_icons_have_their_sizes_and_are_what_the_script_renders(tmp_path):
    application([])
    script = runpy.run_path(str(PACKAGING / "render_icons.py"))
    assert script["main"](tmp_path) == 0
    assert {16, 32, 48, 256} <= set(script["SIZES"])
    for size in script["SIZES"]:
        kept = QImage(str(PACKAGING / "icons" / f"nasstudio-{size}.png"))
        fresh = QImage(str(tmp_path / f"nasstudio-{size}.png"))
        assert (kept.width(), kept.height()) == (size, size)
        # Not byte for byte: another Qt may smooth an edge otherwise.
        for x, y in ((0.5, 0.2), (0.5, 0.8), (0.65, 0.36), (0.02, 0.02)):
            place = int(x * size), int(y * size)
            one, other = kept.pixelColor(*place), fresh.pixelColor(*place)
            for a, b in zip(one.getRgb(), other.getRgb(), strict=True):
                assert abs(a - b) < 24
    kept_svg = (PACKAGING / "icons" / "nasstudio.svg").read_text()
    assert kept_svg == (tmp_path / "nasstudio.svg").read_text()
    assert "currentColor" not in kept_svg


def test_that_the_desktop_entry_names_an_icon_that_is_there(desktop):
    name = desktop["Desktop Entry"]["Icon"]
    assert (PACKAGING / "icons" / f"{name}.svg").is_file()
    assert (PACKAGING / "icons" / f"{name}-256.png").is_file()


# -- the packaged program -------------------------------------------------------------------------------------------


def entry(*arguments, **more):
    environment = dict(os.environ, PYTHONPATH=str(ROOT), **more)
    return subprocess.run(
        [sys.executable, str(ENTRY), *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
        check=False,
    )


def test_that_freeze_support_comes_before_everything_else():
    (guard,) = [n for n in ast.parse(ENTRY.read_text()).body if isinstance(n, ast.If)]
    assert ast.unparse(guard.test) == "__name__ == '__main__'"
    assert ast.unparse(guard.body[0]) == "multiprocessing.freeze_support()"


def test_that_the_entry_is_the_command_line(tmp_path):
    path = tmp_path / "Mine.nasproj"
    made = entry("new", path, "--json")
    assert made.returncode == 0, made.stderr
    assert entry("status", path, "--json").returncode == 0


def test_that_the_entry_runs_a_job_as_a_python_does(tmp_path):
    project = Project.create(tmp_path / "Mine")
    folder = project.new_run(ProbeSpec(name="Find devices"))
    project.close()
    (folder.path / "spec.json").unlink()
    ran = entry("-m", "nasstudio.engine.run", folder.path, NASSTUDIO_RUNTIME=str(tmp_path))
    assert ran.returncode == 2
    assert folder.state() == "failed"


def test_that_a_job_without_the_engine_says_what_to_install(tmp_path):
    folder = RunFolder.create(
        tmp_path / "p" / "runs" / "verify-1",
        VerifySpec(
            name="Verification",
            space=preset("mbv3_28_fast"),
            data=DATA,
            supernet=Reference("none.safetensors", "0" * 64),
            genomes=(),
        ),
    )
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from pathlib import Path\n"
        "from nasstudio.engine.run.child import main\n"
        f"sys.exit(main(Path({str(folder.path)!r})))"
    )
    ran = entry("-s", "-c", code, NASSTUDIO_RUNTIME=str(tmp_path))
    assert ran.returncode == 5, ran.stderr
    (failed,) = [e for e in ev.EventReader(folder.events).read() if isinstance(e, ev.Failed)]
    assert failed.what == "torch is not installed."
    assert "interpreter" in failed.remedy


def test_that_the_entry_answers_what_it_has_as_a_python_does():
    assert entry("-s", "-c", "print(6 * 7)").stdout.strip() == "42"


def test_that_children_get_the_library_path_of_the_person():
    code = (
        "import os; print(os.environ.get('LD_LIBRARY_PATH'), 'LD_LIBRARY_PATH_ORIG' in os.environ)"
    )
    said = entry("-s", "-c", code, LD_LIBRARY_PATH="/ours", LD_LIBRARY_PATH_ORIG="/theirs").stdout
    assert said.split() == ["/theirs", "False"]


@pytest.mark.parametrize("frozen", [False, True])
def test_that_only_a_program_with_modules_of_its_own_lends_them(tmp_path, monkeypatch, frozen):
    folder = RunFolder.create(tmp_path / "p" / "runs" / "probe-1", ProbeSpec(name="Find devices"))
    started = []

    class Child:
        pid = os.getpid()

        def __init__(self, command, env, **more):
            started.append(env)

    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setattr(sys, "frozen", frozen, raising=False)
    monkeypatch.setattr(supervise.subprocess, "Popen", Child)
    supervise.start(folder, "/opt/engine/bin/python")
    assert [env.get("PYTHONPATH") for env in started] == [None if frozen else str(ROOT)]


def test_that_the_spec_leaves_the_engine_out_and_takes_the_resources_in():
    tree = ast.parse((PACKAGING / "nasstudio.spec").read_text())
    lists = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and node.targets[0].id in ("EXCLUDED", "METADATA")
    }
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    forbidden = contracts["contracts"][1]["forbidden_modules"]
    assert set(forbidden) <= set(lists["EXCLUDED"])
    assert "nasstudio" in lists["METADATA"]
    text = (PACKAGING / "nasstudio.spec").read_text()
    assert '"nasstudio/_resources"' in text
    templates = ROOT / "nasstudio" / "engine" / "export" / "templates"
    assert templates.is_dir()
    assert '"nasstudio/engine/export/templates"' in text
