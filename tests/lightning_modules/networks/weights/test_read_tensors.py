import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from lightning_modules.networks.weights.read_tensors import read_tensors

DOUBLED: list[Any] = ["x"]
for _ in range(60):
    DOUBLED = [DOUBLED, DOUBLED]


def test_tensors_and_plain_values_are_read_as_they_were_saved(tmp_path: Path) -> None:
    shared = torch.arange(6.0)
    torch.save({"a": shared, "b": shared.view(2, 3).T, "c": [1, "x", None]}, tmp_path / "x.ckpt")
    content = read_tensors(tmp_path / "x.ckpt")
    assert torch.equal(content["a"], shared)
    assert torch.equal(content["b"], shared.view(2, 3).T)
    assert content["c"] == [1, "x", None]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (torch.zeros(1).expand(10**6, 10**6), "it declares a tensor of .1000000, 1000000. that it does not hold"),
        (torch.empty(10**6, 10**6, device="meta"), "that it does not hold"),
        (DOUBLED, "it declares more than"),
        (Path("x"), r"it names pathlib.\w+, which is neither a tensor nor a plain value"),
    ],
)
def test_what_is_no_tensor_or_larger_than_its_file_is_refused(tmp_path: Path, content: Any, line: str) -> None:
    torch.save({"x": content}, tmp_path / "x.ckpt")
    with pytest.raises(ValueError, match=f"x.ckpt cannot be read as a checkpoint .*{line}"):
        read_tensors(tmp_path / "x.ckpt")


def test_a_compressed_archive_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.ckpt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", bytes(10**7))
    with pytest.raises(ValueError, match="it is compressed"):
        read_tensors(tmp_path / "x.ckpt")
