"""What a person gets over HTTP, and what they read when something is wrong."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lightning_modules.training.answers.reconstruction import Reconstruction
from lightning_modules.training.answers.surprise import Surprise
from lightning_modules.training.answers.value_with_interval import ValueWithInterval
from lightsmith.serving.served_model import load_served
from tests.conftest import Cli
from tests.lightsmith.serving.conftest import Client, Reply, running
from tests.lightsmith.serving.made_exports import CLASSES


def png(seed: int = 0, size: tuple[int, int] = (40, 60)) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(256, size=(*size, 3), dtype=np.uint8)).save(file, "PNG")
    return file.getvalue()


def in_json(**members: Any) -> str:
    return json.dumps(members)


def in_base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def form(*parts: tuple[str, bytes]) -> bytes:
    """A multipart body, its boundary b."""
    head = "--b\r\nContent-Disposition: form-data; name=item\r\nContent-Type: {}\r\n\r\n"
    return (
        b"".join(head.format(kind).encode(errors="surrogateescape") + content + b"\r\n" for kind, content in parts)
        + b"--b--\r\n"
    )


def assert_problem(reply: Reply, status: int, *words: str) -> None:
    """RFC 9457: a JSON object that says what was wrong and what would be right."""
    assert (reply.status, reply.headers["content-type"]) == (status, "application/problem+json; charset=utf-8")
    assert {"type", "title", "status", "detail", "reason"} <= reply.json.keys()
    assert reply.json["status"] == status
    said = f"{reply.json['detail']}|{reply.json.get('expected')}"
    assert [word for word in words if word not in said] == [], said


def test_an_image_gets_what_make_predict_says(
    photos: Client, folders: Callable[..., Path], lightsmith: Cli, tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes(png())
    lightsmith("predict", f"--run={folders('photos')}", f"--input={tmp_path / 'a.png'}", "--output=p.jsonl")
    expected = json.loads(Path("p.jsonl").read_text())
    replies = [
        photos("/predict", png(), "image/png"),
        photos("/predict", png(), "application/octet-stream"),
        photos("/predict", in_json(image=in_base64(png()), note="mine"), "application/json"),
    ]
    for reply in replies:
        assert reply.status == 200
        assert {"item": str(tmp_path / "a.png"), **reply.json} == expected


def test_a_text_gets_what_make_predict_says(texts: Client, folders: Callable[..., Path], lightsmith: Cli) -> None:
    text = "the film was good 🙂"
    Path("t.txt").write_text(text, encoding="utf-8")
    lightsmith("predict", f"--run={folders('texts')}", "--input=t.txt", "--output=p.jsonl")
    expected = json.loads(Path("p.jsonl").read_text())
    for reply in (
        texts("/predict", text, "text/plain; charset=utf-8"),
        texts("/predict", in_json(text=text), "application/json"),
    ):
        assert (reply.status, {"item": "t.txt:1", **reply.json}) == (200, expected)


def test_answers_are_written_as_is_asked(photos: Client) -> None:
    def ask(query: str) -> Any:
        return photos(f"/predict?{query}", png(), "image/png").json

    whole = ask("")
    best = max(whole["probabilities"], key=whole["probabilities"].get)
    assert list(whole["probabilities"]) == CLASSES
    assert ask("top=1")["probabilities"] == {best: whole["probabilities"][best]}
    assert ask("threshold=1")["prediction"] is None
    assert ask("top=2&threshold=0.01")["prediction"] == best


@pytest.mark.parametrize(
    ("answer", "kind", "expected"),
    [
        (ValueWithInterval(1.0, 2.0, 0.5), "photos", {"value", "low", "high"}),
        (ValueWithInterval(1.0, 2.0), "texts", {"value"}),
        (Reconstruction(2), "photos", {"reconstruction_error"}),
        (Surprise(), "texts", {"loss", "perplexity", "hidden_tokens"}),
    ],
)
def test_every_kind_of_task_answers(answer: Any, kind: str, expected: set[str], folders: Callable[..., Path]) -> None:
    item, media_type = (png(), "image/png") if kind == "photos" else (b"a film", "text/plain")
    with running(load_served(folders(kind, answer), 1)) as client:
        reply = client("/predict", item, media_type)
        assert (reply.status, reply.json.keys()) == (200, expected)
        assert_problem(client("/predict?top=2", item, media_type), 400, "top=2 is for class probabilities")
        if isinstance(answer, Reconstruction):
            wanted = expected | {"latent_1", "latent_2"}
            assert client("/predict?latents=true", item, media_type).json.keys() == wanted
        if answer == ValueWithInterval(1.0, 2.0, 0.5):
            assert reply.json["high"] - reply.json["low"] == pytest.approx(1.0)


def test_a_batch_is_answered_in_order_with_a_problem_where_there_is_one(photos: Client, texts: Client) -> None:
    alone = [photos("/predict", png(seed), "image/png").json for seed in range(2)]
    lines = [in_json(image=in_base64(png(0))), '{"image": 3}', "", in_json(image=in_base64(png(1)))]
    reply = photos("/predict/batch", "\n".join(lines), "application/x-ndjson")
    assert (reply.status, reply.headers["content-type"]) == (200, "application/x-ndjson; charset=utf-8")
    first, wrong, last = reply.lines
    assert [first, last] == alone
    assert wrong["error"]["status"] == 422
    assert 'no text "image"' in wrong["error"]["detail"]
    body = form(("image/png", png(0)), ("image/png", b"no image"), ("text/plain", b"a"), ("image/png", png(1)))
    first, wrong, other, last = photos("/predict/batch", body, "multipart/form-data; boundary=b").lines
    assert ([first, last], wrong["error"]["status"], other["error"]["status"]) == (alone, 422, 415)
    mixed = texts("/predict/batch", '{"text": "good"}\n{"text": " "}\n', "application/jsonl").lines
    assert ("prediction" in mixed[0], mixed[1]["error"]["detail"]) == (True, "the text cannot be read: no text")


@pytest.mark.parametrize(
    ("path", "body", "kind", "status", "words"),
    [
        ("/predict", b"no image", "image/png", 422, ["not a JPEG, PNG", "another image"]),
        ("/predict", b"", "image/png", 422, ["no image"]),
        ("/predict", b"a", "text/plain", 415, ["Content-Type is text/plain", "the bytes of an image"]),
        ("/predict", b"{", "application/json", 400, ["not JSON", '{"image": "<base64>"}']),
        ("/predict", b'{"image": }', "application/json", 400, ["not JSON"]),
        ("/predict", b'{"image": [[]]}', "application/json", 400, ["not a plain JSON object"]),
        ("/predict", b"[" * 100_000, "application/json", 400, ["not a plain JSON object"]),
        ("/predict", b'{"image": "%"}', "application/json", 422, ["not base64"]),
        ("/predict?top=0", b"a", "image/png", 400, ["top=0 must be a whole number"]),
        ("/predict?top=a", b"a", "image/png", 400, ["?top=", "most probable classes"]),
        ("/predict?threshold=nan", b"a", "image/png", 400, ["threshold=nan must be a probability"]),
        ("/predict?tops=1", b"a", "image/png", 400, ["?tops= is not known", "top, threshold"]),
        ("/predict/batch", b"", "application/x-ndjson", 422, ["no items", "1 to 256 items"]),
        ("/predict/batch", b"{}\n" * 300, "application/x-ndjson", 413, ["too many items"]),
        ("/predict/batch", b"{}\n" * 10_000, "application/x-ndjson", 413, ["too many items"]),
        ("/predict/batch", b"a", "image/png", 415, ["application/x-ndjson"]),
        ("/predict/batch", b"--c\r\n", "multipart/form-data; boundary=b", 400, ["RFC 7578"]),
        ("/predict/batch", b"--b\r\n", "multipart/form-data", 400, ["RFC 7578"]),
        ("/nowhere", b"a", "image/png", 404, ["/openapi.json"]),
        ("/model", b"a", "image/png", 405, ["GET"]),
    ],
)
def test_what_cannot_be_answered_is_a_problem_that_says_what_would_be_right(
    photos: Client, path: str, body: bytes, kind: str, status: int, words: list[str]
) -> None:
    assert_problem(photos(path, body, kind), status, *words)


@pytest.mark.parametrize(
    ("body", "kind", "status", "words"),
    [
        (b"\xff\xfe", "text/plain", 400, ["not in UTF-8"]),
        (b"a", "text/plain; charset=utf-16", 415, ["charset is utf-16"]),
        (b"a" * 500_001, "text/plain", 413, ["500,001 characters", "at most 500,000"]),
        (b"a" * 2_000_001, "text/plain", 413, ["more than 2,000,000 bytes"]),
        (b" \n", "text/plain", 422, ["no text"]),
        (b'{"text": null}', "application/json", 422, ['no text "text"']),
    ],
)
def test_texts_that_cannot_be_read_say_why(
    texts: Client, body: bytes, kind: str, status: int, words: list[str]
) -> None:
    assert_problem(texts("/predict", body, kind), status, *words)


def test_half_a_character_is_a_question_mark_as_in_training(texts: Client) -> None:
    reply = texts("/predict", '{"text": "good \\ud800"}', "application/json")
    assert (reply.status, reply.json) == (200, texts("/predict", "good ?", "text/plain").json)


def test_a_deadline_that_cannot_be_kept_is_refused_at_once(photos: Client) -> None:
    for given in ("0", "soon", "-1", "9" * 30, "²"):
        reply = photos("/predict", png(), "image/png", X_Deadline_Ms=given.encode().decode("latin-1"))
        assert_problem(reply, 400, "X-Deadline-Ms", "whole milliseconds")
    assert photos("/predict", png(), "image/png", X_Deadline_Ms="5000").status == 200


def test_the_service_says_what_it_serves_and_counts_what_it_did(photos: Client) -> None:
    photos("/predict", png(), "image/png")
    model = photos("/model").json
    assert (model["classes"], model["takes"], model["precision"]) == (CLASSES, "image", "fp32")
    assert "Made for tests" in model["card"]
    assert (photos("/healthz").status, photos("/readyz").status) == (200, 200)
    metrics = photos("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'lightsmith_requests_total{status="200"}' in metrics.body.decode()
    assert 'prediction="b, \\"c\\""' in metrics.body.decode() or "lightsmith_predictions_total" in metrics.body.decode()
    assert photos("/openapi.json").json["openapi"] == "3.1.0"


def test_bytes_that_are_no_text_are_repeated_as_escapes(photos: Client) -> None:
    reply = photos("/predict", b"a", "text/\xff\xfe".encode().decode("latin-1"))
    assert_problem(reply, 415, "Content-Type is ")
    reply = photos("/predict/batch", form(("text/\udcff", b"a")), "multipart/form-data; boundary=b")
    assert reply.status in (200, 400)
