from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from contextlib import closing, suppress
from http.client import HTTPSConnection
from pathlib import Path

import pytest

from lightsmith.serving.address import Address, check_address, is_loopback, open_socket, tls_context
from lightsmith.serving.served_model import load_served
from tests.conftest import Cli
from tests.lightsmith.serving.conftest import Client, running


def test_loopback_is_told_from_other_hosts() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.9.9.9", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.1.2", "example.org", "")))


def test_an_address_is_checked_before_anything_is_loaded(tmp_path: Path) -> None:
    assert check_address(Address("localhost", 0, None, None)) is None
    with open_socket("127.0.0.1", 0) as taken:
        taken.listen()
        with pytest.raises(ValueError, match="Address already in use"):
            open_socket("127.0.0.1", taken.getsockname()[1])


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that vouches for itself, and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl to make a certificate with")
    folder.mkdir()
    cert, key = folder / "cert.pem", folder / "key.pem"
    made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([openssl, *made, *names, "-out", cert, "-keyout", key], check=True, capture_output=True)
    return cert, key


def test_with_a_certificate_it_answers_over_https_to_those_who_trust_it(
    folders: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    cert, key = make_certificate(tmp_path / "tls")

    def get(context: ssl.SSLContext, port: int) -> int:
        with closing(HTTPSConnection("127.0.0.1", port, context=context, timeout=10)) as connection:
            connection.request("GET", "/readyz")
            return connection.getresponse().status

    def wait(client: Client) -> None:
        for _ in range(500):
            with suppress(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", client.port)).close()
                break
            time.sleep(0.02)

    monkeypatch.setattr("tests.lightsmith.serving.conftest.wait_until_ready", wait)
    with running(load_served(folders("photos"), 1), tls=tls_context(cert, key)) as client:
        assert get(ssl.create_default_context(cafile=str(cert)), client.port) == 200
        with pytest.raises(ssl.SSLCertVerificationError):
            get(ssl.create_default_context(), client.port)
        with pytest.raises(OSError, match=r"reset|closed|aborted"):
            client("/readyz")
    assert "at         https://127.0.0.1:" in capfd.readouterr().out


def test_a_certificate_that_cannot_be_used_is_one_line(lightsmith: Cli, tmp_path: Path) -> None:
    cert, key = make_certificate(tmp_path / "one")
    _, other = make_certificate(tmp_path / "other")
    locked = tmp_path / "locked.pem"
    command = ["openssl", "ec", "-in", str(key), "-aes128", "-passout", "pass:secret", "-out", str(locked)]
    subprocess.run(command, check=True, capture_output=True)
    for options, words in [
        ([f"--cert={cert}"], "--cert and --key_file belong together: give both"),
        ([f"--key_file={key}"], "--cert and --key_file belong together: give both"),
        ([f"--cert={tmp_path / 'none'}", f"--key_file={key}"], "none cannot be read: "),
        ([f"--cert={cert}", f"--key_file={tmp_path}"], f"--key_file={tmp_path} cannot be read: "),
        ([f"--cert={cert}", f"--key_file={other}"], "cannot be used: they are a certificate in PEM and its own"),
        ([f"--cert={key}", f"--key_file={key}"], "cannot be used: "),
        ([f"--cert={cert}", f"--key_file={locked}"], "cannot be used: "),
    ]:
        outcome = lightsmith("serve", "--run=here", *options)
        assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
        assert words in outcome.err
