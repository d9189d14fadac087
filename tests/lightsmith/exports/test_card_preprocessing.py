"""An exported model's card says how to make its input, and the script beside it makes the same one."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer

from datamodules.images import ImageData
from datamodules.mnist import MNIST
from datamodules.preprocessing import ImagePreprocessing, TextPreprocessing
from datamodules.review_wordpieces import ReviewWordPieces
from datamodules.transfer_images import TransferImages
from lightning_modules.classifier import Classifier
from lightning_modules.training.answer import ClassProbabilities
from lightsmith.checkpoints.rebuild import load_run
from lightsmith.exports.card_preprocessing import preprocess_image, preprocess_text
from lightsmith.exports.exported_files import load_preprocessing
from lightsmith.exports.folder import write_preprocessing
from lightsmith.exports.onnx_network import OnnxNetwork
from tests.conftest import ROOT, Cli
from tests.odd_items import ODD_TEXTS, odd_images

SMALL = ("--loggers=[csv]", "--trainer.max_epochs=1", "--trainer.precision=32-true", "--trainer.limit_test_batches=1")
# What a person makes with predict.py: of each item the tensors that its function makes, or nothing.
EACH_ITEM = """
import json
import sys
from pathlib import Path
import numpy as np
sys.path.insert(0, ".")
from predict import {uses}, settings
def tensors(item):
    try:
        made = {call}
    except Exception:
        return {{}}
    return dict(enumerate(made if isinstance(made, tuple) else (made,)))
items = {items}
np.savez(sys.argv[1], **{{f"{{n}} {{i}}": part for n, item in enumerate(items) for i, part in tensors(item).items()}})
"""
OF_IMAGES = {
    "uses": "preprocess_image",
    "items": "sorted(path for path in Path(sys.argv[2]).iterdir())",
    "call": "preprocess_image(item, settings)",
}
OF_TEXTS = {
    "uses": "preprocess_text, tokenizer",
    "items": "[json.loads(line)['text'] for line in Path(sys.argv[2]).read_text().splitlines()]",
    "call": "preprocess_text(item, tokenizer, settings)",
}
Tensors = dict[int, tuple[np.ndarray, ...]]  # by the item's position


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lightsmith.exports.proof.SECONDS", 0.0)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Whatever the networks are called with from now on."""
    calls: list[tuple[Any, ...]] = []
    for owner, method in ((Classifier, "forward"), (OnnxNetwork, "__call__")):
        called = getattr(owner, method)

        def record(self: Any, *inputs: Any, called: Any = called) -> Any:
            calls.append(tuple(part.numpy() for part in inputs))
            return called(self, *inputs)

        monkeypatch.setattr(owner, method, record)
    return calls


def rows(batches: list[tuple[Any, ...]], positions: list[int]) -> Tensors:
    """The items of batches one by one, (1, …), texts without the padding that only others in their batch need."""
    items = [tuple(part[i : i + 1] for part in batch) for batch in batches for i in range(len(batch[0]))]
    return {n: _unpadded(item) for n, item in zip(positions, items, strict=True)}


