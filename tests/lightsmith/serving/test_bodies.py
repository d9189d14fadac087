"""Bodies are read as they say, within limits, whatever is in them."""

from __future__ import annotations

import gzip
import json

import pytest

from lightsmith.serving.bodies import item_of, items_of_lines
from lightsmith.serving.limits import BATCH_ITEMS
from lightsmith.serving.problems import ProblemError
from tests.lightsmith.serving.conftest import Client


def test_json_may_say_more_than_is_asked_but_nothing_nested() -> None:
    body = json.dumps({"text": 'a "quoted" {[text]}\\', "id": 3, "note": "x" * 1000}).encode()
    assert item_of(body, "application/json", None, "text") == 'a "quoted" {[text]}\\'
    nested = (b'{"text": "a", "b": {}}', b'{"text": "a", "b": [1]}', b'{"a":' * 50_000, b'["a"]', b'"a"', b"", b"\xff")
    for given in nested:
        with pytest.raises(ProblemError) as refused:
            item_of(given, "application/json", None, "text")
        assert refused.value.status == 400


def test_a_line_that_is_wrong_leaves_the_others() -> None:
    found = items_of_lines(b'{"text": "a"}\r\nno\n\n{"text": "b"}', "text")
    assert [found[0], found[2]] == ["a", "b"]
    assert isinstance(found[1], ProblemError)
    assert len(items_of_lines(b'{"text": "a"}\n' * BATCH_ITEMS, "text")) == BATCH_ITEMS


def test_a_body_without_a_length_is_read_up_to_the_limit(texts: Client) -> None:
    piece = b"10000\r\n" + b"good film " * 6553 + b"good f" + b"\r\n"  # of 65,536 bytes
    chunked = {"Transfer_Encoding": "chunked"}
    reply = texts("/predict", piece + b"0\r\n\r\n", "text/plain", **chunked)
    assert reply.status == 200
    reply = texts("/predict", piece * 40 + b"0\r\n\r\n", "text/plain", **chunked)
    assert (reply.status, reply.json["reason"]) == (413, "too_large")


def test_a_compressed_bomb_is_cut_off(texts: Client) -> None:
    bomb = gzip.compress(b"a" * 20_000_000)
    reply = texts("/predict", bomb, "text/plain", Content_Encoding="gzip")
    assert (reply.status, reply.json["reason"]) == (413, "too_large")
    assert texts("/predict", gzip.compress(b"good"), "text/plain", Content_Encoding="gzip").status == 200
    assert texts("/predict", b"no gzip", "text/plain", Content_Encoding="gzip").status == 400
