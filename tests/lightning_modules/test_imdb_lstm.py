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
