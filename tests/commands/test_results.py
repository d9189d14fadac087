import hashlib
import json
from pathlib import Path

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from callbacks.measure_fit import MeasureFit
from commands.results import check_callbacks, sha256, weights_sha256, write_results


def test_sha256_is_the_files(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert sha256(tmp_path / "x") == hashlib.sha256(b"abc").hexdigest()


def test_weights_sha256_follows_names_types_shapes_and_values_and_nothing_else(tmp_path: Path) -> None:
    state = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(3), "c": torch.ones(2, dtype=torch.bfloat16)}
    digest = weights_sha256(state)
    torch.save(dict(reversed(state.items())), tmp_path / "x.pt")
    assert weights_sha256(torch.load(tmp_path / "x.pt")) == digest
    transposed = torch.arange(6.0).reshape(2, 3).T.contiguous().T  # the same values, stored in another order
    assert weights_sha256(state | {"a": transposed}) == digest
    others = [
        state | {"a": state["a"].reshape(3, 2)},
        state | {"a": state["a"].double()},
        state | {"a": state["a"] + torch.tensor([0, 0, 1e-6])},
        state | {"b": torch.tensor(4)},
        {"d" if name == "c" else name: value for name, value in state.items()},
    ]
    assert len({weights_sha256(other) for other in others} | {digest}) == len(others) + 1


def test_results_replace_earlier_ones_and_leave_no_draft(tmp_path: Path) -> None:
    write_results({"a": 1}, tmp_path)
    path = write_results({"a": 2}, tmp_path)
    assert json.loads(path.read_text()) == {"a": 2}
    assert [file.name for file in tmp_path.iterdir()] == ["results.json"]


def test_a_run_without_best_checkpoint_or_measurement_is_refused() -> None:
    best, other, measured = ModelCheckpoint(filename="best"), ModelCheckpoint(), MeasureFit()
    check_callbacks([measured, best])
    for callbacks in ([best], [measured], [measured, other]):
        with pytest.raises(ValueError, match=r"trainer\.callbacks lacks"):
            check_callbacks(callbacks)
