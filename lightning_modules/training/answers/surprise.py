"""A masked language model's answer about a text: its surprise at hidden tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from lightning_modules.training.answer import Answer, Target


@dataclass(frozen=True)
class Surprise(Answer):
    """The mean surprise at a text's hidden tokens in nats, its exponential (the perplexity), and how many these are.

    It is the pseudo-perplexity of Salazar et al. 2020, of the tokens that were hidden together instead of each alone.
    """

    kind: ClassVar[str] = "masked_language_model"
    target: ClassVar[Target] = "nothing"
    output: ClassVar[str] = "nats"
    words: ClassVar[str] = "loss, perplexity and hidden tokens"
    done: ClassVar[str] = "scored"

    @property
    def columns(self) -> list[str]:
        return ["loss", "perplexity", "hidden_tokens"]

    def predictions(self, outputs: np.ndarray, inputs: Sequence[np.ndarray] = ()) -> np.ndarray:
        loss = outputs[:, 0] / outputs[:, 1].clip(min=1)
        return np.stack([loss, np.exp(loss), outputs[:, 1]], axis=1).astype(np.float32)

    def line(self, prediction: np.ndarray) -> dict[str, Any]:
        loss, perplexity = (float(str(number)) for number in prediction[:2])  # the shortest decimals of these float32
        return {"loss": loss, "perplexity": perplexity, "hidden_tokens": int(prediction[2])}

    def shown(self, prediction: np.ndarray) -> list[str]:
        loss, perplexity, tokens = prediction
        return [f"perplexity {perplexity:.4g} (loss {loss:.4g}, hidden tokens {tokens:.0f})"]
