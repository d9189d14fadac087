import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import text_networks

PROOFS: dict[str, dict[str, Any]] = {
    "fp32": {"accuracy": 0.8, "bytes": 8_000_000, "latency_ms": {"1": {"p50": 1.5}}},
    "int8": {"accuracy": 0.79, "bytes": 2_000_000, "latency_ms": {"1": {"p50": 0.5}}},
}


def test_a_row_shows_all_seeds_and_what_int8_costs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commands: list[tuple[str, ...]] = []

    def cli(*arguments: str) -> None:
        """Leaves what the command would."""
        commands.append(arguments)
        given = dict(argument.removeprefix("--").split("=", 1) for argument in arguments if argument[:2] == "--")
        if arguments[0] == "run":
            seed = int(given["seed_everything"])
            run = Path(given["runs"]) / "imdb_lstm" / "latest"
            run.mkdir(parents=True)
            record = {"test": {"accuracy": 0.8 + seed / 100}, "fit": {"samples_per_second": 1000.0 * seed}}
            (run / "results.json").write_text(json.dumps(record))
        else:
            Path(given["output"]).mkdir()
            (Path(given["output"]) / "proof.json").write_text(json.dumps(PROOFS[given["precision"]]))

    monkeypatch.setattr(text_networks, "_cli", cli)
    monkeypatch.setattr(text_networks, "clean_commit", lambda: "abc1234")
    text_networks.main(seeds=3)
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == "| `lstm` | 82.0% (81.0%–83.0%) | 2,000 | 79.0% | 8.0 → 2.0 | 1.50 → 0.50 |"
    assert [line.split("`")[1] for line in lines[2:6]] == ["lstm", "gru", "rnn", "attention"]
    assert lines[-1].startswith("sample, 3 seeds; ")
    assert lines[-1].endswith(", commit abc1234")
    trained = [command for command in commands if command[0] == "run"]
    assert len(trained) == 12
    assert sum("--model.network=attention" in command for command in trained) == 3


def test_a_command_that_fails_is_said_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cli.py nonsense failed: unknown command 'nonsense'"):
        text_networks._cli("nonsense")
