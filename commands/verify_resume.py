"""Proof on one's own machine that a killed and resumed run ends as one that was left alone."""

from __future__ import annotations

import csv
import math
import random
import shlex
import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import torch
import yaml

from lightsmith.checkpoints.newest_checkpoint import newest_checkpoint
from lightsmith.checkpoints.rebuild import read_checkpoint
from lightsmith.records.results import read_results
from lightsmith.run_folder import BEST_CHECKPOINT, LAST_CHECKPOINT, has_checkpoint
from lightsmith.settings.experiments import EXPERIMENTS, experiment_file
from lightsmith.studies.child_runs import ChildRun, run_command
from lightsmith.terminal import shortened

SAVES = 10  # in mid-epoch, over the whole run
LONGEST_SHOWN = 100  # characters
OF_THIS_RUN = ("seconds", "fit/seconds", "first_step_seconds", "samples_per_second", "peak_memory_bytes", "sha256")
# The hook and the signal of one kill after another; a batch that ends is mostly one of which gradients accumulate.
MOMENTS = (
    ("on_train_batch_end", "SIGKILL"),
    ("on_validation_batch_start", "SIGTERM"),
    ("on_train_batch_start", "SIGTERM"),
    ("on_validation_batch_start", "SIGKILL"),
    ("on_train_epoch_end", "SIGKILL"),
)
MOST_LINES = 20
LONGEST_LINE = 200


def verify_resume(name: str, data: str = "sample", kills: int = len(MOMENTS), options: str = "") -> int:
    """Train to the end once undisturbed and once killed at random moments and resumed, and compare all.

    Both in a scratch folder, with relative paths, as `make exp` and `make exp RESUME=` do it.

    Args:
        name: the experiment.
        data: as data.source.
        kills: how often the second run is killed: in training, in a validation, at an epoch's end, by SIGKILL and by
            SIGTERM in turn.
        options: further options of run, such as "--trainer.max_epochs=2".

    Returns:
        0 if checkpoints, metrics and results are identical but for times, otherwise 1.

    Raises:
        ValueError: no such experiment, or a run failed by itself.
    """
    experiment_file(name)  # refuses a name that is none
    if kills < 1:
        raise ValueError(f"--kills={kills} must be at least 1")
    with tempfile.TemporaryDirectory(prefix="lightsmith-verify-") as scratch:
        folder = Path(scratch).resolve()
        _link_files(folder)
        if data.startswith(".."):
            data = str(Path(data).resolve())
        configs = [f"-c=experiments/{file}.yaml" for file in ("_defaults", name)]
        whole = _run(folder, name, [*configs, f"--data.source={data}", *shlex.split(options)])
        if whole.ended_by or whole.folder is None:
            raise ValueError(f"the run was killed: signal {whole.ended_by}")
        print(f"undisturbed  {whole.record.fit.seconds:.1f} s", flush=True)
        return verdict(list(run_differences(whole.folder, _killed_and_resumed(folder, whole.folder, kills))))


def _link_files(folder: Path) -> None:
    """Let relative paths, and what was downloaded, mean the same in another folder; runs are written there."""
    with suppress(OSError):
        Path("data").mkdir(exist_ok=True)
    for path in Path.cwd().iterdir():
        if path.name != "runs":
            (folder / path.name).symlink_to(path)
    if not (folder / EXPERIMENTS.name).exists():
        (folder / EXPERIMENTS.name).symlink_to(EXPERIMENTS)


def verdict(found: list[str]) -> int:
    """Print what differs, the first lines of it; 1 if anything does, otherwise 0."""
    lines = [f"differs      {where}" for where in found[:MOST_LINES]]
    lines = [shortened(line, LONGEST_LINE) for line in lines]
    if len(found) > MOST_LINES:
        lines.append(f"differs      in {len(found) - MOST_LINES} more places")
    print("\n".join(lines or ["identical    checkpoints, metrics and results"]))
    return 1 if found else 0


def _killed_and_resumed(folder: Path, whole: Path, kills: int) -> Path:
    """The folder of a run with the same settings that came to its end after that many kills."""
    config = folder / f"{whole.parent.name}.yaml"
    config.unlink(missing_ok=True)  # a link to a file of that name
    config.write_text(yaml.safe_dump(_killing_settings(whole, kills)), encoding="utf-8")
    begun: Path | None = None  # of which something was saved
    run = _run(folder, whole.parent.name, ["-c", config.name])
    while run.ended_by:
        if run.folder and has_checkpoint(run.folder):
            begun = run.folder
        options, step = ["-c", config.name], "nothing"
        if begun is not None:
            typed, step = begun.relative_to(folder), f"step {read_checkpoint(newest_checkpoint(begun))['global_step']}"
            options = ["-c", f"{typed}/config.yaml", f"--resume={typed}"]
        print(f"killed       by {run.ended_by.name} after {step} was saved", flush=True)
        run = _run(folder, whole.parent.name, options)
    assert run.folder is not None, "it came to its end"
    return run.folder


