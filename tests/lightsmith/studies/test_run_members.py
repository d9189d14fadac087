import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lightsmith.records.status import read_status
from lightsmith.runs.failures import RunFailedError
from lightsmith.studies import machine_share
from lightsmith.studies import run_members as module
from lightsmith.studies.run_members import run_members, say_failed
from lightsmith.studies.study import read_study
from tests.conftest import ROOT
from tests.lightsmith.studies.stub_runs import starts, stub_study


@pytest.fixture(autouse=True)
def look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOKS_SECONDS", 0.01)


def test_members_run_in_turn_and_one_that_has_finished_does_not_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    study = stub_study(monkeypatch, 2)
    assert run_members(study) == []
    assert run_members(study) == []
    assert starts() == ["1 begun end", "2 begun end"]


def test_a_killed_member_is_resumed_and_one_that_had_saved_nothing_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    study = stub_study(monkeypatch, 2, _1=["killed", "end"], _2=["killed early", "end"])
    assert run_members(study) == []
    assert starts() == ["1 begun killed", "1 resumed end", "2 begun killed early", "2 begun end"]


def test_a_member_that_fails_or_is_killed_again_and_again_is_recorded_and_ends_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    study = stub_study(monkeypatch, 4, _1=["fails"], _2=["killed early"] * 3, _3=["mistake"])
    failed = run_members(study)
    assert [member.name for member in failed] == ["seed-1", "seed-2", "seed-3"]
    reasons = [study.status_of(member).reason for member in study.members]
    assert reasons == ["no more numbers", "SIGKILL ended it 3 times", "unknown key model.x", None]
    line = r"3 of 4 runs failed, such as seed-1 \(no more numbers\); the others are done; to try again: make exp"
    with pytest.raises(RunFailedError, match=line):
        say_failed(study, failed)
    assert run_members(study) == []  # tried again
    assert starts()[-3:] == ["1 resumed end", "2 begun end", "3 begun end"]


def test_a_mistake_in_what_was_typed_leaves_nothing_of_the_study(monkeypatch: pytest.MonkeyPatch) -> None:
    study = stub_study(monkeypatch, 3, _1=["mistake"])
    with pytest.raises(ValueError, match=r"^unknown key model\.x$"):
        run_members(study)
    assert starts() == ["1 begun mistake"]
    assert not Path("runs").exists()


def test_several_at_once_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(8))
    monkeypatch.setattr(machine_share, "CORES", Path("cpu"))
    monkeypatch.setattr(machine_share, "QUOTA", Path("quota"))
    assert run_members(stub_study(monkeypatch, 4), workers=3) == []
    assert {line.split()[-1] for line in Path("log.txt").read_text().splitlines()} == {"2"}


def test_a_study_that_is_interrupted_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    study = stub_study(monkeypatch, 2, _1=["interrupted", "end"])
    with pytest.raises(KeyboardInterrupt):
        run_members(study)
    assert f"interrupted; continue with: make exp RESUME={study.folder}" in capsys.readouterr().out
    assert run_members(read_study(study.folder)) == []
    assert starts() == ["1 begun interrupted", "1 resumed end", "2 begun end"]


SCRIPT = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(ROOT)!r})
from lightsmith.studies import child_runs
from lightsmith.studies.run_members import run_members
from lightsmith.studies.study import read_study
child_runs.CLI = Path("stub.py").resolve()
run_members(read_study(Path(sys.argv[1])), int(sys.argv[2]))
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_a_study_that_is_told_to_end_takes_its_runs_along(monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    study = stub_study(monkeypatch, 2, _1=["long"], _2=["long"])
    folders = [study.folder_of(member) for member in study.members[:workers]]
    with subprocess.Popen([sys.executable, "-c", SCRIPT, study.folder, str(workers)]) as master:
        _wait_for(*(folder / "checkpoints/last.ckpt" for folder in folders))
        master.terminate()
        assert master.wait(20) == 128 + signal.SIGTERM
    assert [study.status_of(member).state for member in study.members[:workers]] == ["interrupted"] * workers


def test_what_a_killed_study_left_running_is_waited_for_and_not_doubled(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    study = stub_study(monkeypatch, 1, _1=["long"])
    folder = study.folder_of(study.members[0])
    with subprocess.Popen([sys.executable, "-c", SCRIPT, study.folder, "1"]) as master:
        _wait_for(folder / "checkpoints/last.ckpt")
        master.kill()
    status = read_status(folder)
    assert status is not None
    assert status.state == "running"
    threading.Timer(1, os.kill, (status.process, signal.SIGTERM)).start()
    assert run_members(study) == []
    assert starts() == ["1 begun long", "1 resumed end"]
    assert capsys.readouterr().out.count("seed-1 is still running from before: waiting for it") == 1


def _wait_for(*files: Path) -> None:
    until = time.monotonic() + 20
    while not all(file.exists() for file in files):
        assert time.monotonic() < until
        time.sleep(0.02)
