import errno
from pathlib import Path
from typing import Any

import pytest

from lightsmith.runs import recording as module
from lightsmith.runs.recording import Recording
from lightsmith.runs.run_draft import RunDraft


def test_a_command_that_records_nothing_writes_nothing(tmp_path: Path) -> None:
    recording = Recording()
    recording.folder = tmp_path  # as on the other processes of a resumed run
    recording.say("running")
    recording.take_back()
    trainer: Any = None
    recording.write(trainer, seed=1)
    recording.print_profiles(trainer)
    assert not list(tmp_path.iterdir())


def test_a_status_that_cannot_be_written_is_one_line_and_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = Recording()
    recording.folder, recording._draft = tmp_path, RunDraft(tmp_path, [])

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "write_status", full)
    recording.say("finished")
    assert "status     finished, which . does not say: [Errno 28] No space left" in capsys.readouterr().out
