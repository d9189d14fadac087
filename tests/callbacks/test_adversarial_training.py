import json
from pathlib import Path
from typing import Any

import pytest
import torch

from callbacks.adversarial_training import AdversarialTraining
from callbacks.attacks import attack_images
from lightning_modules.classifier import Classifier
from tests.conftest import REAL_DATA, Cli
from tests.tiny_inputs import ImageSet, TinyCNN, TinyInputs, TinyLSTM, tiny_images, tiny_texts
from tests.tiny_task import TinyData, TinyModel, tiny_trainer

EPSILON_PX = 12.0


def fitted(model: Classifier, data: TinyInputs, *callbacks: Any, **options: Any) -> Classifier:
    torch.manual_seed(1)
    tiny_trainer(*callbacks, **{"max_epochs": 16, "limit_val_batches": 0, **options}).fit(model, data)
    return model.eval()


def accuracy_under_attack(model: Classifier) -> float:
    batch = ImageSet(64).__getitems__(list(range(64)))
    attacked = attack_images(model.network, batch.image, batch.label, EPSILON_PX, 5.0, 10, from_random=False)
    with torch.no_grad():
        return float((model(attacked).argmax(1) == batch.label).float().mean())


@pytest.mark.parametrize("attack", ["fgsm", "pgd"])
def test_a_network_trained_on_attacks_withstands_them_better(attack: Any) -> None:
    plain = accuracy_under_attack(fitted(TinyCNN(), tiny_images()))
    hardened = fitted(TinyCNN(), tiny_images(), AdversarialTraining(attack, EPSILON_PX, step_px=5.0, steps=3))
    assert accuracy_under_attack(hardened) > plain + 0.1
    assert not hardened.batch_transforms


def test_attacks_on_images_add_no_statistics_and_no_gradients() -> None:
    class Look(AdversarialTraining):
        def on_after_backward(self, trainer: Any, pl_module: Any) -> None:
            batches.append(int(pl_module.network[2].num_batches_tracked))

    batches: list[int] = []
    fitted(TinyCNN(), tiny_images(), Look("pgd"), max_epochs=1)
    assert batches == [1, 2, 3, 4]


def test_texts_are_trained_on_plain_and_perturbed() -> None:
    losses: dict[float, float] = {}

    class Look(AdversarialTraining):
        def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, *_: Any) -> None:
            losses.setdefault(self.text_weight, float(outputs["loss"]))

    for weight in (1e-9, 1.0, 2.0):
        model = fitted(TinyLSTM(), tiny_texts(), Look(embedding_share=0.3, text_weight=weight), max_epochs=1)
        assert not model.loss_transforms
    plain, once, twice = losses[1e-9], losses[1.0], losses[2.0]
    assert twice - plain == pytest.approx(2 * (once - plain), rel=1e-4)
    assert once > 2 * plain * 0.95  # word dropout makes either a little smaller or larger


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("model", [TinyCNN, TinyLSTM])
def test_it_runs_in_every_precision(model: Any, precision: Any) -> None:
    data = tiny_images() if model is TinyCNN else tiny_texts()
    trained = fitted(model(), data, AdversarialTraining(), precision=precision, max_epochs=1)
    assert all(parameter.isfinite().all() for parameter in trained.parameters())


def test_other_inputs_are_refused() -> None:
    with pytest.raises(ValueError, match=r"for images \(B, C, H, W\) and token ids, not for inputs of \(8, 4\)"):
        tiny_trainer(AdversarialTraining(), max_epochs=1).fit(TinyModel(), TinyData())


def test_arguments_outside_their_range_are_refused() -> None:
    options: dict[str, Any]
    for options, line in (
        ({"attack": "cw"}, "attack='cw' must be fgsm or pgd"),
        ({"epsilon_px": 0}, "epsilon_px=0 must be above 0"),
        ({"steps": 0}, "steps=0 must be above 0"),
        ({"embedding_share": -1}, "embedding_share=-1 must be above 0"),
    ):
        with pytest.raises(ValueError, match=line):
            AdversarialTraining(**options)


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.timeout(900)
@pytest.mark.skipif(not REAL_DATA.is_dir(), reason=f"no real data at {REAL_DATA}")
def test_digits_withstand_the_attacks_that_they_were_trained_on(experiment: Cli, tmp_path: Path) -> None:
    def results(*options: str) -> Any:
        source = f"--data.source={REAL_DATA / 'mnist'}"
        tested = ("--trainer.callbacks+=callbacks.robustness_test.RobustnessTest", "--trainer.callbacks.epsilon_px=25")
        assert experiment("mnist_mlp", source, "--loggers=[]", "--trainer.max_epochs=6", *tested, *options).code == 0
        return json.loads((tmp_path / "runs/mnist_mlp/latest/results.json").read_text())

    hardening = "--trainer.callbacks+=callbacks.adversarial_training.AdversarialTraining"
    plain, hardened = results(), results(hardening, "--trainer.callbacks.epsilon_px=25")
    assert hardened["robustness"]["pgd"] > plain["robustness"]["pgd"] + 0.4
    assert hardened["test"]["accuracy"] > plain["test"]["accuracy"] - 0.01
