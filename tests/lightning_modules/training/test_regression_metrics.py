import pytest
import torch

from lightning_modules.training.regression_metrics import ErrorReach, ExplainedShare


@pytest.mark.parametrize(("items", "rank"), [(9, 9), (10, 10), (19, 18), (99, 90), (100, 91)])
def test_nine_in_ten_new_items_stay_within_the_reach(items: int, rank: int) -> None:
    reach = ErrorReach()
    errors = torch.randperm(items) + 1.0
    for part in errors.split(7):
        reach.update(part * (-1) ** torch.arange(len(part)), torch.zeros(len(part)))
    assert reach.compute() == rank  # ⌈0.9 · (n + 1)⌉, which 90% of exchangeable items do not exceed


def test_of_too_few_items_it_is_infinite() -> None:
    reach = ErrorReach()
    reach.update(torch.ones(8), torch.zeros(8))
    assert reach.compute() == torch.inf


def test_of_one_item_nothing_is_explained() -> None:
    share = ExplainedShare()
    share.update(torch.ones(1), torch.ones(1))
    assert share.compute().isnan()
    share.update(torch.zeros(1), torch.zeros(1))
    assert share.compute() == 1
