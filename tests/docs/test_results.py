"""docs/results.md describes exactly what a run writes."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

import cli
from callbacks.robustness_test import TEXT_NOISE
from lightsmith.records.gather import git
from lightsmith.records.results import SCHEMA

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/results.md").read_text(encoding="utf-8")
HEAD, RECORD, _, METRICS, TESTED, PREDICTIONS, _ = re.split(r"^## .*\n", TEXT, flags=re.MULTILINE)
ROWS = re.findall(r"^\| `([\w.\[\]]+)` \| ([\w ]+) \| (.+) \|$", RECORD, re.MULTILINE)

FREE = ("settings", "best.validation")  # objects whose keys a run chooses


def is_a(kind: str, value: Any) -> bool:
    if kind.endswith(" or null"):
        return value is None or is_a(kind.removesuffix(" or null"), value)
    if kind.startswith("list of "):
        return isinstance(value, list) and all(is_a(kind[8:-1], element) for element in value)
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, {"string": str, "integer": int, "number": float, "object": dict}.get(kind, ()))


def flatten(value: Any, key: str = "") -> dict[str, Any]:
    """Values by dotted key; a list of objects appears itself and, as key[].name, by its first object."""
    if isinstance(value, dict) and key not in FREE:
        return {k: v for name, part in value.items() for k, v in flatten(part, f"{key}.{name}".lstrip(".")).items()}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return {key: value, **flatten(value[0], f"{key}[]")}
    return {key: value}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on two classes of noise with a damaged image and an odd file, and its predictions for two files."""
    folder = tmp_path_factory.mktemp("run")
    rng = np.random.default_rng(0)
    for label in ("daisy", "rose"):
        (folder / "images" / label).mkdir(parents=True)
        for i in range(30):
            pixels = rng.integers(256, size=(28, 28), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "images" / label / f"{i:02}.png")
    (folder / "images/rose/notes.txt").write_text("no item of this data")
    (folder / "images/rose/30.png").write_bytes(b"a damaged one")
    configs = [f"--config={ROOT}/experiments/{part}.yaml" for part in ("_defaults", "mnist_mlp")]
    options = [f"--data.source={folder / 'images'}", f"--runs={folder / 'runs'}", "--loggers=[csv]"]
    options += ["--trainer.callbacks+=callbacks.robustness_test.RobustnessTest", "--model.class_weights=balanced"]
    assert cli.main(["run", *configs, *options, "--trainer.max_epochs=2", "--trainer.log_every_n_steps=1"]) == 0

    (folder / "photos").mkdir()
    Image.fromarray(pixels).save(folder / "photos/1.png")
    (folder / "photos/2.png").write_bytes(b"not an image")
    latest = folder / "runs/mnist_mlp/latest"
    output = latest.resolve().with_name("predictions.jsonl")
    assert cli.main(["predict", f"--run={latest}", f"--input={folder / 'photos'}", f"--output={output}"]) == 0
    return latest


def test_every_key_is_documented_and_every_documented_key_is_written(run: Path) -> None:
    written = flatten(json.loads((run / "results.json").read_text(encoding="utf-8")))
    documented = [key for key, _, _ in ROWS]
    assert len(set(documented)) == len(documented)
    assert set(documented) == set(written) | {f"robustness.{noise}" for noise in TEXT_NOISE}


def test_values_have_the_documented_types(run: Path) -> None:
    written = flatten(json.loads((run / "results.json").read_text(encoding="utf-8")))
    wrong = {key: (kind, written[key]) for key, kind, _ in ROWS if key in written and not is_a(kind, written[key])}
    assert not wrong


def test_null_is_documented_where_there_is_no_git(monkeypatch: pytest.MonkeyPatch) -> None:
    nullable = {key for key, kind, _ in ROWS if kind.endswith(" or null")}
    without_items = {f"per_class[].{name}" for name in ("precision", "recall", "f1")}
    without_validation = {"best.metric", "best.value", "best.validation", "settings"}
    assert nullable == {"environment.git_commit", "environment.git_dirty", *without_items, *without_validation}
    monkeypatch.setenv("PATH", "/nowhere")
    assert git("rev-parse", "HEAD") is None


