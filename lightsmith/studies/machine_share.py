"""A worker's share of a machine on which several runs go on at once: processor threads, and one of the GPUs.

Torch is not asked: to import it takes seconds, and once it has counted the GPUs no process can be forked that uses one.
"""

from __future__ import annotations

import os
from pathlib import Path

GPUS = Path("/proc/driver/nvidia/gpus")  # a folder for each, where there are any
CORES = Path("/sys/devices/system/cpu")
QUOTA = Path("/sys/fs/cgroup/cpu.max")  # microseconds of processor time, or max, and the period that they are for


def share_of(place: int, workers: int) -> dict[str, str]:
    """The environment variables of a worker's runs; none for a worker that has the machine to itself.

    Args:
        place: of the worker among its like, from 0.
    """
    if workers == 1:
        return {}
    return {"OMP_NUM_THREADS": str(threads_for(workers)), **one_gpu(place)}


def threads_for(workers: int) -> int:
    """Compute the threads of each run: OMP_NUM_THREADS if that is set, or the processor's cores shared out.

    Threads that share a core slow each other down many times over.
    """
    given = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]  # of a list, the outermost level's
    return int(given) if given.isdecimal() else max(1, _cores() // workers)


def one_gpu(place: int) -> dict[str, str]:
    """The environment variable by which a process sees one of several GPUs, which it would all take otherwise."""
    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if listed is None:
        listed = ",".join(str(n) for n, _ in enumerate(GPUS.glob("*")))
    gpus = listed.split(",")
    if len(gpus) == 1:
        return {}
    return {"CUDA_VISIBLE_DEVICES": gpus[place % len(gpus)]}


def _cores() -> int:
    """The cores that this process may use, at most those that its container may keep busy.

    Two threads of one core count once, as torch counts them.
    """
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    return int(min(len({_core_of(processor) for processor in usable}), _quota_cores()))


def _quota_cores() -> float:
    """The processor time that the container may take, in whole cores; infinite without a limit."""
    microseconds, _, period = (QUOTA.read_text() if QUOTA.is_file() else "max 1").partition(" ")
    return float("inf") if microseconds == "max" else max(1, int(microseconds) // int(period))


def _core_of(processor: int) -> str:
    file = CORES / f"cpu{processor}/topology/thread_siblings_list"
    return file.read_text() if file.exists() else str(processor)
