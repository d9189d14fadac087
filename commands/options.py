"""`options`: what can be set in an experiment, with its value there, its type and its meaning."""

from __future__ import annotations

import inspect
import re
import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from lightning.pytorch import Trainer

from lightsmith.settings.callback_settings import class_name
from lightsmith.settings.experiments import EXPERIMENTS, experiment_file
from lightsmith.settings.explain import look_up, shown
from lightsmith.settings.parse_errors import init_classes
from lightsmith.settings.parser_options import OWN, SHARED
from lightsmith.settings.yaml_files import read_settings

WIDEST = 100
NARROWEST = 40
FOLLOWING = (*SHARED, "tokenizer_of")  # which a model takes from its data, or the data from its model
COMMON = (
    *("max_epochs", "max_steps", "max_time", "accelerator", "devices", "strategy", "precision", "fast_dev_run"),
    *("accumulate_grad_batches", "gradient_clip_val", "check_val_every_n_epoch", "val_check_interval"),
    *("limit_train_batches", "limit_val_batches", "limit_test_batches", "overfit_batches", "log_every_n_steps"),
    *("deterministic", "profiler", "enable_progress_bar"),
)
NOT_HERE = ("callbacks", "logger", "default_root_dir", "model_registry", "barebones", "enable_checkpointing")


class Setting(NamedTuple):
    """One line of the page: a dotted key, its value in the experiment and in the class, its type and its meaning."""

    key: str
    value: Any
    default: Any
    type: str
    meaning: str


def options(name: str, all: bool = False) -> None:  # noqa: A002  # the option is --all
    """Show what can be set in an experiment: model, data, Trainer and callbacks, with the values they have in it.

    Args:
        name: an experiment, such as mnist_mlp.
        all: also the Trainer's less common options.

    Raises:
        ValueError: no such experiment.
    """
    print("\n".join(page(name, experiment_file(name), all)))


def page(name: str, file: Path, everything: bool) -> Iterator[str]:
    """The lines of the page, each as wide as the terminal at most."""
    settings = [read_settings(EXPERIMENTS / "_defaults.yaml"), read_settings(file)]
    yield from textwrap.wrap(f'Set any of these: make exp NAME={name} ARGS="--model.lr=0.01"', _width())
    for group in ("model", "data"):
        path = str(look_up(settings[1], f"{group}.class_path"))
        yield from _section(f"{group}: {path}", _settings_of(group, path, look_up(settings[1], group)))
    trainer = [s for s in _trainer_settings(settings) if everything or s.key.rpartition(".")[2] in COMMON]
    rest = "" if everything else '; all of them with ARGS="--all=true"'
    yield from _section(f"trainer: Lightning's{rest}", trainer)
    by_class = [setting for entry in callback_entries(settings) for setting in _settings_of_callback(entry)]
    yield from _section("callbacks, by class; docs/callbacks.md has more", by_class)
    own = [Setting(o.name, o.default, o.default, _type(o.type), o.meaning) for o in OWN if o.name != "callbacks"]
    seed = Setting("seed_everything", look_up(settings[0], "seed_everything"), 1, "int", "Seed of everything random.")
    yield from _section("the run", [seed, *own])


