import torch

from lightning_modules.lstm_regressor import LSTMRegressor


def test_it_reads_one_value_off_a_text() -> None:
    model = LSTMRegressor(vocabulary_size=20, embedding_dim=4, hidden_size=4).eval()
    ids = torch.tensor([[2, 3, 4], [5, 6, 0]])
    assert model(ids, (ids > 0).long()).shape == (2, 1)
