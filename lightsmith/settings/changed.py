"""The settings of a resumed run that differ from those it began with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lightsmith.settings.yaml_files import parse_yaml

# Of one command, and no part of what config.yaml repeats.
TRANSIENT = ("config", "folder", "resume", "ckpt_path", "debug", "explain", "allow_package", "callbacks", "monitor")
# Where a run lies and what it says; how its data is fetched changes no batch.
HARMLESS = (
    "runs",
    "experiment",
    "baseline",
    "loggers",
    "trainer.logger",
    "trainer.enable_progress_bar",
    "data.init_args.num_workers",
)
OF_THE_START = ("init_from", "model.init_args.weights", "model.init_args.pretrained")
LENGTHS = ("trainer.max_epochs", "trainer.max_steps")


def changed_settings(first: Path, now: Path) -> list[str]:
    """List the settings that differ between two resolved configurations and may change the outcome, a line each."""
    texts = [file.read_text("utf-8") for file in (first, now)]
    if texts[0] == texts[1]:  # as always at the beginning of a run
        return []
    before, after = (dict(flat(parse_yaml(text))) for text in texts)
    changed = [key for key in dict.fromkeys([*before, *after]) if before.get(key) != after.get(key)]
    return [
        f"changed    {key}: {before.get(key)} → {after.get(key)}, {_effect(key)}"
        for key in changed
        if not key.startswith(HARMLESS)
    ]


def _effect(key: str) -> str:
    if key in OF_THE_START:
        return "which changes nothing: the weights are those of the checkpoint"
    schedule = "; the learning rate follows the schedule of the new length" if key in LENGTHS else ""
    return f"so the result is not that of an uninterrupted run{schedule}"


def flat(settings: object, key: str = "") -> Iterator[tuple[str, Any]]:
    """Nested settings by dotted name; of a list of objects each by its place."""
    if isinstance(settings, dict) and settings:
        for name, value in settings.items():
            yield from flat(value, f"{key}.{name}" if key else name)
    elif isinstance(settings, list) and any(isinstance(item, dict) for item in settings):
        for i, item in enumerate(settings):
            yield from flat(item, f"{key}[{i}]")
    else:
        yield key, settings
