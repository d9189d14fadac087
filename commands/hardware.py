"""Choosing the precision that is fast on the hardware at hand."""

from __future__ import annotations

import torch

AMPERE = (8, 0)


def fast_precision(accelerator: str = "auto") -> str:
    """Lightning's name of the precision to train with: ``bf16-mixed`` where bf16 is fast, ``32-true`` elsewhere.

    Args:
        accelerator: as in ``trainer.accelerator``; ``auto`` looks for a GPU first, as Lightning does.
    """
    if accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available():
        fast = torch.cuda.get_device_capability() >= AMPERE
    elif accelerator in ("auto", "gpu", "mps") and torch.backends.mps.is_available():
        fast = torch.backends.mps.is_macos_or_newer(14, 0)
    elif accelerator in ("auto", "cpu"):
        able = torch.cpu.get_capabilities()
        fast = bool(able.get("amx_bf16") or able.get("avx512_bf16"))
    else:
        fast = accelerator == "tpu"
    return "bf16-mixed" if fast else "32-true"


def device_name(device: torch.device) -> str:
    """What results.json calls the device: ``cpu``, or the GPU's own name."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