def _killing_settings(whole: Path, kills: int) -> dict[str, Any]:
    """The settings of a run with more frequent saves, and with signals at random batches."""
    settings: dict[str, Any] = yaml.safe_load((whole / "config.yaml").read_text("utf-8"))
    for callback in settings["trainer"]["callbacks"]:
        if callback["class_path"].endswith(".SaveLast"):
            callback["init_args"]["every_minutes"] = read_results(whole).fit.seconds / 60 / SAVES
    total = read_checkpoint(whole / LAST_CHECKPOINT)["loops"]["fit_loop"]["epoch_loop.batch_progress"]["total"]["ready"]
    accumulated = int(settings["trainer"]["accumulate_grad_batches"])
    hooks, signals = zip(*islice(cycle(MOMENTS), kills), strict=True)
    batches = sorted(random.choices(range(1, total + 1), k=kills))
    within = [batch - (batch > 1 and batch % accumulated == 0) for batch in batches]  # a window of accumulation
    arguments = {"hooks": list(hooks), "batches": within, "signals": list(signals)}
    settings["trainer"]["callbacks"].append({"class_path": "lightsmith.studies.kill_at.KillAt", "init_args": arguments})
    return settings


def _run(folder: Path, name: str, options: Sequence[str]) -> ChildRun:
    """Run an experiment in a folder, as it is typed there, until it ends or is killed.

    Raises:
        ValueError: it failed by itself.
    """
    run = run_command(options, Path("runs") / name, cwd=folder)
    if run.code and run.ended_by not in (signal.SIGTERM, signal.SIGKILL):
        raise ValueError(f"the run failed with exit code {run.code}: {run.reason}")
    return run


def run_differences(one: Path, other: Path) -> Iterator[str]:
    """Find the places where two run folders differ, but for times and their own paths."""
    for path in (LAST_CHECKPOINT, BEST_CHECKPOINT):
        saved = (read_checkpoint(one / path), read_checkpoint(other / path))
        yield from differences(*saved, path.name, (str(one), str(other)))
    yield from differences(metric_rows(one), metric_rows(other), "metrics.csv")
    yield from differences(_measured(one), _measured(other), "results.json")


def _measured(run: Path) -> dict[str, Any]:
    """The record of a run without its settings, to which a killed run adds what kills it."""
    return {name: value for name, value in read_results(run).as_json().items() if name != "settings"}


def differences(one: Any, other: Any, where: str, paths: tuple[str, str] = ("", "")) -> Iterator[str]:
    """The places at which two nested values differ, to the last bit; times may, and what the paths are called."""
    if type(one) is not type(other):
        yield f"{where}: {type(one).__name__} and {type(other).__name__}"
    elif isinstance(one, dict):
        mine, theirs = (
            {str(k).replace(path, ""): v[k] for k in v} for v, path in zip((one, other), paths, strict=True)
        )
        for key in dict.fromkeys([*mine, *theirs]):
            if key not in OF_THIS_RUN:
                yield from differences(mine.get(key), theirs.get(key), f"{where}.{key}", paths)
    elif isinstance(one, list | tuple):
        if len(one) != len(other):
            yield f"{where}: {len(one)} and {len(other)} entries"
        for i, (mine, theirs) in enumerate(zip(one, other, strict=False)):
            yield from differences(mine, theirs, f"{where}[{i}]", paths)
    elif isinstance(one, torch.Tensor):
        if one.dtype != other.dtype or one.shape != other.shape or not _same(one, other).all():
            yield where
    elif isinstance(one, str):
        if one.replace(paths[0], "") != other.replace(paths[1], ""):
            yield f"{where}: {_shortened(one)} and {_shortened(other)}"
    elif one != other and not (_is_nan(one) and _is_nan(other)):
        yield f"{where}: {one!r} and {other!r}"


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _same(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Mark the places where two tensors of one shape have the same values; NaN equals NaN."""
    return (one == other) | (one.isnan() & other.isnan())


def _shortened(text: str) -> str:
    """Shorten a text to what fits on a line: a tokenizer is a text of a megabyte."""
    if len(text) <= LONGEST_SHOWN:
        return repr(text)
    return f"{text[:LONGEST_SHOWN]!r}… ({len(text):,} characters)"


def metric_rows(run: Path) -> list[dict[str, str]]:
    """The rows of a run's metrics.csv."""
    with (run / "metrics.csv").open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))
