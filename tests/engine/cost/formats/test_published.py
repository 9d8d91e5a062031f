"""OFA's and ProxylessNAS's tables: every row is used, and a network costs what the published code would say."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasstudio.engine.cost.formats.published import NORMAL_P90, entries, key_of
from nasstudio.engine.cost.formats.reader import device_name, read_table, read_tables
from nasstudio.engine.cost.metric import latency_metrics
from nasstudio.engine.cost.table import Source
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.layer import text

TABLES = Path(__file__).parent / "tables"


def _written(folder, once_for_all, yaml_of, resolutions):
    """A folder as OFA publishes one, its means by key, and the genomes that it serves."""
    rng = np.random.default_rng(1)
    means, paths, genomes = {}, [], []
    for resolution in resolutions:
        population = once_for_all.at(resolution, rng)
        found, content = yaml_of([k for g in population for k in once_for_all.keys(g)], rng)
        # What several files have (the classifier) is the same in all, so that a sum can be told.
        content = "".join(
            line if (key := line.partition(": ")[0]) not in means else _line(key, means[key])
            for line in content.splitlines(keepends=True)
        )
        means = found | means
        path = folder / f"{resolution}_lookup_table.yaml"
        path.write_text(content)
        paths.append(path)
        genomes.append(population)
    return means, paths, np.concatenate(genomes)


def _line(key, mean):
    return f"{key}: {{count: 50, mean: {mean!r}, std: {mean / 50!r}}}\n"


def test_that_every_network_costs_the_sum_that_the_published_code_makes(
    once_for_all, yaml_of, tmp_path
):
    folder = tmp_path / "latency_table@note10"
    folder.mkdir()
    means, paths, population = _written(folder, once_for_all, yaml_of, (160, 224))
    table = read_tables(paths)
    assert [d.name for d in table.devices] == ["note10"]
    space = once_for_all.space
    needed = {text(space.layers[i]) for i in np.unique(space.rows(population)) if i >= 0}
    assert set(table.labels) == needed
    times = dict(zip(table.labels, table.cells.ms[:, 0], strict=True))
    for genome in population[::7]:
        asked = sum(means[key] for key in once_for_all.keys(genome))
        ours = sum(times[text(block.layer)] for block in space.blocks(genome))
        assert ours == pytest.approx(asked, rel=1e-12)


def test_that_a_whole_folder_makes_a_device_that_a_search_can_use(once_for_all, yaml_of, tmp_path):
    space = once_for_all.space
    some = (128, 176)
    _, paths, _ = _written(tmp_path, once_for_all, yaml_of, some)
    table = read_tables(paths, "phone")
    layers = space.layers_at(some)
    assert table.missing(layers, table.devices[0]) == []
    (name,) = (d.name for d in table.devices)
    assert name == "phone"
    assert latency_metrics(space, table) == []  # 23 resolutions are not there
    missing = len(table.missing(space.layers, table.devices[0]))
    assert missing == len(space.layers) - len(layers)


def test_that_only_the_wanted_resolutions_are_taken(once_for_all, yaml_of, tmp_path):
    _, paths, _ = _written(tmp_path, once_for_all, yaml_of, (128, 176))
    table = read_tables(paths, "phone", (176,))
    assert any("3x176x176" in label for label in table.labels)
    assert not any("3x128x128" in label for label in table.labels)
    with pytest.raises(InvalidInput, match="No file has the resolution 200") as caught:
        read_tables(paths, "phone", (176, 200))
    assert "128, 176" in caught.value.remedy
    with pytest.raises(InvalidInput, match="resolution 200"):
        read_tables(paths[:1], "phone", (200,))


def test_that_several_files_must_all_be_published_tables(tmp_path):
    other = tmp_path / "own.csv"
    other.write_text("Operation,GPU\nconv,1\n")
    with pytest.raises(InvalidInput, match="look-up table of a resolution"):
        read_tables([TABLES / "ofa_160.yaml", other])


def test_that_a_published_file_reads_with_its_spread_and_keeps_what_it_does_not_know():
    table = read_table(TABLES / "ofa_160.yaml", "Jetson")
    assert table.labels == [
        "conv 3x160x160 -> 24 k3 s2 hswish",
        "conv 192x5x5 -> 1152 k1 s1 pool hswish",
        "conv 1152x1x1 -> 1536 k1 s1 nobn hswish",
        "linear 1536x1x1 -> 1000 k1 s1 nobn bias",
        "mbconv 24x80x80 -> 24 k3 s1 e1 res relu",
        "mbconv 24x80x80 -> 32 k5 s2 e3 relu",
        "mbconv 136x10x10 -> 136 k7 s1 e6 se res hswish",
        "mbconv 96x10x10 -> 136 k3 s1 e3 se hswish",
        "MaxPool-input:80x80x24-output:40x40x24",
    ]
    cells = table.cells
    assert cells.n[:, 0].tolist() == [498, 491, 498, 499, 79, 79, 79, 79, 10]
    assert cells.ms[1, 0] == pytest.approx(1.25763460994 + 0.0113740563393)
    std = np.hypot(0.0285902940093, 0.00300814513532)
    assert cells.p90[1, 0] - cells.ms[1, 0] == pytest.approx(NORMAL_P90 * std)
    assert cells.p10[3, 0] == 0.0  # its deviation is larger than its mean
    assert set(cells.source[:, 0].tolist()) == {Source.IMPORTED}
    assert np.flatnonzero(cells.flawed[:, 0]).tolist() == [7]
    assert np.isnan(cells.p90[7, 0])
    said = " ".join(table.notes)
    for words in ("AvgPool2D are one row", "as if the times were normal", "1 row is no layer"):
        assert words in said


def test_that_json_with_the_same_keys_reads_the_same(tmp_path):
    content = {
        entry.label: {"count": entry.count, "mean": entry.mean, "std": entry.std}
        for entry in entries((TABLES / "ofa_160.yaml").read_text(), "ofa")
    }
    path = tmp_path / "160_lookup_table.json"
    path.write_text(json.dumps(content, indent=1))
    ours, theirs = read_table(path, "x"), read_table(TABLES / "ofa_160.yaml", "x")
    assert ours.labels == theirs.labels
    np.testing.assert_array_equal(ours.cells.ms, theirs.cells.ms)


def test_that_pooling_without_its_convolution_and_the_other_way_round_keep_rows_of_their_own(
    tmp_path,
):
    path = tmp_path / "t.yaml"
    path.write_text(
        "Conv_1-input:5x5x192-output:5x5x1152: {mean: 1.0}\n"
        "AvgPool2D-input:7x7x1152-output:1x1x1152: {mean: 0.1}\n"
        "Conv_2-input:1x1x1152-output:1x1x1536: {mean: 0.2}\n"
    )
    assert read_table(path).labels == [
        "conv 192x5x5 -> 1152 k1 s1 hswish",
        "pool 1152x7x7 -> 1152 k1 s1 pool",
        "conv 1152x1x1 -> 1536 k1 s1 nobn hswish",
    ]


@pytest.mark.parametrize(("conv", "pool", "kept"), [("-1.0", "0.1", -1.0), ("1.0", "0.0", 0.0)])
def test_that_a_sum_with_something_that_is_no_time_is_no_time(conv, pool, kept, tmp_path):
    path = tmp_path / "t.yaml"
    path.write_text(
        f"Conv_1-input:5x5x192-output:5x5x1152: {{mean: {conv}}}\n"
        f"AvgPool2D-input:5x5x1152-output:1x1x1152: {{mean: {pool}}}\n"
        "Conv_2-input:1x1x1152-output:1x1x1536: {mean: .nan}\n"
    )
    table = read_table(path)
    assert table.cells.ms[0, 0] == kept
    assert np.isnan(table.cells.ms[1, 0])
    assert table.cells.flawed[:, 0].all()


def test_that_a_row_of_several_files_is_their_mean_by_count(tmp_path):
    for name, count, mean, std in (("a", 30, 1.0, 0.1), ("b", 10, 2.0, 0.3)):
        (tmp_path / f"{name}.yaml").write_text(
            f"Logits-input:1x1x1280-output:1000: {{count: {count}, mean: {mean}, std: {std}}}\n"
        )
    table = read_tables([tmp_path / "a.yaml", tmp_path / "b.yaml"], "phone")
    samples = np.concatenate([1.0 + 0.1 * _unit(30), 2.0 + 0.3 * _unit(10)])
    assert table.cells.ms[0, 0] == pytest.approx(samples.mean())
    deviation = (table.cells.p90[0, 0] - table.cells.ms[0, 0]) / NORMAL_P90
    assert deviation == pytest.approx(samples.std())
    assert table.cells.n[0, 0] == 40
    assert "1 row is in several files: the mean" in " ".join(table.notes)


def _unit(n):
    """Numbers of mean 0 and deviation 1."""
    x = np.arange(n, dtype=float)
    return (x - x.mean()) / x.std()


def test_that_proxyless_reads_ratios_variances_and_its_one_activation():
    table = read_table(TABLES / "proxyless_trim.yaml", "Pixel 1")
    assert table.labels == [
        "conv 3x224x224 -> 32 k3 s2 relu6",
        "conv 320x7x7 -> 1280 k1 s1 pool relu6",
        "linear 1280x1x1 -> 1000 k1 s1 nobn bias",
        "mbconv 32x112x112 -> 16 k3 s1 e1 relu6",
        "mbconv 16x112x112 -> 24 k5 s2 e6 relu6",
        "mbconv 24x56x56 -> 24 k7 s1 e3 res relu6",
    ]
    assert table.cells.ms[:, 0].tolist() == [3.03, 2.6, 0.9, 3.1, 9.8, 6.2]
    assert table.cells.p90[0, 0] == pytest.approx(3.03 + NORMAL_P90 * 0.04)
    assert "global pooling" in " ".join(table.notes)
    assert device_name(TABLES / "proxyless_trim.yaml") == "proxyless"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ofa_broken.yaml", ["line 14", "mean is 'two', not a number"]),
        ("proxyless_broken.yaml", ["line 9", "has no mean"]),
    ],
)
def test_that_a_broken_published_file_names_the_line(name, words):
    with pytest.raises(InvalidInput) as caught:
        read_table(TABLES / name)
    for word in words:
        assert word in str(caught.value)
    assert "Conv-input:224x224x3" in caught.value.remedy


GOOD = "Conv-input:224x224x3-output:112x112x24"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (f"{GOOD}: {{mean: 1}}\n{GOOD}: {{mean: 2}}\n", ["line 2", "there already, in line 1"]),
        (f"{GOOD}: 3.5\n", ["line 1", "not a table of keys"]),
        (f"- {GOOD}\n", ["line 1", "not a table of keys"]),
        (f"{GOOD}: {{mean: [1]}}\n", ["line 1", "not a table of keys"]),
        (f"{GOOD}: {{mean: 1, count: -4}}\n", ["line 1", "count is -4"]),
        (f"{GOOD}: {{mean: 1\n", ["not YAML"]),
        (f"{GOOD}: {{mean: !!python/object/apply:os.system ['true']}}\n", ["not a table of keys"]),
        (f"{GOOD}: {{mean: 1}}\n---\n{GOOD}: {{mean: 1}}\n", ["not a table of keys"]),
        (f"a: &a {{mean: 1}}\n{GOOD}: *a\n", ["line 2", "not a table of keys"]),
        (f"# {GOOD}\n", ["no entries"]),
        (GOOD + ": " + "[" * 100_000, ["not a table of keys"]),
        (GOOD + ": {mean: 1}\nx:\n" + "- " * 50_000, ["not a table of keys"]),
    ],
)
def test_that_malformed_yaml_is_refused_with_its_line(content, words, tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text(content)
    with pytest.raises(InvalidInput) as caught:
        read_table(path)
    for word in words:
        assert word in str(caught.value)
    assert caught.value.where.startswith(str(path))
    assert caught.value.remedy


@given(st.text(max_size=60), st.text("0123456789x-:.{}[] \nmeanstdcouv", max_size=60))
def test_that_any_text_with_such_keys_is_entries_or_refused(before, after):
    for content in (before + after, f"{GOOD}: {{mean: {after}}}\n{before}"):
        try:
            said = entries(content, "t.yaml")
        except InvalidInput as problem:
            said = problem.remedy
        assert said


@pytest.mark.parametrize("odd", ["Conv-input:224-output", "Conv-input:1xx3-output:1x1x1", "x" * 99])
def test_that_what_is_no_key_is_none(odd):
    assert key_of(odd) is None


def test_that_a_block_whose_shapes_do_not_fit_is_kept_as_a_label(tmp_path):
    key = "expanded_conv-input:56x56x24-output:56x56x40-expand:72-kernel:5-stride:2-idskip:0-se:0-hs:0"
    path = tmp_path / "t.yaml"
    path.write_text(f"{key}: {{mean: 1.0}}\n")
    table = read_table(path)
    assert table.labels == [key]
    assert table.specs == [None]
