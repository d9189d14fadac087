"""An autoencoder's answer about an image: its reconstruction error, and latents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np

from lightning_modules.training.answer import Answer, Target

MOST_LATENTS = 100_000


@dataclass(frozen=True)
class Reconstruction(Answer):
    """The difference between an image and its reconstruction, and the latents between the two.

    Args:
        latents: how many there are.
        listed: whether lines hold them.
    """

    kind: ClassVar[str] = "autoencoder"
    target: ClassVar[Target] = "nothing"
    output: ClassVar[str] = "logits_and_latents"
    words: ClassVar[str] = "reconstruction error"
    latents: int
    listed: bool = field(default=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.latents, int) or not 1 <= self.latents <= MOST_LATENTS:
            raise ValueError(f"its number of latents {self.latents!r} is no whole number from 1 to {MOST_LATENTS:,}")

    @property
    def columns(self) -> list[str]:
        return ["reconstruction_error", *(f"latent_{n}" for n in range(1, self.latents + 1))]

    def predictions(self, outputs: np.ndarray, inputs: Sequence[np.ndarray] = ()) -> np.ndarray:
        pixels = inputs[0].reshape(len(inputs[0]), -1).astype(np.float32) / np.float32(255)
        logits, codes = np.split(outputs, [pixels.shape[1]], axis=1)
        made = (1 + np.tanh(logits / 2)) / 2  # the sigmoid, without overflow
        error = np.square(made - pixels).mean(axis=1, dtype=np.float32)
        return np.concatenate([error[:, None], codes[:, : self.latents]], axis=1, dtype=np.float32)

    @property
    def header(self) -> list[str]:
        return [*self._written, "error"]

    def line(self, prediction: np.ndarray) -> dict[str, Any]:
        return {name: float(str(number)) for name, number in zip(self._written, prediction, strict=False)}

    def shown(self, prediction: np.ndarray) -> list[str]:
        return [f"{prediction[0]:.6g}"]

    def with_latents(self) -> Self:
        return replace(self, listed=True)

    @property
    def _written(self) -> list[str]:
        """The columns that lines hold."""
        return self.columns if self.listed else self.columns[:1]
