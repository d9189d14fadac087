import ctypes
import os

import pytest
import torch

from lightsmith.runs.hardware import (
    MALLOC_SETTINGS,
    check_process_counts,
    device_name,
    fast_precision,
    keep_freed_memory,
    skip_cuda_checks,
)


def hardware(
    monkeypatch: pytest.MonkeyPatch,
    cuda: tuple[int, int] | None = None,
    macos: tuple[int, int] | None = None,
    cpu: tuple[str, ...] = (),
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda is not None)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: macos is not None)
    monkeypatch.setattr(torch.backends.mps, "is_macos_or_newer", lambda *wanted: (macos or (0, 0)) >= wanted)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: dict.fromkeys(cpu, True))


@pytest.mark.parametrize(
    ("found", "accelerator", "precision"),
    [
        ({"cuda": (9, 0)}, "auto", "bf16-mixed"),
        ({"cuda": (8, 0)}, "gpu", "bf16-mixed"),
        ({"cuda": (7, 5)}, "auto", "32-true"),
        ({"cuda": (7, 5), "cpu": ("amx_bf16",)}, "auto", "32-true"),
        ({"cuda": (9, 0)}, "cpu", "32-true"),
        ({"cuda": (7, 5), "cpu": ("amx_bf16",)}, "cpu", "bf16-mixed"),
        ({"macos": (15, 0)}, "auto", "bf16-mixed"),
        ({"macos": (15, 0)}, "mps", "bf16-mixed"),
        ({"macos": (13, 0)}, "auto", "32-true"),
        ({"cpu": ("avx512_bf16",)}, "auto", "bf16-mixed"),
        ({"cpu": ("avx512_f",)}, "auto", "32-true"),
        ({}, "tpu", "32-true"),  # XLA knows no bf16-mixed
    ],
)
def test_bf16_where_it_is_fast(
    monkeypatch: pytest.MonkeyPatch, found: dict[str, tuple[int, int]], accelerator: str, precision: str
) -> None:
    hardware(monkeypatch, **found)  # type: ignore[arg-type]  # three keywords of two types
    assert fast_precision(accelerator) == precision


def test_device_is_named_as_people_know_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"GPU {device.index}")
    assert device_name(torch.device("cpu")) == "cpu"
    assert device_name(torch.device("cuda", 1)) == "GPU 1"


def test_memory_that_was_freed_is_kept() -> None:
    keep_freed_memory()  # nothing to see from Python but that the C library takes the settings
    libc = getattr(ctypes.CDLL(None), "mallopt", None)
    assert libc is None or all(libc(parameter, value) == 1 for parameter, value in MALLOC_SETTINGS.items())


@pytest.mark.parametrize(("available", "check"), [(False, "0"), (True, "1")])
def test_the_driver_is_not_asked_again_where_there_is_no_gpu(
    monkeypatch: pytest.MonkeyPatch, available: bool, check: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    monkeypatch.setenv("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
    skip_cuda_checks()
    assert os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] == check


def test_no_more_processes_are_started_than_the_machine_can_run() -> None:
    cores = os.cpu_count() or 1
    check_process_counts({"trainer.devices": "auto", "data.num_workers": None})
    check_process_counts({"trainer.devices": cores, "data.num_workers": 8})
    for key, count in (("trainer.devices", 10**9), ("trainer.devices", "99999"), ("data.num_workers", 10**9)):
        with pytest.raises(ValueError, match=f"{key}={count} is more than"):
            check_process_counts({key: count})
