"""A student learns from what a trained teacher says."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from lightning_modules.training.batch import Batch
from lightning_modules.training.task import Task

STAGE = "distill"
# What teacher and student must have in common, as a function of their data modules.
INPUTS: dict[str, Callable[[Any], Any]] = {
    "image_size_px": lambda data: getattr(data, "image_size_px", None),
    "channels": lambda data: getattr(data, "channels", None),
    "tokens": lambda data: data.tokenizer.get_vocab() if hasattr(data, "tokenizer") else None,
}


class DistillFromTeacher(Callback):
    """Knowledge distillation (Hinton et al. 2015): the loss becomes (1 - alpha) · loss + alpha · ``soft_loss``.

    Of what is no class, such as a value, it is the mean squared difference of the outputs instead of ``soft_loss``. The
    teacher sees each training batch as the student does. It is no part of the student or its checkpoints, which
    only know it again.

    Args:
        teacher: a run folder, such as runs/cifar_resnet/latest, whose best checkpoint is read, or a .ckpt file.
        temperature: what the logits are divided by before the softmax, above 0.
        alpha: share of the teacher in the loss, in (0, 1].

    Raises:
        ValueError: an argument outside its range; or, when a fit begins, no such checkpoint, a teacher of
            another kind or other classes, image sizes or tokens, or not the one that a resumed run began with.
    """

    def __init__(self, teacher: str, temperature: float = 4.0, alpha: float = 0.9) -> None:
        if not temperature > 0:
            raise ValueError(f"DistillFromTeacher's temperature={temperature} must be above 0, such as 4")
        if not 0 < alpha <= 1:
            raise ValueError(f"DistillFromTeacher's alpha={alpha} must lie in (0, 1], such as 0.9")
        self.path = Path(teacher).expanduser()
        self.temperature = temperature
        self.alpha = alpha
        self._teacher: Task | None = None
        self._student: Task | None = None
        self._sha256 = ""
        self._saved_sha256 = ""
        self._columns: list[int] | slice = slice(None)  # of the teacher's logits, in the order of the student's classes

    def setup(self, trainer: Any, pl_module: Task, stage: str) -> None:  # type: ignore[override]  # ours
        if stage == "fit":
            self._student = pl_module
            self._teacher = self._load(trainer, pl_module).requires_grad_(False)
            self._sha256 = sha256(self._teacher)

    def _load(self, trainer: Any, pl_module: Any) -> Task:
        """The teacher, which goes with the student and its data."""
        if pl_module.kind == "masked_language_model":
            raise ValueError("DistillFromTeacher: in masked language modelling, the teacher would hide other tokens")
        if not hasattr(trainer, "load_run"):
            raise ValueError("DistillFromTeacher needs a trainer that can load a run: ExperimentTrainer")
        try:
            teacher, data = trainer.load_run(self.path)
        except ValueError as error:
            raise ValueError(f"teacher={self.path} cannot be read: {error}; name a run folder or .ckpt file") from error
        if teacher.kind != pl_module.kind:
            raise ValueError(f"teacher={self.path} was trained for {teacher.kind}, the student is for {pl_module.kind}")
        if teacher.target == "class":
            self._columns = self._order_of_classes(teacher.class_names, pl_module.class_names)
        for name, of in INPUTS.items():
            if of(data) != of(trainer.datamodule):
                raise ValueError(f"teacher={self.path} was trained on inputs with other {name} than this data's")
        return cast(Task, teacher)

    def _order_of_classes(self, known: list[str], wanted: list[str]) -> list[int] | slice:
        if sorted(known) != sorted(wanted):
            raise ValueError(f"teacher={self.path} knows the classes {known}, the data has {wanted}")
        if known == wanted:
            return slice(None)
        return [known.index(name) for name in wanted]

    def state_dict(self) -> dict[str, Any]:
        return {"sha256": self._sha256}

    def load_state_dict(self, state_dict: dict[str, str]) -> None:
        self._saved_sha256 = state_dict["sha256"]

    def on_fit_start(self, trainer: Trainer, pl_module: Task) -> None:  # type: ignore[override]  # ours
        assert self._teacher is not None
        if self._saved_sha256 not in ("", self._sha256):
            raise ValueError(
                f"teacher={self.path} has other weights than when this run began, which cannot go on with it: put back "
                "the one that it began with, or start anew"
            )
        self._teacher.to(pl_module.device, pl_module.dtype)  # mixed precision follows from the training step's context
        pl_module.loss_transforms[STAGE] = self._distill

    def on_fit_end(self, trainer: Trainer, pl_module: Task) -> None:  # type: ignore[override]  # ours
        del pl_module.loss_transforms[STAGE]
        self._teacher = self._student = None

    def _distill(self, batch: Batch, outputs: Tensor, loss: Tensor) -> Tensor:
        assert self._teacher is not None
        assert self._student is not None
        with torch.no_grad():
            taught = self._student.outputs_of(self._teacher, batch)[:, self._columns]
        of_classes = self._student.target == "class"
        soft = soft_loss(outputs, taught, self.temperature) if of_classes else F.mse_loss(outputs, taught)
        return (1 - self.alpha) * loss + self.alpha * soft


def sha256(module: LightningModule) -> str:
    """A digest of a model's weights and buffers."""
    digest = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def soft_loss(logits: Tensor, taught: Tensor, temperature: float) -> Tensor:
    """Mean Kullback-Leibler divergence between softened distributions, from logits (B, classes) of student and teacher.

    Times temperature², so that its gradients do not shrink with it (Hinton et al. 2015, §2).
    """
    student, teacher = ((x / temperature).log_softmax(1) for x in (logits, taught))
    return F.kl_div(student, teacher, log_target=True, reduction="batchmean") * temperature**2
