from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import wandb

from lightsmith.runs.loggers import build_loggers, finish_wandb
from lightsmith.tracking.place import Place, place_of
from tests.lightsmith.reports.dashboards.made_boards import write_plan

STAMP = "20260101-000000"


def member(kind: str, name: str) -> Path:
    folder = Path(f"runs/mnist_mlp/{STAMP}-{kind}")
    folder.mkdir(parents=True, exist_ok=True)
    write_plan(folder, kind, [name])
    (folder / name).mkdir(exist_ok=True)
    return folder / name


@pytest.mark.parametrize(
    ("kind", "name", "job_type", "tags"),
    [
        ("seeds", "seed-3", "seed", ("seed-3",)),
        ("folds", "fold-2-seed-1", "fold", ("fold-2", "seed-1")),
        ("sweep", "trial-0007", "sweep", ("trial-0007",)),
        ("sweep", "winner-0007-seed-2", "sweep", ("winner-0007", "seed-2")),
        ("sweep", "default-seed-2", "sweep", ("default", "seed-2")),
    ],
)
def test_a_run_of_a_study_is_filed_under_it(kind: str, name: str, job_type: str, tags: tuple[str, ...]) -> None:
    assert place_of(member(kind, name), "mnist_mlp") == Place(f"mnist_mlp-{STAMP}-{kind}", job_type, tags)


def test_a_run_alone_is_filed_under_its_experiment_and_a_variant_under_its_compression() -> None:
    assert place_of(Path(f"runs/mnist_mlp/{STAMP}"), "mnist_mlp") == Place("mnist_mlp", "run")
    variant = Path(f"runs/mnist_mlp-compressed/{STAMP}/training/pruned/mnist_mlp/{STAMP}")
    assert place_of(variant, "mnist_mlp") == Place(f"mnist_mlp-compressed-{STAMP}", "compression", ("pruned",))


def test_weights_and_biases_is_told_the_place() -> None:
    run = member("folds", "fold-2-seed-1")
    logger: Any
    (logger,) = build_loggers(["wandb"], run.absolute(), "mnist_mlp", {})
    recorded = logger.experiment
    assert (recorded.group, recorded.job_type) == (f"mnist_mlp-{STAMP}-folds", "fold")
    assert recorded.tags == ("fold-2", "seed-1")
    finish_wandb()
    wandb.teardown()  # which waits for the last block of what `wandb sync` uploads
    (offline,) = run.glob("wandb/offline-run-*/*.wandb")
    content = offline.read_bytes()
    assert all(text.encode() in content for text in (f"mnist_mlp-{STAMP}-folds", "fold-2", "seed-1"))
