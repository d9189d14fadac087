import errno
import hashlib
import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from lightning_modules.training.answer import Answer, ClassProbabilities
from lightning_modules.training.answer_kinds import answer_from
from lightning_modules.training.answers.value_with_interval import ValueWithInterval
from lightsmith.checkpoints.rebuild import load_run
from lightsmith.records import keep_test_predictions as module
from lightsmith.records.keep_test_predictions import WaitingRows, write_predictions
from tests.conftest import Cli

SMALL = ("--data.train_size=100", "--loggers=[csv]", "--trainer.max_epochs=1", "--trainer.precision=32-true")


def read(file: Path) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = pq.read_table(file).to_pydict()
    return columns


def test_a_run_keeps_what_it_says_of_every_test_item(experiment: Cli, tmp_path: Path) -> None:
    assert experiment("mnist_mlp", *SMALL, "--data.batch_size=7").code == 0
    latest = (tmp_path / "runs/mnist_mlp/latest").resolve()
    assert [path.name for path in (latest / "predictions").iterdir()] == ["test.parquet"]
    rows = read(latest / "predictions/test.parquet")
    assert list(rows)[:5] == ["index", "id", "item", "label", "probability_0"]
    assert rows["index"] == list(range(500))
    assert rows["item"][7] == "test row 7"
    results = json.loads((latest / "results.json").read_text())
    names = results["data"]["classes"]
    said = np.array([rows[f"probability_{name}"] for name in names]).T
    right = sum(names[best] == label for best, label in zip(said.argmax(1), rows["label"], strict=True))
    assert right / 500 == pytest.approx(results["test"]["accuracy"])

    model, data = load_run(latest)
    image = data.found.splits["test"].items[7]
    assert rows["id"][7] == hashlib.sha256(image.tobytes()).hexdigest()[:32]
    with torch.inference_mode():
        expected = model(torch.from_numpy(image).permute(2, 0, 1)[None]).softmax(1)[0].tolist()
    assert said[7].tolist() == pytest.approx(expected, abs=1e-5)
    settings = json.loads(pq.read_metadata(latest / "predictions/test.parquet").metadata[b"answer"])
    assert answer_from(settings) == model.answer


def test_lightnings_predict_writes_the_same_beside_it(experiment: Cli, tmp_path: Path) -> None:
    assert experiment("mnist_mlp", *SMALL).code == 0
    folder = (tmp_path / "runs/mnist_mlp/latest").resolve()
    checkpoint = f"--ckpt_path={folder}/checkpoints/best.ckpt"
    outcome = experiment("mnist_mlp", *SMALL, checkpoint, verb="predict")
    assert (outcome.code, outcome.err) == (0, "")
    output = folder / "predictions/test-2.parquet"
    assert f"Wrote 500 rows to {output.relative_to(tmp_path)}: index, id, item, label, probability_0" in outcome.out
    by_run, by_predict = read(folder / "predictions/test.parquet"), read(output)
    assert by_run["id"] == by_predict["id"]
    assert by_run["probability_3"] == pytest.approx(by_predict["probability_3"], abs=1e-6)
    few = ("--trainer.limit_predict_batches=2", "--data.batch_size=50")
    assert experiment("mnist_mlp", *SMALL, checkpoint, *few, verb="predict").code == 0
    assert len(read(folder / "predictions/test-3.parquet")["index"]) == 100


def test_a_full_disk_costs_no_figure(experiment: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module.os, "pwrite", full)
    outcome = experiment("mnist_mlp", *SMALL)
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)
    assert "KeepTestPredictions failed in the test: [Errno 28] No space left" in outcome.err
    latest = tmp_path / "runs/mnist_mlp/latest"
    assert json.loads((latest / "results.json").read_text())["test"]["accuracy"] >= 0
    assert not list((latest / "predictions").iterdir())


def test_rows_come_back_in_order_and_those_that_never_came_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "NUMBERS_AT_ONCE", 8)  # four rows to a part
    rng = np.random.default_rng(0)
    predictions, order = rng.normal(size=(10, 2)).astype(np.float32), rng.permutation(10)
    with WaitingRows(tmp_path / "new", 12, 2) as rows:
        for index in (order[:4], order[4:]):
            rows.put(index, index * 10, predictions[index])
        assert not os.listdir(tmp_path / "new")  # the file has no name  # noqa: PTH208  # names alone
        parts = list(rows.parts())
        assert len(rows) == 10
    assert [len(index) for index, _, _ in parts] == [4, 4, 2]
    index, labels, said = (np.concatenate(column) for column in zip(*parts, strict=True))
    assert index.tolist() == list(range(10))
    assert labels.tolist() == [10 * place for place in range(10)]
    assert np.array_equal(said, predictions)


@pytest.mark.parametrize(
    ("answer", "labels", "column"),
    [
        (ValueWithInterval(0.0, 1.0, 0.5), [0.1, 2.5], [pytest.approx(0.1), 2.5]),
        (ClassProbabilities(["ant", "bee"]), [1, 0], ["bee", "ant"]),
    ],
)
def test_labels_are_what_the_kind_of_task_has(
    tmp_path: Path, answer: Answer, labels: list[float], column: list[Any]
) -> None:
    data: Any = SimpleNamespace(
        item_ids=lambda split, index: [f"id {n}" for n in index], item_name=lambda split, n: f"{split} row {n}"
    )
    said = np.arange(2 * len(answer.columns), dtype=np.float32).reshape(2, -1)
    with WaitingRows(tmp_path, 2, len(answer.columns)) as rows:
        rows.put(np.array([0, 1]), np.array(labels), said)
        write_predictions(tmp_path / "test.parquet", rows, answer, data)
    found = read(tmp_path / "test.parquet")
    assert (found["id"], found["item"], found["label"]) == (["id 0", "id 1"], ["test row 0", "test row 1"], column)
    assert [found[name] for name in answer.columns] == said.T.tolist()
