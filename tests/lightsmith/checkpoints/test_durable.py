import errno
import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch

from callbacks.save_last import rotate
from datamodules.batches.encoded_cache import sha256
from lightsmith.checkpoints import durable as durable_checkpoints
from lightsmith.checkpoints.durable import CHECKPOINT_DRAFT, MANIFEST, DurableCheckpointIO, check_whole
from lightsmith.replace_file import DRAFT


def save(path: Path, step: int = 1) -> None:
    DurableCheckpointIO().save_checkpoint({"global_step": step, "weights": torch.full((5000,), step)}, path)


def save_as_last(folder: Path, step: int, keep: int = 3) -> None:
    save(folder / "next.ckpt", step)
    rotate(folder / "next.ckpt", keep)


def step_of(path: Path) -> int:
    """Reading checks the digest; that the content belongs together is checked here."""
    checkpoint = DurableCheckpointIO().load_checkpoint(path)
    assert (checkpoint["weights"] == checkpoint["global_step"]).all()
    return int(checkpoint["global_step"])


def test_what_is_saved_is_loaded_and_listed(tmp_path: Path) -> None:
    for step in (1, 2, 3, 4):
        save_as_last(tmp_path, step)
    assert {path.name: step_of(path) for path in tmp_path.glob("*.ckpt")} == {
        "last.ckpt": 4,
        "last-1.ckpt": 3,
        "last-2.ckpt": 2,
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last-1.ckpt", "last-2.ckpt", "last.ckpt", MANIFEST]
    assert json.loads((tmp_path / MANIFEST).read_text())["sha256"][-1] == sha256(tmp_path / "last.ckpt")


def test_a_checkpoint_without_a_manifest_is_loaded_too_and_stays_whole(tmp_path: Path) -> None:
    """As those of earlier versions, or one that was copied elsewhere."""
    torch.save({"global_step": 1, "weights": torch.ones(1)}, tmp_path / "best.ckpt")
    assert step_of(tmp_path / "best.ckpt") == 1
    save(tmp_path / "last.ckpt", 2)
    assert step_of(tmp_path / "best.ckpt") == 1


def test_a_manifest_stays_short_and_keeps_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durable_checkpoints, "MOST_DIGESTS", 10)
    save(tmp_path / "best.ckpt", 1)
    for step in range(2, 40):
        save_as_last(tmp_path, step)
        assert len(json.loads((tmp_path / MANIFEST).read_text())["sha256"]) <= 10
        assert all(step_of(path) for path in tmp_path.glob("*.ckpt"))


def open_file(number: int, folder: Path) -> str:
    """The name of the file with a descriptor, or of the folder itself."""
    return next(p.name for p in (folder, *folder.iterdir()) if os.path.samestat(p.stat(), os.fstat(number)))


def test_a_file_gets_its_name_once_the_disk_has_its_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def recorded_fsync(number: int) -> None:
        name = open_file(number, tmp_path)
        fsync(number)
        done.append(f"sync {name}")

    def recorded_replace(draft: Path, path: Path) -> Path:
        done.append(f"{draft.name} becomes {path.name}")
        return replace(draft, path)

    monkeypatch.setattr(os, "fsync", recorded_fsync)
    monkeypatch.setattr(Path, "replace", recorded_replace)
    save(tmp_path / "last.ckpt")
    assert done.index(f"sync {CHECKPOINT_DRAFT}") < done.index(f"{CHECKPOINT_DRAFT} becomes last.ckpt")
    assert [step for step in done if step != f"sync {CHECKPOINT_DRAFT}"] == [
        f"sync {DRAFT}",
        f"{DRAFT} becomes {MANIFEST}",
        f"sync {tmp_path.name}",
        f"{CHECKPOINT_DRAFT} becomes last.ckpt",
        f"sync {tmp_path.name}",
    ]


def test_a_disk_that_fails_beside_the_manifest_leaves_the_earlier_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path / "last.ckpt", 1)
    fsync = os.fsync

    def failing(number: int) -> None:
        if open_file(number, tmp_path) == CHECKPOINT_DRAFT and not failed:
            failed.append(number)
            raise OSError(errno.EIO, "Input/output error")  # which the system says of a file once
        fsync(number)

    failed: list[int] = []
    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(OSError, match="Input/output error"):
        save(tmp_path / "last.ckpt", 2)
    assert step_of(tmp_path / "last.ckpt") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last.ckpt", MANIFEST]


