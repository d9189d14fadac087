from pathlib import Path
from typing import Any

import pytest
from torch import nn

from lightning_modules.networks.bert import build_bert, build_bert_from_config
from lightning_modules.networks.on_encoder import OnEncoder, build_from
from tests.tiny_bert import save_tiny_bert


def build(weights: str | None, config: dict[str, Any] | None) -> OnEncoder:
    return build_from(weights, config, build_bert, build_bert_from_config, num_classes=2)


def test_a_network_is_built_from_a_config_or_else_from_weights_and_can_train(tmp_path: Path) -> None:
    of_weights = build(save_tiny_bert(tmp_path), None)
    again = build("of no use", of_weights.config)
    assert of_weights.training
    assert again.training
    assert again.config == of_weights.config
    assert again.max_tokens == of_weights.max_tokens
    assert not isinstance(again.encoder.pooler, nn.Module)


def test_neither_is_refused_with_what_to_name() -> None:
    with pytest.raises(ValueError, match=r"model\.pretrained is unset: name a checkpoint"):
        build(None, None)
