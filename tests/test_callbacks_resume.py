"""Every callback that acts in a fit, alone and in the company that it keeps: killed, resumed, and none the worse."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import (
    EarlyStopping,
    EMAWeightAveraging,
    GradientAccumulationScheduler,
    ModelCheckpoint,
    WeightAveraging,
)

from callbacks.adversarial_training import AdversarialTraining
from callbacks.apply_adapters import ApplyAdapters
from callbacks.apply_lora import ApplyLoRA
from callbacks.cache_frozen_features import CacheFrozenFeatures
from callbacks.distill_from_teacher import DistillFromTeacher
from callbacks.guard_numerics import GuardNumerics
from callbacks.log_reconstructions import LogReconstructions
from callbacks.measure_fit import MeasureFit
from callbacks.mix_images import MixImages
from callbacks.prune_channels import PruneChannels
from callbacks.prune_weights import PruneWeights
from callbacks.quantization_aware_training import QuantizationAwareTraining
from callbacks.rand_augment_images import RandAugmentImages
from callbacks.save_last import SaveLast
from callbacks.show_progress import ShowProgress
from callbacks.trainability_audit import TrainabilityAudit
from callbacks.unfreeze_backbone import UnfreezeBackbone
from lightsmith.runs.trainer import ExperimentTrainer
from tests.conftest import ROOT
from tests.killed_training import assert_same, died_again_and_again, died_and_resumed, trained

# Of three epochs with four batches of training and two of validation; each counts from the one before.
MOMENTS: list[dict[str, int]] = [
    {"step": 3},  # while gradients are accumulated over two batches
    {"validation": 1},
    {"epoch": 0, "survives": 1},
    {"step": 1},
    {"validation": 1},
    {"epoch": 1},
    {"step": 2, "survives": 1},
]
SPOILT = (2, 5, 8)  # training batches, one in each epoch


class FreezeFirstLayer(Callback):
    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        pl_module.get_submodule("network.1.body.1").requires_grad_(False)


class SpoilGradients(Callback):
    """Makes a gradient of these training batches infinite."""

    def __init__(self, *batches: int) -> None:
        self.batches = batches

    def on_after_backward(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.fit_loop.total_batch_idx in self.batches:
            weight = pl_module.get_parameter("network.1.head.weight")
            weight.grad = torch.full_like(weight, torch.inf)


def teacher() -> DistillFromTeacher:
    """One that has learnt nothing teaches as well as any."""
    if not Path("teacher.ckpt").exists():
        trained(max_epochs=0)
        Path("end.ckpt").rename("teacher.ckpt")
    return DistillFromTeacher("teacher.ckpt", alpha=0.5)


def average() -> EMAWeightAveraging:
    return EMAWeightAveraging(decay=0.9)


def rolling_back(every: int = 3) -> list[Callback]:
    return [GuardNumerics("rollback", copy_every_n_steps=every), SpoilGradients(*SPOILT)]


def unfreezing() -> UnfreezeBackbone:
    return UnfreezeBackbone(["network.1.body*"], {1: ["network.1.body.1"]}, stage_lr_factors={1: 0.5})


def adapters(dropout: float = 0.0) -> ApplyLoRA:
    return ApplyLoRA(["*.body.*"], rank=2, dropout=dropout)


def falling_ranks() -> ApplyAdapters:
    return ApplyAdapters("adalora", ["*.body.*"], rank=2, start_rank=5, begin=0.1, end=0.7)


def quantizing() -> QuantizationAwareTraining:
    return QuantizationAwareTraining(start_epoch=1, freeze_epoch=2)


def pruning(**options: Any) -> PruneWeights:
    return PruneWeights(0.7, **{"begin": 0.1, "every_n_steps": 2, **options})


def rewinding() -> PruneWeights:
    return PruneWeights(0.7, begin=0.5, end=0.5, rewind=True)


def narrowing() -> PruneChannels:
    return PruneChannels(0.7, epoch=1, round_to=4)


def best(monitor: str, mode: str) -> ModelCheckpoint:
    return ModelCheckpoint("best", "best", monitor=monitor, mode=mode, enable_version_counter=False)


# A new callback joins with one line, and so does each that it is used with.
CALLBACKS: dict[str, Callable[[], list[Callback]]] = {
    "early stopping": lambda: [EarlyStopping("val/loss", min_delta=100, patience=1)],
    "best checkpoint": lambda: [best("val/accuracy", "max")],
    "best checkpoint, the first": lambda: [best("val/loss", "max")],
    "last checkpoint and what is shown": lambda: [SaveLast(), ShowProgress()],
    "accumulation on a schedule": lambda: [GradientAccumulationScheduler({1: 2})],
    "quantization": lambda: [quantizing()],
    "quantization, a teacher": lambda: [quantizing(), teacher()],
    "quantization, pruned weights": lambda: [quantizing(), pruning(end=0.3)],
    "exponential moving average": lambda: [average()],
    "equal average": lambda: [WeightAveraging()],
    "average, early stopping, best checkpoint": lambda: [
        average(),
        EarlyStopping("val/loss", min_delta=100, patience=1),
        best("val/loss", "min"),
    ],
    "gradual unfreezing": lambda: [unfreezing()],
    "gradual unfreezing, averaged, audited": lambda: [
        average(),
        TrainabilityAudit(),
        UnfreezeBackbone(["network.1.body"], stages={1: ["network.1.body"]}),
    ],
    "frozen features": lambda: [
        UnfreezeBackbone(["network.0", "network.1.body"]),
        CacheFrozenFeatures("network.1.body"),
    ],
    "teacher": lambda: [teacher()],
    "teacher, adapters": lambda: [teacher(), adapters(dropout=0.2)],
    "teacher, adapters, average": lambda: [average(), teacher(), adapters()],
    "teacher, pruned weights": lambda: [pruning(), teacher()],
    "teacher, mixed images": lambda: [MixImages(), teacher()],
    "attacks from random starts": lambda: [AdversarialTraining("pgd", steps=2)],
    "augmented, mixed and attacked images": lambda: [MixImages(), RandAugmentImages(), AdversarialTraining("fgsm")],
    "adapters": lambda: [adapters(dropout=0.2)],
    "adapters, average": lambda: [average(), adapters()],
    "adapters whose ranks fall": lambda: [falling_ranks()],
    "adapters whose ranks fall, a teacher, average": lambda: [average(), teacher(), falling_ranks()],
    "adapters of factors": lambda: [ApplyAdapters("ia3", ["*.body.*"])],
    "pruned weights, average, a part frozen": lambda: [FreezeFirstLayer(), pruning(), average()],
    "rewound weights": lambda: [rewinding()],
    "rewound weights, average": lambda: [rewinding(), average()],
    "removed channels, average": lambda: [average(), narrowing()],
    "removed channels, pruned weights": lambda: [pruning(), narrowing()],
    "left-out steps": lambda: [GuardNumerics("skip"), SpoilGradients(*SPOILT)],
    "rolled-back steps": lambda: rolling_back(),
    "rolled-back steps, accumulated gradients": lambda: rolling_back(),
    "rolled-back steps, average": lambda: [*rolling_back(), average()],
    "rolled-back steps, pruned weights": lambda: [*rolling_back(100), pruning()],
    "rolled-back steps, rewound weights": lambda: [*rolling_back(100), rewinding()],
    "rolled-back steps, removed channels": lambda: [*rolling_back(100), narrowing()],
    "rolled-back steps, adapters": lambda: [*rolling_back(), adapters()],
    "rolled-back steps, adapters whose ranks fall": lambda: [*rolling_back(100), falling_ranks()],
    "rolled-back steps, gradual unfreezing": lambda: [*rolling_back(100), unfreezing()],
}
OPTIONS: dict[str, dict[str, Any]] = {
    "frozen features": {"crop_padding_px": 0},
    "last checkpoint and what is shown": {"enable_progress_bar": True},
    "rolled-back steps, accumulated gradients": {"accumulate_grad_batches": 2},
}


@pytest.fixture(autouse=True)
def _seeded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PL_GLOBAL_SEED", "5")


@pytest.mark.filterwarnings("ignore:Checkpoint directory")
@pytest.mark.parametrize("name", CALLBACKS)
def test_whenever_it_is_killed_it_ends_as_if_it_never_was(name: str) -> None:
    make, options = CALLBACKS[name], OPTIONS.get(name, {})
    moments = MOMENTS[: -2 if "early stopping" in name else None]  # which ends with the second epoch
    assert_same(died_again_and_again(make, moments, **options), trained(*make(), **options))


def test_every_callback_that_acts_in_a_fit_is_among_them() -> None:
    always = [MeasureFit(), *ExperimentTrainer(logger=False, accelerator="cpu").callbacks]
    tried = {type(callback) for make in CALLBACKS.values() for callback in [*make(), *always]}
    tried.add(LogReconstructions)  # before a fit it looks at the kind of task, and keeps nothing
    assert {callback for callback in callback_classes() if acts_in_fit(callback)} <= tried


def callback_classes() -> Iterator[type[Callback]]:
    for path in (ROOT / "callbacks").glob("[!_]*.py"):
        module = importlib.import_module(f"callbacks.{path.stem}")
        for _, found in inspect.getmembers(module, inspect.isclass):
            if issubclass(found, Callback) and found.__module__ == module.__name__:
                yield found


def acts_in_fit(callback: type[Callback]) -> bool:
    """Whether it does anything in a fit, and so can have a state that a kill takes away."""
    hooks = [name for name in vars(Callback) if name.startswith("on_") and "test" not in name and "predict" not in name]
    return any(getattr(callback, hook) is not getattr(Callback, hook) for hook in [*hooks, "setup"])


def test_masks_fit_the_channels_that_are_left_while_gradients_accumulate() -> None:
    make = CALLBACKS["removed channels, pruned weights"]
    whole = trained(*make(), accumulate_grad_batches=2)
    for step in (5, 6, 7):
        assert_same(died_and_resumed(make, step=step, accumulate_grad_batches=2), whole)


def test_a_layer_that_is_frozen_again_after_a_resume_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = trained(*CALLBACKS["gradual unfreezing"]())
    monkeypatch.setattr(UnfreezeBackbone, "on_load_checkpoint", Callback.on_load_checkpoint)
    with pytest.raises((ValueError, AssertionError)):
        assert_same(died_and_resumed(CALLBACKS["gradual unfreezing"], step=6), whole)
