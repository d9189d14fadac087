"""What can be refused before anything slow is imported is refused then."""

import subprocess
import sys
from pathlib import Path

import pytest
from lightning.pytorch.utilities.exceptions import MisconfigurationException

from commands.run import check_config_files, run
from tests.conftest import ROOT
from tests.study_kills import SEEDS, kills_in, study_differences, study_of


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("mnist_mpl.yaml", "no experiment 'mnist_mpl' .* did you mean mnist_mlp"),
        ("x" * 5000, "File name too long"),
        ("https://example.org/x.yaml", "--config=https://example.org/x.yaml"),
        ("broken.yaml", "broken.yaml is not YAML"),
    ],
)
def test_a_configuration_that_cannot_be_read_is_one_line(tmp_path: Path, file: str, line: str) -> None:
    (tmp_path / "broken.yaml").write_text("a: [\n")
    with pytest.raises(ValueError, match=line):
        check_config_files(["run", "--model.lr=1", "-c", file])


def test_every_configuration_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text("a: 1\n")
    check_config_files(["run", "-c=good.yaml", "--config=good.yaml"])
    with pytest.raises(ValueError, match="no experiment 'bad'"):
        check_config_files(["run", "-c=good.yaml", "--config=bad.yaml"])


def test_a_missing_configuration_is_found_without_torch() -> None:
    script = (
        "import sys; sys.argv = ['cli.py', 'run', '-c', 'nope.yaml']; import cli; code = cli.main(); "
        "print(code, 'torch' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout == "2 False\n"


def test_what_lightning_calls_misconfigured_is_a_mistake_of_the_person(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: list[str]) -> None:
        raise MisconfigurationException("no\n  such strategy")

    monkeypatch.setattr("lightsmith.runs.experiment.ExperimentCLI", refuse)
    with pytest.raises(ValueError, match=r"^no such strategy$"):
        run(["run"])


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_seeds_two_at_once_whose_processes_are_killed_end_as_seeds_in_turn(tmp_path: Path) -> None:
    whole = study_of(tmp_path / "whole", [*SEEDS, "--workers=1"])
    killed = study_of(tmp_path / "killed", [*SEEDS, "--workers=2"], kills=2)
    assert kills_in(tmp_path / "killed") == 2
    assert list(study_differences(whole, killed)) == []
