import pytest
import torch

from lightning_modules.bert_regressor import BertRegressor

SMALL = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}


def test_it_reads_one_value_off_a_text_and_a_checkpoint_rebuilds_its_encoder() -> None:
    model = BertRegressor(encoder_config={"model_type": "bert", "vocab_size": 16, **SMALL}).eval()
    ids = torch.tensor([[2, 3, 4], [5, 6, 0]])
    assert model(ids, (ids > 0).long()).shape == (2, 1)
    restored = model.restored_hyper_parameters()
    assert restored["pretrained"] is None
    again = BertRegressor(**{**model.hparams, **restored})
    again.load_state_dict(model.state_dict())


def test_no_weights_to_begin_with_is_a_mistake() -> None:
    with pytest.raises(ValueError, match=r"model\.pretrained is unset"):
        BertRegressor(pretrained=None)
