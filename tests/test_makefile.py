import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT, Outcome

MAKE = shutil.which("make") or "make"


def make(*arguments: str, **environment: str) -> Outcome:
    """What make would do, without doing it."""
    command = [MAKE, "--no-print-directory", "--just-print", *arguments]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)
    return Outcome(ran.returncode, ran.stdout, ran.stderr)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("exp", "NAME=mnist_mlp", "DATA="), "DATA= is empty"),
        (("exp", "NAME=mnist_mlp", "DATA= "), "DATA= is empty"),
        (("exp", "NAME="), "NAME= is empty"),
        (("exp", "NAME=mnist_mlp", "RESUME="), "RESUME= is empty"),
        (("predict", "RUN=", "INPUT=x"), "RUN= is empty"),
        (("predict", "RUN=x", "INPUT=x", "OUTPUT="), "OUTPUT= is empty"),
        (("predict", "RUN=x", "TEXT="), "TEXT= is empty"),
        (("predict", "RUN=x"), 'Say INPUT=, a file or a folder, or TEXT="..."'),
        (("evaluate", "RUN=x"), "Say DATA=, a labelled file or folder"),
        (("exp", "NAME=mnist_mlp", "data=hub"), "data= is not known: there are NAME DATA"),
        (("exp", "NAME=mnist_mlp", "DAT=hub"), "DAT= is not known"),
        (("export", "RUN=x", "INT8=0"), "INT8=0 is not 1"),
        (("exp", "NAME=imdb_lstm", "BASELINE=yes"), "BASELINE=yes is not 1"),
        (("bench", "QUICK=yes"), "QUICK=yes is not 1"),
        (("exp",), "Which experiment? Say NAME="),
    ],
)
def test_a_value_that_would_be_left_out_in_silence_is_one_line(arguments: tuple[str, ...], line: str) -> None:
    outcome = make(*arguments)
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert line in outcome.err
    assert "cli.py" not in outcome.out


def test_what_is_given_reaches_the_command_and_what_is_not_does_not() -> None:
    assert "--data.source" not in make("exp", "NAME=mnist_mlp", "ARGS=").out
    assert '--data.source="a b"' in make("exp", "NAME=mnist_mlp", "DATA=a b").out
    assert "--precision=int8" in make("export", "RUN=x", "INT8=1").out
    assert "--baseline=true" in make("exp", "NAME=imdb_lstm", "BASELINE=1").out
    assert "--precision" not in make("export", "RUN=x").out


def test_the_environment_is_not_the_command_line() -> None:
    outcome = make("exp", "NAME=mnist_mlp", DATA="hub", RESUME="", PATH="/usr/bin:/bin")
    assert outcome.code == 0
    assert "hub" not in outcome.out


def test_a_text_reaches_the_command_as_it_is_typed(tmp_path: Path) -> None:
    text = 'it\'s "so" $5 `ls` $(HOME) \\ #1\nsecond line'
    (tmp_path / "python").write_text("#!/bin/sh\nprintf '<%s>' \"$@\"\n")
    (tmp_path / "python").chmod(0o755)
    (tmp_path / "Makefile").write_text(f"{(ROOT / 'Makefile').read_text()}\nsetup:\n\t@true\n")  # nothing is installed
    command = [MAKE, "--no-print-directory", "predict", "RUN=x", f"TEXT={text}", "python=./python"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ran.stdout == f"<cli.py><predict><--run=x><--text={text}>"
