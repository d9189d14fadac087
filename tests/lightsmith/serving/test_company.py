"""An answer does not depend on who else asks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from lightsmith.serving.batcher import Batcher
from lightsmith.serving.in_process import measured_costs
from lightsmith.serving.monitoring.metrics import ServiceMetrics
from lightsmith.serving.served_model import Encoded, ServedModel, load_served
from tests.conftest import Cli


async def in_company(model: ServedModel, items: list[Encoded], rng: np.random.Generator) -> np.ndarray:
    """The predictions for items that come at random moments, in a random order."""
    costs, order = measured_costs(model), rng.permutation(len(items))
    found: dict[int, np.ndarray] = {}
    with ThreadPoolExecutor(1) as executor:
        batcher = Batcher(model.predict, costs, executor, ServiceMetrics())
        answering = asyncio.create_task(batcher.run())

        async def ask_for(number: int) -> None:
            await asyncio.sleep(rng.uniform(0, 0.1))
            found[number] = await batcher.predict(items[number], asyncio.get_running_loop().time() + 60)

        await asyncio.gather(*(ask_for(int(number)) for number in order))
        answering.cancel()
    return np.stack([found[number] for number in range(len(items))])


def assert_same_in_company(model: ServedModel, items: list[Encoded]) -> None:
    alone = np.concatenate([model.predict([one]) for one in items])
    together = asyncio.run(in_company(model, items, np.random.default_rng(0)))
    assert np.array_equal(alone.argmax(1), together.argmax(1))
    assert np.abs(alone - together).max() <= 1e-5


def random_images(model: ServedModel, count: int) -> list[Encoded]:
    rng, shape = np.random.default_rng(1), model.blank(1).inputs[0].shape
    return [Encoded((rng.integers(256, size=shape, dtype=np.uint8),), 1) for _ in range(count)]


def random_texts(model: ServedModel, count: int, longest: int) -> list[Encoded]:
    rng = np.random.default_rng(1)
    words = [
        "a",
        "fine",
        "film",
        "with",
        "slow",
        "start",
        "and",
        "the",
        "good",
        "bad",
        "end",
        "of",
        "its",
        "plot",
        "was",
        "not",
    ]
    return [model.encode(" ".join(rng.choice(words, rng.integers(1, longest)))) for _ in range(count)]


def test_an_answer_is_the_same_alone_and_in_company(folders: Callable[..., Path]) -> None:
    photos, texts = load_served(folders("photos"), 1), load_served(folders("texts"), 1)
    assert_same_in_company(photos, random_images(photos, 200))
    assert_same_in_company(texts, random_texts(texts, 200, 30))


SHORT = ("--loggers=[csv]", "--trainer.max_epochs=1", "--trainer.precision=32-true", "--data.train_size=300")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mnist_mlp", "mnist_cnn", "imdb_lstm", "bert_classifier"])
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_trained_models_answers_are_the_same_alone_and_in_company(
    name: str, precision: str, experiment: Cli, lightsmith: Cli
) -> None:
    assert experiment(name, *SHORT).code == 0
    run = f"runs/{name}/latest"
    outcome = lightsmith("export", f"--run={run}", f"--precision={precision}", "--limit=50", "--max_drop=100")
    assert outcome.code == 0, outcome
    model = load_served(Path(run) / f"export-onnx-{precision}", 1)
    items = random_images(model, 2000) if model.takes == "image" else random_texts(model, 300, 250)
    assert_same_in_company(model, items)
