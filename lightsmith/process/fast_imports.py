"""Importing libraries without their parts that no run uses, which take most of the time."""

from __future__ import annotations

import gc
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_string
from functools import cache
from importlib.metadata import distributions
from types import ModuleType
from typing import Any, NamedTuple, TypeVar
from unittest.mock import patch

# What torchmetrics imports, if it is installed, for metrics on generated texts and images, audio, and plots.
HEAVY = {"transformers", "torchvision", "scipy", "matplotlib", "nltk", "librosa", "onnxruntime", "torchaudio"}
T = TypeVar("T")
COMPILER = "torch._dynamo"
JOB_INPUTS = "wandb.sdk.launch.inputs.internal"


def import_lightning() -> None:
    """Import Lightning and torchmetrics in a third of the time; call it before anything else imports them.

    In this process torchmetrics then lacks BERTScore, FID and the like, which say so when they are used. torch's
    compiler is imported by what compiles.
    """
    with nothing_collected():
        _import_torchmetrics()
        _import_without_compiler()
        from lightsmith.process.plain_optimizers import keep_from_compiler

        keep_from_compiler()


def _import_torchmetrics() -> None:
    """Import torchmetrics as if the heavy packages were not installed."""
    from lightning_utilities.core import imports

    check, installed = imports.RequirementCache._check_requirement, imports.package_available

    def left_out(requirement: imports.RequirementCache) -> None:
        name = re.match(r"[\w-]*", requirement.requirement or "")
        if name and name[0] in HEAVY:
            requirement.available, requirement.message = False, f"Lightsmith imports torchmetrics without {name[0]}"
        else:
            check(requirement)

    with (
        patch.object(imports.RequirementCache, "_check_requirement", left_out),
        patch.object(imports, "package_available", lambda name: name not in HEAVY and installed(name)),
    ):
        import torchmetrics  # noqa: F401  # for what stays imported


class _CompiledModules(type):
    """The type of a class whose instances are those of torch's OptimizedModule, which exist only once it does."""

    def __instancecheck__(cls, instance: object) -> bool:
        compiler = sys.modules.get(COMPILER)
        return compiler is not None and isinstance(instance, compiler.OptimizedModule)


class OptimizedModule(metaclass=_CompiledModules):
    """Stands for torch's class of that name, of which Lightning asks no more than whether something is one."""


def _as_it_is(function: T, *_: object, **__: object) -> T:
    """Stand for what keeps a function, such as Lightning's ``log``, from being compiled as part of a step.

    A run compiles its network only, and without that wrapper a call costs less.
    """
    return function


def _import_without_compiler() -> None:
    """Import Lightning with a stand-in for torch's compiler, which takes as long as all else that it imports."""
    if COMPILER not in sys.modules:
        stand_in: Any = ModuleType(COMPILER)
        stand_in.OptimizedModule, stand_in.disable = OptimizedModule, _as_it_is
        sys.modules[COMPILER] = stand_in
        try:
            import lightning.pytorch.cli  # noqa: F401  # for what stays imported
        finally:
            del sys.modules[COMPILER]


@cache
def import_wandb() -> Any:
    """Import Weights & Biases such that little more is imported and read when a run begins.

    What somebody stages for a job is asked for only where the launcher of jobs was imported, without which there is
    none.
    """
    with nothing_collected():
        import wandb
        from wandb import util

    apply = wandb.Run._detect_and_apply_job_inputs

    def apply_staged(self: wandb.Run) -> None:
        if JOB_INPUTS in sys.modules:
            apply(self)

    wandb.Run._detect_and_apply_job_inputs = apply_staged  # type: ignore[method-assign]
    util.working_set = installed_packages  # type: ignore[assignment]  # of which no more is asked than these have
    return wandb


class Package(NamedTuple):
    """An installed package as W&B lists it; ``key`` is its name."""

    key: str
    version: str


def installed_packages() -> Iterator[Package]:
    """List every package, without parsing the long description that stands below its name and version."""
    for package in distributions():
        text = package.read_text("METADATA") or package.read_text("PKG-INFO") or ""
        said = message_from_string(text.partition("\n\n")[0])
        if said["Name"] is not None and said["Version"] is not None:
            yield Package(said["Name"], said["Version"])


@contextmanager
def nothing_collected() -> Iterator[None]:
    """Switch garbage collection off while modules are imported, and leave their objects out of later collections."""
    enabled, known = gc.isenabled(), len(sys.modules)
    gc.disable()
    try:
        yield
    finally:
        if len(sys.modules) > known:  # or each run of a process would keep the garbage of those before it
            gc.freeze()
        if enabled:
            gc.enable()
