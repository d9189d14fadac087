"""Ways of training that are refused before anything starts, because what comes out would be wrong or lost."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

from jsonargparse import Namespace
from lightning.pytorch.accelerators import XLAAccelerator
from lightning.pytorch.strategies import (
    DDPStrategy,
    DeepSpeedStrategy,
    FSDPStrategy,
    ModelParallelStrategy,
    SingleDeviceXLAStrategy,
    StrategyRegistry,
    XLAStrategy,
)

from lightsmith.terminal import nearest

KNOWN = ("auto", "ddp", "ddp_find_unused_parameters_true", "ddp_find_unused_parameters_false", "single_device")
SHARDED = "cuts weights into shards, but weight decay, Muon, pruning, GuardNumerics and exact resume go by whole ones"
SPAWNED = "trains in copies of this process, which take the results with them when they end"
XLA = "runs on XLA, for which mixed precision, exact resume and results.json are not made"
EVALUATED = {"run": ("val", "test"), "fit": ("val",), "validate": ("val",), "test": ("test",), "predict": ("test",)}


def check_strategy(strategy: str | Namespace, accelerator: str | Namespace) -> None:
    """Refuse strategies and accelerators that Lightning has and Lightsmith does not support.

    Args:
        strategy: as parsed: a name, or class_path and init_args.
        accelerator: its name, as parsed.

    Raises:
        ValueError: naming the option, the reason and what to use.
    """
    on_tpu = XLAAccelerator.is_available() if accelerator == "auto" else _is_a(accelerator, XLAAccelerator)
    if on_tpu or accelerator == "tpu":
        raise ValueError(f"trainer.accelerator={_shown(accelerator)} {XLA}; use gpu or cpu")
    reason = _reason_of_name(strategy.lower()) if isinstance(strategy, str) else _reason_of_class(strategy)
    if reason:
        raise ValueError(f"trainer.strategy={_shown(strategy)} {reason}; use ddp")


def _reason_of_name(name: str) -> str:
    """Empty for one that works."""
    if name.startswith(("fsdp", "deepspeed")):
        return SHARDED
    if name.startswith(("ddp_spawn", "ddp_fork", "ddp_notebook")):
        return SPAWNED
    if name in KNOWN:
        return ""
    return XLA if name in StrategyRegistry.available_strategies() else f"is not known{nearest(name, list(KNOWN))}"


def _reason_of_class(strategy: Namespace) -> str:
    if _is_a(strategy, FSDPStrategy, DeepSpeedStrategy, ModelParallelStrategy):
        return SHARDED
    if _is_a(strategy, XLAStrategy, SingleDeviceXLAStrategy):
        return XLA
    starts = (strategy.get("init_args") or {}).get("start_method", "popen")
    return SPAWNED if _is_a(strategy, DDPStrategy) and starts != "popen" else ""


def _is_a(given: str | Namespace, *classes: type) -> bool:
    if isinstance(given, str):
        return False
    module, _, name = given.class_path.rpartition(".")
    return issubclass(getattr(importlib.import_module(module), name), classes)


def _shown(given: str | Namespace) -> str:
    return given if isinstance(given, str) else given.class_path.rpartition(".")[2]


def check_shares(verb: str, sizes: Mapping[str, int], processes: int, distributed_sampler: bool) -> None:
    """Refuse several processes that could not share the items of a split.

    Args:
        sizes: items per split.
        distributed_sampler: ``trainer.use_distributed_sampler``.

    Raises:
        ValueError: naming the split, or the option.
    """
    if processes == 1:
        return
    if not distributed_sampler:
        raise ValueError("trainer.use_distributed_sampler=false gives all processes the same items; leave it on")
    for split in EVALUATED[verb]:
        if sizes[split] < processes:
            raise ValueError(
                f"the {split} split has {sizes[split]} items, too few for {processes} processes: lower trainer.devices"
            )
