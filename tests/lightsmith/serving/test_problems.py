from __future__ import annotations

from lightsmith.serving.problems import ProblemError, busy


def test_a_problem_says_what_was_wrong_and_what_would_be_right() -> None:
    assert ProblemError(413, "too_large", "it is", "smaller").members == {
        "type": "about:blank", "title": "Content Too Large", "status": 413,
        "detail": "it is", "expected": "smaller", "reason": "too_large",
    }  # fmt: skip
    assert "expected" not in ProblemError(404, "http", "none").members


def test_who_may_ask_again_hears_when_in_whole_seconds() -> None:
    assert busy("memory", "full", 0.01).headers == {"Retry-After": "1"}
    assert busy("memory", "full", 2.1).headers == {"Retry-After": "3"}
    assert ProblemError(422, "empty", "none").headers == {}
