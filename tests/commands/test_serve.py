"""`serve` as a person types it: in a process of its own, until a signal."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import signature
from pathlib import Path
from typing import NamedTuple

import pytest

from commands.serve import serve
from tests.conftest import ROOT, Cli
from tests.lightsmith.serving.conftest import Client, folders, photos  # noqa: F401  # fixtures
from tests.lightsmith.serving.test_application import png

# Then names the heavy libraries that were imported.
SERVE = """
import sys
sys.path.insert(0, sys.argv[1])
import cli
code = cli.main(["serve", *sys.argv[2:]])
print("imported", sorted({"torch", "lightning", "transformers", "datasets", "pandas", "scipy"} & sys.modules.keys()))
sys.exit(code)
"""


class Server(NamedTuple):
    """A process that serves, its first lines, and how to ask it."""

    process: subprocess.Popen[str]
    lines: list[str]
    client: Client

    def end(self) -> tuple[int, str, str]:
        """Send SIGTERM; the exit code, and what it still printed."""
        self.process.send_signal(signal.SIGTERM)
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, err


@contextmanager
def serving(run: Path, *options: str) -> Iterator[Server]:
    command = [sys.executable, "-c", SERVE, str(ROOT), f"--run={run}", "--port=0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(2)]
        found = re.search(r":(\d+)  ", lines[1])
        assert found is not None, (lines, process.communicate()[1])
        yield Server(process, lines, Client(int(found[1])))
    finally:
        process.kill()
        process.communicate()


def test_it_serves_until_sigterm_and_imports_no_torch(folders: Callable[..., Path]) -> None:  # noqa: F811
    with serving(folders("photos")) as server:
        assert server.lines[0] == f"serving    {folders('photos')} (classification, fp32)\n"
        assert re.fullmatch(r"at         http://127\.0\.0\.1:\d+  only this machine can ask: .*\n", server.lines[1])
        assert server.client("/predict", png(), "image/png").json.keys() == {"prediction", "probabilities"}
        code, out, err = server.end()
    assert (code, out) == (0, "imported []\n")
    assert err == "ending: answering what was accepted; a second signal ends at once\n"


def test_every_option_says_what_it_does() -> None:
    explained = re.findall(r"^        (\w+): ", str(serve.__doc__), re.MULTILINE)
    assert [name for name in explained if name != "ValueError"] == list(signature(serve).parameters)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--host=0.0.0.0"], "--host=0.0.0.0 lets other machines ask, so give --keys=<file>"),
        (["--host=example.org"], "--host=example.org lets other machines ask"),
        (["--port=70000"], "--port=70000 must be 0…65535"),
        (["--keys=none.txt"], "--keys=none.txt cannot be read"),
        (["--rate=0"], "--rate=0.0 must be above 0"),
        (["--workers=0"], "--workers=0 must be 1…64; unset, one process does everything"),
        ([], "--run=here is neither a folder that export wrote nor a run with checkpoints/best.ckpt"),
    ],
)
def test_a_mistake_is_one_line(lightsmith: Cli, options: list[str], line: str) -> None:
    outcome = lightsmith("serve", "--run=here", "--port=0", *options)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert outcome.err.startswith(line)


def test_a_port_that_is_taken_is_one_line(lightsmith: Cli, folders: Callable[..., Path], photos: Client) -> None:  # noqa: F811
    outcome = lightsmith("serve", f"--run={folders('photos')}", f"--port={photos.port}")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert "cannot be served at: Address already in use; give another one" in outcome.err
