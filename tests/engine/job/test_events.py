import msgspec
import pytest

from nasstudio.engine.errors import CorruptFile
from nasstudio.engine.job import events as ev


def test_that_every_event_comes_back_as_it_was_written(tmp_path):
    writer = ev.EventWriter(tmp_path / "events.jsonl")
    written = [
        ev.Started(version="0", protocol=1, pid=1, machine={"cores": "2"}),
        ev.Progress(done=1, total=2, unit="rows"),
        ev.MetricEvent(step=3, values={"loss": None, "rate": 0.1}),
        ev.Result(name="cell", values={"ms": 1.5}),
        ev.Artefact(kind="archive", path="a", rows=(0, 5)),
        ev.Done(summary={"tau": 0.9}),
    ]
    for event in written:
        writer.write(event)
    read = ev.EventReader(tmp_path / "events.jsonl").read()
    assert [msgspec.structs.replace(e, t=0.0) for e in read] == written
    assert all(event.t > 0 for event in read)


def test_that_a_line_that_is_still_being_written_is_left_for_later(tmp_path):
    path = tmp_path / "events.jsonl"
    line = msgspec.json.encode(ev.Log(text="whole"))
    path.write_bytes(line + b"\n" + line[:10])
    reader = ev.EventReader(path)
    assert len(reader.read()) == 1
    assert reader.read() == []
    with path.open("ab") as file:
        file.write(line[10:] + b"\n")
    assert len(reader.read()) == 1


def test_that_a_torn_line_of_a_killed_child_does_not_hide_what_its_successor_says(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(msgspec.json.encode(ev.Log(text="one")) + b"\n" + b'{"event":"log","te')
    ev.EventWriter(path).write(ev.Log(text="two"))
    reader = ev.EventReader(path)
    assert [event.text for event in reader.read()] == ["one", "two"]
    assert reader.torn == 1


def test_that_an_event_of_another_version_is_named_with_its_line(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"event":"log","text":"x"}\n{"event":"sang","text":"x"}\n')
    with pytest.raises(CorruptFile, match="line 2"):
        ev.EventReader(path).read()


def test_that_a_diverged_number_is_written_as_null():
    assert ev.finite(float("nan")) is None
    assert ev.finite(float("inf")) is None
    assert ev.finite(1) == 1.0
