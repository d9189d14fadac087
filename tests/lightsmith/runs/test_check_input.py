from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image
from torch import nn
from transformers import BertConfig, RobertaConfig

from lightning_modules.bert_classifier import BertClassifier
from lightning_modules.cifar_cnn import CifarCNN
from lightning_modules.imdb_lstm import ImdbLSTM
from lightning_modules.resnet_transfer import ResNetTransfer
from lightsmith.runs.check_input import check_batch, check_input
from tests.conftest import Cli
from tests.tiny_task import CLASS_NAMES, TinyData, TinyModel

NAMES = ["a", "b"]
TINY = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8, "vocab_size": 20}


def images(size: int, channels: int = 3) -> Any:
    return SimpleNamespace(kind="image", image_size_px=size, channels=channels, class_names=NAMES)


def texts(max_tokens: int, vocabulary_size: int = 20) -> Any:
    return SimpleNamespace(kind="text", max_tokens=max_tokens, vocabulary_size=vocabulary_size, class_names=NAMES)


def encoder(config: type[Any], positions: int) -> BertClassifier:
    return BertClassifier(
        encoder_config=config(max_position_embeddings=positions, **TINY).to_dict(), pretrained=None, class_names=NAMES
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of a few grey squares."""
    for name in NAMES:
        (tmp_path / "squares" / name).mkdir(parents=True)
        for shade in range(12):
            Image.new("RGB", (32, 32), (20 * shade,) * 3).save(tmp_path / "squares" / name / f"{shade}.png")
    return tmp_path / "squares"


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            ("--data.image_size_px=8",),
            "image_size_px=8: CifarCNN cannot take items of 3×8×8, but it can those of 3×9×9",
        ),
        (("--data.image_size_px=28", "--model.network=tutorial"), "data.image_size_px=28: CifarCNN cannot take"),
    ],
)
def test_a_network_that_cannot_take_the_data_is_one_line_and_no_folder(
    experiment: Cli, folder: Path, options: tuple[str, ...], line: str
) -> None:
    outcome = experiment("cifar_cnn", f"--data.source={folder}", *options)
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert line in outcome.err
    assert not Path("runs").exists()


def test_a_network_for_images_is_given_no_texts() -> None:
    with pytest.raises(ValueError, match=r"^data.max_tokens=16: CifarCNN cannot take items of 16 and 16: "):
        check_input(CifarCNN(class_names=NAMES), texts(16), [("data.max_tokens", 16)])


@pytest.mark.parametrize(
    ("config", "positions", "longest"),
    [
        (BertConfig, 48, 48),
        (BertConfig, 40, 32),  # a batch is padded to the next multiple of 16
        (RobertaConfig, 50, 48),  # the first two positions are never taken
    ],
)
def test_texts_may_be_as_long_as_the_encoder_has_positions(config: type[Any], positions: int, longest: int) -> None:
    model = encoder(config, positions)
    check_input(model, texts(longest), [])
    with pytest.raises(ValueError, match=rf"data.max_tokens={longest + 1}, padded to .*give {longest} or fewer"):
        check_input(model, texts(longest + 1), [])


def test_a_tokenizer_with_more_tokens_than_the_network_is_refused() -> None:
    with pytest.raises(ValueError, match=r"data.max_tokens=16: BertClassifier cannot take items of 16 and 16: index"):
        check_input(encoder(BertConfig, 32), texts(16, vocabulary_size=21), [("data.max_tokens", 16)])


def test_data_of_a_kind_of_its_own_is_asked_for_an_item() -> None:
    class Points(TinyData):
        class_names = CLASS_NAMES

        def loader(self, split: str) -> Any:
            return self.train_dataloader()

    check_input(TinyModel(), Points(), [])
    wider = Points()
    wider.dataset.points = torch.zeros(40, 5)
    settings = [("model.num_features", 4), ("model.depth", 3), ("data.batch_size", 4)]
    with pytest.raises(ValueError, match=r"^model.num_features=4: TinyModel cannot take items of 5: "):
        check_input(TinyModel(), wider, settings)


def test_a_network_for_another_number_of_classes_is_refused() -> None:
    model = CifarCNN(class_names=["a", "b", "c"])
    with pytest.raises(ValueError, match="CifarCNN makes 1×3 logits of one item; the data has 2 classes"):
        check_input(model, images(32), [])


def test_asking_leaves_no_trace() -> None:
    for model, data in (
        (ResNetTransfer(class_names=NAMES, freeze_backbone=True, dropout=0.5), images(32)),
        (ImdbLSTM(vocabulary_size=20, class_names=NAMES), texts(20)),
    ):
        model.train()
        modes = [module.training for module in model.modules()]
        state = {name: value.clone() for name, value in model.state_dict().items()}
        torch.manual_seed(1)
        expected = torch.rand(1)
        torch.manual_seed(1)
        check_input(model, data, [])
        assert torch.rand(1) == expected
        assert [module.training for module in model.modules()] == modes
        assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize(("batch_size", "items", "named"), [(1, 40, "batch_size"), (8, 1, "train_size")])
def test_batches_of_one_are_refused_where_a_norm_needs_more(batch_size: int, items: int, named: str) -> None:
    data: Any = TinyData(items)
    data.batch_size, data.source_found = batch_size, SimpleNamespace(splits={"train": range(items)})
    data.loader = lambda split: data.train_dataloader()
    model = TinyModel()
    state = deepcopy(model.state_dict())
    with pytest.raises(ValueError, match=rf"data\.{named}=1: TinyModel cannot train on one item: Expected more than 1"):
        check_batch(model, data)
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    model.network[1] = nn.Identity()  # type: ignore[operator]
    check_batch(model, data)
