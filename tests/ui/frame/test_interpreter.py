import sys

import pytest

from nasstudio.ui.frame.interpreter import InterpreterCheck, judged

WHOLE = {
    "python": "3.12.1",
    "nasstudio": "0.1.0",
    "torch": "2.14.1",
    "safetensors": "0.6.2",
    "onnx": None,
}


def test_that_an_interpreter_with_everything_is_good():
    tone, text = judged(WHOLE)
    assert tone == "good"
    assert "torch 2.14.1" in text
    assert "onnx" not in text


def test_that_missing_packages_are_named_with_the_remedy():
    tone, text = judged({**WHOLE, "torch": None})
    assert tone == "warn"
    assert "Missing: torch" in text
    assert "nasstudio[engine]" in text


@pytest.mark.parametrize("version", ["3.10.9", "2.7.18", None])
def test_that_an_old_python_is_refused(version):
    assert judged({**WHOLE, "python": version})[0] == "bad"


def ask(qtbot, program):
    check = InterpreterCheck()
    with qtbot.waitSignal(check.answered, timeout=15_000) as answer:
        check.ask(program)
    return answer.args


def test_that_this_python_answers_with_its_versions(qtbot):
    tone, text = ask(qtbot, sys.executable)
    assert tone in ("good", "warn")
    assert "python 3." in text


def test_that_a_program_that_is_no_python_is_refused(qtbot, tmp_path):
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho hello\n")
    program.chmod(0o755)
    assert ask(qtbot, str(program))[0] == "bad"


def test_that_a_program_that_is_not_there_is_reported(qtbot, tmp_path):
    tone, text = ask(qtbot, str(tmp_path / "nothing"))
    assert tone == "bad"
    assert "could not be started" in text


def test_that_a_forgotten_question_is_not_answered(qtbot):
    check = InterpreterCheck()
    with qtbot.assertNotEmitted(check.answered):
        check.ask(sys.executable)
        check.cancel()
