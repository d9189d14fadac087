"""The loggers of a run: CSV, Weights & Biases, TensorBoard."""

from __future__ import annotations

import csv
import io
import os
import secrets
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger, WandbLogger

from lightsmith.process.fast_imports import import_wandb
from lightsmith.replace_file import replace_file
from lightsmith.runs.exact_resume import came_before
from lightsmith.runs.guarded_loggers import say_switched_off
from lightsmith.terminal import one_line, print_once, shown
from lightsmith.tracking.login import project, server_answers, wandb_mode
from lightsmith.tracking.place import place_of

LoggerName = Literal["csv", "wandb", "tensorboard"]
FOLDERS = {"WANDB_DATA_DIR": "data", "WANDB_CACHE_DIR": "cache"}  # where files wait for an upload, and W&B's own logs
_chosen: dict[str, str] = {}  # what was set here, for an earlier run of this process


class MetricsLogger(CSVLogger):
    """Writes metrics.csv, and the settings of the run once beside it.

    At each fit and each test Lightning gives every logger the options of model and data, which are settings too.
    """

    def log_hyperparams(self, params: dict[str, Any] | Namespace | None = None) -> None:
        """Write hparams.yaml, unless this process has."""
        if not self.experiment.hparams:
            super().log_hyperparams(params)


class RunFilesLogger(WandbLogger):
    """Keeps tables among the run's own files, which ``wandb sync`` finds wherever the run folder is by then.

    W&B would make an artifact of each as well, and note down the absolute paths of files that it keeps elsewhere.
    """

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Log numbers, and tables and charts that hold no media."""
        for key, value in metrics.items():
            if hasattr(value, "table"):  # a chart
                self._keep(value.table, f"{key}_table")
            elif hasattr(value, "bind_to_run") and hasattr(value, "columns"):
                self._keep(value, key)
        super().log_metrics(metrics, step)

    def _keep(self, table: Any, key: str) -> None:
        if not any(hasattr(cell, "bind_to_run") for row in table.data for cell in row):
            table.bind_to_run(self.experiment, key, self.experiment.step)


def build_loggers(
    names: list[LoggerName], run_folder: Path, experiment: str, resumed_from: dict[str, object]
) -> list[Logger]:
    """Loggers that write into the run folder.

    Args:
        resumed_from: the checkpoint that a resumed run goes on from; empty for a new one.
    """
    builders: dict[LoggerName, Callable[[], Logger]] = {
        "csv": lambda: _csv(run_folder, resumed_from),
        "tensorboard": lambda: TensorBoardLogger(run_folder, name="", version="tensorboard"),
        "wandb": lambda: _wandb(run_folder, experiment),
    }
    built = (_built(name, builders[name]) for name in names)
    return [logger for logger in built if logger is not None]


def _built(name: LoggerName, build: Callable[[], Logger]) -> Logger | None:
    """A logger, or None and a line about it where it cannot even begin."""
    try:
        return build()
    except Exception as error:  # noqa: BLE001  # each has its own
        say_switched_off({"csv": "metrics.csv", "wandb": "W&B"}.get(name, name), error)
        return None


def _csv(run_folder: Path, resumed_from: dict[str, object]) -> CSVLogger:
    """Appends to the metrics that a resumed run keeps; Lightning's logger deletes them all."""
    file = run_folder / "metrics.csv"
    reader = csv.DictReader(io.StringIO(file.read_text(encoding="utf-8") if file.exists() else ""))
    whole = (row for row in reader if None not in row.values())  # a kill may have cut the last
    kept = [row for row in whole if came_before(row, resumed_from)]
    logger = MetricsLogger(run_folder, name="", version="")
    writer: Any = logger.experiment
    if kept:
        writer.metrics_keys = list(reader.fieldnames or [])
        earlier = io.StringIO(newline="")
        table = csv.DictWriter(earlier, writer.metrics_keys)
        table.writeheader()
        table.writerows(kept)
        replace_file(file, earlier.getvalue().encode())
    return logger


