import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from lightsmith.records import status as module
from lightsmith.records.status import FILE, LOST, Status, process_start, read_status, write_status
from tests.conftest import ROOT

RUNNING = f"""
import sys, time
from pathlib import Path
sys.path.insert(0, {str(ROOT)!r})
from lightsmith.records.status import write_status
write_status(Path.cwd(), "running")
print("written", flush=True)
time.sleep(60)
"""


def changed(folder: Path, **values: Any) -> None:
    written = json.loads((folder / FILE).read_text())
    (folder / FILE).write_text(json.dumps(written | values))


def test_a_run_whose_process_lives_is_running_and_one_that_was_killed_is_interrupted(tmp_path: Path) -> None:
    command = [sys.executable, "-c", RUNNING]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        running = read_status(tmp_path)
        process.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, and nobody has waited for it
        unburied = read_status(tmp_path)
    assert running is not None
    assert (running.state, running.process) == ("running", process.pid)
    for read in (unburied, read_status(tmp_path)):
        assert read is not None
        assert (read.state, read.reason) == ("interrupted", LOST)


def test_another_process_of_the_same_number_is_not_the_run(tmp_path: Path) -> None:
    write_status(tmp_path, "running")
    changed(tmp_path, process_start="another start")
    read = read_status(tmp_path)
    assert read is not None
    assert read.state == "interrupted"


def test_what_a_run_on_another_machine_says_counts(tmp_path: Path) -> None:
    write_status(tmp_path, "running")
    changed(tmp_path, host="elsewhere", process_start="unknown here")
    read = read_status(tmp_path)
    assert read is not None
    assert read.state == "running"


def test_how_a_run_ended_stays_whatever_becomes_of_its_process(tmp_path: Path) -> None:
    write_status(tmp_path, "failed", "the disk is full")
    changed(tmp_path, process_start="gone")
    read = read_status(tmp_path)
    assert read is not None
    assert (read.state, read.reason) == ("failed", "the disk is full")
    assert asdict(read) == json.loads((tmp_path / FILE).read_text())


@pytest.mark.parametrize("content", [None, "", "[]", '{"state": "running"}'])
def test_a_folder_that_says_nothing_has_no_status(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / FILE).write_text(content)
    assert read_status(tmp_path) is None


def test_the_start_of_a_process_is_always_the_same_and_that_of_none_is_none() -> None:
    number = os.getpid()
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    for start in (process_start, module._of_ps):
        assert start(number) == start(number) is not None
        assert start(number) != start(1)
        assert start(ended.pid) is None


def test_a_status_is_what_is_documented(tmp_path: Path) -> None:
    text = (ROOT / "docs/results.md").read_text(encoding="utf-8").partition("## status.json")[2].partition("\n## ")[0]
    write_status(tmp_path, "finished")
    written: Status | None = read_status(tmp_path)
    assert written is not None
    assert all(f"| `{key}` |" in text for key in asdict(written))
    assert text.count("\n| `") == len(asdict(written))
