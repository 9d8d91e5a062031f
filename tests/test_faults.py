"""Nothing is lost: the core of `benchmarks/faults.py`, quick enough for every day.

Processes are killed for real; what is resumed, and the jobs of malformed cases, run in this process.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

from faulting import cases, kills, malformed, mutations, studio  # noqa: E402
from faulting import specimens as made  # noqa: E402
from faulting.readers import NAMES, outcome  # noqa: E402
from faulting.reading import SUBJECTS  # noqa: E402
from faulting.subject import copied  # noqa: E402

from nasstudio.cli import watch  # noqa: E402
from nasstudio.cli.main import main  # noqa: E402
from nasstudio.engine.job.folder import RunFolder  # noqa: E402
from nasstudio.engine.project.project import Project  # noqa: E402

KILLED = {
    "in phase 3, step 15",
    "inside a checkpoint write, half of it written",
    "inside the write of an event",
}


@pytest.fixture(scope="module")
def specimens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Not to be changed."""
    home = tmp_path_factory.mktemp("faults")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NASSTUDIO_RUNTIME", str(home / "runtime"))
        return made.make(home / "specimens")


@pytest.fixture(scope="module")
def place(specimens: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a whole training, in which others are killed."""
    return copied(specimens / "tiny.nasproj", tmp_path_factory.mktemp("kills") / "tiny.nasproj")


@pytest.mark.parametrize(
    "fault", [f for f in kills.FAULTS if f.title in KILLED], ids=lambda fault: fault.title
)
def test_that_a_killed_training_is_interrupted_and_resumed_bit_for_bit(place: Path, fault) -> None:
    project = Project.open(place, write=True)
    whole = RunFolder(place / "runs" / made.TRAINED)
    trainings = kills.Trainings(project, whole, studio.Inline)
    try:
        assert trainings.killed(fault) == []
    finally:
        trainings.project.close()


def test_that_the_kills_happen_at_ten_moments_one_of_them_inside_a_checkpoint_and_one_in_each_phase() -> (
    None
):
    titles = [fault.title for fault in kills.FAULTS]
    assert len(titles) == len(set(titles)) >= 10
    for words in ("inside a checkpoint write", "in phase 1", "in phase 2", "in phase 3"):
        assert any(title.startswith(words) for title in titles)


@pytest.mark.parametrize("case", malformed.CASES, ids=lambda case: f"{case.group}: {case.title}")
def test_that_malformed_input_is_named_and_harms_nothing(
    case: cases.Case, specimens: Path, tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.setattr(watch.supervise, "start", studio.Inline)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def command(words: list[str]) -> tuple[int, str]:
        code = main(words)
        said = capsys.readouterr()
        return code, said.out + said.err

    outcome = cases.tried(case, specimens, tmp_path / "place", command)
    assert outcome.wrong == [], outcome.said


@pytest.mark.parametrize("reader", NAMES)
def test_that_damaged_input_ends_in_an_error_that_says_what_where_and_what_to_do(
    reader: str, specimens: Path, tmp_path: Path
) -> None:
    subject = SUBJECTS[reader](specimens)
    said = [outcome(subject, _folder(tmp_path, n), seed=1, number=n) for n in range(10, 20)]
    assert [words for words in said if words.startswith("crash")] == []
    # Most of a project's files are not read when it is opened.
    assert reader == "project folder" or any(words.startswith("refused") for words in said)


def _folder(tmp_path: Path, number: int) -> Path:
    made = tmp_path / str(number)
    made.mkdir()
    return made


def test_that_every_kind_of_input_has_its_malformed_cases() -> None:
    counts = {group: sum(case.group == group for case in malformed.CASES) for group in cases.GROUPS}
    assert len(malformed.CASES) >= 25
    assert all(counts[group] >= 4 for group in cases.GROUPS[:5]), counts


def test_that_the_payload_of_the_disguised_pickles_would_be_noticed(tmp_path: Path) -> None:
    marker = tmp_path / "unpickled"
    pickle.loads(mutations.pickled(marker))
    assert marker.exists()


def test_that_the_comparisons_would_notice_a_loss(specimens: Path, tmp_path: Path) -> None:
    runs = specimens / "tiny.nasproj" / "runs"
    found = studio.differences(runs / made.TRAINED, runs / made.STOPPED)
    assert any(words.startswith("tensor") for words in found)
    assert "supernet-3-expand.safetensors" in found
    home = copied(specimens, tmp_path / "home")
    before = cases.State.of(home)
    assert before.lost(cases.State.of(home)) == []
    (home / "space.json").write_text("{}")
    (home / "images.idx").unlink()
    lost = before.lost(cases.State.of(home))
    assert sorted(lost) == ["images.idx is gone", "space.json was changed"]


def test_that_a_damaged_export_record_can_not_copy_from_outside_its_run(
    specimens: Path, tmp_path: Path
) -> None:
    from nasstudio.engine.errors import CorruptFile
    from nasstudio.engine.job import events as ev
    from nasstudio.engine.project.ingest import Intake

    project = Project.open(copied(specimens / "tiny.nasproj", tmp_path / "p.nasproj"), write=True)
    try:
        genome = [0] * len(kills.plan.build(studio.SPACE).genes)
        folder = project.new_run(kills.plan.export(project, genome, "x", devices=()))
        writer = ev.EventWriter(folder.events)
        writer.write(ev.Result(name="exported", values={"folder": "../../runs/trained"}))
        writer.close()
        with pytest.raises(CorruptFile, match="not in the run's folder"):
            Intake(project, folder.id).read()
        assert list((project.path / "exports").iterdir()) == []
    finally:
        project.close()


def test_that_a_program_killed_while_it_takes_in_an_export_leaves_one_whole_copy(
    specimens: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(kills.studio, "begin", studio.Inline)
    project = Project.open(copied(specimens / "tiny.nasproj", tmp_path / "p.nasproj"), write=True)
    jobs = kills.OtherJobs(
        kills.Trainings(project, RunFolder(project.path / "runs" / made.TRAINED))
    )
    try:
        assert jobs.torn_intake() == []
    finally:
        jobs.project.close()


def test_that_the_written_table_is_the_one_of_today() -> None:
    text = (ROOT / "docs" / "faults.md").read_text("utf-8")
    assert [case.title for case in malformed.CASES if f"| {case.title} |" not in text] == []
    assert "**wrong**" not in text


def test_that_the_benchmark_says_what_it_takes() -> None:
    said = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "faults.py"), "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    ).stdout
    assert "minutes" in said
    assert "--quick" in said
