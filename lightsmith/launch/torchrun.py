"""Going on, and in the same run folder, when torchrun starts the processes of a run again."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import torch
import torch.distributed as dist

from lightsmith.run_folder import LAST_CHECKPOINT

LAUNCH = "torchrun.txt"


def note_launch(run_folder: Path) -> None:
    """Write into a run folder which call of torchrun made it, if one did."""
    if launch := _launch():
        (run_folder / LAUNCH).write_text(launch, encoding="utf-8")


def restarted_run(runs: Path) -> Path | None:
    """The newest run that this call of torchrun started before, and that has a checkpoint to go on from.

    Args:
        runs: the folder of the experiment's runs.
    """
    if not int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")):
        return None
    noted = sorted(runs.glob(f"[0-9]*/{LAUNCH}"), key=lambda file: file.stat().st_mtime)
    mine = [file.parent for file in noted if file.read_text(encoding="utf-8") == _launch()]
    return next((run for run in reversed(mine) if (run / LAST_CHECKPOINT).is_file()), None)


def meet_again(device: torch.device) -> None:
    """Let processes that torchrun started again find each other; call it before Lightning brings them together.

    torch 2.14 keeps one store for all starts, in which they would find the addresses of those that are gone.
    """
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    if attempt == "0" or os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True":
        return
    rank, size, port = (int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "MASTER_PORT"))
    store = dist.PrefixStore(f"start {attempt}", dist.TCPStore(os.environ["MASTER_ADDR"], port, is_master=False))
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", store=store, rank=rank, world_size=size)


def _launch() -> str | None:
    """Identify the call of torchrun that started this process: by its --rdzv-id, or its process on this host."""
    given = os.environ.get("TORCHELASTIC_RUN_ID")
    return f"{socket.gethostname()} {os.getppid()}" if given == "none" else given
