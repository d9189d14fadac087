import json
from pathlib import Path

import pytest
import torch

from lightsmith.checkpoints.rebuild import load_run
from tests.conftest import Cli

SMALL = ("--data.train_size=100", "--loggers=[csv]", "--trainer.max_epochs=1", "--trainer.precision=32-true")


def test_lightnings_predict_keeps_the_probabilities_of_every_test_item_beside_the_run(
    experiment: Cli, tmp_path: Path
) -> None:
    assert experiment("mnist_mlp", *SMALL).code == 0
    latest = (tmp_path / "runs/mnist_mlp/latest").resolve()
    results = json.loads((latest / "results.json").read_text())
    checkpoint = f"--ckpt_path={latest}/checkpoints/best.ckpt"
    outcome = experiment("mnist_mlp", *SMALL, checkpoint, verb="predict")
    assert (outcome.code, outcome.err) == (0, "")
    output = latest.relative_to(tmp_path) / "predictions/test.jsonl"
    assert f"Wrote 500 rows to {output}: item, label, prediction and probabilities" in outcome.out
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert sum(row["prediction"] == row["label"] for row in rows) / 500 == pytest.approx(results["test"]["accuracy"])
    model, data = load_run(latest)
    image = torch.from_numpy(data.found.splits["test"].items[7]).permute(2, 0, 1)[None]
    with torch.inference_mode():
        expected = model(image).softmax(1)[0].tolist()
    assert list(rows[7]["probabilities"].values()) == pytest.approx(expected, abs=1e-5)
    limited = experiment(
        "mnist_mlp", *SMALL, checkpoint, "--trainer.limit_predict_batches=2", "--data.batch_size=50", verb="predict"
    )
    assert "rows to runs/mnist_mlp/" in limited.out
    assert len((latest / "predictions/test-2.jsonl").read_text().splitlines()) == 100
