"""Training that ends with the rounding of int8, so that the exported int8 loses nothing to it."""

from __future__ import annotations

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import WeightAveraging

from lightning_modules.networks.edits.fake_quantize import freeze_ranges
from lightning_modules.networks.layers.rounding import InputRange
from lightning_modules.training.batch import Batch
from lightning_modules.training.task import Task
from lightning_modules.training.trainer_state import check_reached, forget_best

KIND = "fake_quantize"


class QuantizationAwareTraining(Callback):
    """From an epoch on the network computes as its int8 export will (Jacob et al. 2018), in validation and test too.

    Convolutions, linears, embeddings and LSTMs are quantized: weights per channel, inputs by ranges that are learnt, as
    are those of sums and means of ResNets. `make export INT8=1` takes over these ranges. For texts each row of a
    linear's inputs has its own range; an LSTM's inputs have that of its table, its states -1…1. So an LSTM computes
    step by step, which takes several times as long as its kernel.

    Args:
        start_epoch: the first epoch with rounding, from 0.
        freeze_epoch: the first epoch in which ranges stay as they are, after ``start_epoch``.
    """

    def __init__(self, start_epoch: int = 1, freeze_epoch: int = 2) -> None:
        if not 0 <= start_epoch < freeze_epoch:
            raise ValueError(
                f"QuantizationAwareTraining: start_epoch={start_epoch} must lie in 0…freeze_epoch-1 "
                f"(freeze_epoch={freeze_epoch}): ranges have to be learnt first"
            )
        self.start_epoch = start_epoch
        self.freeze_epoch = freeze_epoch

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        check_reached(trainer, f"QuantizationAwareTraining: freeze_epoch={self.freeze_epoch}", self.freeze_epoch)
        averaging = [c for c in trainer.callbacks if isinstance(c, WeightAveraging)]  # type: ignore[attr-defined]  # set by Lightning's connector
        if averaging:
            raise ValueError(
                f"QuantizationAwareTraining does not go with {type(averaging[0]).__name__}, whose copy of the network "
                "would stay as it was: leave one of them out"
            )

    def on_train_epoch_start(self, trainer: Trainer, pl_module: Task) -> None:  # type: ignore[override]  # ours
        if trainer.current_epoch >= self.start_epoch and not pl_module.options_of(KIND):
            pl_module.operate(KIND)
            forget_best(trainer)
        if trainer.current_epoch >= self.freeze_epoch:
            freeze_ranges(pl_module.network)

    def on_train_batch_start(  # type: ignore[override]  # ours
        self, trainer: Trainer, pl_module: Task, batch: Batch, batch_idx: int
    ) -> None:
        for module in pl_module.network.modules():
            if isinstance(module, InputRange):  # which learns in frozen layers too, whatever mode they are in
                module.training = trainer.current_epoch < self.freeze_epoch
