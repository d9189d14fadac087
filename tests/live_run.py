"""Commands in processes of their own, which a test can watch and kill."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import psutil

from tests.conftest import ROOT


class LiveRun:
    """A command that runs while the test goes on; ``out`` and ``err`` are what it has said so far."""

    def __init__(
        self, folder: Path, name: str, *options: str, launcher: Sequence[str] = (), **environment: str
    ) -> None:
        configs = (f"--config={ROOT}/experiments/{part}.yaml" for part in ("_defaults", name))
        command = [sys.executable, *launcher, f"{ROOT}/cli.py", "run", *configs, f"--runs={folder}/runs", *options]
        folder.mkdir(exist_ok=True)
        self.files = [folder / "out", folder / "err"]
        with self.files[0].open("w") as out, self.files[1].open("w") as err:
            known = os.environ | environment | {"LIGHTSMITH_TEST": str(folder)}  # by which orphans are found
            self.process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=err, env=known)
        self.folder = folder

    @property
    def out(self) -> str:
        return self.files[0].read_text()

    @property
    def err(self) -> str:
        return self.files[1].read_text()

    def wait_until_said(self, text: str, seconds: float = 120) -> None:
        until = time.monotonic() + seconds
        while text not in self.out:
            assert self.process.poll() is None, self.err
            assert time.monotonic() < until, f"{text!r} was not said: {self.out}{self.err}"
            time.sleep(0.05)

    def python_processes(self) -> list[psutil.Process]:
        """Those that run Lightsmith, oldest first; forked loader workers and further ranks among them."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return [child for child in children if "cli.py" in " ".join(child.cmdline())]

    def wait(self, seconds: float) -> int:
        return self.process.wait(seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing behind, however the test ended."""
        for process in self.left_behind():
            process.kill()
        self.process.wait()

    def left_behind(self) -> list[psutil.Process]:
        """Every process that this run started and that is still there."""
        return [process for process in psutil.process_iter() if self._is_mine(process)]

    def _is_mine(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get("LIGHTSMITH_TEST") == str(self.folder) and process.status() != "zombie"
        except psutil.Error:
            return False
