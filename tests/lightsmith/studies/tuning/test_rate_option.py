from __future__ import annotations

from typing import Any

import pytest

from lightsmith.studies.tuning.rate_option import RateOption, find_rate_option

OTHERS: list[tuple[str, Any]] = [("data.batch_size", 256), ("model.weight_decay", 0.05), ("model.optimizer", "sgd")]


@pytest.mark.parametrize("key", ["model.lr", "optimizer.lr", "model.learning_rate", "model.pace"])
def test_the_option_is_known_by_its_value_whatever_it_is_called(key: str) -> None:
    assert find_rate_option([*OTHERS, (key, 0.003)], [0.003]) == RateOption(key, 0.003)


def test_of_several_groups_the_option_is_that_of_one() -> None:
    assert find_rate_option([*OTHERS, ("model.lr", 0.1)], [0.1, 0.04, 0.015]).key == "model.lr"


def test_of_several_options_with_the_value_the_one_called_so_counts() -> None:
    settings = [("model.dropout", 0.1), ("model.lr", 0.1), ("data.val_fraction", 0.1), ("trainer.x.lr", 0.1)]
    assert find_rate_option(settings, [0.1]) == RateOption("model.lr", 0.1)


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (OTHERS, "the optimizer's learning rate is 0.1, and no option has that value: tune needs the one that does"),
        ([("model.a", 0.1), ("model.b", 0.1)], "and any of model.a, model.b may set it"),
        ([("model.lr", 0.1), ("optimizer.lr", 0.1)], "and any of model.lr, optimizer.lr may set it"),
    ],
)
def test_none_or_several_are_refused(settings: list[tuple[str, Any]], line: str) -> None:
    with pytest.raises(ValueError, match=line):
        find_rate_option(settings, [0.1])
