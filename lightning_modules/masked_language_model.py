"""Masked language modelling: some tokens of each text are hidden, and the others have to tell which they are."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric, MetricCollection

from lightning_modules.training.answers.surprise import Surprise
from lightning_modules.training.batch import Batch
from lightning_modules.training.task import Headline, Task


class Perplexity(Metric):
    """The exponential of the mean surprise at a hidden token: how many tokens one would have to choose among."""

    higher_is_better = False
    full_state_update = False
    nats: Tensor
    tokens: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("nats", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("tokens", torch.tensor(0.0), dist_reduce_fx="sum")

    def update(self, outputs: Tensor) -> None:
        """Take the surprise at texts in nats, and the numbers of their hidden tokens: (B, 2)."""
        self.nats += outputs[:, 0].sum()
        self.tokens += outputs[:, 1].sum()

    def compute(self) -> Tensor:
        """The perplexity ()."""
        return (self.nats / self.tokens).exp()


class MaskedLanguageModel(Task):
    """Devlin et al. 2019, §3.1; a task sets ``network``, which hides tokens and maps texts to outputs (B, 2).

    The outputs of a text are its surprise at the tokens that were hidden, in nats, and the number of these. The network
    hides others each time in training, and the same ones of a text always in evaluation.

    The loss is the mean over texts, each with its mean over hidden tokens. The perplexity is over all hidden tokens, of
    which longer texts have more, so it is near the exponential of the loss and not the same.
    """

    kind = "masked_language_model"
    headline = Headline("perplexity", "min")
    target = "nothing"
    answer_type = Surprise
    width = 2

    def __init__(self, **recipe: Any) -> None:
        super().__init__(**recipe)
        self.measure({"perplexity": Perplexity()})

    @property
    def answer(self) -> Surprise:
        return Surprise()

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """The mean surprise () at a text's hidden token, in nats."""
        return (outputs[:, 0] / outputs[:, 1].clamp(min=1)).mean()

    def update(self, metrics: MetricCollection, outputs: Tensor, batch: Batch) -> None:
        metrics.update(outputs)

    def predictions(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Loss, perplexity and number of hidden tokens of each text, (B, 3)."""
        loss = outputs[:, 0] / outputs[:, 1].clamp(min=1)
        return torch.stack([loss, loss.exp(), outputs[:, 1]], dim=1)
