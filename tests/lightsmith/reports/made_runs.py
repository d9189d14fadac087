"""Run folders as a run leaves them, made without training."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

HOSTILE = [
    "</script><img src=x onerror=alert(1)>",
    "<b>bold</b> & \"quoted\" 'too'",
    "{{script}}",
    "a, comma\nand a second line",
]
CLASSES = ["cat", "dog", "owl"]


def record(metric: str = "accuracy", value: float = 0.9, **others: Any) -> dict[str, Any]:
    """The content of a results.json; ``others`` take the place of its parts."""
    return {
        "schema": 2,
        "experiment": "mnist_mlp",
        "task": "classification",
        "headline": {"metric": metric, "value": value, "direction": "max"},
        "seed": 1,
        "settings": {},
        "data": {
            "source": "sample",
            "train": 4000,
            "val": 500,
            "test": 300,
            "fingerprint": "sha256:0",
            "skipped": [],
            "ignored": [],
            "classes": CLASSES,
        },
        "test": {"n": 300, "loss": 0.3141593, metric: value},
        "best": {"epoch": 3, "metric": f"val/{metric}", "value": 0.8876543, "validation": None},
        "fit": {
            "seconds": 12.345,
            "epochs": 4,
            "steps": 64,
            "samples": 16000,
            "samples_per_second": 1296.1,
            "first_step_seconds": 0.25,
            "peak_memory_bytes": 912345678,
        },
        "model": {
            "class": "MnistMLP",
            "parameters": 235146,
            "trainable_parameters": 235146,
            "checkpoint": "checkpoints/best.ckpt",
            "sha256": "0" * 64,
            "weights_sha256": "1" * 64,
        },
        "environment": {
            "python": "3.11",
            "torch": "2.14.1",
            "lightning": "2.6.6",
            "device": "cpu",
            "precision": "32-true",
        },
        **others,
    }


def write_run(folder: Path, content: dict[str, Any], epochs: int = 4) -> Path:
    """A finished run: its record, its metrics over time, and that it has finished."""
    folder.mkdir(parents=True)
    (folder / "results.json").write_text(json.dumps(content), encoding="utf-8")
    status = {"state": "finished", "reason": None, "since": "", "host": "", "process": 1, "process_start": None}
    (folder / "status.json").write_text(json.dumps({**status, "schema": 1}), encoding="utf-8")
    metric = content["headline"]["metric"]
    rng = np.random.default_rng(content["seed"])
    with (folder / "metrics.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["epoch", "step", "train/loss", "train/lr", "val/loss", f"val/{metric}", "val/n"])
        for epoch in range(epochs):
            loss, step = 2 / (epoch + 1) + rng.random() / 10, 16 * epoch + 15
            table.writerow([epoch, step, "", "", loss + 0.1, 1 - loss / 3, 500.0])
            table.writerow([epoch, step, loss, "", "", "", ""])
            table.writerow([epoch, step, "", 0.01 / (epoch + 1), "", "", ""])
    return folder


def write_class_run(folder: Path, names: list[str], n: int = 300, seed: int = 0) -> Path:
    """A run of a classifier, with what it said of each test item, and all that is counted from that."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(len(names), size=n)
    logits = rng.normal(size=(n, len(names)))
    logits[np.arange(n), labels] += 2
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    said = shares.argmax(1)
    counts = Counter(zip(labels.tolist(), said.tolist(), strict=True))
    per_class = [_class_figures(place, name, counts) for place, name in enumerate(names)]
    data = {**record()["data"], "classes": names, "skipped": [{"item": HOSTILE[0], "reason": HOSTILE[1]}]}
    accuracy = round(float((labels == said).mean()), 6)
    test = {"n": n, "loss": 0.3141593, "accuracy": accuracy, "interval": {"accuracy": [0.8123, 0.9321]}}
    settings = {"model.lr": 0.01, HOSTILE[0]: HOSTILE[1]}
    write_run(folder, record(value=accuracy, data=data, test=test, per_class=per_class, settings=settings))
    _write_matrix(folder / "confusion_matrix.csv", names, counts)
    _write_worst(folder / "worst_predictions.csv", names, labels, shares)
    write_predictions(
        folder,
        {"kind": "classification", "class_names": names},
        [names[place] for place in labels.tolist()],
        {f"probability_{name}": shares[:, place] for place, name in enumerate(names)},
    )
    return folder


def write_predictions(folder: Path, answer: dict[str, Any], labels: list[Any], columns: dict[str, np.ndarray]) -> None:
    """predictions/test.parquet, whose items are called ``test row 0`` and so on."""
    n = len(labels)
    facts = {
        "index": pa.array(range(n)),
        "id": [f"{i:032x}" for i in range(n)],
        "item": [f"test row {i}" for i in range(n)],
    }
    table = pa.table(
        {**facts, "label": labels, **{name: values.astype(np.float32) for name, values in columns.items()}}
    )
    (folder / "predictions").mkdir()
    pq.write_table(table.replace_schema_metadata({"answer": json.dumps(answer)}), folder / "predictions/test.parquet")


