from pathlib import Path

import onnx
import pytest
import torch
from torch import Tensor, nn

from lightning_modules.networks.layers.onnx_recurrence import onnx_states
from lightsmith.exports.onnx_file import write_onnx
from lightsmith.exports.onnx_network import OnnxNetwork

INPUTS, STEPS = ("input_ids", "attention_mask"), (3, 20)


class Reader(nn.Module):
    """Reads with one recurrent network, as torch does it and, while it is exported, as ONNX does."""

    def __init__(self, network: nn.RNNBase) -> None:
        super().__init__()
        self.embedding, self.network, self.head = nn.Embedding(30, 5), network, nn.Linear(6, 2)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        tokens = self.embedding(input_ids) * attention_mask[:, :, None]
        exporting = torch.onnx.is_in_onnx_export()
        states = onnx_states(self.network, tokens) if exporting else self.network(tokens)[0]
        logits: Tensor = self.head(states.amax(1))
        return logits


@pytest.mark.parametrize(
    ("kind", "layers"),
    [(nn.RNN, 1), *(pytest.param(kind, 2, marks=pytest.mark.slow) for kind in (nn.LSTM, nn.GRU, nn.RNN))],
)
def test_a_recurrent_network_becomes_onnx_operators_that_take_texts_of_any_length(
    kind: type[nn.LSTM] | type[nn.GRU] | type[nn.RNN], layers: int, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    reader = Reader(kind(5, 6, layers, batch_first=True)).eval()
    example = torch.randint(30, (2, 16))
    write_onnx(reader, dict(zip(INPUTS, (example, torch.ones_like(example)), strict=True)), tmp_path / "m.onnx")
    content = (tmp_path / "m.onnx").read_bytes()
    used = [node.op_type for node in onnx.load_model_from_string(content).graph.node]
    assert used.count(kind.__name__) == layers
    assert not {"Loop", "Scan"} & set(used)
    exported = OnnxNetwork(content)
    for steps in STEPS:
        texts = torch.randint(30, (4, steps))
        mask = torch.ones_like(texts)
        torch.testing.assert_close(exported(texts, mask), reader(texts, mask), rtol=0, atol=1e-5)
