"""What every test may rely on: no network, no account, few threads, and nothing left behind."""

from __future__ import annotations

import functools
import hashlib
import logging
import netrc
import os
import shutil
import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Before any library reads them; set rather than defaulted, whatever the shell says. Sub-processes inherit them.
os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "WANDB_MODE": "offline", "OMP_NUM_THREADS": "1"}
os.environ.pop("WANDB_API_KEY", None)
# Lightning 2.6 calls what jsonargparse 5 removes; the pin below 5 is the answer to that.
os.environ["JSONARGPARSE_DEPRECATION_WARNINGS"] = "off"

from lightsmith.process.fast_imports import import_lightning, nothing_collected

with nothing_collected():  # as the command line does it, in a third of the time
    import_lightning()

import pytest
import torch
from jsonargparse import ArgumentParser, Namespace
from lightning.fabric.utilities import registry

import cli
from lightsmith.settings import own_settings

ROOT = Path(__file__).parents[1]
REAL_DATA = ROOT.parent / "shared" / "data"
torch.set_num_threads(1)


@dataclass(frozen=True)
class Outcome:
    """What a command left: its exit code and what it printed."""

    code: int
    out: str
    err: str


Cli = Callable[..., Outcome]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Import all tests, and leave what they imported out of every later search for garbage: it takes half a second."""
    with nothing_collected():
        return (yield)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tests run in their own folder, so what they write by mistake is not written into the checkout."""
    monkeypatch.chdir(tmp_path)
    cache = tmp_path_factory.getbasetemp() / "data"
    monkeypatch.setattr("datamodules.sources.hub_tables.CACHE", cache / "hub")
    monkeypatch.setattr("datamodules.batches.encoded_cache.CACHE", cache / "encoded")
    monkeypatch.setattr("netrc.netrc", _NoNetrc)


class _NoNetrc(netrc.netrc):  # a class, which annotations of packages imported in a test name
    def __init__(self, file: str | None = None) -> None:
        raise FileNotFoundError("no ~/.netrc in tests")


@pytest.fixture(autouse=True, scope="session")
def _entry_points_read_once() -> Iterator[None]:
    """Lightning reads what every installed package declares, for callbacks in it, each time that it makes a Trainer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "entry_points", functools.cache(registry.entry_points))
        yield


@pytest.fixture(autouse=True, scope="session")
def _experiments_parsed_once() -> Iterator[None]:
    """A run parses its experiment's YAML a second time, without the options given, to record which settings differ.

    That takes as long as the run's own parse, and comes out the same until a file changes.
    """
    parse, parsed = own_settings.parse_with_callbacks, dict[Any, Namespace]()

    def parse_once(parser: ArgumentParser, arguments: Sequence[str]) -> Namespace:
        files = [Path(option.partition("=")[2]).read_bytes() for option in arguments[1:]]
        known = (*arguments, *files)
        if known not in parsed:
            parsed[known] = parse(parser, arguments)
        return parsed[known].clone()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(own_settings, "parse_with_callbacks", parse_once)
        yield


@pytest.fixture(autouse=True)
def process_state(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Undo what a command changes in its process."""
    # Lightning prints its tables through one console, which keeps the colours of the terminal that it first met.
    monkeypatch.setattr("rich._console", None)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    levels = {name: logging.getLogger(name).level for name in ("lightning.pytorch", "lightning.fabric")}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    for name in ("PL_GLOBAL_SEED", "PL_SEED_WORKERS"):
        os.environ.pop(name, None)


@pytest.fixture
def lightsmith(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Runs ``cli.py`` with the given arguments in this process."""

    def call(*arguments: object) -> Outcome:
        capsys.readouterr()
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = int(end.code or 0)
        return Outcome(code, *capsys.readouterr())

    return call


@pytest.fixture
def experiment(lightsmith: Cli, tmp_path: Path) -> Cli:
    """Runs an experiment by its name: ``experiment("mnist_mlp", "--trainer.max_epochs=1")``."""

    def call(name: str, *arguments: object, verb: str = "run") -> Outcome:
        configs = (f"--config={ROOT}/experiments/{part}.yaml" for part in ("_defaults", name))
        return lightsmith(verb, *configs, f"--runs={tmp_path / 'runs'}", *arguments)

    return call


@pytest.fixture
def trained_run(experiment: Cli, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., None]:
    """``trained_run("mnist_mlp", "--data.train_size=300")``: as ``experiment``, for a test of what comes after it.

    Tests with the same options get copies of one run.
    """

    def call(name: str, *arguments: str) -> None:
        command = hashlib.sha256("\0".join((name, *arguments)).encode()).hexdigest()
        kept, runs = tmp_path_factory.getbasetemp() / "trained" / command, tmp_path / "runs" / name
        if not kept.exists():
            assert experiment(name, *arguments).code == 0
            shutil.copytree(runs, kept, symlinks=True)
        elif not runs.exists():
            shutil.copytree(kept, runs, symlinks=True)

    return call


@pytest.fixture(scope="session")
def parse() -> Callable[..., Any]:
    """``parse("mnist_mlp", "--model.lr=1")``: the settings of ``run``; a mistake raises ValueError."""
    from tests.parsed import parser_of_run  # which imports Lightning's command line: a few seconds

    return parser_of_run()
