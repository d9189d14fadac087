"""Settings that name a run through ``latest`` name the run itself, from before ``latest`` can move."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jsonargparse import Namespace

LATEST = "latest"


def pin_runs(settings: object) -> Any:
    """Replace paths through a link called ``latest``, in nested settings, by the paths that they stand for now.

    Such as ``runs/cifar_resnet/20260102-030405`` for ``runs/cifar_resnet/latest``. What a run reads, and what its
    config.yaml says, is then the same when it is resumed or repeated.

    Args:
        settings: changed in place where they can be.
    """
    if isinstance(settings, (Namespace, dict)):
        values = vars(settings) if isinstance(settings, Namespace) else settings
        for name, value in values.items():
            values[name] = pin_runs(value)
    elif isinstance(settings, list):
        settings[:] = map(pin_runs, settings)
    elif isinstance(settings, (str, Path)) and LATEST in Path(settings).parts:
        return type(settings)(str(_pinned(Path(settings))))
    return settings


def _pinned(path: Path) -> Path:
    pinned = Path()
    for part in path.parts:
        pinned /= part
        link = pinned.expanduser()
        if part == LATEST and link.is_symlink():
            pinned = pinned.parent / link.readlink()
    return pinned
