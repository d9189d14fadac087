import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from lightsmith.records.gather import _intervals, weights_sha256
from lightsmith.records.interval import error_intervals, wilson_interval
from lightsmith.run_folder import PREDICTIONS
from tests.conftest import Cli


def test_weights_sha256_follows_names_types_shapes_and_values_and_nothing_else(tmp_path: Path) -> None:
    state = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(3), "c": torch.ones(2, dtype=torch.bfloat16)}
    digest = weights_sha256(state)
    torch.save(dict(reversed(state.items())), tmp_path / "x.pt")
    assert weights_sha256(torch.load(tmp_path / "x.pt")) == digest
    transposed = torch.arange(6.0).reshape(2, 3).T.contiguous().T  # the same values, stored in another order
    assert weights_sha256(state | {"a": transposed}) == digest
    others = [
        state | {"a": state["a"].reshape(3, 2)},
        state | {"a": state["a"].double()},
        state | {"a": state["a"] + torch.tensor([0, 0, 1e-6])},
        state | {"b": torch.tensor(4)},
        {"d" if name == "c" else name: value for name, value in state.items()},
    ]
    assert len({weights_sha256(other) for other in others} | {digest}) == len(others) + 1


def test_figures_are_said_of_the_items_that_were_tested(experiment: Cli, tmp_path: Path) -> None:
    options = ("--data.train_size=100", "--data.batch_size=64", "--loggers=[csv]", "--trainer.max_epochs=1")
    outcome = experiment("mnist_mlp", *options, "--trainer.limit_test_batches=2")
    test = json.loads((tmp_path / "runs/mnist_mlp/latest/results.json").read_text())["test"]
    assert test["n"] == 128
    low, high = test["interval"]["accuracy"]
    assert [low, high] == wilson_interval(test["accuracy"], 128)
    assert (
        f"n 128  loss {test['loss']:.4f}  accuracy {test['accuracy']:.4f} (95%: {low:.4f} to {high:.4f})" in outcome.out
    )


def weights_of(experiment: Cli, tmp_path: Path, name: str, *options: str) -> str:
    assert experiment(name, "--loggers=[csv]", *options).code == 0
    results = json.loads((tmp_path / "runs" / name / "latest" / "results.json").read_text())
    return str(results["model"]["weights_sha256"])


def test_one_command_gives_one_weights_hash_whatever_the_workers_and_another_seed_another(
    experiment: Cli, tmp_path: Path
) -> None:
    options = ("--data.train_size=500", "--trainer.max_epochs=2")
    hashes = [weights_of(experiment, tmp_path, "mnist_mlp", *options, f"--data.num_workers={n}") for n in (0, 2)]
    assert len(set(hashes)) == 1
    assert weights_of(experiment, tmp_path, "mnist_mlp", *options, "--seed_everything=2") not in hashes


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", ["mnist_mlp", "cifar_cnn", "resnet_transfer", "imdb_lstm", "bert_classifier"])
def test_five_runs_of_one_command_give_one_weights_hash(experiment: Cli, tmp_path: Path, name: str) -> None:
    limits = ("--trainer.limit_val_batches=2", "--trainer.limit_test_batches=2")
    options = ("--data.train_size=64", "--data.batch_size=16", "--trainer.max_epochs=2", *limits)
    runs = [(0, 1), (2, 1), (0, 1), (2, 1), (0, 1), (2, 2)]
    *same, other = (
        weights_of(experiment, tmp_path, name, *options, f"--data.num_workers={n}", f"--seed_everything={seed}")
        for n, seed in runs
    )
    hashes, differs = len(set(same)), other not in same
    print(f"| 17 | five runs of {name}, workers 0 and 2 | {hashes} hash; another seed differs: {differs} |")
    assert (hashes, differs) == (1, True)


def test_errors_of_few_values_have_intervals_where_predictions_were_kept(tmp_path: Path) -> None:
    metrics = {"loss": 1.0, "rmse": 2.0, "mae": 1.5}
    assert _intervals(metrics, 4, tmp_path) == {}
    (tmp_path / PREDICTIONS).parent.mkdir()
    pq.write_table(pa.table({"label": [1.0, 2.0, 3.0, 4.0], "value": [1.0, 4.0, 0.0, 5.0]}), tmp_path / PREDICTIONS)
    assert _intervals(metrics, 4, tmp_path) == error_intervals(np.array([0.0, 2.0, -3.0, 1.0]))
    assert _intervals({"perplexity": 3.0}, 4, tmp_path) == {}
