"""Writes down what was answered, a JSON object a line, and where that is asked for the items too."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from lightsmith.serving.bodies import Item
from lightsmith.serving.monitoring.metrics import ServiceMetrics
from lightsmith.terminal import one_line, say

LINES, IMAGES = "requests.jsonl", "images"
MOST_PENDING = 1000  # lines that wait for a slow disk; further ones are left out
SUFFIXES = {
    **{b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg", b"RIFF": ".webp", b"GIF8": ".gif", b"BM": ".bmp"},
    **{b"II": ".tiff", b"MM": ".tiff", b"P": ".ppm"},
}


class LogPlace(NamedTuple):
    """The folder that a log is written into, and whether the items are kept there too."""

    folder: Path
    content: bool


def check_log(folder: Path | None, content: bool) -> LogPlace | None:
    """Refuse a place that cannot be written to, before anything is; None for no log.

    Raises:
        ValueError: naming the option.
    """
    if folder is None:
        if content:
            raise ValueError("--log_content=true keeps items in a log, so give --log=<folder> too")
        return None
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"--log={folder} is no folder: name one, which is made where there is none")
    if not folder.parent.is_dir():
        raise ValueError(f"--log={folder}: there is no folder {folder.parent}")
    return LogPlace(folder, content)


class RequestLog:
    """Writes lines in a thread, so that no answer waits for a disk.

    The file is opened for each line: it may be moved away, as log rotation does.

    Args:
        metrics: counts lines that could not be written.

    Raises:
        OSError: the folder cannot be made.
    """

    def __init__(self, place: LogPlace, metrics: ServiceMetrics) -> None:
        self.place, self.metrics = place, metrics
        place.folder.mkdir(exist_ok=True, mode=0o700)  # items may be private
        self._noted = self._done = 0  # lines; each is counted by one thread only
        self._failed = False
        self._writer = ThreadPoolExecutor(1, "request log")

    def note(self, item: Item, answer: dict[str, Any], key: str, seconds: float) -> None:
        """Write down an answer, with the time and its item if that is kept.

        Args:
            key: the name of the key that asked.
            seconds: that the answer took.
        """
        if self._noted - self._done >= MOST_PENDING:
            self.metrics.unlogged.add()
            return
        head = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "key": key, "seconds": round(seconds, 6)}
        self._noted += 1
        self._writer.submit(self._write, head | answer, item)

    def _write(self, line: dict[str, Any], item: Item) -> None:
        try:
            kept = self._kept(item) if self.place.content else {}
            with (self.place.folder / LINES).open("a", encoding="utf-8", errors="replace") as file:
                file.write(json.dumps(line | kept, ensure_ascii=False) + "\n")
        except OSError as error:
            self.metrics.unlogged.add()
            if not self._failed:
                reason = error.strerror or one_line(error)
                say(f"--log={self.place.folder} cannot be written to: {reason}; requests are still answered")
            self._failed = True
        else:
            self._failed = False
        finally:
            self._done += 1

    def _kept(self, item: Item) -> dict[str, str]:
        """The item for its line: a text itself, or the path of an image, which is written once."""
        if isinstance(item, str):
            return {"text": item}
        suffix = next((ending for start, ending in SUFFIXES.items() if item.startswith(start)), "")
        name = f"{IMAGES}/{hashlib.sha256(item).hexdigest()[:16]}{suffix}"
        path = self.place.folder / name
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(item)
        return {"file": name}

    def close(self) -> None:
        """Write what waits."""
        self._writer.shutdown()
