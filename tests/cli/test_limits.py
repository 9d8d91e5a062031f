import pytest

from nasstudio.cli.limits import parse_limit
from nasstudio.cli.main import main
from nasstudio.engine.cost.metric import count_metrics
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.search.limit import Limit
from nasstudio.engine.space.families import build, preset

METRICS = count_metrics(build(preset("mbv3_28_fast")))


def test_that_limits_read_as_they_are_typed():
    assert parse_limit("macs<=2", METRICS) == Limit("macs", 2.0)
    assert parse_limit(" params <= 0.3 M ", METRICS) == Limit("params", 0.3)
    assert parse_limit("size<=5MiB", METRICS) == Limit("size", 5.0)
    assert parse_limit("memory<=0.2 MiB", METRICS) == Limit("memory", 0.2)


@pytest.mark.parametrize(
    "text", ["", "macs", "macs<=x", "macs<=-1", "macs<=nan", "speed<=3", "latency<=3"]
)
def test_that_a_limit_that_does_not_read_says_how_to_write_it(text):
    with pytest.raises(InvalidInput) as caught:
        parse_limit(text, METRICS)
    assert caught.value.where == "--limit"
    assert caught.value.remedy


def test_that_a_space_is_described_without_a_project(capsys):
    assert main(["space", "--preset", "ofa_mbv3"]) == 0
    assert "1253 distinct layers" in capsys.readouterr().out


def test_that_bad_input_ends_with_its_exit_code_and_no_traceback(tmp_path, capsys):
    assert main(["status", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "remedy" in said
    assert "Traceback" not in said
