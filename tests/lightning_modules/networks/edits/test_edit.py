"""One kind of change is enough to show what they all share: a second layer after the first."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import nn

from lightning_modules.networks.edits import edit
from lightning_modules.training.trainer_state import forget_best
from lightsmith.checkpoints.rebuild import repeat_operations
from tests.tiny_task import TinyData, TinyModel, tiny_trainer


def deepen(network: nn.Sequential, width: int) -> None:
    network[0] = nn.Sequential(network[0], nn.Linear(8, width), nn.Linear(width, 8))


@pytest.fixture(autouse=True)
def kind(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("deepen")
    module.deepen = deepen  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "lightning_modules.networks.edits.deepen", module)
    monkeypatch.setattr(edit, "KINDS", ("deepen",))


class DeepenInSecondEpoch(Callback):
    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.current_epoch == 1 and not pl_module.operations:
            assert isinstance(pl_module, TinyModel)
            pl_module.operate("deepen", width=5)
            forget_best(trainer)


def deepened(folder: Path, **options: Any) -> tuple[TinyModel, Trainer]:
    torch.manual_seed(1)
    model = TinyModel()
    options = {"max_epochs": 3, "num_sanity_val_steps": 0, "default_root_dir": folder, **options}
    trainer = tiny_trainer(DeepenInSecondEpoch(), enable_checkpointing=True, **options)
    trainer.fit(model, TinyData())
    return model, trainer


def test_an_operation_is_repeated_when_its_checkpoint_is_loaded(tmp_path: Path) -> None:
    model, trainer = deepened(tmp_path)
    path = tmp_path / "saved.ckpt"
    trainer.save_checkpoint(path)
    fresh = TinyModel()
    checkpoint = torch.load(path, weights_only=True)
    repeat_operations(checkpoint, fresh, path)
    fresh.load_state_dict(checkpoint["state_dict"])
    data = TinyData()
    assert fresh.operations == [{"kind": "deepen", "options": {"width": 5}}]
    assert torch.equal(fresh.probabilities(data), model.probabilities(data))


def test_new_parameters_train_and_old_ones_keep_their_moments(tmp_path: Path) -> None:
    model, trainer = deepened(tmp_path)
    steps = {name: int(trainer.optimizers[0].state[p]["step"]) for name, p in model.named_parameters()}
    assert steps["network.0.1.weight"] == 10
    assert steps["network.3.weight"] == 15


def test_a_checkpoint_from_before_an_operation_is_refused_after_it(tmp_path: Path) -> None:
    path = tmp_path / "before.ckpt"
    model, trainer = deepened(tmp_path, max_epochs=1)
    trainer.save_checkpoint(path)
    model.operate("deepen", width=5)
    with pytest.raises(ValueError, match=r"before.ckpt has another network: .* saved before this one was changed"):
        repeat_operations(torch.load(path, weights_only=True), model, path)


def test_an_unknown_kind_or_option_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no change of a network is called 'nope': there are deepen"):
        edit.operate(TinyModel().network, "nope", {})
    checkpoint: dict[str, Any] = {"lightsmith": {"operations": [{"kind": "deepen", "options": {"depth": 3}}]}}
    with pytest.raises(ValueError, match=r"x.ckpt has another network: .*depth"):
        repeat_operations(checkpoint, TinyModel(), Path("x.ckpt"))
