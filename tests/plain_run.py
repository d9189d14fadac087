"""Runs that are started, killed and resumed as README says it, and compared by what a person reads.

In a scratch folder, with relative paths and the default ``runs/``, by the commands that the Makefile gives.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cli
from commands.verify_resume import run_differences
from tests.conftest import ROOT


class Moment(NamedTuple):
    """Where a process is killed: in which hook, from which training batch on, by which signal."""

    hook: str
    batch: int
    signal: str


class Ended(NamedTuple):
    """What a command left: its exit code, or the signal that killed it as a negative number, and what it printed."""

    code: int
    out: str
    err: str


def command(folder: Path, *arguments: str) -> Ended:
    """Run ``cli.py`` with these arguments in a folder, in a process of its own that can be killed.

    It is forked, which spares it the imports.
    """
    folder.mkdir(exist_ok=True)
    if not (folder / "experiments").exists():
        (folder / "experiments").symlink_to(ROOT / "experiments")
    process = multiprocessing.get_context("fork").Process(target=_in_folder, args=(folder, arguments))
    process.start()
    process.join()
    assert process.exitcode is not None
    return Ended(process.exitcode, (folder / "out").read_text(), (folder / "err").read_text())


def _in_folder(folder: Path, arguments: Sequence[str]) -> None:
    os.chdir(folder)
    for name, stream in (("out", 1), ("err", 2)):
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, stream)
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115  # until the end
    sys.exit(cli.main(list(arguments)))


def start(folder: Path, name: str, *options: str) -> Ended:
    """What ``make exp NAME=… ARGS="…"`` does."""
    return command(folder, "run", "-c", "experiments/_defaults.yaml", "-c", f"experiments/{name}.yaml", *options)


def resume(folder: Path, run: Path, *options: str) -> Ended:
    """What ``make exp RESUME=… ARGS="…"`` does; the run folder is relative to the folder."""
    return command(folder, "run", "-c", f"{run}/config.yaml", f"--resume={run}", *options)


def latest(folder: Path, name: str) -> Path:
    """The newest run of an experiment, relative to the folder that the commands are typed in."""
    return (folder / "runs" / name / "latest").resolve().relative_to(folder.resolve())


def undisturbed(folder: Path, name: str, *options: str) -> Path:
    """The folder of a run that came to its end at once."""
    ended = start(folder, name, *options)
    assert ended.code == 0, ended.err
    return folder / latest(folder, name)


def killers(moments: Sequence[Moment]) -> list[str]:
    """The options that let a run be killed at one moment after another, each in a process of its own."""
    key = "--trainer.callbacks"
    hooks, batches, signals = (",".join(map(str, column)) for column in zip(*moments, strict=True))
    killer = [f"{key}+=lightsmith.studies.kill_at.KillAt", f"{key}.hooks=[{hooks}]", f"{key}.batches=[{batches}]"]
    return [*killer, f"{key}.signals=[{signals}]"]


def killed(folder: Path, name: str, moments: Sequence[Moment], *options: str) -> Path:
    """The folder of a run that was killed at each moment, and plainly resumed after each but the last."""
    ended = start(folder, name, *options, *killers(moments))
    for n, moment in enumerate(moments):
        if n:
            ended = resume(folder, latest(folder, name))
        assert ended.code == {"SIGKILL": -9, "SIGTERM": 143}[moment.signal], (ended, moment)
    return folder / latest(folder, name)


def killed_and_resumed(folder: Path, name: str, moments: Sequence[Moment], *options: str) -> Path:
    """The folder of a run that was killed at each moment, and plainly resumed until it came to its end."""
    run = killed(folder, name, moments, *options)
    ended = resume(folder, latest(folder, name))
    assert ended.code == 0, ended.err
    return run


def assert_reads_the_same(whole: Path, resumed: Path) -> None:
    """last.ckpt, best.ckpt, metrics.csv and results.json of two runs are the same to the bit, but for times."""
    assert list(run_differences(whole, resumed)) == []
