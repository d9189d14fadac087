from __future__ import annotations

from pathlib import Path

import pytest

from lightsmith.load_test.target import model_of, read_key, target_of
from tests.lightsmith.serving.made_exports import free_port


def test_only_this_machine_is_asked_unless_a_person_says_so() -> None:
    assert target_of("http://127.0.0.1:8000", remote=False) == ("127.0.0.1", 8000)
    assert target_of("http://localhost", remote=False) == ("localhost", 80)
    with pytest.raises(ValueError, match=r"--url=http://example\.org is another machine: if it is yours"):
        target_of("http://example.org", remote=False)
    assert target_of("http://example.org", remote=True) == ("example.org", 80)


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "https://127.0.0.1", "http://", "http://127.0.0.1/predict"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"--url=.* must be http://host:port"):
        target_of(url, remote=True)


def test_a_service_that_is_not_there_is_one_line() -> None:
    port = free_port()
    with pytest.raises(ValueError, match=f"http://127.0.0.1:{port} does not answer as a service does"):
        model_of(target_of(f"http://127.0.0.1:{port}", remote=False), None)


def test_a_key_is_one_word_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "key.txt").write_text("secret\n")
    assert read_key(tmp_path / "key.txt") == "secret"
    assert read_key(None) is None
    (tmp_path / "key.txt").write_text("two words")
    with pytest.raises(ValueError, match=r"--key=.* holds no key"):
        read_key(tmp_path / "key.txt")
    with pytest.raises(ValueError, match=r"--key=none cannot be read"):
        read_key(Path("none"))
