"""The address that a service listens at, who may ask there, and its certificate."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from pathlib import Path
from typing import NamedTuple

from lightsmith.serving.api_keys import ApiKeys
from lightsmith.terminal import one_line


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


def tls_context(cert: Path | None, key_file: Path | None) -> ssl.SSLContext | None:
    """Read a certificate and its private key; None without any.

    Args:
        cert: in PEM, followed by those that vouch for it.
        key_file: in PEM, without a passphrase.

    Raises:
        ValueError: one is missing, cannot be read, or does not belong to the other.
    """
    if cert is None or key_file is None:
        if cert is not key_file:
            raise ValueError("--cert and --key_file belong together: give both, or leave both out for plain HTTP")
        return None
    for name, file in {"cert": cert, "key_file": key_file}.items():
        try:
            file.read_bytes()
        except OSError as error:
            raise ValueError(f"--{name}={file} cannot be read: {one_line(error)}") from error
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(cert, key_file, password=lambda: b"")  # nobody is asked for one
    except (ssl.SSLError, ValueError) as error:
        raise ValueError(
            f"--cert={cert} --key_file={key_file} cannot be used: they are a certificate in PEM and its own private "
            "key, without a passphrase"
        ) from error
    return context
