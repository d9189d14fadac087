"""The service that a test asks: where it is, what it takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from lightsmith.serving.address import is_loopback
from lightsmith.terminal import one_line

PATIENCE_S = 10.0


class Target(NamedTuple):
    """The address of a service."""

    host: str
    port: int


def target_of(url: str, remote: bool) -> Target:
    """Read an address.

    Raises:
        ValueError: it is none, or one of another machine, whose owner may not want that.
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname or parts.path not in ("", "/"):
        raise ValueError(f"--url={url} must be http://host:port, of a service that make serve started")
    if not remote and not is_loopback(parts.hostname):
        raise ValueError(f"--url={url} is another machine: if it is yours to load, say --remote=true")
    return Target(parts.hostname, parts.port or 80)


def model_of(target: Target, key: str | None) -> Mapping[str, Any]:
    """Ask a service for the description of its model.

    Raises:
        ValueError: nobody answers, or not as a service does.
    """
    connection = HTTPConnection(*target, timeout=PATIENCE_S)
    try:
        connection.request("GET", "/model", headers={"Authorization": f"Bearer {key}"} if key else {})
        reply = connection.getresponse()
        content = json.loads(reply.read())
    except (OSError, HTTPException, ValueError) as error:
        address = f"http://{target.host}:{target.port}"
        raise ValueError(f"{address} does not answer as a service does: {one_line(error)}") from error
    finally:
        connection.close()
    if reply.status != 200:
        raise ValueError(f"http://{target.host}:{target.port}: {content.get('detail', reply.status)}; give its --key")
    return content


def read_key(file: Path | None) -> str | None:
    """The key in a file.

    Raises:
        ValueError: there is none.
    """
    if file is None:
        return None
    try:
        key = file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise ValueError(f"--key={file} cannot be read: {one_line(error)}") from error
    if not key.isprintable() or not key or " " in key:
        raise ValueError(f"--key={file} holds no key: it is one word, as `Authorization: Bearer` gets it")
    return key
