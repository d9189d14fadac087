"""Going on, and in the same run folder, when SLURM starts a job again."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from lightning.fabric.plugins.environments import SLURMEnvironment

from lightsmith.run_folder import LAST_CHECKPOINT
from lightsmith.terminal import one_line, print_once

JOB = "slurm.txt"
TIME_IS_UP = 128 + signal.SIGUSR1  # exit code of a run that `#SBATCH --signal=USR1@90` ended


def note_job(run_folder: Path, arguments: Sequence[str]) -> None:
    """Write into a run folder which SLURM job made it, and with which command, if one did."""
    if job := _job(arguments):
        (run_folder / JOB).write_text(job, encoding="utf-8")


def requeued_run(runs: Path, arguments: Sequence[str]) -> Path | None:
    """The newest run that this job began by the same command before SLURM put it back into the queue.

    Args:
        runs: the folder of the experiment's runs.
        arguments: of the command: a job may have several.
    """
    if not int(os.environ.get("SLURM_RESTART_COUNT", "0")):
        return None
    noted = sorted(runs.glob(f"[0-9]*/{JOB}"), key=lambda file: file.stat().st_mtime, reverse=True)
    mine = (file.parent for file in noted if file.read_text(encoding="utf-8") == _job(arguments))
    return next((run for run in mine if (run / LAST_CHECKPOINT).is_file()), None)


def keep_lightning_from_requeueing(cluster: object) -> None:
    """Switch off a handler that saves in mid-step, into a file that every later run would begin with."""
    if isinstance(cluster, SLURMEnvironment):
        cluster.auto_requeue = False


def requeue_if_time_is_up(exit_code: int) -> None:
    """Put this process's job back into SLURM's queue, if the signal that announces its end was what ended the run."""
    job = os.environ.get("SLURM_JOB_ID")
    if job is None or exit_code != TIME_IS_UP:
        return
    try:
        subprocess.run(["scontrol", "requeue", job], capture_output=True, text=True, check=True)
    except subprocess.CalledProcessError as error:
        print_once([f"SLURM      did not requeue job {job}: {' '.join(error.stderr.split())}"])
    except OSError as error:
        print_once([f"SLURM      did not requeue job {job}: scontrol: {one_line(error)}"])
    else:
        print_once([f"SLURM      requeued job {job}, which will go on from there"])


def _job(arguments: Sequence[str]) -> str | None:
    """The job and a digest of the command; None outside SLURM."""
    job = os.environ.get("SLURM_JOB_ID")
    return job and f"{job} {hashlib.sha256(repr(list(arguments)).encode()).hexdigest()[:16]}"
