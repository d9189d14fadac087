"""Requests like the test split raise no alarm, and others do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from datamodules.cifar10 import CIFAR10
from datamodules.mnist import MNIST
from datamodules.review_words import ReviewWords
from lightsmith.exports.model import batches
from lightsmith.exports.reference import Signal, Traits, reference_of, traits_of_batches, write_reference
from lightsmith.serving.monitoring.drift import Drift, chi_squared, limit, psi
from lightsmith.serving.served_model import ServedModel, load_served
from tests.conftest import Cli
from tests.lightsmith.serving.conftest import running
from tests.lightsmith.serving.made_exports import photos
from tests.lightsmith.serving.test_application import png

REPEATS = 100


def test_the_index_is_that_of_its_definition() -> None:
    requests, reference = np.array([60, 40]), np.array([50, 50])
    p, q = (requests + 0.5) / 101, (reference + 0.5) / 101
    by_hand = (p[0] - q[0]) * np.log(p[0] / q[0]) + (p[1] - q[1]) * np.log(p[1] / q[1])
    assert psi(requests, reference) == pytest.approx(by_hand)
    assert psi(reference, reference) == 0


@pytest.mark.parametrize(("freedom", "share", "value"), [(1, 0.95, 3.841), (9, 0.999, 27.877), (1, 0.999, 10.828)])
def test_the_chi_squared_distribution_is_that_of_tables(freedom: int, share: float, value: float) -> None:
    assert chi_squared(freedom, share) == pytest.approx(value, rel=0.04)


def test_a_small_reference_has_a_higher_limit() -> None:
    assert limit(10, 500, 100_000) == limit(10, 500, 500) == 0.25
    assert 0.3 < limit(10, 500, 100) < 0.4
    assert limit(2, 500, 100) == 0.25


@pytest.mark.parametrize("items", [100, 2000])
def test_chance_alone_stays_below_the_limit(items: int) -> None:
    rng = np.random.default_rng(0)
    over = 0
    for _ in range(200):
        drift = Drift(reference_of([{"x": float(x)} for x in rng.normal(size=items)]))
        for x in rng.normal(size=500):
            drift.note({"x": float(x)})
        over += bool(drift.over)
    assert over <= 2


def test_drift_is_said_once_when_it_begins_and_once_when_it_ends(capsys: pytest.CaptureFixture[str]) -> None:
    drift = Drift({"x": Signal((50, 50), (0.0,)), "c": Signal((100,), names=("others",))}, window=100)
    for value in [-1.0, 1.0] * 50:
        drift.note({"x": value, "c": "a", "strange": 1.0})
    assert (drift.over, list(drift.indices), capsys.readouterr().err) == ([], ["x"], "")
    for _ in range(200):
        drift.note({"x": 1.0})
    assert drift.over == ["x"]
    for value in [-1.0, 1.0] * 100:
        drift.note({"x": value})
    begins, ends = capsys.readouterr().err.splitlines()
    assert begins.startswith("drift: the last 100 items are not like the test split: x has a PSI of ")
    assert begins.endswith(" (limit 0.25)")
    assert ends == "drift: the last 100 items are like the test split again"


def test_nothing_is_said_of_an_export_without_a_reference() -> None:
    drift = Drift({})
    for _ in range(1000):
        drift.note({"x": 1.0})
    assert (drift.description, drift.indices, drift.over) == (None, {}, [])


class Said(NamedTuple):
    """The traits of the items of a test split, and of items from elsewhere."""

    own: list[Traits]
    others: dict[str, list[Traits]]


def traits(model: ServedModel, batches: Iterable[Sequence[np.ndarray]]) -> list[Traits]:
    """The traits of the items of some batches of inputs, as the model answers them."""
    said = ((inputs, model.session(*inputs)) for inputs in batches)
    return traits_of_batches(model.answer, model.preprocessing, said)


def inputs_of(data: Any) -> list[list[np.ndarray]]:
    """The test split as the network takes it."""
    return [[value.numpy() for value in batch.inputs] for batch in batches(data, "test")]


def count_alarms(reference: list[Traits], requests: list[Traits], rng: np.random.Generator) -> int:
    """Alarms of 100 windows of 500 items that are drawn from what the reference does not hold."""
    drift = Drift(reference_of(reference))
    for place in rng.integers(len(requests), size=500):
        drift.note(requests[place])
    return bool(drift.over)


def assert_told_apart(said: Said) -> None:
    """Requests of the test split's other half are silent 95 times of 100, others are flagged 99 times."""
    rng, silent, flagged = np.random.default_rng(0), 0, dict.fromkeys(said.others, 0)
    for _ in range(REPEATS):
        order = rng.permutation(len(said.own))
        half, rest = ([said.own[n] for n in some] for some in np.array_split(order, 2))
        silent += not count_alarms(half, rest, rng)
        for name, others in said.others.items():
            flagged[name] += count_alarms(half, others, rng)
    print({"items": len(said.own), "silent": silent, **flagged})
    assert silent >= 95
    assert min(flagged.values()) >= 99


