from typing import Any

from lightsmith.records.results import Results

# As the first version of Lightsmith wrote it.
FIRST: dict[str, Any] = {
    "schema": 1,
    "experiment": "mnist_mlp",
    "seed": 1,
    "data": {"source": "sample", "train": 10, "val": 5, "test": 5, "classes": ["0", "1"], "fingerprint": "sha256:0"},
    "test": {"loss": 0.25, "accuracy": 0.9, "precision": 0.9, "recall": 0.9, "f1": 0.9},
    "fit": {
        **{"seconds": 1.5, "epochs": 2, "steps": 4, "samples": 20},
        **{"samples_per_second": 13.3, "first_step_seconds": 0.1, "peak_memory_bytes": 1000},
    },
    "model": {"class": "MnistMLP", "parameters": 8, "trainable_parameters": 8, "checkpoint": "x", "sha256": "ab"},
    "environment": {"python": "3.11", "torch": "2.14", "lightning": "2.6", "device": "cpu", "precision": "32-true"},
}


def test_the_first_records_are_read() -> None:
    read = Results.of_json(FIRST)
    assert (read.task, read.headline.value, read.headline.direction) == ("classification", 0.9, "max")
    assert (read.test.n, read.test.interval) == (5, {})
    assert (read.settings, read.best, read.data.skipped, read.per_class) == (None, None, [], [])


def test_what_later_ones_added_is_read() -> None:
    more = {
        "data": {**FIRST["data"], "skipped": [{"item": "a", "reason": "b"}], "ignored": []},
        "test": {"n": 4, **FIRST["test"], "interval": {"accuracy": [0.5, 1.0]}},
        "best": {"metric": "val/f1", "value": 0.8, "epoch": 2},
        "majority": {"class": "0", "share": 0.6},
        "per_class": [{"class": "0", "n": 3, "precision": 1.0, "recall": None, "f1": 0.5}],
        "model": {**FIRST["model"], "class_weights": [1.0, 2.0], "weights_sha256": "cd"},
    }
    read = Results.of_json({**FIRST, **more})
    assert read.as_json()["test"] == more["test"]
    assert (read.data.skipped[0].reason, read.model.class_weights) == ("b", [1.0, 2.0])
    assert read.best is not None
    assert (read.best.epoch, read.best.validation) == (2, None)
    assert read.as_json()["per_class"] == more["per_class"]
