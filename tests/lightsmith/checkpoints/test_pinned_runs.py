"""A run is known by its folder, not by what `latest` comes to mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonargparse import Namespace

from lightsmith.checkpoints.pinned_runs import pin_runs
from tests.conftest import ROOT, Cli, Outcome

SHORT = ("--loggers=[]", "--data.train_size=100", "--trainer.max_epochs=1", "--trainer.precision=32-true")
TAUGHT = "--trainer.callbacks+=callbacks.distill_from_teacher.DistillFromTeacher"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two runs, the newer of which is the latest."""
    for name in ("one", "two"):
        (tmp_path / "runs/x" / name).mkdir(parents=True)
    (tmp_path / "runs/x/latest").symlink_to("two")
    return tmp_path / "runs"


def test_any_setting_that_goes_through_latest_names_the_run(runs: Path) -> None:
    settings = Namespace(  # type: ignore[no-untyped-call]
        init_from=Path("runs/x/latest"),
        resume=None,
        data=Namespace(source="elsewhere/latest"),  # type: ignore[no-untyped-call]  # where no link is
        callbacks=[{"init_args": {"runs": ["runs/x/latest/checkpoints/best.ckpt", f"{runs}/x/one"], "n": 3}}],
    )
    pin_runs(settings)
    assert settings.init_from == Path("runs/x/two")
    assert settings.data.source == "elsewhere/latest"
    given = settings.callbacks[0]["init_args"]
    assert given == {"runs": ["runs/x/two/checkpoints/best.ckpt", f"{runs}/x/one"], "n": 3}


def test_a_home_folder_stays_one(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(runs.parent))
    assert pin_runs(["~/runs/x/latest"]) == ["~/runs/x/two"]


def typed(lightsmith: Cli, *options: str, resume: str = "") -> Outcome:
    """What `make exp NAME=mnist_mlp` or `make exp RESUME=…` does in the current folder, with the default runs/."""
    configs = [f"-c={ROOT}/experiments/{part}.yaml" for part in ("_defaults", "mnist_mlp")]
    start = [f"-c={resume}/config.yaml", f"--resume={resume}"] if resume else [*configs, *SHORT]
    return lightsmith("run", *start, *options)


def latest() -> str:
    return str(Path("runs/mnist_mlp/latest").readlink())


def recorded_teacher(run: str) -> Any:
    settings = yaml.safe_load(Path(f"runs/mnist_mlp/{run}/config.yaml").read_text())
    return settings["trainer"]["callbacks"][-1]["init_args"]["teacher"]


@pytest.mark.slow
def test_a_student_of_its_own_experiments_latest_run_keeps_its_teacher(lightsmith: Cli) -> None:
    assert typed(lightsmith).code == 0
    teacher = latest()
    through_latest = (TAUGHT, "--trainer.callbacks.teacher=runs/mnist_mlp/latest")
    outcome = typed(lightsmith, *through_latest)
    assert (outcome.code, outcome.err) == (0, "")
    student = latest()
    assert student != teacher
    assert recorded_teacher(student) == f"runs/mnist_mlp/{teacher}"
    assert typed(lightsmith).code == 0  # `latest` moves on
    resumed = typed(lightsmith, "--trainer.max_epochs=2", resume=f"runs/mnist_mlp/{student}")
    assert (resumed.code, resumed.err) == (0, "")

    checkpoint = Path(f"runs/mnist_mlp/{teacher}/checkpoints/best.ckpt")
    other = Path(f"runs/mnist_mlp/{student}/checkpoints/best.ckpt").read_bytes()
    checkpoint.with_name("manifest.json").unlink()
    checkpoint.write_bytes(other)
    changed = typed(lightsmith, "--trainer.max_epochs=3", resume=f"runs/mnist_mlp/{student}")
    assert (changed.code, changed.err.count("\n")) == (2, 1)
    assert f"teacher=runs/mnist_mlp/{teacher} has other weights than when this run began" in changed.err


def test_a_teacher_that_is_not_there_is_refused_before_anything_is_written(lightsmith: Cli) -> None:
    outcome = typed(lightsmith, TAUGHT, "--trainer.callbacks.teacher=runs/mnist_mlp/20200101-000000")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert "teacher=runs/mnist_mlp/20200101-000000 cannot be read: no checkpoint at" in outcome.err
    assert not Path("runs").exists()


def test_a_checkpoint_named_through_latest_is_read_before_latest_moves(lightsmith: Cli) -> None:
    assert typed(lightsmith).code == 0
    before = latest()
    outcome = typed(lightsmith, "--trainer.max_epochs=2", "--ckpt_path=runs/mnist_mlp/latest/checkpoints/last.ckpt")
    assert (outcome.code, outcome.err) == (0, "")

    assert latest() != before
