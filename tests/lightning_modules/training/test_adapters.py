import pytest

from lightning_modules.training.adapters import adapt
from tests.tiny_task import TinyModel

LORA = {"method": "lora", "targets": ["0"], "rank": 2, "alpha": 4.0, "dropout": 0.0}


def test_only_adapters_and_what_is_named_train() -> None:
    model = TinyModel()
    adapt(model, "add_adapters", LORA, ["network.3.*"], "somebody")
    trained = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert trained == {
        *(f"network.0.lora_{side}.default.weight" for side in "AB"),
        *(f"network.3.{kind}" for kind in ("weight", "bias")),
    }


def test_adapters_are_added_once_and_others_are_refused_whoever_asks() -> None:
    model = TinyModel()
    for _ in range(2):
        adapt(model, "add_adapters", LORA, ["network.3.*"], "somebody")
    assert len(model.operations) == 1
    old = {name: value for name, value in LORA.items() if name != "method"}
    with pytest.raises(ValueError, match=r"somebody else is set to .*, but the checkpoint has adapters of"):
        adapt(model, "add_lora", old, ["network.3.*"], "somebody else")


def test_norms_whose_weights_are_fixed_rest_in_training() -> None:
    for also_train, trains in ((["network.3.*"], False), (["network.1.*", "network.3.*"], True)):
        model = TinyModel()
        adapt(model, "add_adapters", LORA, also_train, "somebody")
        model.on_train_batch_start(None, 0)
        assert [module.training for module in model.network.children()] == [True, trains, True, True]
