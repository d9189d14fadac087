"""A whole race, with models that were exported, is in test_compress.py."""

from pathlib import Path

import psutil
import pytest
import torch

from lightsmith.exports.latency import race


@pytest.mark.slow
def test_a_model_that_cannot_be_run_is_named_and_no_process_is_left(tmp_path: Path) -> None:
    torch.save([torch.zeros(1, 1, 28, 28, dtype=torch.uint8)], tmp_path / "inputs.pt")
    folders = [tmp_path / "one", tmp_path / "other"]
    with pytest.raises(ValueError, match=r"the model in .*one cannot be run"):
        race(folders, tmp_path / "inputs.pt", rounds=1)
    children = psutil.Process().children(recursive=True)
    assert not [child for child in children if "lightsmith.exports.latency" in " ".join(child.cmdline())]
