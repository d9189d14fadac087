"""The steps, metrics and optimization that every task shares."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim import Optimizer
from torchmetrics import MetricCollection

from lightning_modules.training.batch import Batch
from lightning_modules.training.class_weights import ClassWeights, GivenWeights
from lightning_modules.training.classification_metrics import Direction, classification_metrics, directions
from lightning_modules.training.editable_module import ChangingModule
from lightning_modules.training.loss_means import MeanOverItems, TrainingLoss, log_epoch, log_step, states_of_all_ranks
from lightning_modules.training.optimizers import (
    OptimizerName,
    ScheduleName,
    build_optimizer,
    build_schedule,
    check_recipe,
    clip_gradients,
    parameter_groups,
)
from lightning_modules.training.trainer_state import save_average


class Classifier(ChangingModule):
    """Classification with cross-entropy; a task sets ``network``, which maps a batch's inputs to logits (B, classes).

    Args:
        class_names: in the order of the labels; the command line takes them from the data.
        optimizer: fused where torch has a fused kernel for the device.
        lr: peak learning rate.
        momentum: of SGD, RMSprop and, but for convolutions, Muon.
        weight_decay: not applied to norms and biases, nor by Muon to convolutions.
        schedule: what the learning rate does after the warm-up, over the whole run.
        warmup_fraction: share of all steps over which the learning rate rises, 0…1.
        label_smoothing: probability mass spread over all classes in training (Szegedy et al. 2015, §7), 0…1.
        class_weights: how much an item counts in training, and in nothing else: ``balanced`` so that classes count
            equally, or numbers, by name or in the order of ``class_names``.
        compile: train the network through torch.compile. It takes a minute first, so it pays in long runs only.
    """

    # The arguments that name weights to begin with: null in every checkpoint, which holds all weights itself.
    pretrained_by: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        class_names: list[str],
        optimizer: OptimizerName = "adamw",
        lr: float = 1e-3,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        schedule: ScheduleName = "one-cycle",
        warmup_fraction: float = 0.1,
        label_smoothing: float = 0.0,
        class_weights: GivenWeights = None,
        compile: bool = False,  # noqa: A002  # what torch calls it
    ) -> None:
        super().__init__()
        check_recipe(lr, weight_decay, momentum, warmup_fraction, label_smoothing)
        self.class_names = list(class_names)
        self.optimizer_name = optimizer
        self.lr = lr
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.warmup_fraction = warmup_fraction
        self.label_smoothing = label_smoothing
        self.class_weights = ClassWeights(class_weights, class_names)
        self.compiles = compile
        self._training_loss = TrainingLoss()
        self.val_metrics = classification_metrics(len(class_names), "val/")
        self.test_metrics = classification_metrics(len(class_names), "test/")
        self.val_loss, self.test_loss = MeanOverItems(), MeanOverItems()

    @property
    def measured(self) -> dict[str, Direction]:
        """What training and validation log, by name, and whether lower or higher is better."""
        losses: dict[str, Direction] = dict.fromkeys(("train/loss", "train/loss_step", "val/loss"), "min")
        return {**losses, **directions(self.val_metrics), "train/lr": None}

    def forward(self, *inputs: Tensor) -> Tensor:
        """Logits (B, classes)."""
        logits: Tensor = self.network(*inputs)
        return logits

    def _shared_step(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Logits (B, classes) in float32, and the plain loss, which is what is logged: mean cross-entropy in nats."""
        logits = self(*batch.inputs).float()
        return logits, F.cross_entropy(logits, batch.label)

    def objective(self, logits: Tensor, label: Tensor) -> Tensor:
        """What training lowers unless a callback changes it: the mean cross-entropy, smoothed and weighted.

        An item counts alike in whatever batch it is. torch's own weights would cancel out in a batch of one class, and
        give a smoothed label's share of a rare class that class's weight.

        Args:
            logits: float32 (B, classes).
            label: int64 (B,), or float (B, classes).
        """
        if self.class_weights.values is None:
            return F.cross_entropy(logits, label, label_smoothing=self.label_smoothing)
        losses = F.cross_entropy(logits, label, label_smoothing=self.label_smoothing, reduction="none")
        return (self.class_weights.of_items(label) * losses).mean()

    def on_fit_start(self) -> None:
        if said := self.class_weights.begin(self.trainer.datamodule, self.device):  # type: ignore[attr-defined]
            self.print(said)
        if self.compiles:
            self.network.compile()  # in place: a wrapper would put its name into every key of the checkpoint

    def on_train_start(self) -> None:
        self._training_loss.skips_nonfinite = self.skips_nonfinite
        # Resumed between an epoch's last batch and its end.
        if self._training_loss.items and self.trainer.is_last_batch:
            self._end_losses()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        for transform in self.batch_transforms.in_order():
            batch = transform(batch)
        logits, plain = self._shared_step(batch)
        if batch_idx == 0:
            self._training_loss.reset()  # of an epoch that was ended early, and did not go on
        self._training_loss.add(plain.detach(), len(batch.label))
        changed = self.label_smoothing or self.class_weights.values is not None
        loss = self.objective(logits, batch.label) if changed else plain
        for change in self.loss_transforms.in_order():
            loss = change(batch, logits, loss)
        return loss

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        every: int = self.trainer.log_every_n_steps  # type: ignore[attr-defined]  # set by Lightning's connector
        if every and (self.trainer.global_step + 1) % every == 0:  # the steps that loggers record
            log_step(self, self._training_loss)

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        if self.trainer.is_last_batch:
            self._end_losses()

    def on_train_epoch_end(self) -> None:
        if self._training_loss.items:  # a limit of steps or of time ended the epoch early: a resumed run goes on in it
            log_epoch(self, self._training_loss)

    def _end_losses(self) -> None:
        log_epoch(self, self._training_loss)
        self._training_loss.reset()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        logits, loss = self._shared_step(batch)
        self.val_metrics.update(logits, batch.label)
        self.val_loss.update(loss, len(batch.label))

    def on_validation_epoch_end(self) -> None:
        self._log_and_reset("val/", self.val_loss, self.val_metrics)

    def test_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Probabilities (B, classes), for callbacks."""
        logits, loss = self._shared_step(batch)
        self.test_metrics.update(logits, batch.label)
        self.test_loss.update(loss, len(batch.label))
        return logits.softmax(1)

    def on_test_epoch_end(self) -> None:
        self._log_and_reset("test/", self.test_loss, self.test_metrics)

    def predict_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Probabilities (B, classes)."""
        return self(*batch.inputs).float().softmax(1)

    def _log_and_reset(self, prefix: str, loss: MeanOverItems, metrics: MetricCollection) -> None:
        """The figures, and of how many items they are."""
        for name, value in {f"{prefix}loss": loss.compute(), **metrics.compute()}.items():
            self.log(name, value, prog_bar=name.endswith(("/loss", "/accuracy")))
        self.log(f"{prefix}n", loss.n.float(), reduce_fx="sum", sync_dist=True)
        loss.reset()
        metrics.reset()

    def configure_optimizers(self) -> Any:
        # A gradient scaler (fp16) cannot clip under a fused optimizer.
        fused_on = None if self.trainer.precision == "16-mixed" else self.device.type
        optimizer = build_optimizer(
            self.optimizer_name,
            self.parameter_groups(),
            self.lr,
            self.momentum,
            fused_on,
            torch.bfloat16 if self.trainer.precision == "bf16-mixed" else torch.float32,
        )
        total_steps = self.trainer.estimated_stepping_batches
        assert total_steps < float("inf"), "a schedule needs an end"
        warmup_steps = round(self.warmup_fraction * total_steps)
        schedule = build_schedule(self.schedule, optimizer, int(total_steps), warmup_steps)
        return {"optimizer": optimizer, "lr_scheduler": schedule}

    def parameter_groups(self) -> list[dict[str, Any]]:
        return parameter_groups(self.named_parameters(), self.lr, self.weight_decay, self.lr_scales)

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        clip_gradients(self, optimizer, gradient_clip_val, gradient_clip_algorithm)

    def restored_hyper_parameters(self) -> dict[str, Any]:
        """Hyper-parameters to change when the model is rebuilt from a checkpoint, which needs no pretrained weights."""
        return dict.fromkeys(self.pretrained_by)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Say which classes to rebuild the model and its preprocessing with, and of which data it learnt.

        The epoch's losses so far are kept too, so that a resumed run logs the same means.
        """
        save_average(self.trainer, checkpoint)
        checkpoint.setdefault("hyper_parameters", {}).update(self.restored_hyper_parameters())
        data = getattr(self.trainer, "datamodule", None)
        checkpoint["lightsmith"] = {
            "model": class_path(self),
            "data": class_path(data),
            "fingerprint": getattr(data, "fingerprint", None) if self.trainer.is_global_zero else None,
            "training_loss": states_of_all_ranks(self.trainer, self._training_loss),
            "class_weights": self.class_weights.by_name(),
            "operations": self.operations,
            "edits": self.edits,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Bring the network into the structure that the weights are of.

        Raises:
            ValueError: as ``repeat``.
        """
        own = checkpoint.get("lightsmith", {})
        self.repeat(own.get("operations", []))
        self.edits = own.get("edits", self.edits)
        if losses := own.get("training_loss"):
            self._training_loss.restore(losses[self.global_rank % len(losses)])


def class_path(instance: object) -> str:
    """The dotted name of an object's class, as a checkpoint or a YAML says it."""
    return f"{type(instance).__module__}.{type(instance).__qualname__}"
