import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import text_networks
from lightsmith.records.parts import Figures
from lightsmith.records.results import write_results
from lightsmith.studies.child_runs import ChildRun
from tests.lightsmith.records.test_results import RESULTS

PROOFS: dict[str, dict[str, Any]] = {
    "fp32": {"accuracy": 0.8, "bytes": 8_000_000, "latency_ms": {"1": {"p50": 1.5}}},
    "int8": {"accuracy": 0.79, "bytes": 2_000_000, "latency_ms": {"1": {"p50": 0.5}}},
}


def given(options: Sequence[str]) -> dict[str, str]:
    """The values of options by name."""
    return dict(option.removeprefix("--").split("=", 1) for option in options)


def test_a_row_shows_all_seeds_and_what_int8_costs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained: list[Sequence[str]] = []

    def run_experiment(name: str, *, options: Sequence[str], runs: Path, shows: bool) -> ChildRun:
        """Leaves what the run would."""
        assert name == "imdb_lstm"
        trained.append(options)
        seed = int(given(options)["seed_everything"])
        folder = runs / "imdb_lstm" / "20261126-000000"
        folder.mkdir(parents=True)
        figures = Figures(5, {"loss": 0.25, "accuracy": 0.8 + seed / 100})
        write_results(
            replace(RESULTS, test=figures, fit=replace(RESULTS.fit, samples_per_second=1000.0 * seed)), folder
        )
        return ChildRun(0, folder, "", 1.0)

    def cli(verb: str, *options: str) -> None:
        """Leaves what the command would."""
        assert verb == "export"
        output = Path(given(options)["output"])
        output.mkdir()
        (output / "proof.json").write_text(json.dumps(PROOFS[given(options)["precision"]]))

    monkeypatch.setattr(text_networks, "run_experiment", run_experiment)
    monkeypatch.setattr(text_networks, "run_verb", cli)
    monkeypatch.setattr(text_networks, "clean_commit", lambda: "abc1234")
    text_networks.main(seeds=3)
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == "| `lstm` | 82.0% (81.0%–83.0%) | 2,000 | 79.0% | 8.0 → 2.0 | 1.50 → 0.50 |"
    assert [line.split("`")[1] for line in lines[2:6]] == ["lstm", "gru", "rnn", "attention"]
    assert lines[-1].startswith("sample, 3 seeds; ")
    assert lines[-1].endswith(", commit abc1234")
    assert len(trained) == 12
    assert sum("--model.network=attention" in options for options in trained) == 3


def test_a_command_that_fails_is_said_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cli.py nonsense failed: unknown command 'nonsense'"):
        text_networks.run_verb("nonsense")
