import json
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback

from callbacks.adversarial_training import AdversarialTraining
from callbacks.distill_from_teacher import DistillFromTeacher
from callbacks.mix_images import MixImages
from callbacks.rand_augment_images import RandAugmentImages
from lightning_modules.classifier import Classifier
from lightning_modules.networks.probes.attacks import attack_images
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
    attacked = attack_images(
        model.network, batch.image, lambda o: model.loss(o, batch), EPSILON_PX, 5.0, 10, from_random=False
    )
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


def taught(model: Any, data: TinyInputs, *callbacks: Any) -> list[float]:
    """The losses of an epoch's steps beside a teacher that has learnt nothing."""
    losses: list[float] = []

    class Look(Callback):
        def on_train_start(self, *_: Any) -> None:
            torch.manual_seed(1)  # the teacher was built by now

        def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, *_: Any) -> None:
            losses.append(float(outputs["loss"]))

    trainer: Any = tiny_trainer(*callbacks, Look(), max_epochs=1, limit_val_batches=0)
    trainer.load_run = lambda path: (type(model)().eval(), data)
    trainer.fit(model, data)
    return losses


@pytest.mark.parametrize("model", [TinyCNN, TinyLSTM])
def test_no_order_of_callbacks_changes_the_training(model: Any) -> None:
    data = tiny_images() if model is TinyCNN else tiny_texts()
    makers: list[Any] = [AdversarialTraining, lambda: DistillFromTeacher("teacher")]
    makers += [MixImages, lambda: RandAugmentImages(images_per_draw=16)] if model is TinyCNN else []
    orders = [permutation for i, permutation in enumerate(permutations(makers)) if i % 5 == 0 or len(makers) == 2]
    results = {tuple(taught(model(label_smoothing=0.1), data, *(make() for make in order))) for order in orders}
    assert len(orders) > 1
    assert len(results) == 1


def test_a_teacher_takes_nothing_of_the_loss_on_perturbed_texts() -> None:
    def first_loss(text_weight: float, *callbacks: Any) -> float:
        attack = AdversarialTraining(embedding_share=0.3, text_weight=text_weight)
        return taught(TinyLSTM(), tiny_texts(), attack, *callbacks)[0]

    alone = first_loss(2.0) - first_loss(1e-9)
    beside = first_loss(2.0, DistillFromTeacher("x")) - first_loss(1e-9, DistillFromTeacher("x"))
    assert beside == pytest.approx(alone, rel=1e-4)


def test_two_that_attack_are_refused() -> None:
    with pytest.raises(ValueError, match="AdversarialTraining and AdversarialTraining both take the stage 'attack'"):
        fitted(TinyCNN(), tiny_images(), AdversarialTraining("fgsm"), AdversarialTraining("pgd"), max_epochs=1)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("model", [TinyCNN, TinyLSTM])
def test_it_runs_in_every_precision(model: Any, precision: Any) -> None:
    data = tiny_images() if model is TinyCNN else tiny_texts()
    trained = fitted(model(), data, AdversarialTraining(), precision=precision, max_epochs=1)
    assert all(parameter.isfinite().all() for parameter in trained.parameters())


def test_other_inputs_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"for networks that embed tokens .*, not for this one, with inputs of \(8, 4\)"
    ):
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
