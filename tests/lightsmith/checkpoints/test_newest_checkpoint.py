import errno
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from callbacks.save_last import SaveLast
from datamodules.batches.encoded_cache import sha256
from datamodules.mnist import MNIST
from lightning_modules.mnist_mlp import MnistMLP
from lightsmith.checkpoints.durable import MANIFEST, DurableCheckpointIO
from lightsmith.checkpoints.newest_checkpoint import newest_checkpoint
from tests.conftest import Cli
from tests.tiny_task import tiny_trainer


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("run")
    last = SaveLast()
    last.dirpath = str(run / "checkpoints")
    options: dict[str, Any] = {"max_epochs": 2, "enable_checkpointing": True, "plugins": [DurableCheckpointIO()]}
    data = MNIST(train_size=150, batch_size=30, image_size_px=28, cache=False)
    tiny_trainer(last, **options).fit(MnistMLP(class_names=data.class_names, hidden_features=(16,)), data)
    return run


def damages(whole: bytes, flips: int, cuts: int, empty: int) -> Iterator[bytes]:
    for _ in range(flips):
        position = random.randrange(len(whole))
        yield whole[:position] + bytes([whole[position] ^ 1 << random.randrange(8)]) + whole[position + 1 :]
    for _ in range(cuts):
        yield whole[: random.randrange(1, len(whole))]
    yield from [b""] * empty


@pytest.mark.parametrize(("flips", "cuts", "empty"), [(50, 10, 2), pytest.param(500, 100, 20, marks=pytest.mark.slow)])
def test_damage_is_noticed_and_the_checkpoint_before_it_used(
    trained: Path, capsys: Any, flips: int, cuts: int, empty: int
) -> None:
    last = trained / "checkpoints/last.ckpt"
    whole = last.read_bytes()
    assert newest_checkpoint(trained) == last
    noticed = 0
    for damaged in damages(whole, flips, cuts, empty):
        last.write_bytes(damaged)
        capsys.readouterr()
        noticed += newest_checkpoint(trained) == trained / "checkpoints/last-1.ckpt"
        assert capsys.readouterr().out.endswith(
            f"last.ckpt is damaged: its sha256 is not in {MANIFEST}; continuing from last-1.ckpt, step 5\n"
        )
    last.write_bytes(whole)
    assert noticed == flips + cuts + empty
    print(f"| 6 | {flips} bit flips, {cuts} truncations, {empty} empty files | {noticed} noticed, previous one used |")


def test_where_nothing_is_whole_the_reason_is_named(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "run")
    for path in (tmp_path / "run/checkpoints").glob("*.ckpt"):
        path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"nothing to go on from \(.*last.ckpt is damaged: .*\); start it anew"):
        newest_checkpoint(tmp_path / "run")


def test_newest_is_the_one_with_most_steps_whatever_its_name_and_date(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "run")
    checkpoints = tmp_path / "run/checkpoints"
    (checkpoints / "last.ckpt").rename(checkpoints / "another.ckpt")
    os.utime(checkpoints / "another.ckpt", (0, 0))
    weights = torch.load(checkpoints / "another.ckpt", weights_only=True)
    del weights["optimizer_states"]
    DurableCheckpointIO().save_checkpoint(weights | {"global_step": 99}, checkpoints / "weights.ckpt")
    assert newest_checkpoint(tmp_path / "run") == checkpoints / "another.ckpt"


def test_one_that_the_disk_cannot_read_is_passed_over(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(path: Path) -> str:
        if path.name == "last.ckpt":
            raise OSError(errno.EIO, "Input/output error")
        return sha256(path)

    monkeypatch.setattr("lightsmith.checkpoints.durable.sha256", failing)
    assert newest_checkpoint(trained) == trained / "checkpoints/last-1.ckpt"


def test_without_a_manifest_a_broken_file_is_passed_over_too(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "run")
    checkpoints = tmp_path / "run/checkpoints"
    (checkpoints / MANIFEST).unlink()
    for content in (b"", (checkpoints / "last.ckpt").read_bytes()[:-200]):
        (checkpoints / "last.ckpt").write_bytes(content)
        assert newest_checkpoint(tmp_path / "run") == checkpoints / "last-1.ckpt"


def test_a_damaged_last_checkpoint_is_passed_over_on_resume(experiment: Cli, lightsmith: Cli, tmp_path: Path) -> None:
    options = ("--data.train_size=500", "--loggers=[]", "--trainer.max_epochs=2", "--model.lr=1e-12")
    experiment("mnist_mlp", *options)  # with this rate the first epoch is the best
    run = (tmp_path / "runs" / "mnist_mlp" / "latest").resolve()
    last = run / "checkpoints" / "last.ckpt"
    last.write_bytes(last.read_bytes()[:5000])
    resumed = lightsmith("run", f"-c={run}/config.yaml", f"--resume={run}")
    assert (resumed.code, resumed.err) == (0, "")
    assert (
        "last.ckpt is damaged: its sha256 is not in manifest.json; continuing from last-1.ckpt, step 2" in resumed.out
    )
    assert torch.load(last, weights_only=True)["global_step"] == 4
