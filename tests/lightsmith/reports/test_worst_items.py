from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lightsmith.records.results import read_results
from lightsmith.reports.worst_items import worst_parts
from tests.lightsmith.reports.made_runs import CLASSES, HOSTILE, record, write_class_run, write_predictions, write_run


def part_of(run: Path) -> dict[str, Any]:
    (part,) = worst_parts(run, read_results(run))
    return part


def test_mistakes_are_those_of_the_runs_table_with_the_texts_that_it_has(tmp_path: Path) -> None:
    part = part_of(write_class_run(tmp_path / "run", CLASSES))
    assert [column["name"] for column in part["columns"]] == ["label", "prediction", "confidence", "label probability"]
    assert len(part["items"]) == 24
    shares = [item["cells"][3] for item in part["items"]]
    assert shares == sorted(shares)
    assert {item["text"] for item in part["items"]} == {HOSTILE[0]}
    assert "Only their first words are shown: checkpoints/best.ckpt" in part["about"]


def test_without_labels_the_largest_errors_are_the_worst(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", record("nats", 190.5, task="autoencoder"))
    errors = np.arange(40, dtype=np.float32) / 64
    answer = {"kind": "autoencoder", "latents": 1}
    write_predictions(run, answer, [None] * 40, {"reconstruction_error": errors, "latent_1": errors})
    part = part_of(run)
    assert [(item["name"], item["cells"]) for item in part["items"][:2]] == [
        ("test row 39", [39 / 64]),
        ("test row 38", [38 / 64]),
    ]


def test_a_run_that_kept_none_has_no_part(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", record())
    assert worst_parts(run, read_results(run)) == []
