import pytest
import torch

from lightning_modules.imdb_lstm import ImdbLSTM


def test_padding_does_not_change_the_logits() -> None:
    torch.manual_seed(0)
    model = ImdbLSTM(vocabulary_size=30, embedding_dim=8, hidden_size=8, class_names=["neg", "pos"]).eval()
    ids = torch.randint(2, 30, (3, 7))
    mask = torch.ones_like(ids)
    padding = torch.zeros(3, 4, dtype=torch.int64)
    alone = model(ids, mask)
    assert alone.shape == (3, 2)
    torch.testing.assert_close(alone, model(torch.cat([ids, padding], 1), torch.cat([mask, padding], 1)))


def test_the_tutorials_variant_is_one_direction_and_the_last_state() -> None:
    model = ImdbLSTM(10_000, bidirectional=False, pooling="last", class_names=["neg", "pos"])
    both = ImdbLSTM(10_000, class_names=["neg", "pos"])
    count = {m: sum(p.numel() for p in m.parameters()) for m in (model, both)}
    assert count[model] < count[both]


def test_pretrained_vectors_stay_fixed_and_are_rebuilt_from_the_checkpoint_alone() -> None:
    model = ImdbLSTM(vocabulary_size=30_522, pretrained="minilm", hidden_size=8, class_names=["neg", "pos"]).eval()
    table = model.network.embedding.weight
    assert not table.requires_grad
    assert table.std() == pytest.approx(1, abs=0.01)
    assert table[0].count_nonzero() == 0
    restored = ImdbLSTM(**{**model.hparams, **model.restored_hyper_parameters()}).eval()
    restored.load_state_dict(model.state_dict())
    ids = torch.randint(1, 30_522, (2, 5))
    assert torch.equal(restored(ids, torch.ones_like(ids)), model(ids, torch.ones_like(ids)))


def test_vectors_of_another_tokenizer_are_refused() -> None:
    with pytest.raises(ValueError, match=r"30522 token vectors, the data has 99 tokens"):
        ImdbLSTM(vocabulary_size=99, pretrained="minilm", class_names=["neg", "pos"])


@pytest.mark.parametrize("network", ["gru", "rnn", "attention"])
@pytest.mark.parametrize(
    "sizes", [{"pretrained_dim": 384}, {"num_layers": 2}, {"hidden_size": 64}, {"bidirectional": False}], ids=str
)
def test_another_network_has_as_many_parameters_as_the_lstm(network: str, sizes: dict[str, int]) -> None:
    def count(name: str) -> int:
        model = ImdbLSTM(1000, name, class_names=["neg", "pos"], **sizes)  # type: ignore[arg-type]
        return sum(p.numel() for p in model.parameters()) - model.network.embedding.weight.numel()

    assert count(network) == pytest.approx(count("lstm"), rel=0.02)


def test_another_network_is_rebuilt_from_its_hyper_parameters() -> None:
    model = ImdbLSTM(50, "gru", hidden_size=16, class_names=["neg", "pos"])
    ImdbLSTM(**model.hparams).load_state_dict(model.state_dict())
    with pytest.raises(RuntimeError, match="lstms"):
        ImdbLSTM(**{**model.hparams, "network": "lstm"}).load_state_dict(model.state_dict())
