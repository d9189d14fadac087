import torch

from lightning_modules.networks.attention_classifier import AttentionClassifier, AttentionLayer, sinusoids


def test_positions_are_told_apart_and_close_ones_are_alike() -> None:
    waves = sinusoids(torch.arange(500), 64)
    distances = torch.cdist(waves, waves)
    distances.fill_diagonal_(torch.inf)
    assert distances.min() > 0.5
    assert distances[10, 11] < distances[10, 20] < distances[10, 300]


def test_an_odd_width_has_waves_too() -> None:
    assert sinusoids(torch.arange(4), 7).shape == (4, 7)


def test_a_layer_is_attention_as_torch_computes_it() -> None:
    torch.manual_seed(0)
    layer = AttentionLayer(8, 12).eval()
    states, seen = torch.randn(2, 5, 8), torch.ones(2, 1, 1, 5, dtype=torch.bool)
    seen[1, ..., 3:] = False
    reference = torch.nn.TransformerEncoderLayer(8, 4, 12, dropout=0.0, batch_first=True, norm_first=True).eval()
    pairs = {
        "self_attn.in_proj_": layer.queries_keys_values,
        "self_attn.out_proj.": layer.joined,
        "linear1.": layer.widen,
        "linear2.": layer.narrow,
        "norm1.": layer.attention_norm,
        "norm2.": layer.feedforward_norm,
    }
    own = {f"{name}{kind}": getattr(part, kind) for name, part in pairs.items() for kind in ("weight", "bias")}
    reference.load_state_dict(own)
    expected = reference(states, src_key_padding_mask=~seen[:, 0, 0])
    found = layer(states, seen)
    torch.testing.assert_close(found[0], expected[0], rtol=0, atol=1e-5)
    torch.testing.assert_close(found[1, :3], expected[1, :3], rtol=0, atol=1e-5)


def test_heads_divide_the_width() -> None:
    assert AttentionClassifier(2, 30, 8, hidden_size=10).eval()(*(torch.ones(2, 3, dtype=torch.int64),) * 2).shape == (
        2,
        2,
    )
