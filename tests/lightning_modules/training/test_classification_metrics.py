import pytest
import torch
from torchmetrics import MetricCollection

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
