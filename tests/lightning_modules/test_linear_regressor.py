import csv
import json
from pathlib import Path

import numpy as np

from tests.conftest import Cli

WORDS = ["the", "film", "was", "a", "story", "of", "some", "man", "and", "his", "dog", "in", "town", "with", "music"]


def scores(path: Path, count: int = 400) -> Path:
    """Texts whose score is how many of their words are good."""
    generator = np.random.default_rng(0)
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["text", "score"])
        for _ in range(count):
            good = int(generator.integers(0, 6))
            words = [*generator.choice(WORDS, 8), *["fine"] * good, *["dull"] * (5 - good)]
            generator.shuffle(words)
            table.writerow([" ".join(words), good])
    return path


def test_a_score_is_read_off_the_words_of_a_text(experiment: Cli, tmp_path: Path) -> None:
    regressor = "--model=lightning_modules.linear_regressor.LinearRegressor"
    quick = ("--loggers=[]", "--model.pair_buckets=1000", "--trainer.max_epochs=10", "--model.lr=0.05")
    outcome = experiment("text_linear", f"--data.source={scores(tmp_path / 'films.csv')}", regressor, *quick)
    assert (outcome.code, outcome.err) == (0, "")
    results = json.loads((tmp_path / "runs/text_linear/latest/results.json").read_text())
    assert results["headline"]["metric"] == "rmse"
    assert results["test"]["r2"] > 0.8
