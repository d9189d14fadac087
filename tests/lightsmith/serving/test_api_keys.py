"""Who has no key gets nothing, keys are never written anywhere, and a changed file counts at once."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from lightsmith.serving import api_keys
from lightsmith.serving.api_keys import ApiKeys, Rate, read_keys
from lightsmith.serving.problems import ProblemError
from lightsmith.serving.served_model import load_served
from tests.lightsmith.serving.conftest import running
from tests.lightsmith.serving.test_application import assert_problem, png

KEY = "canary-" + "k" * 40


def line(name: str, key: str) -> str:
    return f"{name} {hashlib.sha256(key.encode()).hexdigest()}\n"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(api_keys, "LOOK_EVERY_S", 0.0)
    found = tmp_path / "keys.txt"
    found.write_text("# who may ask\n\n" + line("laptop", KEY) + line("phone", "p" * 40))
    return found


def test_only_who_has_a_key_is_answered_and_the_key_is_nowhere(
    file: Path, folders: Callable[..., Path], capfd: pytest.CaptureFixture[str]
) -> None:
    with running(load_served(folders("photos"), 1), ApiKeys(file)) as client:
        right = client("/predict", png(), "image/png", Authorization=f"Bearer {KEY}")
        assert right.status == 200
        said = [right.body]
        wrong = [f"Bearer {KEY[:-1]}", f"Bearer {KEY} x", f"Basic {KEY}", KEY, "Bearer", "Bearer " + "x" * 1001]
        for path in ("/predict", "/predict/batch", "/model", "/metrics", "/nowhere"):
            for given in ("", *wrong):
                reply = client(path, b"" if "predict" in path else None, Authorization=given)
                assert_problem(reply, 401, "Authorization: Bearer <key>")
                assert reply.headers["www-authenticate"] == "Bearer"
                said.append(reply.body)
        assert [client(path).status for path in ("/healthz", "/readyz", "/openapi.json")] == [200, 200, 200]
        said.append(client("/metrics", Authorization=f"Bearer {KEY}").body)
    out, err = capfd.readouterr()
    assert KEY[:20] not in out + err + b"".join(said).decode()


def test_guessed_keys_are_refused(file: Path) -> None:
    keys = ApiKeys(file)
    for _ in range(1000):
        with pytest.raises(ProblemError, match="not known"):
            keys.name_of(f"Bearer {secrets.token_urlsafe(32)}")
    assert keys.name_of(f"bearer {KEY}") == "laptop"


def test_a_changed_file_counts_and_a_broken_one_is_said_once(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = ApiKeys(file)
    file.write_text(line("server", "s" * 40))
    assert keys.name_of("Bearer " + "s" * 40) == "server"
    with pytest.raises(ProblemError):
        keys.name_of(f"Bearer {KEY}")
    file.write_text("server abc\n")
    for _ in range(3):
        assert keys.name_of("Bearer " + "s" * 40) == "server"
    err = capsys.readouterr().err
    assert err == f"--keys={file}: line 1 is not a new name and the SHA-256 of a key; the keys before stay\n"
    file.unlink()
    assert keys.name_of("Bearer " + "s" * 40) == "server"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "holds no key"),
        ("# nothing\n", "holds no key"),
        (f"laptop {KEY}\n", "line 1 is not a new name"),
        (line("a", "b") + line("a", "c"), "line 2 is not a new name"),
        ("\udcff", "cannot be read"),
    ],
)
def test_a_file_that_says_nothing_is_refused_without_repeating_it(content: str, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "keys.txt"
    file.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(ValueError, match=reason) as refused:
        read_keys(file)
    assert KEY not in str(refused.value)


def test_a_key_that_asks_too_often_waits_and_others_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(api_keys.time, "monotonic", lambda: now[0])
    rate = Rate(4.0)
    for _ in range(4):
        rate.check("laptop")
    with pytest.raises(ProblemError) as refused:
        rate.check("laptop")
    assert (refused.value.status, refused.value.headers) == (429, {"Retry-After": "1"})
    rate.check("phone")
    now[0] += 0.26
    rate.check("laptop")
    with pytest.raises(ProblemError):
        rate.check("laptop")
    now[0] += 100
    for _ in range(4):
        rate.check("laptop")
    slow = Rate(0.5)
    slow.check("laptop")
    with pytest.raises(ProblemError):
        slow.check("laptop")


def test_every_item_of_a_batch_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(api_keys.time, "monotonic", lambda: now[0])
    rate = Rate(4.0)
    rate.check("laptop")
    rate.charge("laptop", 39)
    with pytest.raises(ProblemError) as refused:
        rate.check("laptop")
    assert refused.value.headers == {"Retry-After": "10"}
    rate.check("phone")
    now[0] += 9.5
    rate.check("laptop")
    Rate(None).charge("laptop", 10)


def test_a_batch_costs_the_next_request_its_turn(folders: Callable[..., Path]) -> None:
    with running(load_served(folders("texts"), 1), rate=20.0) as client:
        batch = b'{"text": "good"}\n' * 100
        assert client("/predict/batch", batch, "application/x-ndjson").status == 200
        reply = client("/predict", "good", "text/plain")
        assert (reply.status, reply.json["reason"]) == (429, "rate")
        assert 2 <= int(reply.headers["retry-after"]) <= 5


def test_without_keys_everybody_shares_one_rate(folders: Callable[..., Path]) -> None:
    with running(load_served(folders("photos"), 1), rate=2.0) as client:
        replies = [client("/predict", png(), "image/png") for _ in range(6)]
        assert {reply.status for reply in replies} == {200, 429}
        assert client("/healthz").status == 200