def tracked_offline(loggers: Sequence[Logger]) -> bool:
    """Return whether what Weights & Biases records stays on this disk until it is synced."""
    return any(logger.experiment.offline for logger in loggers if isinstance(logger, WandbLogger))


def sync_command(run_folder: Path) -> str:
    """The command that uploads a run which Weights & Biases recorded on this disk."""
    return f".venv/bin/wandb sync {shown(run_folder)}/wandb/latest-run"


def finish_wandb(run_folder: Path | None = None, exit_code: int = 0) -> None:
    """Write out what Weights & Biases holds, and end its run, so that the process can start another."""
    wandb: Any = sys.modules.get("wandb")  # a run that does not use it need not import it, which takes a second
    if wandb is None or wandb.run is None:
        return
    try:
        wandb.run.finish(exit_code)
    except TimeoutError:
        assert run_folder is not None
        print_once([f"W&B        out of reach; upload the rest with: {sync_command(run_folder)}"])
    except Exception as error:  # noqa: BLE001  # its own process may be gone, or the disk be full
        print_once([f"W&B        its record may lack the end: {one_line(error)}"])
        wandb.run = None
        with suppress(Exception):
            wandb.teardown()


def _wandb(run_folder: Path, experiment: str) -> WandbLogger:
    """A logger that is online if the server takes the run; otherwise the record waits on this disk to be synced."""
    _stay_in(run_folder)
    # wandb's login knows no settings, and prints the address of WANDB_BASE_URL with any password in it.
    os.environ.setdefault("WANDB_SILENT", "true")
    wandb = import_wandb()
    mode = wandb_mode()
    reason = "the server does not answer" if mode == "online" and not server_answers() else ""
    if mode == "online" and not reason:
        logger = _wandb_logger(run_folder, experiment, mode)
        try:
            _ = logger.experiment
        except (wandb.Error, TimeoutError) as error:
            reason = one_line(error)[:120]
            wandb.teardown()  # or the run's name would be in use
        else:
            return logger
    if reason:
        print_once([f"W&B        recording offline: {reason}"])
    return _wandb_logger(run_folder, experiment, "offline" if reason else mode)


def _stay_in(run_folder: Path) -> None:
    """Have W&B keep in the run folder what it keeps in the home folder otherwise, unless somebody says where else."""
    for name, folder in FOLDERS.items():
        given = os.environ.get(name)
        if given not in (None, _chosen.get(name)) and _can_be_made(Path(str(given))):
            continue
        if given not in (None, _chosen.get(name)):
            print_once([f"W&B        {name}={given} cannot be written: the run folder is used instead"])
        os.environ[name] = _chosen[name] = str(run_folder.absolute() / "wandb" / folder)


def _can_be_made(folder: Path) -> bool:
    try:
        folder.expanduser().mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder.expanduser(), os.W_OK | os.X_OK)


def _wandb_logger(run_folder: Path, experiment: str, mode: str) -> WandbLogger:
    wandb = import_wandb()
    # A dead network must hold up neither the start nor the end.
    timeouts: dict[str, Any] = {"init_timeout": 8, "finish_timeout": 30, "finish_timeout_raises": True}
    wandb.setup(wandb.Settings(mode=mode))  # an offline run would report its use over the network otherwise
    settings = wandb.Settings(silent=True, console="off", x_disable_meta=True, **timeouts)
    place = place_of(run_folder, experiment)
    logger = RunFilesLogger(
        project=project(),
        group=place.group,
        job_type=place.job_type,
        tags=list(place.tags),
        name=f"{experiment}-{run_folder.name}",
        id=_wandb_id(run_folder, experiment),
        save_dir=run_folder,
        mode=mode,
        settings=settings,
    )
    logger._wandb_init.pop("anonymous")  # Lightning 2.6 always passes it, of which wandb warns
    return logger


def _wandb_id(run_folder: Path, experiment: str) -> str:
    """No other run's, whichever machine began it in the same second; a resumed run's is the one that it had."""
    file = run_folder / "wandb-id.txt"
    if not file.exists():
        file.write_text(f"{experiment}-{run_folder.name}-{secrets.token_hex(4)}", encoding="utf-8")
    return file.read_text(encoding="utf-8")
