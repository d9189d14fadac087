from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lightsmith.studies.comparisons.item_values import item_values, read_predictions
from tests.written_runs import write_classifier, write_predictions

RNG = np.random.default_rng(0)
LABEL, ERROR = RNG.normal(size=50), RNG.normal(size=50)
VALUES = {"label": LABEL, "value": LABEL + ERROR, "low": LABEL + ERROR - 1, "high": LABEL + ERROR + 1}
TOKENS, LOSS = RNG.integers(1, 9, 50).astype(np.float32), RNG.random(50).astype(np.float32)
TEXTS = {"label": [None] * 50, "loss": LOSS, "perplexity": np.exp(LOSS), "hidden_tokens": TOKENS}
RMSE = float(np.sqrt((ERROR**2).mean()))
PERPLEXITY = float(np.exp((LOSS * TOKENS).sum() / TOKENS.sum()))


def of_columns(folder: Path, columns: dict[str, Any]) -> Any:
    return read_predictions(write_predictions(folder, columns, [str(i) for i in range(50)]))


def test_an_item_is_right_where_its_class_is_the_most_probable(tmp_path: Path) -> None:
    right = RNG.random(50) < 0.7
    table = read_predictions(write_classifier(tmp_path / "run", 1, right))
    found = item_values(table, "accuracy", right.mean())
    assert found is not None
    assert (found == right).all()
    loss = float(-np.log(np.where(right, 0.75, 0.25)).mean())
    assert item_values(table, "loss", loss) == pytest.approx(-np.log(np.where(right, 0.75, 0.25)))


def test_of_equal_probabilities_the_first_class_counts(tmp_path: Path) -> None:
    columns = {"label": ["ant"] * 25 + ["bee"] * 25, "probability_ant": [0.5] * 50, "probability_bee": [0.5] * 50}
    found = item_values(of_columns(tmp_path, columns), "accuracy", 0.5)
    assert found is not None
    assert found.tolist() == [1.0] * 25 + [0.0] * 25


@pytest.mark.parametrize(
    ("columns", "metric", "recorded"),
    [
        (VALUES, "rmse", RMSE),
        (VALUES, "mae", float(np.abs(ERROR).mean())),
        (VALUES, "coverage", float((np.abs(ERROR) <= 1).mean())),
        (TEXTS, "loss", float(LOSS.mean())),
        (TEXTS, "perplexity", PERPLEXITY),
    ],
)
def test_the_mean_over_the_items_is_the_metric(
    tmp_path: Path, columns: dict[str, Any], metric: str, recorded: float
) -> None:
    found = item_values(of_columns(tmp_path, columns), metric, recorded)
    assert found is not None
    assert found.mean() == pytest.approx(recorded)


@pytest.mark.parametrize(("columns", "metric", "recorded"), [(VALUES, "rmse", RMSE), (TEXTS, "perplexity", PERPLEXITY)])
def test_values_say_how_a_function_of_means_varies_with_the_items(
    tmp_path: Path, columns: dict[str, Any], metric: str, recorded: float
) -> None:
    found = item_values(of_columns(tmp_path, columns), metric, recorded)
    assert found is not None
    drawn = RNG.integers(50, size=(4000, 50))
    again = {
        "rmse": np.sqrt((ERROR[drawn] ** 2).mean(1)),
        "perplexity": np.exp((LOSS * TOKENS)[drawn].sum(1) / TOKENS[drawn].sum(1)),
    }[metric]
    assert found.std() / 50**0.5 == pytest.approx(again.std(), rel=0.1)


def test_a_metric_that_predictions_do_not_give_has_no_values(tmp_path: Path) -> None:
    table = of_columns(tmp_path, VALUES)
    assert item_values(table, "r2", 0.5) is None
    assert item_values(table, "accuracy", 0.5) is None
    assert item_values(table, "rmse", 1.01 * RMSE) is None


def test_a_run_without_predictions_has_none(tmp_path: Path) -> None:
    assert read_predictions(tmp_path) is None
