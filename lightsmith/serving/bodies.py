"""From the body of a request to items: encoded images or texts."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import re
from typing import Any

from aiohttp import ClientConnectionError, web

from lightsmith.serving.limits import (
    BATCH_BYTES,
    BATCH_ITEMS,
    BODY_SECONDS,
    IMAGE_BYTES,
    JSON_MEMBERS_BYTES,
    TEXT_BYTES,
    TEXT_CHARACTERS,
)
from lightsmith.serving.problems import ProblemError

JSON, JSON_LINES, MULTIPART = "application/json", ("application/x-ndjson", "application/jsonl"), "multipart/form-data"
BINARY = "application/octet-stream"
STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
LARGEST = {"image": IMAGE_BYTES, "text": TEXT_BYTES}
MEMBER = {"image": '{"image": "<base64>"}', "text": '{"text": "…"}'}
EXPECTED = {
    "image": f"the bytes of an image with Content-Type: image/png or the like, or {JSON} with {MEMBER['image']}",
    "text": f"a text in UTF-8 with Content-Type: text/plain, or {JSON} with {MEMBER['text']}",
}
Item = bytes | str


def largest_body(takes: str, media_type: str) -> int:
    """The bytes that a body with one item may have; base64 takes a third more than what it stands for."""
    return LARGEST[takes] * 4 // 3 + 1000 if media_type == JSON else LARGEST[takes]


async def read_body(request: web.Request, most: int) -> bytes:
    """Read a body of at most ``most`` bytes.

    Raises:
        ProblemError: it is longer, or too slow.
    """
    if (request.content_length or 0) > most:
        raise too_large("the body", most)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.content.iter_any():
                body += part
                if len(body) > most:
                    raise too_large("the body", most)
    except TimeoutError as error:
        raise ProblemError(408, "slow_body", f"the body was not there after {BODY_SECONDS:g} s") from error
    except (web.RequestPayloadError, ClientConnectionError) as error:
        raise ProblemError(400, "body", "the body is not whole") from error
    return bytes(body)


def too_large(what: str, most: int) -> ProblemError:
    """Say that something has too many bytes."""
    return ProblemError(413, "too_large", f"{what} has more than {most:,} bytes", f"at most {most:,} bytes")


def item_of(body: bytes, media_type: str, charset: str | None, takes: str) -> Item:
    """The item in a body, or in a part of one.

    Args:
        takes: what the model takes, image or text.

    Raises:
        ProblemError: there is none, or not of that kind.
    """
    if media_type == JSON:
        return item_of_json(body, takes)
    if takes == "image" and (media_type.startswith("image/") or media_type == BINARY):
        return _not_empty(body, takes)
    if takes == "text" and media_type == "text/plain":
        return _text(body, charset)
    raise ProblemError(415, "media_type", f"Content-Type is {media_type}", EXPECTED[takes])


def item_of_json(body: bytes, takes: str) -> Item:
    """The item in a JSON object.

    Raises:
        ProblemError: it is no such object.
    """
    value = _json_object(body, takes).get(takes)
    if not isinstance(value, str):
        raise ProblemError(422, "json_member", f'the JSON object has no text "{takes}"', MEMBER[takes])
    if takes == "text":
        return _short_enough(value)
    try:
        return _not_empty(base64.b64decode(value, validate=True), takes)
    except (binascii.Error, ValueError) as error:
        raise ProblemError(422, "base64", f'"{takes}" is not base64', MEMBER[takes]) from error


def _json_object(body: bytes, takes: str) -> dict[str, Any]:
    """An object without others in it: next to nothing is left of one without its texts."""
    between = STRING.sub(b"", body).strip()
    if len(between) > JSON_MEMBERS_BYTES or between.count(b"{") != 1 or b"[" in between:
        raise ProblemError(400, "json", "the body is not a plain JSON object", MEMBER[takes])
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ProblemError(400, "json", "the body is not JSON in UTF-8", MEMBER[takes]) from error
    if not isinstance(value, dict):
        raise ProblemError(400, "json", "the body is no JSON object", MEMBER[takes])
    return value


def _text(body: bytes, charset: str | None) -> str:
    if (charset or "utf-8").lower() not in ("utf-8", "utf8", "us-ascii"):
        raise ProblemError(415, "charset", f"the charset is {charset}", EXPECTED["text"])
    try:
        return _short_enough(body.decode())
    except UnicodeDecodeError as error:
        raise ProblemError(400, "charset", "the text is not in UTF-8", EXPECTED["text"]) from error


def _short_enough(text: str) -> str:
    if len(text) > TEXT_CHARACTERS:
        most = f"at most {TEXT_CHARACTERS:,} characters"
        raise ProblemError(413, "too_large", f"the text has {len(text):,} characters", most)
    return text


def _not_empty(body: bytes, takes: str) -> bytes:
    if not body:
        raise ProblemError(422, "empty", f"there is no {takes}", EXPECTED[takes])
    return body


def items_of_lines(body: bytes, takes: str) -> list[Item | ProblemError]:
    """The items of JSON lines, or why a line has none, in order; blank lines are left out.

    Raises:
        ProblemError: there are none, or too many.
    """
    if body.count(b"\n") > 2 * BATCH_ITEMS:  # which are not even taken apart
        check_count(BATCH_ITEMS + 1)
    filled = [line for line in body.split(b"\n") if line.strip()]
    check_count(len(filled))
    return [_item_or_problem(line, JSON, None, takes) for line in filled]


async def items_of_parts(request: web.Request, takes: str) -> list[Item | ProblemError]:
    """The items of a multipart body, or why a part has none, in order.

    Raises:
        ProblemError: it is no such body, too long, too slow, or has too many parts.
    """
    items: list[Item | ProblemError] = []
    left = BATCH_BYTES
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in await request.multipart():
                check_count(len(items) + 1)
                body = await _read_part(part, min(left, largest_body(takes, JSON)))
                left -= len(body)
                media_type, charset = _media_type(part)
                items.append(_item_or_problem(body, media_type, charset, takes))
    except TimeoutError as error:
        raise ProblemError(408, "slow_body", f"the body was not there after {BODY_SECONDS:g} s") from error
    except (ValueError, AssertionError, RuntimeError, web.RequestPayloadError, ClientConnectionError) as error:
        raise ProblemError(400, "multipart", "the body is not multipart/form-data as RFC 7578 has it") from error
    check_count(len(items))
    return items


async def _read_part(part: Any, most: int) -> bytes:
    """Read a part of a multipart body; one that is multipart itself has no such method, and is refused."""
    if not hasattr(part, "read_chunk"):
        raise ValueError("a part is multipart itself")
    body = bytearray()
    while chunk := await part.read_chunk():
        body += chunk
        if len(body) > most:
            raise too_large("a part", most)
    return bytes(body)


def _media_type(part: Any) -> tuple[str, str | None]:
    """The media type and charset of a part, which is a text where it does not say."""
    given, _, parameters = part.headers.get("Content-Type", "text/plain").partition(";")
    charset = re.search(r'charset="?([\w-]+)', parameters, re.IGNORECASE)
    return given.strip().lower(), charset[1] if charset else None


def _item_or_problem(body: bytes, media_type: str, charset: str | None, takes: str) -> Item | ProblemError:
    try:
        if len(body) > largest_body(takes, media_type):
            raise too_large("the item", largest_body(takes, media_type))
        return item_of(body, media_type, charset, takes)
    except ProblemError as problem:
        return problem


def check_count(items: int) -> None:
    """Refuse a batch of no or of too many items.

    Raises:
        ProblemError: saying how many there may be.
    """
    if not 1 <= items <= BATCH_ITEMS:
        found = "no items" if not items else "too many items"
        raise ProblemError(413 if items else 422, "batch_items", f"the batch has {found}", f"1 to {BATCH_ITEMS} items")
