from pathlib import Path

import pytest
import torch

from callbacks.apply_lora import ApplyLoRA
from lightsmith.checkpoints.rebuild import check_fits, repeat_operations
from tests.tiny_task import TinyData, TinyModel, tiny_trainer

ADAPTED = "network.0"


def adapters(rank: int = 2) -> ApplyLoRA:
    return ApplyLoRA(["0"], rank=rank, also_train=["network.3.*"])


def fitted(callback: ApplyLoRA, model: TinyModel | None = None, ckpt_path: str | None = None) -> TinyModel:
    model = model or TinyModel(lr=0.05)
    trainer = tiny_trainer(callback, max_epochs=2 if ckpt_path else 1)
    trainer.fit(model, TinyData(), ckpt_path=ckpt_path)
    trainer.save_checkpoint("saved.ckpt")
    return model


def test_only_adapters_and_head_change() -> None:
    before = TinyModel().state_dict()
    model = fitted(adapters())
    after = {name.replace(".base_layer", ""): value for name, value in model.state_dict().items()}
    changed = {name for name, value in after.items() if name not in before or not torch.equal(value, before[name])}
    weights = {f"{ADAPTED}.lora_A.default.weight", f"{ADAPTED}.lora_B.default.weight"}
    assert changed == {*weights, "network.3.weight", "network.3.bias"}
    assert after[f"{ADAPTED}.lora_B.default.weight"].any()
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert trained == changed


def test_the_checkpoint_reloads_without_the_callback(tmp_path: Path) -> None:
    model = fitted(adapters())
    path = tmp_path / "saved.ckpt"
    fresh = TinyModel()
    checkpoint = torch.load(path, weights_only=True)
    repeat_operations(checkpoint, fresh, path)
    check_fits(checkpoint, fresh, path)
    fresh.load_state_dict(checkpoint["state_dict"])
    data = TinyData()
    assert torch.equal(fresh.probabilities(data), model.probabilities(data))
    assert list(fresh.operations) == [
        {"kind": "add_lora", "options": {"targets": ["0"], "rank": 2, "alpha": 16.0, "dropout": 0.0}}
    ]


def test_resuming_a_model_that_has_its_adapters_adds_none(tmp_path: Path) -> None:
    fitted(adapters())
    model = TinyModel(lr=0.05)
    repeat_operations(
        torch.load("saved.ckpt", weights_only=True), model, Path("saved.ckpt")
    )  # as the command line does
    fitted(adapters(), model, ckpt_path="saved.ckpt")
    assert len(model.operations) == 1
    assert not model.get_parameter(f"{ADAPTED}.base_layer.weight").requires_grad


@pytest.mark.parametrize("prepared", [False, True])
def test_a_checkpoint_with_other_adapters_is_refused(prepared: bool) -> None:
    fitted(adapters())
    model = TinyModel()
    if prepared:
        repeat_operations(torch.load("saved.ckpt", weights_only=True), model, Path("saved.ckpt"))
    with pytest.raises(ValueError, match="has adapters of" if prepared else "another structure"):
        fitted(adapters(rank=3), model, ckpt_path="saved.ckpt")


def test_a_pattern_that_matches_nothing_is_a_mistake() -> None:
    with pytest.raises(ValueError, match=r"also_train='head.\*' matches no parameter; one is called network.3.bias"):
        fitted(ApplyLoRA(["0"], also_train=["head.*"], rank=2))
    with pytest.raises(ValueError, match="match no layer of the network that takes one; it has: 0, 3"):
        fitted(ApplyLoRA())
