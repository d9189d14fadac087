from pathlib import Path

import pytest
import yaml

from lightsmith.settings.changed import changed_settings
from tests.conftest import Cli

SETTINGS = {
    "runs": "runs",
    "model": {"init_args": {"lr": 0.1, "widths": [1, 2]}},
    "data": {"init_args": {"num_workers": 0}},
    "trainer": {"callbacks": [{"class_path": "a.B", "init_args": {"keep": 2}}]},
}


@pytest.mark.parametrize(
    ("now", "line"),
    [
        ({"model": {"init_args": {"lr": 0.2, "widths": [1, 2]}}}, "model.init_args.lr: 0.1 → 0.2,"),
        ({"model": {"init_args": {"lr": 0.1, "widths": [1, 3]}}}, "model.init_args.widths: [1, 2] → [1, 3],"),
        ({"trainer": {"callbacks": [{"class_path": "a.C"}]}}, "trainer.callbacks[0].class_path: a.B → a.C,"),
        ({"seed_everything": 2}, "seed_everything: None → 2,"),
        ({"runs": "elsewhere", "data": {"init_args": {"num_workers": 2}}}, ""),
        ({}, ""),
    ],
)
def test_what_may_change_the_outcome_is_named(tmp_path: Path, now: dict[str, object], line: str) -> None:
    for name, settings in (("first", SETTINGS), ("now", SETTINGS | now)):
        (tmp_path / name).write_text(yaml.safe_dump(settings))
    lines = changed_settings(tmp_path / "first", tmp_path / "now")
    assert any(line in one for one in lines) if line else lines == []


def test_a_resumed_run_says_what_was_changed_and_uses_it(experiment: Cli, lightsmith: Cli, tmp_path: Path) -> None:
    small = ("--data.train_size=200", "--loggers=[csv]")
    experiment("mnist_mlp", *small, "--trainer.max_epochs=1")
    run = (tmp_path / "runs" / "mnist_mlp" / "latest").resolve()
    longer = ("run", f"-c={run}/config.yaml", f"--resume={run}", "--trainer.max_epochs=2")
    assert "changed    trainer.max_epochs: 1 → 2, so the result" in lightsmith(*longer).out
    assert (run / "results.json").is_file()
