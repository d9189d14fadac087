"""Training of which some steps are not finite."""

from typing import Any

from lightning.pytorch import Callback, Trainer
from torch import Tensor, nn

from tests.tiny_task import TinyBatch, TinyData, TinyModel, tiny_trainer

NAN = float("nan")


class Spoil(Callback):
    """Makes one thing not finite at some steps: ``input`` (of the batch's second item), ``loss`` or ``gradient``."""

    def __init__(self, what: str, *steps: int, value: float = NAN, module: str = "network.0") -> None:
        self.what, self.steps, self.value, self.module = what, steps, value, module

    def on_fit_start(self, trainer: Trainer, pl_module: Any) -> None:
        def spoil(values: Tensor) -> Tensor:
            return values + self.value if trainer.global_step in self.steps else values

        if self.what == "loss":
            step = pl_module.training_step
            pl_module.training_step = lambda *arguments: spoil(step(*arguments))
        if self.what == "gradient":
            pl_module.get_submodule(self.module).weight.register_hook(spoil)

    def on_train_batch_start(self, trainer: Trainer, pl_module: Any, batch: TinyBatch, batch_idx: int) -> None:
        if self.what == "input" and trainer.global_step in self.steps:
            batch.points[1, 2] = self.value


class CountSteps(Callback):
    """The weights after each optimizer step."""

    def __init__(self) -> None:
        self.weights: list[Tensor] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, *_: Any) -> None:
        self.weights.append(nn.utils.parameters_to_vector(pl_module.parameters()).detach().clone())


def fit(*callbacks: Callback, model: TinyModel | None = None, **options: Any) -> TinyModel:
    model = model or TinyModel(optimizer="adamw", lr=0.01)
    tiny_trainer(*callbacks, **{"max_epochs": 2, **options}).fit(model, TinyData())
    return model
