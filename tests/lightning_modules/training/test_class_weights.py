from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lightning_modules.training.class_weights import ClassWeights, GivenWeights, balanced_weights
from tests.tiny_task import TinyBatch, TinyData, TinyDataset, TinyModel, tiny_trainer

NAMES = ["ant", "bee", "café"]


class CountedData(TinyData):
    """Knows how often each class occurs: 14, 13 and 13 times of 40."""

    @property
    def class_counts(self) -> list[int]:
        return torch.bincount(self.dataset.labels, minlength=3).tolist()


@pytest.mark.parametrize(
    ("given", "weights"),
    [
        ([1, 2.5, 0], [1, 2.5, 0]),
        ({"bee": 4.0}, [1, 4, 1]),
        ({"ant": 0.5, "cafe\u0301": 3.0}, [0.5, 1, 3]),  # the other Unicode form of the same name
        (None, None),
        ("balanced", None),
    ],
)
def test_weights_are_given_in_order_or_by_name(given: GivenWeights, weights: list[float] | None) -> None:
    values = ClassWeights(given, NAMES).values
    assert (None if values is None else values.tolist()) == weights


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ([1, 2], r"=\[1, 2\] has 2 numbers: the 3 classes are ant, bee, café"),
        ({"wasp": 2.0}, "wasp=2.0 is of no class: the 3 classes are ant"),
        ({7: 2.0}, 'write "7"'),
        ("equal", "=equal is not balanced, a list of numbers, or numbers by class name"),
        ([1, -1, 1], "from 0 on"),
        ({"ant": float("nan")}, "from 0 on"),
        ([1, 1, float("inf")], "from 0 on"),
        ([0, 0, 0], "not all 0"),
    ],
)
def test_what_is_no_weight_is_refused_by_name(given: Any, line: str) -> None:
    with pytest.raises(ValueError, match=rf"^model\.class_weights.*{line}"):
        ClassWeights(given, NAMES)


def test_balanced_weights_are_scikit_learns_and_a_class_without_items_has_none() -> None:
    compute = pytest.importorskip("sklearn.utils.class_weight").compute_class_weight
    labels = [0] * 2 + [1] * 38 + [3] * 10
    present: Any = compute("balanced", classes=torch.tensor([0, 1, 3]).numpy(), y=labels)
    expected = [present[0], present[1], 0, present[2]]
    weights = balanced_weights(SimpleNamespace(class_counts=[2, 38, 0, 10]))
    torch.testing.assert_close(weights, torch.tensor(expected, dtype=torch.float32))
    assert float(weights[labels].mean()) == pytest.approx(1)


def test_data_that_does_not_count_its_classes_is_refused() -> None:
    with pytest.raises(ValueError, match="balanced needs data that has class_counts, which TinyData lacks"):
        tiny_trainer(max_epochs=1).fit(TinyModel(class_weights="balanced"), TinyData())


def weighted(logits: Tensor, label: Tensor, weights: list[float], smoothing: float = 0.0) -> Tensor:
    """The mean over the items of each one's loss, times the weight of its class."""
    losses = [
        weights[int(c)] * F.cross_entropy(row[None], c[None], label_smoothing=smoothing)
        for row, c in zip(logits, label, strict=True)
    ]
    return torch.stack(losses).mean()


def objective(model: TinyModel, logits: Tensor, label: Tensor) -> Tensor:
    batch = TinyBatch(torch.zeros(len(label), 4), label, torch.arange(len(label)))
    return model.objective(logits, batch, model.loss(logits, batch))


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_training_lowers_the_weighted_loss_in_which_an_item_counts_alike_in_every_batch(smoothing: float) -> None:
    weights = [1.0, 5.0, 0.2]
    model = TinyModel(class_weights=weights, label_smoothing=smoothing)
    batch = TinyDataset(8).__getitems__(list(range(8)))
    with torch.no_grad():
        logits = model(*batch.inputs)
        expected = weighted(logits, batch.label, weights, smoothing)
        torch.testing.assert_close(objective(model, logits, batch.label), expected)
        torch.testing.assert_close(model.training_step(batch, 0), expected)
        one_class = batch.label == 1
        alone = objective(model, logits[one_class], batch.label[one_class])
        plain = F.cross_entropy(logits[one_class], batch.label[one_class], label_smoothing=smoothing)
        torch.testing.assert_close(alone, 5 * plain)


def test_a_mixed_item_weighs_what_its_classes_do_in_proportion() -> None:
    model = TinyModel(class_weights=[1.0, 5.0, 0.2])
    logits = torch.tensor([[2.0, -1.0, 0.5]])
    mixed = torch.tensor([[0.25, 0.75, 0.0]])
    expected = (0.25 * 1 + 0.75 * 5) * F.cross_entropy(logits, mixed)
    torch.testing.assert_close(objective(model, logits, mixed), expected)
    whole = F.one_hot(torch.tensor([1]), 3).float()
    torch.testing.assert_close(objective(model, logits, whole), objective(model, logits, torch.tensor([1])))


def test_smoothed_labels_of_a_frequent_class_do_not_pull_towards_a_rare_one() -> None:
    model = TinyModel(class_weights=[0.5, 10.0, 1.0], label_smoothing=0.1)
    target = torch.full((1, 3), 0.1 / 3)
    target[0, 0] += 0.9
    best = target.log().requires_grad_()
    objective(model, best, torch.tensor([0])).backward()
    assert best.grad is not None
    assert best.grad.abs().max() < 1e-6


def test_logged_losses_stay_plain_and_the_checkpoint_names_the_weights(capsys: pytest.CaptureFixture[str]) -> None:
    losses = []
    for given in (None, "balanced"):
        model, data = TinyModel(class_weights=given), CountedData()
        trainer = tiny_trainer(max_epochs=1, limit_train_batches=1, num_sanity_val_steps=0)
        trainer.fit(model, data)
        losses.append(float(trainer.callback_metrics["train/loss"]))
        trainer.save_checkpoint(f"{given}.ckpt")
    assert losses[0] == losses[1]
    counts = data.class_counts
    expected = {name: 40 / (3 * n) for name, n in zip(model.class_names, counts, strict=True)}
    saved = torch.load("balanced.ckpt", weights_only=True)
    assert saved["lightsmith"]["class_weights"] == pytest.approx(expected)
    assert saved["hyper_parameters"]["class_weights"] == "balanced"
    assert torch.load("None.ckpt", weights_only=True)["lightsmith"]["class_weights"] is None
    assert saved["state_dict"].keys() == TinyModel().state_dict().keys()
    assert capsys.readouterr().out.count("classes    weights in training: ") == 1


@pytest.mark.slow
def test_a_rare_class_is_found_with_balanced_weights_and_not_without() -> None:
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(400, 4, generator=generator)
    labels = (points[:, 0] > 1.3).long()  # a tenth
    points[:, 0] += torch.randn(400, generator=generator)  # which is not to be told apart without doubt

    recalls = []
    for given in (None, "balanced"):
        data = CountedData()
        data.dataset.points, data.dataset.labels = points, labels
        model = TinyModel(class_weights=given, lr=0.02)
        tiny_trainer(max_epochs=10, num_sanity_val_steps=0).fit(model, data)
        (figures,) = tiny_trainer().test(model, data, verbose=False)
        predicted = model.probabilities(data).argmax(1)
        recalls.append(float((predicted[labels == 1] == 1).float().mean()))
        assert figures["test/n"] == 400
    assert recalls[0] < 0.6 < 0.75 < recalls[1]
