"""Classification: the probability of each class."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor

from lightning_modules.training.answer import ClassProbabilities
from lightning_modules.training.batch import Batch
from lightning_modules.training.class_weights import ClassWeights, GivenWeights
from lightning_modules.training.classification_metrics import classification_metrics
from lightning_modules.training.optimizers import check_shares
from lightning_modules.training.task import Headline, Task


class Classifier(Task):
    """Classification with cross-entropy; a task sets ``network``, which maps a batch's inputs to logits (B, classes).

    Args:
        class_names: in the order of the labels; the command line takes them from the data.
        label_smoothing: probability mass spread over all classes in training (Szegedy et al. 2015, §7), 0…1.
        class_weights: how much an item counts in training, and in nothing else: ``balanced`` so that classes count
            equally, or numbers, by name or in the order of ``class_names``.
    """

    kind = "classification"
    headline = Headline("accuracy", "max")
    target = "class"
    answer_type = ClassProbabilities

    def __init__(
        self,
        class_names: list[str],
        label_smoothing: float = 0.0,
        class_weights: GivenWeights = None,
        **recipe: Any,
    ) -> None:
        super().__init__(**recipe)
        check_shares(label_smoothing=label_smoothing)
        self.class_names = list(class_names)
        self.width = len(class_names)
        self.label_smoothing = label_smoothing
        self.class_weights = ClassWeights(class_weights, class_names)
        self.measure(classification_metrics(len(class_names)))

    @property
    def answer(self) -> ClassProbabilities:
        return ClassProbabilities(self.class_names)

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Mean cross-entropy () in nats, of logits (B, classes)."""
        return F.cross_entropy(outputs, batch.label)

    def objective(self, outputs: Tensor, batch: Batch, loss: Tensor) -> Tensor:
        """The mean cross-entropy, smoothed and weighted.

        An item counts alike in whatever batch it is. torch's own weights would cancel out in a batch of one class, and
        give a smoothed label's share of a rare class that class's weight.
        """
        if self.class_weights.values is not None:
            losses = F.cross_entropy(outputs, batch.label, label_smoothing=self.label_smoothing, reduction="none")
            return (self.class_weights.of_items(batch.label) * losses).mean()
        if self.label_smoothing:
            return F.cross_entropy(outputs, batch.label, label_smoothing=self.label_smoothing)
        return loss

    def predictions(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Probabilities (B, classes)."""
        return outputs.softmax(1)

    def on_fit_start(self) -> None:
        super().on_fit_start()
        if said := self.class_weights.begin(self.trainer.datamodule, self.device):  # type: ignore[attr-defined]
            self.print(said)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        checkpoint["lightsmith"]["class_weights"] = self.class_weights.by_name()
