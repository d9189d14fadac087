from collections import Counter
from typing import Any

import pytest
import torch

from callbacks.adversarial_training import AdversarialTraining
from callbacks.robustness_test import RobustnessTest
from lightning_modules.classifier import Classifier
from tests.tiny_inputs import TinyCNN, TinyInputs, TinyLSTM, tiny_images, tiny_texts
from tests.tiny_task import TinyData, TinyModel, tiny_trainer

STRONG: dict[str, Any] = {"epsilon_px": 12.0, "step_px": 3.0, "noise_std_px": 30.0}


def fitted(model: Classifier, data: TinyInputs, *callbacks: Any) -> Classifier:
    torch.manual_seed(1)
    tiny_trainer(*callbacks, max_epochs=16, limit_val_batches=0).fit(model, data)
    return model


def robustness(model: Classifier, data: TinyInputs, trainer_options: Any = (), **options: Any) -> dict[str, float]:
    trainer = tiny_trainer(RobustnessTest(**options), **dict(trainer_options))
    trainer.test(model, data, verbose=False)
    metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
    assert metrics.pop("test/accuracy") == pytest.approx(metrics["robustness/clean"]) or "max_items" in options
    return {name.partition("/")[2]: value for name, value in metrics.items() if name.startswith("robustness/")}


@pytest.fixture(scope="module")
def cnn() -> Classifier:
    return fitted(TinyCNN(), tiny_images())


@pytest.fixture(scope="module")
def lstm() -> Classifier:
    return fitted(TinyLSTM(), tiny_texts())


def test_attacks_cost_accuracy_and_the_stronger_costs_more(cnn: Classifier) -> None:
    found = robustness(cnn, tiny_images(), **STRONG)
    assert found["n"] == 64
    assert list(found) == ["clean", "fgsm", "pgd", "noise", "n"]
    assert found["clean"] > 0.95
    assert found["pgd"] <= found["fgsm"] < found["clean"] - 0.1
    assert found["fgsm"] < found["noise"]


def test_adversarial_training_shows(cnn: Classifier) -> None:
    hardened = fitted(TinyCNN(), tiny_images(), AdversarialTraining(epsilon_px=12.0))
    before, after = robustness(cnn, tiny_images(), **STRONG), robustness(hardened, tiny_images(), **STRONG)
    assert after["pgd"] > before["pgd"] + 0.1


def test_typos_and_lost_words_cost_accuracy(lstm: Classifier) -> None:
    found = robustness(lstm, tiny_texts(), typo_share=0.6, drop_share=0.6)
    assert list(found) == ["clean", "typos", "word_drop", "n"]
    assert found["clean"] > 0.95
    assert max(found["typos"], found["word_drop"]) < found["clean"] - 0.1
    harmless = robustness(lstm, tiny_texts(), typo_share=0.0, drop_share=0.0)
    assert harmless["typos"] == harmless["word_drop"] == harmless["clean"]


def test_it_is_the_same_each_time(cnn: Classifier) -> None:
    torch.manual_seed(5)
    one = robustness(cnn, tiny_images(), noise_std_px=60.0)
    assert one["noise"] < one["clean"]
    torch.manual_seed(6)
    assert robustness(cnn, tiny_images(), noise_std_px=60.0) == one


def test_the_network_is_the_same_afterwards(cnn: Classifier) -> None:
    cnn.zero_grad()
    before = {name: value.clone() for name, value in cnn.state_dict().items()}
    robustness(cnn, tiny_images(), {"precision": "bf16-mixed"}, **STRONG)
    assert all(torch.equal(value, before[name]) for name, value in cnn.state_dict().items())
    assert all(parameter.grad is None for parameter in cnn.parameters())


@pytest.mark.parametrize("model", ["cnn", "lstm"])
def test_as_many_items_as_asked_and_from_everywhere(model: str, request: pytest.FixtureRequest) -> None:
    data = tiny_images() if model == "cnn" else tiny_texts()
    seen: list[int] = []

    class Look(RobustnessTest):
        def on_test_end(self, *_: Any) -> None:
            seen.extend(index for of_batch, _ in self._tested for index in of_batch.tolist())

    tiny_trainer(Look(max_items=20)).test(request.getfixturevalue(model), data, verbose=False)
    assert len(set(seen)) == 20
    assert Counter(index // data.batch_size for index in seen) == dict.fromkeys(range(4), 5)


def test_the_cache_setting_is_given_back(lstm: Classifier) -> None:
    data = tiny_texts()
    robustness(lstm, data)
    assert data.cache is True


def test_other_inputs_and_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match=r"for images \(B, C, H, W\) and token ids, not for inputs of \(8, 4\)"):
        tiny_trainer(RobustnessTest()).test(TinyModel(), TinyData(), verbose=False)
    options: dict[str, Any]
    for options, line in (
        ({"max_items": 0}, "max_items=0 must be above 0"),
        ({"noise_std_px": -1}, "noise_std_px=-1 must be above 0"),
        ({"typo_share": 1.1}, "share of typos=1.1 must lie in 0…1"),
    ):
        with pytest.raises(ValueError, match=line):
            RobustnessTest(**options)
