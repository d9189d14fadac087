"""Classifying with a small run of the current folder, and what comes out."""

import json
from pathlib import Path
from typing import Any

from tests.conftest import Cli, Outcome

SMALL = ("--data.train_size=300", "--loggers=[csv]", "--trainer.max_epochs=1")


def predictions(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / "predictions.jsonl").read_text().splitlines()]


def classify(lightsmith: Cli, name: str, source: Path, *options: str) -> Outcome:
    output = () if any(option.startswith("--output") for option in options) else ("--output=predictions.jsonl",)
    return lightsmith("predict", f"--run=runs/{name}/latest", f"--input={source}", *output, *options)
