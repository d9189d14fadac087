from typing import Any

import huggingface_hub
import pytest

from datamodules.review_wordpieces import ReviewWordPieces
from datamodules.sources.hub import why_unreachable


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The repositories that an unreachable hub was asked for."""
    names: list[str] = []

    def unreachable(api: Any, name: str, **options: Any) -> Any:
        assert options["timeout"] <= 10
        names.append(name)
        raise ConnectionError("Name or service not known")

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.HfApi, "repo_info", unreachable)
    return names


def test_a_hub_out_of_reach_is_asked_once_and_its_clients_then_stay_offline(asked: list[str]) -> None:
    assert isinstance(why_unreachable("model", "someone/bert"), ConnectionError)
    assert asked == ["someone/bert"]
    assert huggingface_hub.constants.HF_HUB_OFFLINE


def test_a_hub_within_reach_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.HfApi, "repo_info", lambda *_, **__: None)
    assert why_unreachable("dataset", "someone/films", "abc123") is None
    assert not huggingface_hub.constants.HF_HUB_OFFLINE


def test_a_tokenizer_out_of_reach_is_said_with_the_networks_own_words(asked: list[str]) -> None:
    with pytest.raises(ValueError, match=r"no tokenizer for 'some/bert' \(Name or service not known\)"):
        _ = ReviewWordPieces("some/bert").tokenizer
    assert asked == ["some/bert"]
