"""What the service says of itself is what it does."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lightning_modules.training.answers.reconstruction import Reconstruction
from lightning_modules.training.answers.value_with_interval import ValueWithInterval
from lightsmith.serving.description import openapi
from lightsmith.serving.served_model import load_served
from tests.lightsmith.serving.conftest import Client
from tests.lightsmith.serving.made_exports import CLASSES
from tests.lightsmith.serving.test_application import png


def test_every_path_of_openapi_answers(photos: Client) -> None:
    page = photos("/openapi.json").json
    for path, methods in page["paths"].items():
        (method,) = methods
        reply = photos(path, None if method == "get" else b"x", "image/png" if method == "post" else "")
        assert reply.status not in (404, 405), path
        assert reply.headers["content-type"].partition(";")[0] in [
            *methods[method]["responses"]["200"]["content"],
            "application/problem+json",
        ]


def test_answers_and_problems_have_the_members_that_openapi_names(photos: Client) -> None:
    schemas = photos("/openapi.json").json["components"]["schemas"]
    answer, problem = photos("/predict", png(), "image/png").json, photos("/predict", b"", "image/png").json
    assert answer.keys() == schemas["Answer"]["properties"].keys() == set(schemas["Answer"]["required"])
    assert answer["prediction"] in schemas["Answer"]["properties"]["prediction"]["enum"] == [*CLASSES, None]
    assert set(schemas["Problem"]["required"]) <= problem.keys() <= schemas["Problem"]["properties"].keys()


def references(value: Any) -> set[str]:
    """All $ref within."""
    if isinstance(value, dict):
        return {value["$ref"]} if "$ref" in value else set().union(*map(references, value.values()))
    return set().union(*map(references, value)) if isinstance(value, list) else set()


def test_every_reference_of_openapi_leads_somewhere(folders: Callable[..., Path]) -> None:
    page = openapi(load_served(folders("texts"), 1))
    assert references(page) == {f"#/components/schemas/{name}" for name in page["components"]["schemas"]}


@pytest.mark.parametrize(
    ("answer", "names", "required"),
    [
        (ValueWithInterval(1.0, 2.0, 0.5), [], ["value", "low", "high"]),
        (Reconstruction(2), ["latents"], ["reconstruction_error"]),
        (None, ["top", "threshold"], ["prediction", "probabilities"]),
    ],
)
def test_openapi_names_the_options_that_a_kind_of_answer_has(
    answer: Any, names: list[str], required: list[str], folders: Callable[..., Path]
) -> None:
    page = openapi(load_served(folders("photos", answer), 1))
    parameters = page["paths"]["/predict"]["post"]["parameters"]
    assert [one["name"] for one in parameters] == [*names, "X-Deadline-Ms"]
    assert page["components"]["schemas"]["Answer"]["required"] == required


def test_the_python_client_of_openapi_works(photos: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clients = photos("/openapi.json").json["paths"]["/predict"]["post"]["x-codeSamples"]
    source = next(one["source"] for one in clients if one["lang"] == "Python")
    (tmp_path / "photo.jpg").write_bytes(png())
    exec(compile(re.sub(r":8000", f":{photos.port}", source), "client", "exec"), {})  # our own example
    assert "'prediction': " in capsys.readouterr().out
