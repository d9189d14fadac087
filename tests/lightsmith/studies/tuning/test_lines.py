from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from lightsmith.studies.tuning.batch_ladder import BatchLadder
from lightsmith.studies.tuning.lines import commands, make_command, print_tuning
from tests.lightsmith.studies.tuning.found_tuning import found_tuning


def test_a_person_reads_the_rate_the_batch_and_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    found = found_tuning()
    print_tuning(found, "sample", [])
    said = capsys.readouterr().out
    assert f"rate       model.lr={found.rate:g}; the experiment has 0.003\n" in said
    assert "80 steps from 1e-06 on, 2.0% of a fit, 2.5 s; the loss diverged at" in said
    assert [line.split()[:2] for line in said.splitlines() if "GB" in line][3] == ["512", "←"]
    assert "batch      512 items are the most that pay: with larger ones an epoch would have few steps" in said
    assert f'use        make exp NAME=mnist_mlp ARGS="--model.lr={found.rate:g}"\n' in said
    assert f'--model.lr={found.rate_at(512):g} --data.batch_size=512"    (its rate by rule, not tried)' in said
    assert "proportion" not in said


def test_groups_of_other_rates_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    print_tuning(found_tuning(group_rates=[0.003, 0.0003, 0.003, 0.0015]), "sample", [])
    assert "rates of the 3 groups of parameters keep their proportion, 1 : 0.5 : 0.1" in capsys.readouterr().out


def test_memory_that_ends_at_once_leaves_the_rate(capsys: pytest.CaptureFixture[str]) -> None:
    print_tuning(found_tuning(ladder=BatchLadder([], "memory")), "sample", [])
    said = capsys.readouterr().out
    assert "batch      memory ends with the smallest batch that was tried" in said
    assert "\nor  " not in said


def test_the_command_repeats_what_was_given_but_for_what_it_sets() -> None:
    found = found_tuning()
    first, second = commands(found, "my data/x.csv", ["--model.optimizer=sgd", "--model.lr=1"])
    begin = "make exp NAME=mnist_mlp DATA='my data/x.csv' ARGS=\"--model.optimizer=sgd --model.lr="
    assert first == f'{begin}{found.rate:g}"'
    assert second.startswith(begin)
    two_words = commands(found, "sample", ["--model.lr", "1"])[0]
    assert two_words.endswith(f'ARGS="--model.lr 1 --model.lr={found.rate:g}"'), "the later one wins"


@pytest.mark.parametrize(
    "option", ["--data.text_column=[subject,body]", "--data.group_column=it's", '--x="quoted"', "--x=$HOME", "--x=a b"]
)
def test_a_command_can_be_typed_as_it_is(option: str, tmp_path: Path) -> None:
    """Through a shell and make, the options arrive as they were given."""
    (tmp_path / "python").write_text("#!/bin/sh\nprintf '<%s>' \"$@\"\n")
    (tmp_path / "python").chmod(0o755)
    (tmp_path / "Makefile").write_text("exp:\n\t@./python $(ARGS)\n")
    command = make_command("mnist_mlp", "sample", [option], {"model.lr": 0.01})
    ran = subprocess.run(f"{command} -s", shell=True, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ran.stdout == f"<{option}><--model.lr=0.01>", shlex.split(command)
