from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
import wandb

from lightsmith.tracking.login import logged_in, server_answers, wandb_mode
from tests.wandb_stub import wandb_server


def test_online_only_where_somebody_is_logged_in_or_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_MODE")
    assert (logged_in(), wandb_mode()) == (False, "offline")
    monkeypatch.setenv("WANDB_API_KEY", "secret")
    assert (logged_in(), wandb_mode()) == (True, "online")
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert wandb_mode() == "disabled"


def test_wandb_login_in_netrc_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    class Netrc:
        def authenticators(self, host: str) -> Any:
            return ("user", "", "key") if host == self.known else None

        known = "api.wandb.ai"

    monkeypatch.setattr("netrc.netrc", Netrc)
    assert logged_in()
    Netrc.known = urlsplit(wandb.Settings().base_url).netloc  # where today's `wandb login` writes
    assert logged_in()
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:8080")
    assert not logged_in()
    Netrc.known = "127.0.0.1:8080"
    assert logged_in()


def test_a_server_answers_or_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    with wandb_server() as stub:
        monkeypatch.setenv("WANDB_BASE_URL", stub.address)
        assert server_answers()
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    assert not server_answers()
