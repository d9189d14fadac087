"""Who may ask: keys by their SHA-256, from a file that is read again when it changes; and how often.

A key is 32 random bytes or so, which nobody can guess, so that a fast hash does.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import sys
import time
from pathlib import Path

from lightsmith.serving.problems import ProblemError
from lightsmith.terminal import one_line

LINE = re.compile(r"([\w.-]+)\s+([0-9a-fA-F]{64})")
LOOK_EVERY_S = 1.0
LONGEST_KEY = 1000  # characters
EXPECTED = "the header Authorization: Bearer <key>, with a key whose SHA-256 is in the file of keys"
RATE_BURST_S = 1.0  # of requests that may come at once


class ApiKeys:
    """The keys in a file: on each line a name and the SHA-256 of a key in hexadecimal; # begins a comment.

    Raises:
        ValueError: it cannot be read, or holds none.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._state, self._looked = self._found_state(), time.monotonic()
        self._digests = read_keys(file)

    def name_of(self, authorization: str) -> str:
        """The name of the key in a header.

        Raises:
            ProblemError: there is none, or it is unknown.
        """
        self._read_again()
        scheme, _, key = authorization.partition(" ")
        if scheme.lower() != "bearer" or not 0 < len(key) <= LONGEST_KEY:
            raise ProblemError(401, "no_key", "there is no key", EXPECTED)
        digest = hashlib.sha256(key.strip().encode(errors="surrogateescape")).digest()
        # All of them, so that the time does not tell which one was close.
        found = [name for name, known in self._digests.items() if hmac.compare_digest(digest, known)]
        if not found:
            raise ProblemError(401, "wrong_key", "the key is not known", EXPECTED)
        return found[0]

    def _read_again(self) -> None:
        """Take over a changed file; one that cannot be used changes nothing, and is said once."""
        if time.monotonic() - self._looked < LOOK_EVERY_S:
            return
        state, self._looked = self._found_state(), time.monotonic()
        if state == self._state:
            return
        self._state = state
        try:
            self._digests = read_keys(self.file)
        except ValueError as error:
            print(f"{one_line(error)}; the keys before stay", file=sys.stderr, flush=True)

    def _found_state(self) -> tuple[int, ...]:
        try:
            found = self.file.stat()
        except OSError:
            return ()
        return found.st_mtime_ns, found.st_size, found.st_ino


def read_keys(file: Path) -> dict[str, bytes]:
    """The digests in a file, 32 bytes each, by name.

    Raises:
        ValueError: it cannot be read, holds none, or has a line that is no key; the line is not repeated.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise ValueError(f"--keys={file} cannot be read: {one_line(error)}") from error
    digests = {}
    for number, line in enumerate(lines, 1):
        content = line.partition("#")[0].strip()
        found = LINE.fullmatch(content)
        if content and (found is None or found[1] in digests):
            raise ValueError(f"--keys={file}: line {number} is not a new name and the SHA-256 of a key")
        if found is not None:
            digests[found[1]] = bytes.fromhex(found[2])
    if not digests:
        raise ValueError(f"--keys={file} holds no key: a line is a name and the SHA-256 of a key")
    return digests


class Rate:
    """Limits the items of a key to a number a second, asked evenly or a second's worth at once.

    Args:
        per_s: items a second; None for as many as there are.
    """

    def __init__(self, per_s: float | None) -> None:
        self.per_s = per_s
        self._free_at: dict[str, float] = {}

    def check(self, name: str) -> None:
        """Count the first item of a request.

        Raises:
            ProblemError: it is one too many.
        """
        if self.per_s is None:
            return
        now = time.monotonic()
        free_at = max(self._free_at.get(name, 0.0), now - max(RATE_BURST_S, 1 / self.per_s)) + 1 / self.per_s
        if free_at > now:
            detail = f"this key may ask for {self.per_s:g} items a second"
            raise ProblemError(429, "rate", detail, "fewer of them, after Retry-After seconds", free_at - now)
        self._free_at[name] = free_at

    def charge(self, name: str, more: int) -> None:
        """Count the further items of a request: the next one has to wait for as long as they would have."""
        if self.per_s is not None:
            self._free_at[name] += more / self.per_s
