import pytest
import torch

from lightning_modules.bert_classifier import BertClassifier


@pytest.fixture(scope="module")
def model() -> BertClassifier:
    return BertClassifier(class_names=["neg", "pos"])


def test_pretrained_encoder_starts_in_training_mode_with_a_head_of_the_classes(model: BertClassifier) -> None:
    assert all(module.training for module in model.network.modules())
    ids = torch.randint(1000, 2000, (2, 6))
    assert model(ids, torch.ones_like(ids)).shape == (2, 2)


def test_is_rebuilt_from_its_configuration_without_the_pretrained_weights(model: BertClassifier) -> None:
    rebuilt = BertClassifier(**{**model.hparams, **model.restored_hyper_parameters()})
    rebuilt.load_state_dict(model.state_dict())
    ids = torch.randint(1000, 2000, (2, 6))
    with torch.inference_mode():
        expected = model.eval()(ids, torch.ones_like(ids))
        assert torch.equal(rebuilt.eval()(ids, torch.ones_like(ids)), expected)
    model.train()


def test_nothing_to_start_from_is_refused() -> None:
    with pytest.raises(ValueError, match=r"model\.pretrained is unset"):
        BertClassifier(pretrained=None, class_names=["neg", "pos"])
