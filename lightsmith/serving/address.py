"""Where a service listens, and who may ask there."""

from __future__ import annotations

import ipaddress
import socket
from pathlib import Path
from typing import NamedTuple

from lightsmith.serving.api_keys import ApiKeys


class Address(NamedTuple):
    """The address to listen at, and who may ask."""

    host: str
    port: int
    keys: Path | None
    rate: float | None


def check_address(address: Address) -> ApiKeys | None:
    """Refuse an address that cannot be served at, before anything is loaded; returns the keys.

    Raises:
        ValueError: naming the option.
    """
    if not 0 <= address.port <= 65535:
        raise ValueError(f"--port={address.port} must be 0…65535; 0 takes one that is free")
    if address.rate is not None and not 0 < address.rate < float("inf"):
        raise ValueError(f"--rate={address.rate} must be above 0 requests a second")
    if address.keys is not None:
        return ApiKeys(address.keys)
    if not is_loopback(address.host):
        raise ValueError(
            f"--host={address.host} lets other machines ask, so give --keys=<file> that says who may; "
            "without it the host is 127.0.0.1"
        )
    return None


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches a host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def open_socket(host: str, port: int) -> socket.socket:
    """A socket bound to an address, not yet listening.

    Raises:
        ValueError: the address is taken, or no address.
    """
    found = None
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        found = socket.socket(family, kind, protocol)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(place)
    except OSError as error:
        if found is not None:
            found.close()
        reason = error.strerror or error
        raise ValueError(f"--host={host} --port={port} cannot be served at: {reason}; give another one") from error
    return found
