"""Figures of serving: contenders are asked in their own way, and what was measured is what a page shows."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import serving
from benchmarks.serving_rivals.contenders import lightsmith, litserve, started
from tests.lightsmith.serving.conftest import folders  # noqa: F401  # a fixture
from tests.lightsmith.serving.test_application import png


def test_requests_are_in_the_form_that_a_contender_takes() -> None:
    plain = lightsmith(Path("x")).requests("image", [b"pixels"])[0]
    assert plain.endswith(b"\r\n\r\npixels")
    head, _, body = litserve(Path("x"), {"batch": 4}).requests("image", [b"pixels"])[0].partition(b"\r\n\r\n")
    assert base64.b64decode(json.loads(body)["image"]) == b"pixels"
    assert f"Content-Length: {len(body)}".encode() in head
    assert (
        json.loads(litserve(Path("x"), {}).requests("text", [b"a film"])[0].partition(b"\r\n\r\n")[2])["text"]
        == "a film"
    )


@pytest.mark.slow
def test_a_contender_is_started_asked_and_ended(folders: Callable[..., Path]) -> None:  # noqa: F811
    contender = lightsmith(folders("photos"))
    request = contender.requests("image", [png()])[0]
    with started(contender, request) as (_, seconds, process):
        assert 0 < seconds < 60
        assert process.is_running()
    assert not process.is_running()
    with pytest.raises(ValueError, match="Lightsmith does not answer"), started(lightsmith(Path("none")), request):
        pass


@pytest.mark.slow
def test_an_overload_is_measured(
    folders: Callable[..., Path],  # noqa: F811
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "TRY_SECONDS", 0.1)
    monkeypatch.setattr(serving, "PEAK_SECONDS", 0.5)
    serving.overload(folders("photos"), times=1.5, seconds=1.0, keep=False)
    assert capsys.readouterr().out.startswith("**1.5 times the most**, 1 s, open loop: goodput ")
