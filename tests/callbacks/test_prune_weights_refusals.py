"""When PruneWeights says that it cannot do what it was asked for."""

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from callbacks.prune_weights import PruneWeights
from lightning_modules.networks.edits.masks import prunable_weights
from tests.tiny_task import TinyData, TinyModel, tiny_trainer, trained


def test_a_run_that_ends_before_its_pruning_says_so() -> None:
    class Stop(Callback):
        def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
            trainer.should_stop = True

    with pytest.raises(UserWarning, match="training ended at step 5, pruning would have at 10"):
        trained(PruneWeights(0.5), Stop())


def test_a_mask_that_fits_no_weight_is_refused(tmp_path: Path) -> None:
    trainer = tiny_trainer(PruneWeights(0.5), max_epochs=1, num_sanity_val_steps=0)
    trainer.fit(TinyModel(), TinyData())
    trainer.save_checkpoint(tmp_path / "x.ckpt")
    checkpoint = torch.load(tmp_path / "x.ckpt", weights_only=True)
    checkpoint["callbacks"]["PruneWeights"]["masks"]["network.0.weight"] = torch.zeros(2, dtype=torch.uint8)
    torch.save(checkpoint, tmp_path / "x.ckpt")
    with pytest.raises(ValueError, match=r"a mask of the checkpoint fits no weight .* not one of 32 elements"):
        tiny_trainer(PruneWeights(0.5), max_epochs=2).fit(TinyModel(), TinyData(), ckpt_path=tmp_path / "x.ckpt")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sparsity": 1.0}, "sparsity=1.0 must lie between 0 and 1"),
        ({"begin": 0.8}, "begin=0.8 and end=0.7 must be shares of the run"),
        ({"end": 1.0}, "begin=0.3 and end=1.0"),
        ({"every_n_steps": 0}, "every_n_steps=0 must be at least 1"),
        ({"pattern": "4:2"}, "pattern='4:2' must be N:M"),
        ({"pattern": "1:4"}, "pattern=1:4 means sparsity=0.75, not 0.5"),
    ],
    ids=str,
)
def test_a_wrong_setting_is_refused_at_once(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PruneWeights(**options)


def test_a_trial_of_one_batch_is_not_too_short() -> None:
    trained(PruneWeights(0.5), fast_dev_run=True)


def test_what_could_not_be_pruned_is_refused_before_training() -> None:
    with pytest.raises(ValueError, match=r"weights=\['\*.backbone.\*'\] matches no weight"):
        trained(PruneWeights(weights=["*.backbone.*"]))
    with pytest.raises(ValueError, match=r"end=0.95 of 5 steps leaves none to train on"):
        trained(PruneWeights(end=0.95), max_epochs=1)
    frozen = TinyModel()
    for weight in prunable_weights(frozen).values():
        weight.requires_grad_(False)
    with pytest.raises(ValueError, match="are all fixed at step 4"):
        trained(PruneWeights(), model=frozen)
