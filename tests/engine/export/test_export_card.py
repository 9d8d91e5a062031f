"""The card says what is known, for programs and for people, and invents nothing."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasstudio.engine.cost import liveness
from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import CorruptFile
from nasstudio.engine.export import card as cards
from nasstudio.engine.export.card import Accuracy, Card, Check, DataSet, File, Input, Latency
from nasstudio.engine.export.card_text import markdown
from nasstudio.engine.space.mobilenet import MobileNetSpace
from nasstudio.engine.space.space import Genome

DEVICE = Device("A | fast chip", "onnxruntime", "1.32.0", title="desk_top")
DATA = DataSet(
    "Small <b>set", "fashion_mnist_small", "abc123", 1, 28, ("x*y", "Bag"), {"train": 10, "test": 5}
)


@pytest.fixture
def card(space: MobileNetSpace, genome: Genome) -> Card:
    latency = (
        Latency(DEVICE, 1.0, 0.1, 1.05, 1.0, 1.2, 100, busy=True),
        Latency(Device("far away", "table")),
    )
    return Card(
        title="Five # ms",
        name="Five-ms",
        created="2026-01-01T00:00:00+00:00",
        versions={"nasstudio": "0.1.0", "torch": "2"},
        machine={"processor": "A | fast chip"},
        architecture=cards.architecture(space, genome),
        data=DATA,
        accuracy=(Accuracy("test", "PyTorch 2", 0.9, 1000),),
        latency=latency,
        checks=(Check("ONNX Runtime 1", 8, 64, 1e-6, 1e-3, 1.0),),
        training={"schedule": {"name": "quick", "epochs": 9}},
        inputs=(Input("supernet", "runs/1/supernet.safetensors", "ff"),),
        files=(File("Five-ms.onnx", 2_000_000, "ee"),),
        limits=cards.known_limits(DATA, 24, latency),
    )


def test_that_a_card_read_back_is_the_same(card: Card, tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    path.write_bytes(cards.encode(card))
    assert cards.read(path) == card


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff"])
def test_that_another_file_is_not_a_card(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    path.write_bytes(content)
    with pytest.raises(CorruptFile) as problem:
        cards.read(path)
    assert problem.value.where == str(path)


def test_that_a_card_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorruptFile):
        cards.read(tmp_path / "card.json")


def test_that_the_rows_of_an_architecture_add_up_to_its_costs(
    space: MobileNetSpace,
) -> None:
    for genome in space.sample(20, np.random.default_rng(0)):
        found = cards.architecture(space, genome)
        assert sum(row.macs for row in found.rows) == found.macs
        assert sum(row.params for row in found.rows) == found.params
        metric = liveness.memory_mib(space, genome[None])[0]
        assert found.memory_mib == pytest.approx(metric, rel=0.05)
        assert found.memory_block_mib >= found.memory_mib > 0


def test_that_people_read_every_number(card: Card) -> None:
    words = markdown(card)
    for expected in (
        "90.00 %",
        "1.000 ms ± 10 %",
        "1.050 ms",
        "1.000 to 1.200 ms",
        "1.00e-06",
        "1.00e-03",
        "abc123",
        "schedule: name quick; epochs 9",
        "not measured",
        "no promise",
        card.architecture.identity,
        card.architecture.space_hash,
        "1.91 MiB",
    ):
        assert expected in words


def test_that_every_table_of_the_card_is_whole_whatever_the_names_hold(card: Card) -> None:
    widths: list[list[int]] = [[]]
    for line in markdown(card).splitlines():
        if line.startswith("|"):
            widths[-1].append(line.replace("\\|", "").count("|"))
        elif widths[-1]:
            widths.append([])
    tables = [rows for rows in widths if rows]
    assert len(tables) == 5
    for rows in tables:
        assert len(set(rows)) == 1


def test_that_markup_in_names_is_harmless(card: Card) -> None:
    words = markdown(card)
    assert "<b>" not in words.replace("\\<b\\>", "")
    assert "x\\*y" in words


def test_that_a_busy_machine_and_a_missing_measurement_are_limits(card: Card) -> None:
    assert any("Other processes" in limit for limit in card.limits)
    assert any("not measured" in limit for limit in cards.known_limits(DATA, 24, ()))


def test_that_a_device_at_another_pace_is_said(card: Card) -> None:
    assert "when it was calibrated" not in markdown(card)
    slow = tuple(msgspec.structs.replace(item, pace=1.08) for item in card.latency)
    assert "ran 8% slower than when it was calibrated" in markdown(
        msgspec.structs.replace(card, latency=slow)
    )


@pytest.mark.parametrize(
    ("measured", "kept"), [(0.5, True), (1.09, True), (1.11, False), (None, None)]
)
def test_that_a_promise_is_kept_within_or_below_its_interval(
    measured: float | None, kept: bool | None
) -> None:
    assert Latency(DEVICE, 1.0, 0.1, measured).kept is kept
    assert msgspec.structs.replace(Latency(DEVICE, measured_ms=1.0)).kept is None


@given(st.integers(0, 100_000), st.floats(0, 1))
def test_that_an_interval_holds_its_share(images: int, share: float) -> None:
    low, high = Accuracy("test", "x", share, images).interval
    assert 0.0 <= low <= high <= 1.0
    assert low - 1e-9 <= share <= high + 1e-9


def test_that_an_interval_is_wilsons() -> None:
    low, high = Accuracy("test", "x", 0.9, 100).interval
    assert (low, high) == pytest.approx((0.8256, 0.9448), abs=1e-3)
