import pytest
import torch

from commands.hardware import device_name, fast_precision


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
        ({}, "tpu", "bf16-mixed"),
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
