import pytest
import torch
from torchmetrics import MetricCollection
from torchmetrics.functional import classification

from lightning_modules.training.classification_metrics import classification_metrics


def test_of_a_thousand_classes_those_without_items_count_only_where_they_were_predicted() -> None:
    labels = torch.tensor([0, 0, 0, 1, 1])
    metrics = MetricCollection({**classification_metrics(1000)})
    logits = torch.zeros(5, 1000)
    logits[torch.arange(5), torch.tensor([0, 0, 0, 1, 0])] = 1
    metrics.update(logits, labels)
    assert metrics.compute()["recall"] == pytest.approx((1 + 0.5) / 2)
    assert metrics.compute()["precision"] == pytest.approx((0.75 + 1) / 2)

    logits[0, 999] = 2  # a mistake for a class without items, which has no recall but the mistake
    metrics.reset()
    metrics.update(logits, labels)
    assert metrics.compute()["recall"] == pytest.approx((2 / 3 + 0.5 + 0) / 3)
    assert metrics.compute()["accuracy"] == pytest.approx(3 / 5)


@pytest.mark.parametrize("classes", [2, 10, 300])
def test_figures_are_those_of_torchmetrics_to_the_bit(classes: int) -> None:
    torch.manual_seed(classes)
    metrics = MetricCollection({**classification_metrics(classes)})
    labels = torch.randint(classes, (250,))
    labels[labels == 1] = 0  # a class without items
    logits = torch.randn(250, classes) + 2 * torch.nn.functional.one_hot(labels, classes)
    for part in torch.arange(250).split(60):
        metrics.update(logits[part], labels[part])

    expected = {
        "accuracy": classification.multiclass_accuracy(logits, labels, classes, average="micro"),
        "precision": classification.multiclass_precision(logits, labels, classes),
        "recall": classification.multiclass_recall(logits, labels, classes),
        "f1": classification.multiclass_f1_score(logits, labels, classes),
    }
    assert {name: float(value) for name, value in metrics.compute().items()} == {
        name: float(value) for name, value in expected.items()
    }


def test_without_items_a_metric_is_0() -> None:
    for metric in classification_metrics(3).values():
        metric.update(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64))
        assert metric.compute() == 0


def test_all_of_a_collection_share_their_counts() -> None:
    metrics = MetricCollection({**classification_metrics(3)})
    for _ in range(2):
        metrics.update(torch.eye(3), torch.tensor([0, 1, 1]))
    assert len(metrics.compute_groups) == 1
    assert metrics.compute()["accuracy"] == pytest.approx(2 / 3)
