"""A student learns from the probabilities of a trained teacher."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from lightning_modules.classifier import Batch, Classifier

STAGE = "distill"
# What teacher and student must have in common, as a function of their data modules.
INPUTS: dict[str, Callable[[Any], Any]] = {
    "image_size_px": lambda data: getattr(data, "image_size_px", None),
    "channels": lambda data: getattr(data, "channels", None),
    "tokens": lambda data: data.tokenizer.get_vocab() if hasattr(data, "tokenizer") else None,
}


class DistillFromTeacher(Callback):
    """Knowledge distillation (Hinton et al. 2015): the loss becomes (1 - alpha) · loss + alpha · ``soft_loss``.

    The teacher sees each training batch as the student does. It is no part of the student or its checkpoints.

    Args:
        teacher: a run folder, such as runs/cifar_resnet/latest, whose best checkpoint is read, or a .ckpt file.
        temperature: what the logits are divided by before the softmax, above 0.
        alpha: share of the teacher in the loss, in (0, 1].

    Raises:
        ValueError: an argument outside its range; or, when a fit begins, no such checkpoint, or a teacher of other
            classes, image sizes or tokens.
    """

    def __init__(self, teacher: str, temperature: float = 4.0, alpha: float = 0.9) -> None:
        if not temperature > 0:
            raise ValueError(f"DistillFromTeacher's temperature={temperature} must be above 0, such as 4")
        if not 0 < alpha <= 1:
            raise ValueError(f"DistillFromTeacher's alpha={alpha} must lie in (0, 1], such as 0.9")
        self.path = Path(teacher).expanduser()
        self.temperature = temperature
        self.alpha = alpha
        self._teacher: LightningModule | None = None

    def setup(self, trainer: Any, pl_module: Classifier, stage: str) -> None:  # type: ignore[override]  # ours
        if stage == "fit":
            if not hasattr(trainer, "load_run"):
                raise ValueError("DistillFromTeacher needs a trainer that can load a run: ExperimentTrainer")
            teacher, data = trainer.load_run(self.path)
            known, wanted = teacher.class_names, pl_module.class_names
            if known != wanted:
                raise ValueError(f"teacher={self.path} knows the classes {known}, the data has {wanted}")
            for name, of in INPUTS.items():
                if of(data) != of(trainer.datamodule):
                    raise ValueError(f"teacher={self.path} was trained on inputs with other {name} than this data's")
            self._teacher = teacher.requires_grad_(False)

    def on_fit_start(self, trainer: Trainer, pl_module: Classifier) -> None:  # type: ignore[override]  # ours
        assert self._teacher is not None
        self._teacher.to(pl_module.device, pl_module.dtype)  # mixed precision follows from the training step's context
        pl_module.loss_transforms[STAGE] = self._distill

    def on_fit_end(self, trainer: Trainer, pl_module: Classifier) -> None:  # type: ignore[override]  # ours
        del pl_module.loss_transforms[STAGE]
        self._teacher = None

    def _distill(self, batch: Batch, logits: Tensor, loss: Tensor) -> Tensor:
        assert self._teacher is not None
        with torch.no_grad():
            taught = self._teacher(*batch.inputs).float()
        return (1 - self.alpha) * loss + self.alpha * soft_loss(logits, taught, self.temperature)


def soft_loss(logits: Tensor, taught: Tensor, temperature: float) -> Tensor:
    """Mean Kullback-Leibler divergence between softened distributions, from logits (B, classes) of student and teacher.

    Times temperature², so that its gradients do not shrink with it (Hinton et al. 2015, §2).
    """
    student, teacher = ((x / temperature).log_softmax(1) for x in (logits, taught))
    return F.kl_div(student, teacher, log_target=True, reduction="batchmean") * temperature**2
