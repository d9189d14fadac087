"""The record of an experiment's newest run."""

import json
from pathlib import Path
from typing import Any


def results_of(tmp_path: Path, name: str) -> dict[str, Any]:
    results: dict[str, Any] = json.loads((tmp_path / "runs" / name / "latest" / "results.json").read_text())
    return results