def test_a_damaged_checkpoint_is_not_loaded(tmp_path: Path) -> None:
    save(tmp_path / "last.ckpt")
    content = bytearray((tmp_path / "last.ckpt").read_bytes())
    content[len(content) // 2] ^= 1  # in the middle of the weights, where torch would not notice
    (tmp_path / "last.ckpt").write_bytes(content)
    with pytest.raises(ValueError, match=r"last.ckpt is damaged: its sha256 is not in manifest.json"):
        DurableCheckpointIO().load_checkpoint(tmp_path / "last.ckpt")


def test_nothing_in_a_checkpoint_is_run(tmp_path: Path) -> None:
    class Canary:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "canary",)

    torch.save({"global_step": Canary()}, tmp_path / "last.ckpt")
    with pytest.raises(Exception, match="weights_only"):
        DurableCheckpointIO().load_checkpoint(tmp_path / "last.ckpt", weights_only=False)
    assert not (tmp_path / "canary").exists()


def die_at_call(number: int) -> None:
    """Kill this process just before the n-th call that changes something on the disk."""
    calls = count(1)

    def deadly(change: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if next(calls) == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return change(*arguments, **options)

        return call

    for owner, name in ((os, "fsync"), (Path, "replace"), (Path, "unlink"), (Path, "hardlink_to"), (Path, "open")):
        setattr(owner, name, deadly(getattr(owner, name)))


def save_until_killed(folder: Path, first_step: int, deadly_call: int) -> None:
    pid = os.fork()
    if pid == 0:
        try:
            die_at_call(deadly_call)
            for step in count(first_step):
                save_as_last(folder, step)
        finally:
            os._exit(1)
    if not deadly_call:
        time.sleep(random.uniform(0.005, 0.06))
        os.kill(pid, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


@pytest.mark.parametrize("kills", [34, pytest.param(200, marks=pytest.mark.slow)])
def test_no_kill_leaves_a_checkpoint_that_cannot_be_read(tmp_path: Path, kills: int) -> None:
    """Every other kill comes at a random time, the rest before each change to the disk in turn (16 a save)."""
    save_as_last(tmp_path, 1)
    newest = [1]
    drafts = 0
    for kill in range(kills):
        save_until_killed(tmp_path, max(newest) + 1, deadly_call=kill // 2 % 30 + 1 if kill % 2 else 0)
        newest = [step_of(path) for path in tmp_path.glob("*.ckpt")]  # raises for one that is not whole
        drafts += (tmp_path / CHECKPOINT_DRAFT).exists()
        assert (tmp_path / "last.ckpt").exists()
    save_as_last(tmp_path, max(newest) + 1)
    assert not list(tmp_path.glob(".*draft"))
    print(f"| 5 | {kills} SIGKILLs inside a save | 0 unreadable committed checkpoints; {drafts} drafts, all swept |")


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 200 kB, full but for one checkpoint and a random bit more."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", disk], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting takes root")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def fill(disk: Path, leaving: int) -> None:
    (disk / "ballast").unlink(missing_ok=True)
    free = shutil.disk_usage(disk).free
    (disk / "ballast").write_bytes(bytes(max(0, free - leaving)))


def test_a_full_disk_costs_nothing_but_the_new_checkpoint(full_disk: Path, capfd: Any) -> None:
    save_as_last(full_disk, 1)
    save_as_last(full_disk, 2)
    before = {path.name: sha256(path) for path in full_disk.glob("*.ckpt")}
    assert len(before) == 2
    saves = 50
    for step in range(3, 3 + saves):
        fill(full_disk, leaving=random.randrange((full_disk / "last.ckpt").stat().st_size))
        save(full_disk / "next.ckpt", step)
        (line,) = capfd.readouterr().err.splitlines()
        assert line.endswith("next.ckpt was not saved: No space left on device; earlier checkpoints are intact")
        assert {path.name: sha256(path) for path in full_disk.glob("*.ckpt")} == before
        assert {path.name for path in full_disk.iterdir()} == {*before, MANIFEST, "ballast"}
        for path in full_disk.glob("*.ckpt"):
            check_whole(path)
    print(f"| 7 | disk full during {saves} saves (tmpfs) | previous intact {saves}/{saves}, one line each, no debris |")


def test_another_failure_of_the_disk_is_not_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fsync(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("os.fsync", fsync)
    with pytest.raises(OSError, match="Input/output"):
        save(tmp_path / "last.ckpt")
    assert not list(tmp_path.iterdir())
