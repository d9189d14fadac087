import os
import signal
from pathlib import Path

import pytest

from lightsmith.studies.kill_at import KillAt
from tests.tiny_task import trained


def test_each_process_gets_one_signal_at_its_moment_and_the_last_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda process, number: sent.append((process, number)))
    killing = KillAt(["on_train_batch_end", "on_validation_start"], [7, 11], ["SIGKILL", "SIGTERM"])
    trained(killing, max_epochs=3)  # of 5 steps; here nobody dies, so both moments come in one process
    assert sent == [(os.getpid(), signal.SIGKILL), (os.getpid(), signal.SIGTERM)]
    assert sorted(path.name for path in Path.cwd().glob("killed-*")) == ["killed-0", "killed-1"]


def test_every_moment_needs_a_hook_a_batch_and_a_signal() -> None:
    with pytest.raises(ValueError, match="must have one length"):
        KillAt(["on_train_batch_end"], [1, 2], ["SIGKILL"])