def trained(experiment: Cli, lightsmith: Cli, name: str) -> ServedModel:
    """A model that was trained on its sample for an epoch."""
    assert experiment(name, "--loggers=[csv]", "--trainer.max_epochs=1").code == 0
    assert lightsmith("export", f"--run=runs/{name}/latest").code == 0
    return load_served(Path(f"runs/{name}/latest/export-onnx-fp32"), 1)


@pytest.mark.slow
def test_inverted_digits_and_photographs_are_told_from_digits(experiment: Cli, lightsmith: Cli) -> None:
    model = trained(experiment, lightsmith, "mnist_mlp")
    digits = inputs_of(MNIST(28, 28))
    photographs = [
        [images.mean(1, keepdims=True).astype(np.uint8)[:, :, 2:30, 2:30]] for (images,) in inputs_of(CIFAR10())
    ]
    others = {"inverted": [[255 - images] for (images,) in digits], "photographs": photographs}
    said = Said(traits(model, digits), {name: traits(model, some) for name, some in others.items()})
    assert_told_apart(said)


@pytest.mark.slow
def test_inverted_photographs_are_told_from_photographs(experiment: Cli, lightsmith: Cli) -> None:
    model = trained(experiment, lightsmith, "cifar_cnn")
    images = inputs_of(CIFAR10())
    inverted = [[255 - batch] for (batch,) in images]
    assert_told_apart(Said(traits(model, images), {"inverted": traits(model, inverted)}))


@pytest.mark.slow
def test_texts_in_another_language_and_backwards_are_told_from_reviews(experiment: Cli, lightsmith: Cli) -> None:
    model = trained(experiment, lightsmith, "text_linear")
    reviews = [*map(str, ReviewWords().source_found.splits["test"].items)]
    rng = np.random.default_rng(0)
    sentence = "der Film ist nicht so gut wie das Buch und die Musik war leider viel zu laut für einen ruhigen Abend"
    words = np.array(sentence.split())
    german = [" ".join(rng.choice(words, rng.integers(5, 40))) for _ in range(500)]

    def of(texts: Sequence[str]) -> list[Traits]:
        return traits(model, [[value[np.newaxis] for value in model.encode(text).inputs] for text in texts])

    backwards = [" ".join(word[::-1] for word in text.split()) for text in reviews]
    assert_told_apart(Said(of(reviews), {"german": of(german), "backwards": of(backwards)}))


def test_a_service_shows_drift_on_its_metrics_and_its_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("lightsmith.serving.application.WINDOW", 50)
    folder = photos(tmp_path / "export")
    model = load_served(folder, 1)
    usual = [png(seed) for seed in range(50)]
    own = traits(model, [[model.encode(item).inputs[0][np.newaxis]] for item in usual])
    write_reference(folder, reference_of(own))
    with running(model) as client:
        before = client("/model").json["drift"]
        for item in usual:
            client("/predict", item, "image/png")
        same = client("/metrics").body.decode()
        for _ in range(50):
            client("/predict", dark(), "image/png")
        drifted, after = client("/metrics").body.decode(), client("/model").json["drift"]
    assert before == {
        "window_items": 50,
        "signals": {name: {"psi": None, "limit": limit} for name, limit in Drift(reference_of(own), 50).limits.items()},
        "over": [],
    }
    assert 'lightsmith_drift_psi{signal="brightness"} 0\n' in same
    assert float(drifted.partition('lightsmith_drift_psi{signal="brightness"} ')[2].partition("\n")[0]) > 1
    assert "brightness" in after["over"]
    assert "drift: the last 50 items are not like the test split: brightness has a PSI of " in capfd.readouterr().err


def dark() -> bytes:
    """A black image as PNG."""
    file = BytesIO()
    Image.new("RGB", (30, 30)).save(file, "PNG")
    return file.getvalue()