def test_shares_are_documented_as_such_and_lie_between_zero_and_one(run: Path) -> None:
    written = flatten(json.loads((run / "results.json").read_text(encoding="utf-8")))
    shares = [key for key, _, meaning in ROWS if meaning.startswith("0 to 1") and key in written]
    assert shares[:4] == ["test.accuracy", "test.precision", "test.recall", "test.f1"]
    assert shares[4:8] == ["majority.share", *(f"per_class[].{name}" for name in ("precision", "recall", "f1"))]
    assert shares[8:] == [f"robustness.{how}" for how in ("clean", "fgsm", "pgd", "noise")]
    assert all(0 <= written[key] <= 1 for key in shares)
    assert all(str(np.float32(written[key])) == str(written[key]) for key in shares)  # no digits beyond float32's


def test_schema_number_is_the_documented_one() -> None:
    assert f"Schema {SCHEMA}." in RECORD


def test_every_column_of_metrics_csv_is_documented(run: Path) -> None:
    with (run / "metrics.csv").open(newline="", encoding="utf-8") as file:
        columns = csv.DictReader(file).fieldnames
    of_texts = {f"robustness/{noise}" for noise in TEXT_NOISE}
    assert set(re.findall(r"^\| `([\w/]+)` \|", METRICS, re.MULTILINE)) == {*(columns or []), *of_texts}


def test_every_file_of_a_run_is_documented(run: Path) -> None:
    block = re.findall(r"^```\n(.*?)^```", HEAD, re.MULTILINE | re.DOTALL)[0]
    documented = set(re.findall(r"^  ([\w./-]+)", block, re.MULTILINE))
    written = {str(path.relative_to(run.resolve())) for path in run.resolve().rglob("*") if path.is_file()}
    only_sometimes = {
        "reconstructions.png",
        "predictions/",
        "evaluations/",
        "wandb/",
        "tensorboard/",
        "torchrun.txt",
        "slurm.txt",
        "wandb-id.txt",
    }
    assert documented == written | only_sometimes


def test_every_column_of_the_tested_items_is_documented(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = pq.read_table(run / "predictions/test.parquet").column_names
    documented = re.findall(r"^\| `(\w+)", TESTED, re.MULTILINE)
    assert columns == [*documented[:4], *(f"{documented[4]}{name}" for name in ("daisy", "rose"))]
    (block,) = re.findall(r"^```python\n(.*?)^```", TESTED, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(run.parents[2])
    exec(compile(block, "docs/results.md", "exec"), {})
    assert capsys.readouterr().out.startswith("6 ['index', 'id', 'item', 'label', 'probability_daisy']")


def test_predictions_look_as_documented(run: Path) -> None:
    (block,) = re.findall(r"^```json\n(.*?)^```", PREDICTIONS, re.MULTILINE | re.DOTALL)
    documented = [json.loads(line) for line in block.splitlines()]
    lines = run.resolve().with_name("predictions.jsonl").read_text(encoding="utf-8").splitlines()
    written = [json.loads(line) for line in lines]
    for shown, real in zip(documented, written, strict=True):
        assert list(shown) == list(real)
        assert Path(shown["item"]).name == Path(real["item"]).name
        assert shown.get("probabilities", {}).keys() == real.get("probabilities", {}).keys()
        assert sum(real.get("probabilities", {"": 1}).values()) == pytest.approx(1, abs=1e-5)


def test_example_collects_the_results(run: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    (block,) = re.findall(r"^```python\n(.*?)^```", RECORD, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(run.parents[2])
    exec(compile(block, "docs/results.md", "exec"), {})
    results = json.loads((run / "results.json").read_text(encoding="utf-8"))
    assert capsys.readouterr().out.split()[1:] == [str(results["test"]["accuracy"]), str(results["fit"]["seconds"])]
