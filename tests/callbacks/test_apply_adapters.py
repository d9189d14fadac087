from pathlib import Path
from typing import Any

import pytest
import torch

from callbacks.apply_adapters import ApplyAdapters
from lightsmith.checkpoints.rebuild import check_fits, repeat_operations
from tests.tiny_task import TinyData, TinyModel, tiny_trainer

ADAPTED = "network.0"
OWN: dict[str, dict[str, Any]] = {
    "lora": {"rank": 2},
    "adalora": {"rank": 1, "start_rank": 3, "begin": 0.2, "end": 0.6},
    "ia3": {"feedforward": ["0"]},
}
each_method = pytest.mark.parametrize("method", OWN)


def adapters(method: Any = "adalora", **settings: Any) -> ApplyAdapters:
    return ApplyAdapters(method, ["0"], also_train=["network.3.*"], **{**OWN[method], **settings})


def fitted(callback: ApplyAdapters, model: TinyModel | None = None, ckpt_path: str | None = None) -> TinyModel:
    """Ten steps."""
    model = model or TinyModel(lr=0.05)
    trainer = tiny_trainer(callback, max_epochs=2)
    trainer.fit(model, TinyData(), ckpt_path=ckpt_path)
    trainer.save_checkpoint("saved.ckpt")
    return model


@each_method
def test_only_adapters_and_head_change(method: str) -> None:
    before = TinyModel().state_dict()
    model = fitted(adapters(method))
    after = {name.replace(".base_layer", ""): value for name, value in model.state_dict().items()}
    changed = {name for name, value in after.items() if name not in before or not torch.equal(value, before[name])}
    own = {name for name in after if name not in before}
    assert own
    assert changed == own | {"network.3.weight", "network.3.bias"}
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert trained == {name for name in changed if "ranknum" not in name}


@each_method
def test_the_checkpoint_reloads_without_the_callback(method: str) -> None:
    model = fitted(adapters(method))
    path = Path("saved.ckpt")
    fresh = TinyModel()
    checkpoint = torch.load(path, weights_only=True)
    repeat_operations(checkpoint, fresh, path)
    check_fits(checkpoint, fresh, path)
    fresh.load_state_dict(checkpoint["state_dict"])
    data = TinyData()
    assert torch.equal(fresh.probabilities(data), model.probabilities(data))
    assert [operation["kind"] for operation in fresh.operations] == ["add_adapters"]


def test_adalora_ends_with_the_rank_that_was_asked_for_and_says_where(capsys: pytest.CaptureFixture[str]) -> None:
    model = fitted(adapters())
    factors = model.get_parameter(f"{ADAPTED}.lora_E.default")
    assert len(factors) == 3
    assert int(factors.count_nonzero()) == 1
    assert "ranks of the adapters: 0 1" in capsys.readouterr().out


def test_adalora_keeps_its_directions_apart_in_the_training_loss_alone() -> None:
    def overlap(weight: float) -> float:
        rows = fitted(adapters(orthogonality=weight)).get_parameter(f"{ADAPTED}.lora_A.default").detach()
        return float((rows @ rows.T - torch.eye(3)).norm())

    assert overlap(10.0) < overlap(0.0) - 0.1


@each_method
def test_a_checkpoint_with_other_adapters_is_refused(method: str) -> None:
    fitted(adapters(method))
    model = TinyModel()
    repeat_operations(torch.load("saved.ckpt", weights_only=True), model, Path("saved.ckpt"))
    other = "ia3" if method == "lora" else "lora"
    with pytest.raises(ValueError, match=r"ApplyAdapters is set to .* but the checkpoint has adapters of"):
        fitted(adapters(other), model, ckpt_path="saved.ckpt")


@pytest.mark.parametrize(
    ("method", "settings", "line"),
    [
        ("prefix", {}, "method='prefix' is none of lora, adalora, ia3"),
        ("ia3", {"rank": 4}, "rank=4 is a setting of lora and adalora, not of ia3: leave it out"),
        ("lora", {"start_rank": 4}, "start_rank=4 is a setting of adalora, not of lora"),
        ("adalora", {"feedforward": ["0"]}, "feedforward=.* is a setting of ia3, not of adalora"),
        ("adalora", {"rank": 4, "start_rank": 4}, "start_rank=4 must be above rank=4"),
        ("adalora", {"begin": 0.7}, "begin=0.7 and end=0.7 must be shares of the run"),
        ("adalora", {"orthogonality": -1.0}, "orthogonality=-1.0 must be"),
    ],
)
def test_settings_that_mean_nothing_are_refused(method: Any, settings: dict[str, Any], line: str) -> None:
    with pytest.raises(ValueError, match=line):
        ApplyAdapters(method, **settings)


def test_a_run_too_short_for_the_ranks_to_fall_is_refused() -> None:
    with pytest.raises(ValueError, match=r"begin=0.5 and end=0.52 of 10 steps leave none between"):
        fitted(adapters(begin=0.5, end=0.52))