def _unpadded(item: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    if len(item) == 1:
        return item
    width = -(-int(item[1].sum()) // 16) * 16
    assert not item[1][:, width:].any()
    return tuple(part[:, :width] for part in item)


def in_training(data: Any, items: list[Any]) -> Tensors:
    """As a split is encoded and given to the network in evaluation."""
    dataset, kept, _ = data.encode(items, np.zeros(len(items), dtype=np.int64), "train")
    batch = data.on_after_batch_transfer(dataset.__getitems__(list(range(len(kept)))), 0)
    return rows([tuple(part.numpy() for part in batch.inputs)], kept.tolist())


def in_predict(lightsmith: Cli, run: str, source: Path, seen: list[tuple[Any, ...]]) -> Tensors:
    seen.clear()
    lightsmith("predict", f"--run={run}", f"--input={source}", "--output=predictions.jsonl")
    lines = [json.loads(line) for line in Path("predictions.jsonl").read_text().splitlines()]
    return rows(seen, [n for n, line in enumerate(lines) if "error" not in line])


def in_the_script(folder: Path, source: Path, use: dict[str, str]) -> Tensors:
    command = [sys.executable, "-I", "-W", "ignore", "-c", EACH_ITEM.format(**use)]
    made = Path("made.npz").resolve()
    quiet = {**os.environ, "PYTHONPATH": ""}
    subprocess.run([*command, made, source.resolve()], cwd=folder, env=quiet, check=True, stderr=subprocess.DEVNULL)
    found: dict[int, list[np.ndarray]] = {}
    with np.load(made) as arrays:
        for name in arrays:
            found.setdefault(int(name.split()[0]), []).append(arrays[name])
    return {n: tuple(parts) for n, parts in found.items()}


def each(items: list[Any], call: Callable[[Any], Any]) -> Tensors:
    """What a call makes of items, but for those that it refuses."""
    found = {}
    for n, item in enumerate(items):
        try:
            made = call(item)
        except Exception:  # noqa: BLE001  # decoders raise anything for bytes that somebody made up
            continue
        found[n] = made if isinstance(made, tuple) else (made,)
    return found


def assert_same(ways: dict[str, Tensors]) -> None:
    expected = ways["training"]
    for way, found in ways.items():
        assert sorted(found) == sorted(expected), way
        for n, parts in found.items():
            for part, wanted in zip(parts, expected[n], strict=True):
                assert (part.dtype, part.shape) == (wanted.dtype, wanted.shape), (way, n)
                assert np.array_equal(part, wanted), (way, n)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("data", [TransferImages(24, 31, cache=False), MNIST(28, 28, cache=False)])
def test_odd_images_become_what_training_makes_of_them_by_the_exported_settings_alone(
    data: ImageData, tmp_path: Path
) -> None:
    data.preprocessing = replace(data.preprocessing, grey_bits=12)
    write_preprocessing(tmp_path, data.preprocessing, ClassProbabilities(["a", "b"]))
    restored = load_preprocessing(tmp_path)
    assert isinstance(restored, ImagePreprocessing)
    assert restored == data.preprocessing
    settings = json.loads((tmp_path / "preprocessing.json").read_text())
    items = [content for _, content in odd_images()]
    ways = {
        "training": in_training(data, items),
        "restored": each(items, lambda item: restored(item)[None]),
        "script": each(items, lambda item: preprocess_image(io.BytesIO(item), settings)),
    }
    assert_same(ways)
    assert len(ways["script"]) > 50


def test_odd_texts_become_what_training_makes_of_them_by_the_exported_settings_alone(tmp_path: Path) -> None:
    data = ReviewWordPieces(max_tokens=140, cache=False)
    write_preprocessing(tmp_path, data.preprocessing, ClassProbabilities(["a", "b"]))
    restored = load_preprocessing(tmp_path)
    assert isinstance(restored, TextPreprocessing)
    assert restored == data.preprocessing
    settings = json.loads((tmp_path / "preprocessing.json").read_text())
    tokenizer = Tokenizer.from_file("tokenizer.json")
    items = list(ODD_TEXTS)
    ways = {
        "training": in_training(data, items),
        "restored": each(items, lambda text: tuple(part[None] for part in restored(text))),
        "script": each(items, lambda text: preprocess_text(text, tokenizer, settings)),
    }
    assert_same(ways)
    assert len(ways["script"]) > 50
    assert max(ids.shape[1] for ids, _ in ways["script"].values()) == 144


def as_trained(run: Path) -> Any:
    """The run's data module, with its options alone."""
    _, restored = load_run(run)
    return type(restored)(**restored.hparams)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_odd_images_are_the_same_tensor_in_training_prediction_export_and_the_script(
    experiment: Cli, lightsmith: Cli, tmp_path: Path, seen: list[tuple[Any, ...]]
) -> None:
    assert experiment("mnist_mlp", *SMALL, "--data.train_size=200", "--data.resize_px=31").code == 0
    assert lightsmith("export", "--run=runs/mnist_mlp/latest", "--output=exported", "--limit=20").code == 0
    source = tmp_path / "odd"
    source.mkdir()
    for name, content in odd_images():
        (source / name).write_bytes(content)
    ways = {
        "training": in_training(as_trained(tmp_path / "runs/mnist_mlp/latest"), sorted(source.iterdir())),
        "predict": in_predict(lightsmith, "runs/mnist_mlp/latest", source, seen),
        "export": in_predict(lightsmith, "exported", source, seen),
        "script": in_the_script(tmp_path / "exported", source, OF_IMAGES),
    }
    assert_same(ways)
    assert len(ways["script"]) > 50


@pytest.mark.slow
def test_odd_texts_are_the_same_tensors_in_training_prediction_export_and_the_script(
    experiment: Cli, lightsmith: Cli, tmp_path: Path, seen: list[tuple[Any, ...]]
) -> None:
    tiny = ("--data.train_size=100", "--data.max_tokens=140", "--model.hidden_size=4", "--model.embedding_dim=4")
    assert experiment("imdb_lstm", *SMALL, *tiny, "--trainer.limit_val_batches=1").code == 0
    # In a process of its own, as a person does it: where an LSTM was trained before, torch cannot export one.
    export = [sys.executable, str(ROOT / "cli.py"), "export", "--run=runs/imdb_lstm/latest", "--output=exported"]
    assert subprocess.run([*export, "--limit=20"], check=False).returncode == 0
    source = tmp_path / "odd.jsonl"
    source.write_text("".join(json.dumps({"text": text}) + "\n" for text in ODD_TEXTS))
    ways = {
        "training": in_training(as_trained(tmp_path / "runs/imdb_lstm/latest"), list(ODD_TEXTS)),
        "predict": in_predict(lightsmith, "runs/imdb_lstm/latest", source, seen),
        "export": in_predict(lightsmith, "exported", source, seen),
        "script": in_the_script(tmp_path / "exported", source, OF_TEXTS),
    }
    assert_same(ways)
    assert len(ways["script"]) > 50
    assert max(ids.shape[1] for ids, _ in ways["script"].values()) == 144
