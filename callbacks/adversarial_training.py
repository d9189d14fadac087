"""Training on inputs that were changed to raise the loss."""

from __future__ import annotations

from typing import Any, Literal

from lightning.pytorch import Callback, Trainer
from torch import Tensor

from lightning_modules.networks.probes.attacks import attack_embeddings, attack_images, first_embedding
from lightning_modules.training.batch import Batch
from lightning_modules.training.task import Task

STAGE = "attack"  # of the batch, for images, and of the loss, for texts
FGSM_STEP = 1.25  # of epsilon, as Wong et al. take it


class AdversarialTraining(Callback):
    """Images are replaced by attacked ones; texts are trained on as they are, and with perturbed token vectors.

    FGSM and PGD (Madry et al. 2018) for images, both from a random start, without which a network learns to deceive
    FGSM alone (Wong et al. 2020); Miyato et al. 2017 for texts. It makes a training step longer by as many passes as
    the attack has steps; validation and test see the data as it is.

    Args:
        attack: on images: one step of 1.25 times ``epsilon_px``, or ``steps`` of ``step_px``.
        epsilon_px: how far a pixel may go, in units of 0…255.
        step_px: how far it goes in one step of PGD.
        steps: of PGD.
        embedding_share: on texts: L2 norm of the perturbation, relative to that of the text's token vectors. Miyato
            et al., who train those vectors too, take 5 to about 250.
        text_weight: of the loss on perturbed texts, beside 1 for the plain loss.

    Raises:
        ValueError: an argument that is not above 0; or inputs that are neither images nor token ids.
    """

    def __init__(
        self,
        attack: Literal["fgsm", "pgd"] = "fgsm",
        epsilon_px: float = 8.0,
        step_px: float = 2.0,
        steps: int = 7,
        embedding_share: float = 0.005,
        text_weight: float = 1.0,
    ) -> None:
        if attack not in ("fgsm", "pgd"):
            raise ValueError(f"AdversarialTraining's attack={attack!r} must be fgsm or pgd")
        sizes = {"epsilon_px": epsilon_px, "step_px": step_px, "steps": steps}
        for name, size in {**sizes, "embedding_share": embedding_share, "text_weight": text_weight}.items():
            if not size > 0:
                raise ValueError(f"AdversarialTraining's {name}={size} must be above 0")
        if attack == "fgsm":
            step_px, steps = FGSM_STEP * epsilon_px, 1
        self.attack: dict[str, Any] = {"epsilon_px": epsilon_px, "step_px": step_px, "steps": steps}
        self.embedding_share = embedding_share
        self.text_weight = text_weight
        self._module: Task | None = None

    def on_fit_start(self, trainer: Trainer, pl_module: Task) -> None:  # type: ignore[override]  # ours
        self._module = pl_module
        if first_embedding(pl_module.network) is None:
            pl_module.batch_transforms[STAGE] = self._attack_images
        else:
            pl_module.loss_transforms[STAGE] = self._attack_embeddings

    def on_fit_end(self, trainer: Trainer, pl_module: Task) -> None:  # type: ignore[override]  # ours
        pl_module.batch_transforms.pop(STAGE, None)
        pl_module.loss_transforms.pop(STAGE, None)
        self._module = None

    def _attack_images(self, batch: Any) -> Any:
        assert self._module is not None
        images = batch.inputs[0]
        if images.ndim != 4:
            shape = tuple(images.shape)
            raise ValueError(
                "AdversarialTraining is for images (B, C, H, W) and for networks that embed tokens (nn.Embedding), "
                f"not for this one, with inputs of {shape}"
            )
        task, attack = self._module, {**self.attack, "from_random": True}
        return batch._replace(image=attack_images(task.network, images, lambda o: task.loss(o, batch), **attack))

    def _attack_embeddings(self, batch: Batch, outputs: Tensor, loss: Tensor) -> Tensor:
        assert self._module is not None
        task = self._module
        attacked = attack_embeddings(
            task.network, batch.inputs, lambda outputs: task.loss(outputs, batch), self.embedding_share
        )
        return loss + self.text_weight * task.objective(attacked, batch, task.loss(attacked, batch))
