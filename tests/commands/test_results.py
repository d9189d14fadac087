import hashlib
import json
from pathlib import Path

import pytest
from lightning.pytorch.callbacks import ModelCheckpoint

from callbacks.measure_fit import MeasureFit
from commands.results import check_callbacks, sha256, write_results


def test_sha256_is_the_files(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert sha256(tmp_path / "x") == hashlib.sha256(b"abc").hexdigest()


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
