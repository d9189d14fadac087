"""Lightning's WeightAveraging with what Lightsmith does to a network, and in a whole run."""

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.callbacks import Callback, EMAWeightAveraging, ModelCheckpoint

from callbacks.apply_lora import ApplyLoRA
from commands.experiment_trainer import ExperimentTrainer
from tests.tiny_task import TinyData, TinyModel, tiny_trainer


def average() -> EMAWeightAveraging:
    return EMAWeightAveraging(decay=0.8)


def adapters() -> ApplyLoRA:
    return ApplyLoRA(["0"], rank=2, also_train=["network.3.*"])


def fitted(*callbacks: Callback) -> TinyModel:
    torch.manual_seed(3)
    model = TinyModel(lr=0.05)
    tiny_trainer(*callbacks, max_epochs=2).fit(model, TinyData())
    return model


def test_the_order_of_averaging_and_adapters_does_not_matter() -> None:
    one, other = fitted(average(), adapters()), fitted(adapters(), average())
    alone = fitted(adapters())
    for name, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name
    assert not torch.equal(one.state_dict()["network.3.weight"], alone.state_dict()["network.3.weight"])


def test_a_run_tests_the_average(tmp_path: Path) -> None:
    best = ModelCheckpoint(tmp_path / "checkpoints", "best", monitor="val/accuracy", mode="max")
    options: dict[str, Any] = {
        "accelerator": "cpu",
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    trainer = ExperimentTrainer(callbacks=[best, average()], max_epochs=2, default_root_dir=tmp_path, **options)
    model = TinyModel(lr=0.05)
    trainer.run(model, TinyData())
    saved = torch.load(tmp_path / "checkpoints/best.ckpt", weights_only=True)
    assert not torch.equal(saved["state_dict"]["network.3.weight"], saved["current_model_state"]["network.3.weight"])
    assert torch.equal(model.state_dict()["network.3.weight"], saved["state_dict"]["network.3.weight"])