def _class_figures(place: int, name: str, counts: Counter[tuple[int, int]]) -> dict[str, Any]:
    right = counts[place, place]
    items = sum(n for (truth, _), n in counts.items() if truth == place)
    taken = sum(n for (_, said), n in counts.items() if said == place)
    precision, recall = (round(right / whole, 6) if whole else None for whole in (taken, items))
    f1 = round(2 * right / (items + taken), 6) if items + taken else None
    return {"class": name, "n": items, "precision": precision, "recall": recall, "f1": f1}


def _write_matrix(path: Path, names: list[str], counts: Counter[tuple[int, int]]) -> None:
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        table = csv.writer(file)
        if len(names) > 50:
            table.writerow(["label", "prediction", "count"])
            table.writerows([names[truth], names[said], n] for (truth, said), n in sorted(counts.items()))
        else:
            table.writerow(["label", *names])
            places = range(len(names))
            table.writerows([names[truth], *(counts[truth, said] for said in places)] for truth in places)


def _write_worst(path: Path, names: list[str], labels: np.ndarray, shares: np.ndarray) -> None:
    of_label = shares[np.arange(len(labels)), labels]
    wrong = [place for place in np.argsort(of_label).tolist() if shares[place].argmax() != labels[place]][:50]
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        table = csv.writer(file)
        table.writerow(["item", "label", "prediction", "confidence", "label_probability", "text"])
        for place in wrong:
            said = shares[place].argmax()
            row = [f"test row {place}", names[labels[place]], names[said], f"{shares[place, said]:.6f}"]
            table.writerow([*row, f"{of_label[place]:.6f}", HOSTILE[0]])


def write_value_run(folder: Path, n: int = 200) -> Path:
    """A run of a regression with intervals."""
    rng = np.random.default_rng(0)
    label = rng.normal(size=n) * 10
    value = label + rng.normal(size=n)
    columns = {"value": value, "low": value - 1.6, "high": value + 1.6}
    data = {
        **record()["data"],
        "classes": [],
        "values": {"mean": 0.1, "deviation": 9.9, "least": -30.5, "largest": 28.0},
    }
    test = {"n": n, "loss": 0.01, "rmse": 1.012, "mae": 0.81, "interval": {"rmse": [0.9, 1.1]}}
    content = record("rmse", 1.012, task="regression", data=data, test=test)
    content["headline"]["direction"] = "min"
    write_run(folder, content)
    write_predictions(
        folder,
        {"kind": "regression", "mean": 0.1, "deviation": 9.9, "half_width": 1.6},
        label.astype(np.float32).tolist(),
        columns,
    )
    return folder


def write_ledger(folder: Path) -> Path:
    """What `compress` leaves: variants whose dots lie close together."""
    rows = [
        _variant("dense", 0.9560, 1.00, 940_000),
        _variant("pruned", 0.9550, 0.98, 470_000),
        _variant("int8", 0.9555, 0.97, 240_000),
        _variant("pruned_int8", 0.9548, 0.96, 130_000),
        _variant("distilled", 0.9400, 0.40, 90_000),
    ]
    ledger = {
        "schema": 1,
        "experiment": "mnist_mlp",
        "data": "sample",
        "headline": {"metric": "accuracy", "direction": "max"},
        "max_drop": 1.0,
        "recommended": "pruned_int8",
        "shortcomings": ["int8: " + HOSTILE[0]],
        "variants": rows,
    }
    folder.mkdir(parents=True)
    (folder / "ledger.json").write_text(json.dumps(ledger), encoding="utf-8")
    return folder


def _variant(name: str, accuracy: float, milliseconds: float, size: int) -> dict[str, Any]:
    latency = {"1": milliseconds / 10, "32": milliseconds}
    facts = {"name": name, "of": None, "teacher": None, "precision": "fp32", "run": "", "export": "", "test_items": 500}
    figures = {"test_accuracy": accuracy, "val_accuracy": accuracy - 0.001, "bytes": size, "macs": 234752, "zeros": 0.0}
    return {**facts, **figures, "file_zeros": 0.0, "exact": True, "unproved": [], "latency_ms": latency}


def write_study(folder: Path, trials: int = 12) -> Path:
    """A sweep whose trials differ in two settings."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    names = [f"trial-{number:04d}" for number in range(trials)]
    for number, name in enumerate(names):
        value = round(0.8 + 0.15 * float(rng.random()), 6)
        settings = {"model.lr": float(10 ** rng.uniform(-4, -1)), "model.optimizer": ("adamw", "sgd")[number % 2]}
        content = record(value=value, settings=settings, seed=number)
        content["best"]["value"] = round(value - 0.01, 6)
        write_run(folder / name, content)
    study = {"schema": 1, "kind": "sweep", "experiment": "mnist_mlp", "typed": [], "settings": [], "options": []}
    members = [{"name": name, "options": []} for name in [*names, f"trial-{trials:04d}"]]
    (folder / "study.json").write_text(json.dumps({**study, "members": members}), encoding="utf-8")
    return folder
