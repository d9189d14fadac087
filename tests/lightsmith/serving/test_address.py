from __future__ import annotations

from pathlib import Path

import pytest

from lightsmith.serving.address import Address, check_address, is_loopback, open_socket


def test_loopback_is_told_from_other_hosts() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.9.9.9", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.1.2", "example.org", "")))


def test_an_address_is_checked_before_anything_is_loaded(tmp_path: Path) -> None:
    assert check_address(Address("localhost", 0, None, None)) is None
    with open_socket("127.0.0.1", 0) as taken:
        taken.listen()
        with pytest.raises(ValueError, match="Address already in use"):
            open_socket("127.0.0.1", taken.getsockname()[1])
