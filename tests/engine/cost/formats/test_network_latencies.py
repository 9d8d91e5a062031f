"""Latencies of whole networks: which sheets are such, what becomes of them, and what a search makes of it."""

from pathlib import Path

import numpy as np
import pytest

from nasstudio.engine.cost.additive import AdditiveLatency, gaps
from nasstudio.engine.cost.formats.delimited import sheet
from nasstudio.engine.cost.formats.network_latencies import is_networks
from nasstudio.engine.cost.formats.reader import read_table
from nasstudio.engine.cost.metric import available, latency_metrics
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.families import build, preset

TABLES = Path(__file__).parent / "tables"
SPACE = build(preset("mbv3_28_fast"))


@pytest.mark.parametrize(
    ("content", "networks"),
    [
        ("Operation,GPU latency (ms)\nconv,1\n", False),
        ("Layer,GPU latency (ms),CPU latency (ms)\nconv,1,2\n", False),
        ("Operation,GPU (ms),CPU\nconv,1,2\n", False),
        ("name,latency\nconv,1\n", False),
        ("embed,layers,latency\n512,6,20\n", True),
        ("depth,latency_ms\n3,20\n", True),
        ("arch,pixel3,raspi4\n|none~0|,1,2\n", True),
        ('genome,latency\n"[0, 1]",1\n', True),
        ("edge1,edge2,latency\nskip,conv,1\n", True),
    ],
)
def test_that_networks_are_told_from_operations(content, networks):
    assert is_networks(sheet(content)) is networks


def test_that_hats_file_is_one_device_whose_latency_is_encoder_and_decoder():
    table = read_table(TABLES / "hat_xeon.csv", "Xeon")
    assert table.shape == (0, 1)
    (device,) = table.devices
    model = table.fitted[device.id]
    assert device.name == "Xeon"
    assert model.n == 120
    assert model.mape < 0.06
    assert model.tau > 0.85
    assert set(model.left_out) == {"latency_std_encoder", "latency_std_decoder"}
    terms = {term.column: term for term in model.terms}
    assert terms["decoder_layer_num"].options == ("1", "2", "3", "4", "5", "6")
    rising = terms["decoder_layer_num"].coefficients
    assert list(rising) == sorted(rising)
    assert terms["encoder_ffn_embed_dim_avg"].options == ()  # many numbers: a slope
    assert "error" in " ".join(table.notes)
    lines = (TABLES / "hat_xeon.csv").read_text().splitlines()
    names, first = lines[0].split(","), [line.split(",") for line in lines[1:]]
    predicted = model.predict({n: [row[i] for row in first] for i, n in enumerate(names[:10])})
    measured = np.array([float(row[10]) + float(row[11]) for row in first])
    assert np.abs(predicted / measured - 1).mean() < 0.06


def test_that_nas_benchs_architectures_are_cut_into_their_edges_and_units_are_kept():
    table = read_table(TABLES / "nasbench.csv")
    assert [d.name for d in table.devices] == ["pixel3", "raspi4"]
    pixel, pi = (table.fitted[d.id] for d in table.devices)
    assert [term.column for term in pixel.terms] == [f"arch[{i}]" for i in range(6)]
    assert pixel.left_out == ("accuracy",)
    assert pixel.mape < 0.03
    conv = dict(zip(pixel.terms[0].options, pixel.terms[0].coefficients, strict=True))
    assert conv["nor_conv_3x3"] - conv["none"] == pytest.approx(2.0, rel=0.1)
    same = {f"arch[{i}]": ["nor_conv_3x3"] for i in range(6)}
    assert pi.predict(same)[0] == pytest.approx(1.5 + 4 * 12, rel=0.05)  # ms, from seconds
    assert np.isnan(pi.predict(same | {"arch[0]": ["dil_conv"]})[0])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("hat_broken.csv", ["line 8", "column 12 (latency_mean_decoder)", "'timeout'"]),
        ("nasbench_broken.csv", ["line 5", "column 1 (arch)", "same number of choices"]),
    ],
)
def test_that_a_broken_file_of_networks_names_the_place(name, words):
    with pytest.raises(InvalidInput) as caught:
        read_table(TABLES / name)
    for word in words:
        assert word in str(caught.value)
    assert caught.value.remedy


def _genes_csv(path, population, times, *, space=SPACE, inactive="as it is"):
    """Latencies of members of a space, one column a gene."""
    names = [gene.name for gene in space.genes]
    on = space.active(population)
    lines = [",".join([*names, "Phone latency (ms)"])]
    for genome, alive, ms in zip(population, on, times, strict=True):
        values = [
            f"{gene.options[i]:g}" if a or inactive == "as it is" else ""
            for gene, i, a in zip(space.genes, genome, alive, strict=True)
        ]
        lines.append(",".join([*values, repr(float(ms))]))
    path.write_text("\n".join(lines) + "\n")


def _times(population):
    """Additive in the genes that have an effect."""
    on = SPACE.active(population)
    weights = np.linspace(0.05, 0.3, len(SPACE.genes))
    return 1.0 + (on * (1 + population) * weights).sum(axis=1)


