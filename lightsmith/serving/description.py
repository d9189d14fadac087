"""Describes a service: its model, and its interface as OpenAPI 3.1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from lightning_modules.training.answer import Answer, ClassProbabilities
from lightning_modules.training.answers.reconstruction import Reconstruction
from lightsmith.serving.bodies import BINARY, JSON, JSON_LINES, MULTIPART
from lightsmith.serving.cost_model import CostModel
from lightsmith.serving.limits import BATCH_ITEMS, DEADLINE_MS, IMAGE_BYTES, LONGEST_DEADLINE_MS, TEXT_CHARACTERS
from lightsmith.serving.problems import MEDIA_TYPE as PROBLEM
from lightsmith.serving.wish import DEADLINE_HEADER, OPTIONS

if TYPE_CHECKING:
    from lightsmith.serving.served_model import ServedModel  # which imports ONNX Runtime

CURL = {
    "image": "curl --data-binary @photo.jpg -H 'Content-Type: image/jpeg' {url}/predict",
    "text": "curl --data-binary 'a text' -H 'Content-Type: text/plain; charset=utf-8' {url}/predict",
}
PYTHON = """import json
import urllib.request
{item}
request = urllib.request.Request("{{url}}/predict", item, {{{{"Content-Type": "{type}"}}}})
with urllib.request.urlopen(request) as answer:
    print(json.load(answer))"""
READ_IMAGE = 'from pathlib import Path\n\nitem = Path("photo.jpg").read_bytes()'
PYTHON_ITEM = {
    "image": PYTHON.format(item=READ_IMAGE, type="image/jpeg"),
    "text": PYTHON.format(item='\nitem = "a text".encode()', type="text/plain; charset=utf-8"),
}
KEY_NOTE = "\n# with keys: the header Authorization: Bearer <key>"
URL = "http://127.0.0.1:8000"


class Described(Protocol):
    """A model that the interface depends on."""

    @property
    def answer(self) -> Answer:
        """What its outputs mean."""

    @property
    def takes(self) -> str:
        """The kind of an item, image or text."""

    @property
    def proof(self) -> dict[str, Any]:
        """The proof that `export` wrote."""


def model_description(model: ServedModel, costs: CostModel) -> dict[str, Any]:
    """Describe the model: its classes, its proof, and how long it takes on this machine."""
    answer = model.answer
    return {
        "task": answer.kind,
        "takes": model.takes,
        "answers": answer.words,
        **({"classes": list(answer.class_names)} if isinstance(answer, ClassProbabilities) else {}),
        "precision": model.proof.get("precision"),
        "sha256": model.proof.get("sha256"),
        "bytes": model.size_bytes,
        "proof": model.proof,
        "preprocessing": model.preprocessing.settings,
        "measured_ms": {
            str(width): {"per_item": round(1e3 * item, 4), "per_batch": round(1e3 * call, 4)}
            for width, item, call in zip(costs.widths, costs.per_item_s, costs.per_call_s, strict=True)
        },
        "limits": {"image_bytes": IMAGE_BYTES, "text_characters": TEXT_CHARACTERS, "batch_items": BATCH_ITEMS},
        "card": model.card,
    }


def openapi(model: Described) -> dict[str, Any]:
    """The interface, with examples for clients."""
    takes = model.takes
    clients = [
        {"lang": "Shell", "source": CURL[takes].format(url=URL) + KEY_NOTE},
        {"lang": "Python", "source": PYTHON_ITEM[takes].format(url=URL) + KEY_NOTE},
    ]
    one = {"content": single_bodies(takes), "required": True}
    many = {"content": batch_bodies(), "required": True}
    line = {"anyOf": [reference("Answer"), {"type": "object", "properties": {"error": reference("Problem")}}]}
    in_order = f"Answer up to {BATCH_ITEMS} items in order, a JSON object a line, each an answer or {{error}}"
    paths = {
        "/predict": {"post": operation("Answer one item", model.answer, one, JSON, reference("Answer"), clients)},
        "/predict/batch": {"post": operation(in_order, model.answer, many, JSON_LINES[0], line)},
        "/model": {"get": look_up("What is served, its proof and its card", JSON)},
        "/healthz": {"get": look_up("Whether the process answers", JSON, keyless=True)},
        "/readyz": {"get": look_up("Whether new requests are welcome; 503 while it ends", JSON, keyless=True)},
        "/metrics": {"get": look_up("Counters and histograms for Prometheus", "text/plain")},
        "/openapi.json": {"get": look_up("This description", JSON, keyless=True)},
        "/": {"get": look_up("A page on which people ask", "text/html", keyless=True)},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": f"Lightsmith: {model.answer.kind}", "version": str(model.proof.get("sha256", ""))[:12]},
        "paths": paths,
        "components": {
            "schemas": {"Answer": answer_schema(model.answer), "Problem": problem_schema()},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"key": []}, {}],
    }


def operation(
    summary: str, answer: Answer, body: dict[str, Any], media_type: str, schema: Any, clients: Any = ()
) -> dict[str, Any]:
    """A POST that answers items."""
    examples = {"x-codeSamples": list(clients)} if clients else {}
    return {
        "summary": summary,
        "parameters": parameters(answer),
        "requestBody": body,
        "responses": {"200": content("The answer", media_type, schema), "default": problem()},
        **examples,
    }


def parameters(answer: Answer) -> list[dict[str, Any]]:
    """The options that this kind of answer has, and the deadline."""
    kinds = {"top": ClassProbabilities, "threshold": ClassProbabilities, "latents": Reconstruction}
    found = [
        {"name": name, "in": "query", "description": option.meaning, "schema": {"type": option.type}}
        for name, option in OPTIONS.items()
        if isinstance(answer, kinds[name])
    ]
    milliseconds = {"type": "integer", "minimum": 1, "maximum": LONGEST_DEADLINE_MS, "default": DEADLINE_MS}
    meaning = "Milliseconds after which the answer is no longer wanted."
    return [*found, {"name": DEADLINE_HEADER, "in": "header", "description": meaning, "schema": milliseconds}]


def single_bodies(takes: str) -> dict[str, Any]:
    """Bodies with one item, by media type."""
    member = {"type": "string", **({"contentEncoding": "base64"} if takes == "image" else {})}
    in_json = {"schema": {"type": "object", "required": [takes], "properties": {takes: member}}}
    if takes == "text":
        return {"text/plain": {"schema": {"type": "string"}}, JSON: in_json}
    return {"image/*": {}, BINARY: {}, JSON: in_json}


def batch_bodies() -> dict[str, Any]:
    """Bodies with several items, by media type."""
    lines = {"schema": {"type": "string"}, "description": "a JSON object a line, as of /predict"}
    return {**dict.fromkeys(JSON_LINES, lines), MULTIPART: {"schema": {"type": "object"}}}


def look_up(summary: str, media_type: str, keyless: bool = False) -> dict[str, Any]:
    """A GET without parameters."""
    schema = {"type": "object" if media_type == JSON else "string"}
    responses = {"200": content(summary, media_type, schema), "default": problem()}
    return {"summary": summary, "responses": responses, **({"security": []} if keyless else {})}


def content(meaning: str, media_type: str, schema: Any) -> dict[str, Any]:
    """An answer of a kind."""
    return {"description": meaning, "content": {media_type: {"schema": schema}}}


def problem() -> dict[str, Any]:
    """Every answer that is none."""
    return content("What was wrong, and what would be right (RFC 9457)", PROBLEM, reference("Problem"))


def reference(name: str) -> dict[str, str]:
    """A schema by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def answer_schema(answer: Answer) -> dict[str, Any]:
    """The JSON object that is a prediction."""
    if isinstance(answer, ClassProbabilities):
        share = {"type": "number", "minimum": 0, "maximum": 1}
        properties: dict[str, Any] = {
            "prediction": {"type": ["string", "null"], "enum": [*answer.class_names, None]},
            "probabilities": {"type": "object", "additionalProperties": share},
        }
    else:
        properties = {name: {"type": ["number", "null"]} for name in answer.columns}
    optional = isinstance(answer, Reconstruction)
    required = list(properties)[:1] if optional else list(properties)
    return {"type": "object", "required": required, "properties": properties}


def problem_schema() -> dict[str, Any]:
    """The JSON object that is a problem."""
    texts = ("type", "title", "detail", "expected", "reason")
    properties = {"status": {"type": "integer"}, **{name: {"type": "string"} for name in texts}}
    return {"type": "object", "required": ["type", "title", "status", "detail", "reason"], "properties": properties}
