"""Settings that make the hardware at hand fast: the precision, and the allocator."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Mapping

import torch

AMPERE = (8, 0)
# mallopt(3): never map a block of its own, never trim the heap, grow it in large steps.
MALLOC_SETTINGS = {-4: 0, -1: 2**31 - 1, -2: 256 * 2**20}


def check_process_counts(settings: Mapping[str, object]) -> None:
    """Refuse to start more processes than the machine can run: Lightning starts one for each device of a CPU.

    Args:
        settings: by dotted key.

    Raises:
        ValueError: naming the option and the most that it can be.
    """
    cores = os.cpu_count() or 1
    limits = {"trainer.devices": max(cores, torch.cuda.device_count()), "data.num_workers": max(32, 4 * cores)}
    for key, most in limits.items():
        count = str(settings.get(key))
        if count.isdecimal() and int(count) > most:
            raise ValueError(f"{key}={count} is more than this machine can run ({most})")


def fast_precision(accelerator: str = "auto") -> str:
    """Lightning's name of the precision to train with: ``bf16-mixed`` where bf16 is fast, ``32-true`` elsewhere.

    Args:
        accelerator: as in ``trainer.accelerator``; ``auto`` looks for a GPU first, as Lightning does.
    """
    if accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available():
        fast = torch.cuda.get_device_capability() >= AMPERE
    elif accelerator in ("auto", "gpu", "mps") and torch.backends.mps.is_available():
        fast = torch.backends.mps.is_macos_or_newer(14, 0)
    else:
        able = torch.cpu.get_capabilities() if accelerator in ("auto", "cpu") else {}
        fast = bool(able.get("amx_bf16") or able.get("avx512_bf16"))
    return "bf16-mixed" if fast else "32-true"


def keep_freed_memory() -> None:
    """Let the C library keep what a step frees for the next one, instead of handing it back to the system.

    glibc maps every large tensor anew, and touching fresh pages takes up to half of a CPU step. Batches that all differ
    in shape would fragment the heap, which is why texts are padded to few widths. Other C libraries cannot do this.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        for parameter, value in MALLOC_SETTINGS.items():
            mallopt(parameter, value)


def skip_cuda_checks() -> None:
    """Let every optimizer step find out at once that there is no GPU.

    Lightning makes torch ask the driver's library each time, which takes longer than a small network's step.
    """
    if not torch.cuda.is_available():
        os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "0"


def device_name(device: torch.device) -> str:
    """The device's name in results.json: ``cpu``, or the GPU's own."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