@pytest.mark.parametrize("inactive", ["as it is", "empty"])
def test_that_a_search_can_use_a_device_whose_columns_are_its_genes(inactive, tmp_path):
    population = SPACE.sample(300, np.random.default_rng(0))
    _genes_csv(tmp_path / "phone.csv", population, _times(population), inactive=inactive)
    table = read_table(tmp_path / "phone.csv")
    (metric,) = latency_metrics(SPACE, table)
    assert metric.device.name == "Phone"
    assert metric.key == f"latency:{metric.device.id}"
    assert metric.unit == "ms"
    assert [m.key for m in available(SPACE, table)][:2] == [metric.key, "macs"]
    fresh = SPACE.sample(100, np.random.default_rng(1))
    np.testing.assert_allclose(metric.of(fresh), _times(fresh), rtol=0.02)
    assert metric.error == 2 * metric.model.mape < 0.04


def test_that_our_own_genomes_are_a_column_too(tmp_path):
    population = SPACE.sample(300, np.random.default_rng(0))
    lines = ["genome,accuracy,latency (us)"]
    lines += [
        f'"{genome.tolist()}",0.9,{1000 * ms!r}'
        for genome, ms in zip(population, _times(population).tolist(), strict=True)
    ]
    (tmp_path / "pixel.csv").write_text("\n".join(lines) + "\n")
    table = read_table(tmp_path / "pixel.csv")
    (metric,) = latency_metrics(SPACE, table)
    assert metric.device.name == "pixel"
    fresh = SPACE.sample(100, np.random.default_rng(1))
    np.testing.assert_allclose(metric.of(fresh), _times(fresh), rtol=0.02)


def test_that_once_for_alls_own_architectures_become_genes(tmp_path):
    rng = np.random.default_rng(2)
    ofa = build(preset("ofa_mbv3"))
    lines = ["child_arch,latency"]
    for _ in range(60):
        kernels, expands = rng.choice([3, 5, 7], 20).tolist(), rng.choice([3, 4, 6], 20).tolist()
        depths, size = rng.choice([2, 3, 4], 5).tolist(), int(rng.choice([128, 160, 224]))
        ms = sum(
            k + e
            for i, (k, e) in enumerate(zip(kernels, expands, strict=True))
            if i % 4 < depths[i // 4]
        )
        arch = {"wid": None, "ks": kernels, "e": expands, "d": depths, "r": [size]}
        lines.append(f'"{arch}",{ms * size / 5000}')
    (tmp_path / "note10.csv").write_text("\n".join(lines) + "\n")
    table = read_table(tmp_path / "note10.csv")
    (device,) = table.devices
    model = table.fitted[device.id]
    assert {t.column for t in model.terms} >= {"resolution", "stage5.depth", "stage5.block4.kernel"}
    # Three of the 25 resolutions were measured: the model says so and is not used for the others.
    (reason,) = gaps(model, ofa)
    assert "'resolution' was never measured at 132" in reason
    with pytest.raises(InvalidInput, match="never measured at 132"):
        AdditiveLatency(ofa, model, device)


def test_that_a_device_of_other_columns_is_kept_and_says_what_a_search_lacks():
    table = read_table(TABLES / "hat_xeon.csv")
    (device,) = table.devices
    assert latency_metrics(SPACE, table) == []
    found = gaps(table.fitted[device.id], SPACE)
    assert "the space has no gene 'encoder_embed_dim'" in found
    assert "there is no column 'resolution'" in found
    assert not any("encoder_layer_num" in reason for reason in found)  # it is 6 everywhere
    with pytest.raises(InvalidInput, match="of another kind") as caught:
        AdditiveLatency(SPACE, table.fitted[device.id], device)
    assert SPACE.name in caught.value.remedy


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("depth,latency\n1,2\n2,3\n", "2 networks with a latency"),
        ("depth,latency\n" + "1,2\n" * 30, "No column tells the networks apart"),
        ("arch,latency\n" + "abc,1\nab,2\n" * 15, "same number of choices"),
        ("arch,latency\n" + "\"{'ks': 3}\",1\n" * 30, "not an architecture of Once-for-All"),
        ("arch,latency\n" + "{" * 5000 + ",1\n", "not an architecture of Once-for-All"),
        ("arch,accuracy\n" + "abc,1\n" * 30, "no column of latencies"),
        ("depth,GPU latency (kg)\n" + "1,2\n2,3\n" * 15, "kg is no unit of time"),
        ("depth,depth,latency\n" + "1,1,2\n2,2,3\n" * 15, "'depth' is there twice"),
    ],
)
def test_that_networks_that_can_not_be_fitted_are_refused_with_the_reason(content, said, tmp_path):
    path = tmp_path / "networks.csv"
    path.write_text(content)
    with pytest.raises(InvalidInput, match=said) as caught:
        read_table(path)
    assert caught.value.remedy
    assert str(path) in caught.value.where


def test_that_networks_without_a_time_are_passed_over(tmp_path):
    lines = [f"{i % 3},{i % 4},{(i % 3) + 2 * (i % 4) + 1}" for i in range(60)]
    lines += ["0,0,0", "1,1,-4", "2,2,inf", "2,1,"]
    (tmp_path / "x.csv").write_text("\n".join(["a,b,latency", *lines]) + "\n")
    (model,) = read_table(tmp_path / "x.csv").fitted.values()
    assert model.n == 60
    assert model.mape < 1e-3
