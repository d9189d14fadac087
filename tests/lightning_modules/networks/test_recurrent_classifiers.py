import pytest
import torch
from torch import nn

from lightning_modules.networks.recurrent_classifiers import FORGET_BIAS, LSTMClassifier, reverse_within_length
from tests.lightning_modules.networks.test_text_classifier import learn_word_orders, pad

CONFIGURATIONS = [
    {"bidirectional": bidirectional, "pooling": pooling, "num_layers": num_layers}
    for bidirectional in (False, True)
    for pooling in ("last", "mean_max")
    for num_layers in (1, 2)
]


def make_network(**overrides: object) -> LSTMClassifier:
    torch.manual_seed(0)
    settings: dict[str, object] = {"num_classes": 3, "vocabulary_size": 50, "embedding_dim": 8, "hidden_size": 8}
    return LSTMClassifier(**{**settings, **overrides}).eval()  # type: ignore[arg-type]


@pytest.mark.parametrize("configuration", CONFIGURATIONS, ids=str)
def test_logits_do_not_depend_on_how_far_a_batch_is_padded(configuration: dict[str, object]) -> None:
    network = make_network(**configuration)
    texts = [[5, 6, 7], [9, 8, 7, 6, 5, 4], [3]]

    with torch.no_grad():
        together = network(*pad(texts, steps=40))
        alone = torch.cat([network(*pad([text], steps=len(text))) for text in texts])

    torch.testing.assert_close(together, alone, rtol=0, atol=1e-6)


@pytest.mark.parametrize("pooling", ["last", "mean_max"])
def test_gradients_do_not_depend_on_how_far_a_batch_is_padded(pooling: str) -> None:
    texts = [[5, 6, 7], [9, 8, 7, 6, 5, 4]]
    gradients = []
    for steps in (6, 40):
        network = make_network(pooling=pooling)
        network(*pad(texts, steps)).square().sum().backward()
        gradients.append([parameter.grad for parameter in network.parameters()])

    torch.testing.assert_close(gradients[0], gradients[1], rtol=0, atol=1e-5)


@pytest.mark.parametrize("configuration", CONFIGURATIONS, ids=str)
def test_word_order_changes_the_logits(configuration: dict[str, object]) -> None:
    network = make_network(**configuration)
    forwards, backwards = (network(*pad([text], steps=4)) for text in ([5, 6, 7, 8], [8, 7, 6, 5]))
    assert not torch.allclose(forwards, backwards, atol=1e-5)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_states_agree_with_packed_sequences(bidirectional: bool) -> None:
    network = make_network(bidirectional=bidirectional, pooling="last")
    reference = nn.LSTM(8, 8, batch_first=True, bidirectional=bidirectional)
    for lstm, suffix in zip(network.lstms, ("", "_reverse"), strict=False):
        for name, weight in lstm.named_parameters():
            getattr(reference, name + suffix).data.copy_(weight)
    input_ids, mask = pad([[5, 6, 7], [9, 8, 7, 6, 5, 4]], steps=9)

    packed = nn.utils.rnn.pack_padded_sequence(network.embedding(input_ids), mask.sum(1), True, False)
    final_states = reference(packed)[1][0]  # (directions, B, hidden_size)

    expected = network.head(final_states.transpose(0, 1).flatten(1))
    torch.testing.assert_close(network(input_ids, mask), expected, rtol=0, atol=1e-6)


def test_reversal_keeps_padding_last() -> None:
    input_ids, mask = pad([[5, 6, 7], [9, 8, 7, 6]], steps=5)
    reversed_ids = reverse_within_length(input_ids[:, :, None].float(), mask.sum(1))
    assert reversed_ids.squeeze(2).tolist() == [[7, 6, 5, 0, 0], [6, 7, 8, 9, 0]]


@pytest.mark.parametrize("pooling", ["last", "mean_max"])
def test_a_text_without_tokens_gets_finite_logits(pooling: str) -> None:
    network = make_network(pooling=pooling)
    assert network(*pad([[], [5, 6]], steps=2)).isfinite().all()


