"""Our table file read line by line, and what two equal tables have in common."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from nasstudio.engine.cost.formats.own_json import _by_lines, fingerprint, from_json, to_json
from nasstudio.engine.cost.table import Cells, LatencyTable, Source
from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import InvalidInput

A, B = (Device(name, "table", title=name) for name in "AB")


def made(rows: int = 3) -> LatencyTable:
    table = LatencyTable(devices=[A, B], cells=Cells.missing((0, 2)))
    table.add_rows([f"row {i}, with a comma" for i in range(rows)])
    table.cells = Cells.of(np.arange(1.0, 2 * rows + 1).reshape(rows, 2), Source.IMPORTED)
    return table


@pytest.mark.parametrize("rows", [1, 2, 50])
def test_that_what_is_written_is_read_by_lines_and_is_the_same(rows) -> None:
    table = made(rows)
    content = to_json(table)
    document = _by_lines(content)
    assert document is not None
    assert document == msgspec.json.decode(content, type=type(document))
    assert to_json(from_json(content)) == content


def test_that_another_layout_is_read_in_one_go() -> None:
    content = msgspec.json.format(to_json(made()), indent=1)
    assert _by_lines(content) is None
    assert from_json(content).labels == made().labels


@pytest.mark.parametrize(
    "damage",
    [
        lambda c: c.replace(b"]},\n{", b"]}\n{", 1),  # a comma between rows is lost
        lambda c: c.replace(b"]},\n{", b"]},\n,\n{", 1),
        lambda c: c.replace(b'"ms":3.0', b'"ms":"three"', 1),
        lambda c: c.replace(b'"version":1', b'"version":9', 1),
        lambda c: c[: len(c) // 2],
        lambda c: c + b"x",
    ],
)
def test_that_a_damaged_file_is_refused_as_before(damage) -> None:
    content = damage(to_json(made()))
    assert content != to_json(made())
    with pytest.raises(InvalidInput):
        from_json(content)


def test_that_the_fingerprint_tells_every_difference_that_is_written() -> None:
    seen = {fingerprint(made())}
    assert fingerprint(made().copy()) in seen
    for name, value in (
        ("ms", 0.5),
        ("p10", 0.5),
        ("p90", 0.5),
        ("n", 7),
        ("source", Source.EDITED),
    ):
        table = made()
        getattr(table.cells, name)[1, 1] = value
        seen.add(fingerprint(table))
    renamed, without, longer = made(), made(), made(4)
    renamed.labels[0] = "another"
    without.remove_device(B.id)
    seen |= {fingerprint(renamed), fingerprint(without), fingerprint(longer)}
    assert len(seen) == 9