def callback_entries(settings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The callbacks that these settings list one after the other, those under ``callbacks+`` added."""
    entries: list[dict[str, Any]] = []
    for trainer in (layer.get("trainer", {}) for layer in settings):
        entries = [*trainer.get("callbacks", entries), *trainer.get("callbacks+", [])]
    return entries


def _settings_of_callback(entry: dict[str, Any]) -> list[Setting]:
    return list(_settings_of(f"callbacks.{class_name(entry['class_path'])}", entry["class_path"], entry))


def _settings_of(group: str, path: str, given: Any) -> Iterator[Setting]:
    """The arguments of a class and its bases, but for those that follow from elsewhere."""
    values = given.get("init_args") or {}
    seen = set(FOLLOWING) - ({"image_size_px"} if group == "data" else set())
    for owner in init_classes(path):
        for setting in _arguments(group, owner, values):
            if setting.key not in seen and setting.key.rpartition(".")[2] not in seen:
                seen.add(setting.key)
                yield setting


def _trainer_settings(layers: list[dict[str, Any]]) -> list[Setting]:
    """The common ones first, in the order of ``COMMON``."""
    values = {name: value for layer in layers for name, value in layer.get("trainer", {}).items()}
    found = {s.key.rpartition(".")[2]: s for s in _arguments("trainer", Trainer, values)}
    ordered = [name for name in COMMON if name in found] + [name for name in found if name not in COMMON]
    return [found[name] for name in ordered if name not in NOT_HERE]


def _arguments(group: str, owner: type, values: dict[str, object]) -> Iterator[Setting]:
    meanings, hints = meanings_of(owner), get_type_hints(owner.__init__)  # type: ignore[misc]  # of this very class
    for name, parameter in inspect.signature(owner.__init__).parameters.items():  # type: ignore[misc]  # as above
        if name != "self" and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            default = list(parameter.default) if isinstance(parameter.default, tuple) else parameter.default
            yield Setting(
                f"{group}.{name}", values.get(name, default), default, _type(hints.get(name)), meanings.get(name, "")
            )


def meanings_of(owner: type) -> dict[str, str]:
    """Read the meaning of each argument, shortened, from a Google-style docstring of a class or its ``__init__``."""
    documented = (owner.__doc__, owner.__init__.__doc__)  # type: ignore[misc]  # of this very class
    parts = (inspect.cleandoc(text or "").partition("\nArgs:\n")[2] for text in documented)
    inner = (re.match(r"(?: +.*\n?|\n)*", part) for part in parts)
    text = "\n".join(textwrap.dedent(found[0]) for found in inner if found)
    named = re.findall(r"^(\w+)(?: \([^)]*\))?:\s*(.*?)(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)
    return {name: _first_sentences(" ".join(meaning.split())) for name, meaning in named}


def _first_sentences(meaning: str) -> str:
    plain = re.sub(r"``([^`]*)``|:\w+:`~?(?:[\w.]*\.)?([^`]*)`", lambda found: found[1] or found[2], meaning)
    if len(plain) <= WIDEST:
        return plain
    return re.split(r"(?<=[.;]) (?=[A-Z])", plain, maxsplit=1)[0]


def _type(hint: object) -> str:
    """A type in few words: the choices of a literal, and no modules."""
    if get_origin(hint) in (Union, UnionType):
        choices = (choice for part in get_args(hint) for choice in _type(part).split(" | "))
        return " | ".join(dict.fromkeys(choices))
    if get_origin(hint) is Literal:
        return " | ".join(dict.fromkeys(map(str, get_args(hint))))
    if hint is None or hint is NoneType:
        return "null"
    if isinstance(hint, type) and not get_args(hint):
        return hint.__name__
    if hint is Ellipsis:
        return "…"
    inner = ", ".join(map(_type, get_args(hint)))
    return f"{getattr(get_origin(hint), '__name__', hint)}[{inner}]" if inner else str(hint)


def _section(title: str, settings: list[Setting] | Iterator[Setting]) -> Iterator[str]:
    width = _width()
    yield ""
    yield from textwrap.wrap(title, width)
    for setting in settings:
        required = setting.default is inspect.Parameter.empty
        value = "" if required and setting.value is setting.default else f" = {_shown(setting.value)}"
        default = "" if required or setting.value == setting.default else f"; the class has {_shown(setting.default)}"
        yield from textwrap.wrap(
            f"{setting.key}{value}  ({setting.type}{default})", width, initial_indent="  ", subsequent_indent="    "
        )
        yield from textwrap.wrap(setting.meaning, width, initial_indent="      ", subsequent_indent="      ")


def _width() -> int:
    """The width of the terminal, or of a page where there is no terminal."""
    return min(max(shutil.get_terminal_size((WIDEST, 24)).columns, NARROWEST), WIDEST)


def _shown(value: object) -> str:
    return shown(str(value) if isinstance(value, Path) else value)
