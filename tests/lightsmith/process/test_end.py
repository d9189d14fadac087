"""A process ends at once, and no sooner than all that it owes is done."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SCRIPT = """
import atexit, sys, threading, time
from lightsmith.process.end import run_process

class Taken:
    def __del__(self):
        print("taken apart")

kept = Taken()

def later():
    time.sleep(0.2)
    print("thread")

def main():
    atexit.register(print, "registered")
    threading.Thread(target=later).start()
    print("main")
    {end}

run_process(main)
"""
DONE = ["main", "thread", "registered"]


def outcome(end: str) -> tuple[int, list[str], str]:
    command = [sys.executable, "-c", SCRIPT.replace("{end}", end)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.splitlines(), done.stderr


@pytest.mark.parametrize(("end", "code"), [("return 0", 0), ("return 3", 3), ("sys.exit(143)", 143)])
def test_threads_and_what_is_registered_come_before_the_end_and_nothing_after(end: str, code: int) -> None:
    assert outcome(end) == (code, DONE, "")


def test_an_error_is_shown_as_ever() -> None:
    code, lines, errors = outcome("raise KeyError('x')")
    assert (code, lines) == (1, [*DONE, "taken apart"])
    assert errors.splitlines()[-1] == "KeyError: 'x'"


def test_a_text_is_printed_as_ever() -> None:
    assert outcome("sys.exit('sorry')") == (1, [*DONE, "taken apart"], "sorry\n")