def test_tutorial_model_is_one_unidirectional_layer() -> None:
    network = make_network(
        vocabulary_size=10_000, embedding_dim=64, hidden_size=128, bidirectional=False, pooling="last"
    )
    assert {name: tuple(weight.shape) for name, weight in network.named_parameters()} == {
        "embedding.weight": (10_000, 64),
        "lstms.0.weight_ih_l0": (512, 64),
        "lstms.0.weight_hh_l0": (512, 128),
        "lstms.0.bias_ih_l0": (512,),
        "lstms.0.bias_hh_l0": (512,),
        "head.weight": (3, 128),
        "head.bias": (3,),
    }


def test_padding_embedding_stays_zero_in_training() -> None:
    network = make_network().train()
    optimizer = torch.optim.SGD(network.parameters(), lr=1.0)
    network(*pad([[5, 6], [7]], steps=6)).sum().backward()
    optimizer.step()
    assert not network.embedding.weight[0].any()


def test_token_vectors_are_projected_in_batches_of_few_sizes_and_stay_what_they_are() -> None:
    network = LSTMClassifier(2, 5000, embedding_dim=4, hidden_size=4, pretrained_dim=6)
    rows: list[int] = []
    network.projection.register_forward_hook(lambda _, inputs, __: rows.append(len(inputs[0])))
    for distinct in (3, 1024, 1500):
        input_ids = torch.randperm(5000)[:distinct][None]
        torch.testing.assert_close(network._embed(input_ids), network.projection(network.embedding(input_ids)))
    assert rows[::2] == [1024, 1024, 2048]


def test_only_forget_gates_start_open() -> None:
    lstm = make_network().lstms[0]
    assert isinstance(lstm, nn.LSTM)
    weights = lstm.state_dict()
    bias = weights["bias_ih_l0"] + weights["bias_hh_l0"]
    assert bias.chunk(4)[1].eq(FORGET_BIAS).all()
    assert bias.sum() == FORGET_BIAS * 8


def test_word_dropout_removes_whole_tokens_in_training_only() -> None:
    network = make_network(word_dropout=0.5)
    embedded = torch.ones(4, 200, 8)
    kept = network.train().word_dropout(embedded).ne(0)
    assert kept.any(-1).equal(kept.all(-1))
    assert 0.4 < kept.float().mean() < 0.6
    assert network.eval().word_dropout(embedded).equal(embedded)


@pytest.mark.parametrize("pooling", ["last", "mean_max"])
def test_overfits_one_batch_of_word_orders_under_bf16_autocast(pooling: str) -> None:
    network = make_network(num_classes=2, pooling=pooling, dropout=0.0, word_dropout=0.0).train()
    assert learn_word_orders(network, steps=60) < 0.05


def test_bf16_autocast_reaches_the_fused_lstm() -> None:
    network = make_network().train()
    with torch.profiler.profile() as profile, torch.autocast("cpu", torch.bfloat16):
        network(*pad([[5, 6, 7]], steps=3)).sum().backward()
    operators = {event.name for event in profile.events()}
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        pytest.skip("this CPU has no bf16 oneDNN kernels")
    assert "aten::mkldnn_rnn_layer" in operators


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("num_classes", 0),
        ("vocabulary_size", 1),
        ("embedding_dim", 0),
        ("hidden_size", -1),
        ("num_layers", 0),
        ("dropout", 1.0),
        ("word_dropout", -0.1),
        ("pooling", "max"),
    ],
)
def test_an_argument_out_of_range_is_named_with_its_value(argument: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"{argument} is {value!r}; use"):
        make_network(**{argument: value})


@pytest.mark.parametrize("pooling", ["last", "mean_max"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_weights_of_another_precision_give_nearly_the_same_logits(dtype: torch.dtype, pooling: str) -> None:
    network, texts = make_network(pooling=pooling), pad([[5, 6, 7], [9, 8, 7, 6]], steps=4)
    expected = network(*texts)
    logits = network.to(dtype)(*texts)
    logits.sum().backward()
    assert logits.dtype == dtype
    torch.testing.assert_close(logits.float(), expected, rtol=0, atol=1e-2)
