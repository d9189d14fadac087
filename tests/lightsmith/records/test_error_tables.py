import csv
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from callbacks.log_worst_predictions import Mistake, WrongValue
from lightsmith.records.error_tables import confusion_rows, mistake_rows, wrong_value_rows
from lightsmith.records.per_class import per_class_figures
from tests.conftest import Cli

SHORT = ("--loggers=[]", "--trainer.max_epochs=1", "--trainer.precision=32-true", "--data.batch_size=16")


def rows_of(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.reader(file))


def test_few_classes_become_a_matrix_and_many_the_pairs_that_occur() -> None:
    counts = torch.tensor([[3, 1], [0, 2]])
    assert confusion_rows(counts, ["a, b", "c"]) == [["label", "a, b", "c"], ["a, b", 3, 1], ["c", 0, 2]]
    many = torch.zeros(1000, 1000, dtype=torch.int64)
    many[7, 7], many[999, 0] = 5, 2
    expected = [["label", "prediction", "count"], ["class 7", "class 7", 5], ["class 999", "class 0", 2]]
    assert confusion_rows(many, [f"class {n}" for n in range(1000)]) == expected


def test_a_text_is_shown_by_its_first_words_on_one_line() -> None:
    texts: Any = SimpleNamespace(
        kind="text", item_name=lambda split, i: f"{split} row {i}", item=lambda split, i: f"one\ntwo {'x' * 500}"
    )
    header, row = mistake_rows([Mistake(0.9, 4, 0, 1, 0.75)], texts, ["a", "b"])
    assert header == ["item", "label", "prediction", "confidence", "label_probability", "text"]
    assert row[:5] == ["test row 4", "a", "b", "0.750000", "0.100000"]
    assert row[5] == f"one two {'x' * 92}"


def test_a_wrong_value_is_shown_with_its_error() -> None:
    images: Any = SimpleNamespace(kind="image", item_name=lambda split, i: f"{i}.png")
    assert wrong_value_rows([WrongValue(2.5, 7, 10.0, 12.5)], images) == [
        ["item", "label", "value", "error"], ["7.png", "10", "12.5", "2.5"],
    ]  # fmt: skip


def test_a_run_leaves_matrix_and_worst_mistakes_by_file_name_without_any_logger(
    experiment: Cli, tmp_path: Path
) -> None:
    rng, right = np.random.default_rng(0), {}
    for label in ("daisy", "rose"):
        for split, count in (("train", 30), ("test", 6 if label == "daisy" else 1)):
            (tmp_path / "plants" / split / label).mkdir(parents=True)
            for i in range(count):
                path = tmp_path / "plants" / split / label / f"{i}.png"
                Image.fromarray(rng.integers(256, size=(28, 28), dtype=np.uint8)).save(path)
                right[f"{split}/{label}/{i}.png"] = label
    outcome = experiment("mnist_mlp", *SHORT, "--data.source=plants")
    assert (outcome.code, outcome.err) == (0, "")
    run = tmp_path / "runs/mnist_mlp/latest"
    found = json.loads((run / "results.json").read_text())
    matrix = rows_of(run / "confusion_matrix.csv")
    assert [matrix[0], matrix[1][0], matrix[2][0]] == [["label", "daisy", "rose"], "daisy", "rose"]
    counts = torch.tensor([[int(cell) for cell in row[1:]] for row in matrix[1:]])
    assert counts.sum(1).tolist() == [6, 1]
    assert found["per_class"] == per_class_figures(counts, ["daisy", "rose"])
    assert found["majority"] == {"class": "daisy", "share": round(6 / 7, 6)}
    assert found["test"]["accuracy"] == pytest.approx(int(counts.diagonal().sum()) / 7)
    assert "class 'rose' has 1 test item: its figures say little" in outcome.out
    assert "always saying 'daisy' would be right in 85.7%" in outcome.out

    header, *worst = rows_of(run / "worst_predictions.csv")
    assert header == ["item", "label", "prediction", "confidence", "label_probability"]
    assert len(worst) == 7 - int(counts.diagonal().sum()) > 0
    assert all(right[item] == label != prediction for item, label, prediction, _, _ in worst)
    given = [float(row[4]) for row in worst]
    assert given == sorted(given)
    assert all(float(row[3]) == pytest.approx(1 - float(row[4]), abs=2e-6) for row in worst)


def test_rows_of_a_table_are_named_where_they_stand_in_it(experiment: Cli, tmp_path: Path) -> None:
    texts = [f"review {n} is {('awful', 'fine')[n % 2]}" for n in range(40)]
    with Path("t.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *((text, str(n % 2)) for n, text in enumerate(texts))])
    words = ("--data=datamodules.review_words.ReviewWords", "--model.pretrained=null", "--data.max_tokens=16")
    narrow = ("--model.embedding_dim=4", "--model.hidden_size=4", "--model.lr=1e-12", "--data.source=t.csv")
    assert experiment("imdb_lstm", *SHORT, *words, *narrow).code == 0
    worst = rows_of(tmp_path / "runs/imdb_lstm/latest/worst_predictions.csv")[1:]
    assert worst
    assert {row[0]: row[5] for row in worst} == {f"train row {row[5].split()[1]}": row[5] for row in worst}
    assert {row[5] for row in worst} <= set(texts)


def test_a_disk_that_takes_no_table_costs_no_figure(
    experiment: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lightsmith.records.error_tables.replace_file", full)
    outcome = experiment("mnist_mlp", *SHORT, "--data.train_size=64", "--trainer.limit_test_batches=2")
    assert outcome.code == 1
    assert outcome.err == "the tables of the test could not be written: [Errno 28] No space left on device\n"
    assert json.loads((tmp_path / "runs/mnist_mlp/latest/results.json").read_text())["test"]["n"] == 32
