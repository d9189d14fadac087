"""A trained model is tested on other labelled data, all of it, and what the run recorded stays as it was."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from datamodules.sources.samples import digits
from tests.conftest import Cli, Outcome

SMALL = ("--data.train_size=300", "--loggers=[csv]", "--trainer.max_epochs=1", "--trainer.precision=32-true")
RUN = "--run=runs/mnist_mlp/latest"


@pytest.fixture(autouse=True)
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lightsmith.predictions.trained_model.fast_precision", lambda: "32-true")


@pytest.fixture
def run(trained_run: Callable[..., None], tmp_path: Path) -> Path:
    """A run, as RUN."""
    trained_run("mnist_mlp", *SMALL)
    return (tmp_path / "runs/mnist_mlp/latest").resolve()


@pytest.fixture
def some_digits(tmp_path: Path) -> Path:
    """30 images of each of the digits 3 and 7, one of which is damaged."""
    source = digits()
    test = source.splits["test"]
    for label in (3, 7):
        (folder := tmp_path / "new" / str(label)).mkdir(parents=True)
        for n, position in enumerate(np.flatnonzero(test.labels == label)[:30]):
            Image.fromarray(test.items[position].squeeze()).save(folder / f"{n:02}.png")
    (tmp_path / "new/3/00.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return tmp_path / "new"


def results_in(folder: Path) -> dict[str, Any]:
    results: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return results


def written(outcome: Outcome) -> Path:
    (folder,) = re.findall(r"^written    (\S+)/  ", outcome.out, re.MULTILINE)
    return Path(folder)


def test_on_its_own_test_split_a_model_has_the_figures_of_its_run(lightsmith: Cli, run: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file()}
    outcome = lightsmith("evaluate", RUN, "--data=sample", "--split=test")
    assert (outcome.code, outcome.err) == (0, "")
    recorded, found = results_in(run)["test"], results_in(written(outcome))
    assert found["test"].keys() == recorded.keys()
    for name in ("n", "accuracy"):
        assert found["test"][name] == pytest.approx(recorded[name], abs=1e-6)
    for name in ("loss", "precision", "recall", "f1"):
        assert found["test"][name] == pytest.approx(recorded[name], abs=1e-4)
    assert found["test"]["interval"] == recorded["interval"]
    assert found["model"]["sha256"] == results_in(run)["model"]["sha256"]
    assert sum(row["n"] for row in found["per_class"]) == recorded["n"]
    assert before.items() <= {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file()}.items()


def test_all_items_of_other_data_count_and_classes_are_matched_by_name(
    lightsmith: Cli, run: Path, some_digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lightsmith.predictions.trained_model.ITEMS_AT_ONCE", 7)
    outcome = lightsmith("evaluate", RUN, f"--data={some_digits}")
    assert (outcome.code, outcome.err) == (0, "")
    folder = written(outcome)
    assert folder == run.relative_to(Path.cwd()) / "evaluations/new"
    found = results_in(folder)
    rows = [json.loads(line) for line in (folder / "predictions.jsonl").read_text().splitlines()]
    assert [row["label"] for row in rows] == ["3"] * 30 + ["7"] * 30
    right = sum(row.get("prediction") == row["label"] for row in rows)
    assert found["test"]["n"] == 59
    assert found["test"]["accuracy"] == pytest.approx(right / 59, abs=1e-6)
    assert {row["class"]: row["n"] for row in found["per_class"] if row["n"]} == {"3": 29, "7": 30}
    assert [item["item"] for item in found["data"]["skipped"]] == [str(some_digits / "3/00.png")]
    loss = -np.log([row["probabilities"][row["label"]] for row in rows if "error" not in row])
    assert found["test"]["loss"] == pytest.approx(loss.mean(), abs=1e-3)
    assert "no items of 8 classes that the model knows: 0, 1, 2, 4, 5, 6, 8, 9" in outcome.out
    assert "skipped    1 items that cannot be read" in outcome.out
    assert (
        written(lightsmith("evaluate", f"--run={run}/checkpoints/best.ckpt", f"--data={some_digits}")).name == "new-2"
    )


@pytest.mark.slow
def test_an_exported_folder_is_evaluated_as_its_run_is(
    lightsmith: Cli, run: Path, some_digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lightsmith.exports.proof.SECONDS", 0.0)
    assert lightsmith("export", RUN, "--output=exported", "--limit=10").code == 0
    outcomes = [lightsmith("evaluate", f"--run={it}", f"--data={some_digits}") for it in (run, "exported")]
    trained, exported = (results_in(written(outcome)) for outcome in outcomes)
    assert written(outcomes[1]) == Path("exported/evaluations/new")
    assert exported["test"]["n"] == trained["test"]["n"] == 59
    assert exported["test"]["accuracy"] == trained["test"]["accuracy"]
    assert exported["test"]["loss"] == pytest.approx(trained["test"]["loss"], abs=1e-4)


def test_what_cannot_be_evaluated_is_one_line_and_leaves_nothing(
    lightsmith: Cli, tmp_path: Path, run: Path, some_digits: Path
) -> None:
    (tmp_path / "odd" / "Vendor").mkdir(parents=True)
    (some_digits / "3").rename(tmp_path / "odd/3")
    Image.new("L", (28, 28)).save(tmp_path / "odd/Vendor/0.png")
    for options, line in (
        (("--data=odd",), "That model knows 10 classes; this data has 2. New: Vendor."),
        (("--data=sample",), "has several splits (train "),
        (("--data=sample", "--split=dev"), "--split=dev: "),
        (("--data=nowhere",), "does not exist"),
        (("--data=odd", "--text_column=x"), "--text_column=x means nothing to this model's data"),
        (("--data=odd", "--output=odd"), "--output=odd exists: remove it"),
        (("--data=odd", "--output=gone/odd"), "--output=gone/odd: gone cannot be written, or is not there"),
        (("--data=",), "--data= is empty"),
    ):
        outcome = lightsmith("evaluate", RUN, *options)
        assert (outcome.code, outcome.err.count("\n")) == (2, 1), options
        assert line in outcome.err
    assert not (run / "evaluations").exists()
    wrong = lightsmith("evaluate", "--run=runs/mnist_mlp", "--data=odd")
    assert wrong.err.endswith("did you mean runs/mnist_mlp/latest?\n")


@pytest.mark.slow
def test_texts_are_evaluated_by_the_columns_that_are_named(experiment: Cli, lightsmith: Cli, tmp_path: Path) -> None:
    small = (*SMALL, "--data.max_tokens=32", "--model.hidden_size=4", "--model.embedding_dim=4")
    assert experiment("imdb_lstm", *small, "--trainer.limit_train_batches=2").code == 0
    lines = "".join(f"film {n} was fine,{('positive', 'negative')[n % 2]}\n" for n in range(8))
    (tmp_path / "next_month.csv").write_text("body,queue\n" + lines)
    columns = ("--text_column=body", "--label_column=queue")
    outcome = lightsmith("evaluate", "--run=runs/imdb_lstm/latest", "--data=next_month.csv", *columns)
    assert (outcome.code, outcome.err) == (0, "")
    assert results_in(written(outcome))["test"]["n"] == 8
    assert written(outcome).name == "next_month.csv"
    assert results_in(Path("runs/imdb_lstm/latest"))["test"]["n"] != 8
