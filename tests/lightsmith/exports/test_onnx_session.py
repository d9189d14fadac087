from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from lightsmith.exports.onnx_session import OnnxSession
from tests.conftest import ROOT

REPORTS = "import os; import lightsmith.exports.onnx_session; print(os.environ['ORT_DISABLE_TELEMETRY'])"
WEIGHT = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], np.float32)


def linear() -> bytes:
    """points (N, 3) → logits (N, 2)."""
    points = helper.make_tensor_value_info("points", TensorProto.FLOAT, ["N", 3])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 2])
    node = helper.make_node("MatMul", ["points", "weight"], ["logits"])
    weight = numpy_helper.from_array(WEIGHT, "weight")
    graph = helper.make_graph([node], "linear", [points], [logits], [weight])
    content: bytes = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10
    ).SerializeToString()
    return content


def with_weights_elsewhere() -> bytes:
    model = helper.make_model(helper.make_graph([], "g", [], []))
    model.ParseFromString(linear())
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../../etc/passwd"
    content: bytes = model.SerializeToString()
    return content


def points(width: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(5, width)).astype(np.float32)


def test_arrays_are_run_whatever_their_layout() -> None:
    session = OnnxSession(linear(), 1)
    given = points(3)
    assert (session.names, session.width) == (["points"], 2)
    for one in (given, np.asfortranarray(given)):
        assert np.allclose(session(one), given @ WEIGHT, atol=1e-6)


@pytest.mark.parametrize(
    "content",
    [b"", b"import os", linear()[:-20], linear().replace(b"MatMul", b"MatMux")],
    ids=["empty", "text", "truncated", "unknown operator"],
)
def test_what_cannot_be_run_is_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError, match="it is no ONNX model"):
        OnnxSession(content, 1)


def test_a_model_that_reads_other_files_is_refused() -> None:
    with pytest.raises(ValueError, match="it keeps weights in other files"):
        OnnxSession(with_weights_elsewhere(), 1)


def test_inputs_that_do_not_fit_are_a_value_error() -> None:
    with pytest.raises(ValueError, match="cannot be run on these inputs"):
        OnnxSession(linear(), 1)(points(4))


def test_onnx_runtimes_telemetry_is_off_before_it_is_imported_unless_a_person_says_otherwise() -> None:
    said = {}
    for given in ({}, {"ORT_DISABLE_TELEMETRY": "0"}):
        environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"} | given
        command = [sys.executable, "-c", REPORTS]
        ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
        said[len(given)] = ran.stdout.strip()
    assert said == {0: "1", 1: "0"}
