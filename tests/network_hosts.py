"""Hosts of their own on one machine: Linux namespaces with a network, a name and process numbers each."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

BRIDGE = "lightsmith0"
GATEWAY = "10.117.0.1"  # of this machine on the hosts' network
# The first process of a host waits for the orphans of the others, as init does.
INIT = """
import os, time
print("up", flush=True)
while True:
    try:
        os.wait()
    except ChildProcessError:
        time.sleep(0.1)
"""


class Host:
    """A host on the network of :data:`GATEWAY`, which shares the file system.

    Args:
        number: from 1; its address ends with one more.
    """

    def __init__(self, number: int) -> None:
        self.name = f"lightsmith-{number}"
        _ip("netns", "add", self.name)
        _ip("link", "add", f"lightsmith-v{number}", "type", "veth", "peer", "name", "eth0", "netns", self.name)
        _ip("link", "set", f"lightsmith-v{number}", "master", BRIDGE, "up")
        _ip("-n", self.name, "addr", "add", f"10.117.0.{number + 1}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            _ip("-n", self.name, "link", "set", device, "up")
        self._up()

    def _up(self) -> None:
        begin = f'hostname {self.name} && exec "$0" -c "$1"'
        own = ["unshare", "--uts", "--pid", "--fork", "--mount-proc", "sh", "-c", begin, sys.executable, INIT]
        self._outside = subprocess.Popen(["ip", "netns", "exec", self.name, *own], stdout=subprocess.PIPE, text=True)
        assert self._outside.stdout is not None
        assert self._outside.stdout.readline() == "up\n"
        (self._init,) = children(self._outside.pid)

    def command(self, folder: Path, command: list[str]) -> list[str]:
        """The command that runs another one on this host, as its only child."""
        enter = ["nsenter", f"--target={self._init}", "--net", "--uts", "--pid", "--mount"]
        return [*enter, "env", "-C", str(folder), *command]

    def power_off(self) -> None:
        """End everything that runs on it at once."""
        with suppress(ProcessLookupError):
            os.kill(self._init, signal.SIGKILL)
        self._outside.wait()
        assert self._outside.stdout is not None
        self._outside.stdout.close()

    def restart(self) -> None:
        """Lose all processes, and be there again."""
        self.power_off()
        self._up()


@contextmanager
def network_hosts(count: int) -> Iterator[list[Host]]:
    """Hosts that reach this machine at :data:`GATEWAY`; a test where they cannot be made skips."""
    lacking = [program for program in ("ip", "unshare", "nsenter") if shutil.which(program) is None]
    if os.getuid() or lacking:
        pytest.skip(f"hosts of their own need root and the programs ip, unshare and nsenter (lacking: {lacking})")
    made: list[Host] = []
    try:
        _ip("link", "add", BRIDGE, "type", "bridge")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no network can be made here: {error.stderr.strip()}")
    try:
        _ip("addr", "add", f"{GATEWAY}/24", "dev", BRIDGE)
        _ip("link", "set", BRIDGE, "up")
        made.extend(Host(number) for number in range(1, count + 1))
        yield made
    finally:
        for host in made:
            host.power_off()
            _ip("netns", "del", host.name)
        _ip("link", "del", BRIDGE)


def children(process: int) -> list[int]:
    """The processes that a process has started and that have not ended."""
    try:
        return [int(number) for number in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)
