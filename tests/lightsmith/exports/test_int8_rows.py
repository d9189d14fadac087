"""An int8 text model says of a text what it says of it alone, whoever else's texts are in the batch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from lightsmith.exports.int8 import DYNAMIC_OPERATORS, quantize_weights
from lightsmith.exports.int8_rows import fix_lstm_ranges

V, E, H, CLASSES = 50, 8, 16, 3
LOUD = 40  # ids from here on have vectors many times as large
RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(V, E)) * np.where(np.arange(V) < LOUD, 0.1, 5.0)[:, None]
WEIGHTS = {
    "table": TABLE,
    "w": RNG.normal(size=(1, 4 * H, E)) / 8,
    "r": RNG.normal(size=(1, 4 * H, H)) / 8,
    "b": RNG.normal(size=(1, 8 * H)) / 8,
    "mixing": RNG.normal(size=(E, H)),
    "head": RNG.normal(size=(H, CLASSES)),
}
QUIET_TEXT = np.arange(1, 13)[None]
COMPANY = np.stack([QUIET_TEXT[0], *RNG.integers(LOUD, V, (6, 12))])
Build = Callable[[Path], None]


def write(path: Path, *nodes: onnx.NodeProto, **constants: np.ndarray) -> None:
    """ids (B, T) → features (B, T, H), by the nodes; logits (B, classes) of their maxima."""
    end = [helper.make_node("ReduceMax", ["features", "axis"], ["pooled"], keepdims=0)]
    end += [helper.make_node("MatMul", ["pooled", "head"], ["logits"])]
    used = {name for node in (*nodes, *end) for name in node.input}
    float32 = {name: value.astype(np.float32) for name, value in WEIGHTS.items()}
    arrays = {**float32, "axis": np.array([1]), **constants}
    graph = helper.make_graph(
        [*nodes, *end],
        "reader",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, ["B", "T"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["B", CLASSES])],
        [numpy_helper.from_array(array, name) for name, array in arrays.items() if name in used],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)


def linear(path: Path) -> None:
    lookup = helper.make_node("Gather", ["table", "ids"], ["vectors"])
    write(path, lookup, helper.make_node("MatMul", ["vectors", "mixing"], ["features"]))


def lstm(path: Path, source: str = "vectors") -> None:
    """States (1, B, H) begin at zero, as torch's exporter writes it."""
    make = helper.make_node
    write(
        path,
        make("Gather", ["table", "ids"], ["vectors"]),
        make("Sin", ["vectors"], ["waves"]),
        make("Transpose", [source], ["steps"], perm=[1, 0, 2]),
        make("Shape", ["ids"], ["batch"], start=0, end=1),
        make("Concat", ["one", "batch", "width"], ["shape"], axis=0),
        make("Expand", ["zero", "shape"], ["state"]),
        make("LSTM", ["steps", "w", "r", "b", "", "state", "state"], ["all"], hidden_size=H),
        make("Squeeze", ["all", "one"], ["of_steps"]),
        make("Transpose", ["of_steps"], ["features"], perm=[1, 0, 2]),
        one=np.array([1]),
        width=np.array([H]),
        zero=np.zeros((), dtype=np.float32),
    )


def logits(path: Path, ids: np.ndarray) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"ids": ids})
    return np.asarray(found)


@pytest.mark.parametrize("build", [linear, lstm])
def test_an_answer_alone_is_the_answer_in_company_to_the_bit(build: Build, tmp_path: Path) -> None:
    build(path := tmp_path / "model.onnx")
    exact = logits(path, COMPANY[1:2])
    quantize_dynamic(
        path, tmp_path / "plain.onnx", op_types_to_quantize=DYNAMIC_OPERATORS, per_channel=True,
        weight_type=QuantType.QInt8,
    )  # fmt: skip
    plain = [logits(tmp_path / "plain.onnx", ids)[0] for ids in (QUIET_TEXT, COMPANY)]
    assert np.abs(plain[0] - plain[1]).max() > 1e-3  # what is to be mended
    quantize_weights(path)
    alone, in_company = logits(path, QUIET_TEXT), logits(path, COMPANY)
    assert np.array_equal(alone[0], in_company[0])
    loud = logits(path, COMPANY[1:2])
    assert np.array_equal(loud[0], in_company[1])
    assert not np.array_equal(alone, loud)
    assert np.abs(loud - exact).max() < 0.25 * np.abs(exact).max()


def test_what_fixes_an_lstms_ranges_changes_nothing_in_fp32(tmp_path: Path) -> None:
    lstm(path := tmp_path / "model.onnx")
    before = logits(path, COMPANY)
    model = ir.from_proto(onnx.load(path))
    fix_lstm_ranges(model.graph)
    onnx.save(ir.to_proto(model), path)
    assert np.allclose(logits(path, COMPANY), before, atol=1e-6)


def test_a_row_of_zeros_is_a_row_of_zeros(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(WEIGHTS, "table", np.where(np.arange(V)[:, None] == 0, 0.0, TABLE))
    linear(path := tmp_path / "model.onnx")
    quantize_weights(path)
    assert np.array_equal(logits(path, np.zeros((2, 4), dtype=np.int64)), np.zeros((2, CLASSES)))


def test_an_lstm_of_whose_inputs_nothing_is_known_is_refused(tmp_path: Path) -> None:
    lstm(path := tmp_path / "model.onnx", source="waves")
    with pytest.raises(ValueError, match=r"--precision=int8: the range of an LSTM's input from Sin is unknown"):
        fix_lstm_ranges(ir.from_proto(onnx.load(path)).graph)
