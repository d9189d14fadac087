"""results.json: the record of a run that other tools read (docs/results.md describes every key)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lightsmith.records.parts import (
    Best,
    ClassFigures,
    DataFacts,
    Environment,
    Figures,
    FitFacts,
    Headline,
    LeftOut,
    Majority,
    ModelFacts,
    made,
    plain,
)
from lightsmith.records.results_of_schema_1 import as_schema_2
from lightsmith.replace_file import replace_json
from lightsmith.terminal import shown

SCHEMA = 2
FILE = "results.json"
MADE_OF_IT = (ValueError, KeyError, TypeError, AttributeError, RecursionError)  # what a file of other content raises
OPTIONAL = {"classes", "values", "class_weights", "majority", "per_class", "robustness"}  # keys that some kinds lack


@dataclass(frozen=True)
class Results:
    """The record of a finished run.

    Attributes:
        task: kind of the task, such as classification.
        settings: what differs from experiments/_defaults.yaml and the experiment's own YAML, by dotted name as on the
            command line; None where that is not known.
        robustness: what RobustnessTest measured, by name.
        folder: the run's; no part of the file.
    """

    experiment: str
    task: str
    headline: Headline
    seed: int
    settings: dict[str, Any] | None
    data: DataFacts
    test: Figures
    best: Best | None
    fit: FitFacts
    model: ModelFacts
    environment: Environment
    majority: Majority | None = None
    per_class: list[ClassFigures] = field(default_factory=list)
    robustness: dict[str, float] = field(default_factory=dict)
    folder: Path | None = None
    schema: int = SCHEMA

    def as_json(self) -> dict[str, Any]:
        """The content of results.json; what a run of this kind lacks has no key."""
        content: dict[str, Any] = {"schema": self.schema, **plain(self)}
        del content["folder"]
        for part in (content, content["data"], content["model"]):
            for name in OPTIONAL & part.keys():
                if not part[name]:
                    del part[name]
        return content

    @classmethod
    def of_json(cls, content: Mapping[str, Any], folder: Path | None = None) -> Results:
        """The record that a results.json of any schema holds. Keys that a later version added are passed over.

        Raises:
            KeyError, TypeError, ValueError: it holds something else.
        """
        given = as_schema_2(content) if content["schema"] == 1 else dict(content)
        if given["schema"] != SCHEMA:
            raise ValueError(f"schema {given['schema']} is not known here")
        data, best = given["data"], given["best"]
        if best and best.get("validation"):
            best = {**best, "validation": Figures.of_flat(best["validation"])}
        left_out = {"skipped": _left_out(data, "skipped"), "ignored": _left_out(data, "ignored")}
        parts = {
            "headline": made(Headline, given["headline"]),
            "data": made(DataFacts, {**data, **left_out}),
            "test": Figures.of_flat(given["test"]),
            "best": best and made(Best, best),
            "fit": made(FitFacts, given["fit"]),
            "model": made(ModelFacts, given["model"]),
            "environment": made(Environment, given["environment"]),
            "majority": given.get("majority") and made(Majority, given["majority"]),
            "per_class": [made(ClassFigures, row) for row in given.get("per_class", [])],
            "folder": folder,
        }
        return made(cls, {**given, **parts})


def write_results(results: Results, run_folder: Path) -> None:
    """Write results.json, durably and in one step.

    Raises:
        OSError: the disk cannot be written.
    """
    replace_json(run_folder / FILE, results.as_json())


def read_results(run_folder: Path) -> Results:
    """The record of a finished run, of this version or an earlier one.

    Raises:
        ValueError: there is none, or it is not what a run writes.
    """
    path = run_folder / FILE
    if not path.is_file():
        raise ValueError(f"{shown(run_folder)} holds no {FILE}: give the folder of a finished run")
    try:
        return Results.of_json(json.loads(path.read_text(encoding="utf-8")), run_folder)
    except MADE_OF_IT as error:
        raise ValueError(f"{shown(path)} is not what a run writes: restore it or remove it") from error


def _left_out(data: Mapping[str, Any], kind: str) -> list[LeftOut]:
    return [made(LeftOut, entry) for entry in data.get(kind, [])]
