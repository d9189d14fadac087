from __future__ import annotations

import json
import re
from typing import Any

import pytest

from lightsmith.reports.page_file import json_in_html, page_html
from tests.lightsmith.reports.made_runs import HOSTILE

PAGE: dict[str, Any] = {"title": "", "headline": None, "lead": [], "sections": [], "footer": ""}


@pytest.mark.parametrize("text", [*HOSTILE, "</SCRIPT>", "<!-- <script>", "\u2028", "a\udc80file", "日本語"])
def test_a_text_comes_back_from_the_page_as_it_was_and_ends_no_element(text: str) -> None:
    written = json_in_html({"text": text})
    assert "<" not in written
    assert "\u2028" not in written
    assert json.loads(written) == {"text": text}
    page = page_html({**PAGE, "title": text}).encode("utf-8", errors="backslashreplace")
    assert page.count(b"<script") == page.count(b"</script>") == 2
    assert page.count(b"<style>") == page.count(b"</style>") == 1


def test_numbers_that_json_lacks_are_null() -> None:
    assert json.loads(json_in_html([float("nan"), float("inf"), {"a": (1.5, None)}])) == [
        None,
        None,
        {"a": [1.5, None]},
    ]


def test_the_policy_allows_nothing_but_the_pages_own_script_and_style() -> None:
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page_html(PAGE))
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    assert all(re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", rules[name]) for name in ("script-src", "style-src"))
