"""The variants of an experiment's model that `compress` makes: experiments/_compression/<experiment>.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, get_args

from lightsmith.exports.model import Precision
from lightsmith.settings.experiments import EXPERIMENTS
from lightsmith.settings.yaml_files import read_settings
from lightsmith.terminal import nearest

PLANS = EXPERIMENTS / "_compression"
DEFAULT_PLAN = "_default.yaml"
KEYS = ("of", "teacher", "precision", "settings")


class Variant(NamedTuple):
    """One variant of a model.

    Attributes:
        of: the variant that it starts from: whose weights are trained further, or exported again.
        teacher: the variant that it is distilled from.
        precision: of the exported file.
        settings: what differs from the experiment's while it is trained; without any it is not trained.
    """

    name: str
    of: str | None = None
    teacher: str | None = None
    precision: Precision = "fp32"
    settings: dict[str, Any] | None = None


def read_plan(experiment: str) -> list[Variant]:
    """The variants, each after those that it needs; the first is the model as the experiment trains it.

    An experiment without a plan of its own has that of ``_default.yaml``.

    Raises:
        ValueError: a plan that cannot be carried out; the line names the variant.
    """
    own = PLANS / f"{experiment}.yaml"
    path = own if own.is_file() else PLANS / DEFAULT_PLAN
    variants: list[Variant] = []
    for name, entry in read_settings(path).items():
        variants.append(_variant(path, name, entry, [variant.name for variant in variants]))
    if not variants or variants[0] != Variant(variants[0].name):
        raise ValueError(f"{path.name} must begin with the model as it is trained, as in dense: {{}}")
    return variants


def _variant(path: Path, name: str, entry: object, before: list[str]) -> Variant:
    where = f"{path.name}: {name}"
    if not name.isidentifier() or not isinstance(entry, dict):
        raise ValueError(f"{where} must be a word with settings such as {{of: dense, precision: int8}}")
    for key in entry:
        if key not in KEYS:
            raise ValueError(f"{where} has the unknown key {key}{nearest(str(key), list(KEYS))}")
    for key in ("of", "teacher"):
        if entry.get(key) is not None and entry[key] not in before:
            raise ValueError(f"{where}.{key}={entry[key]} is no variant before it: {', '.join(before)}")
    if entry.get("precision", "fp32") not in get_args(Precision):
        raise ValueError(f"{where}.precision={entry['precision']} is not one of {', '.join(get_args(Precision))}")
    settings = entry.get("settings")
    if settings is not None and not isinstance(settings, dict):
        raise ValueError(f"{where}.settings={settings} must be settings such as trainer: {{max_epochs: 3}}")
    if before and not (entry.get("of") or settings):
        raise ValueError(f"{where} is the same as {before[0]}: give it settings, or of and a precision")
    return Variant(name, **entry)
