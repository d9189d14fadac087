"""The experiments: their YAML files, names and headers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightsmith.run_folder import LAST_CHECKPOINT
from lightsmith.settings.yaml_files import read_settings
from lightsmith.terminal import nearest

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"


PERCENTAGE = re.compile(r"\d+(?:\.\d+)?%")


RUN_SETTINGS = re.compile(r"config(-[\w-]+)?\.yaml")


def experiment_files() -> dict[str, Path]:
    """Every experiment's YAML by name."""
    return {path.stem: path for path in sorted(EXPERIMENTS.rglob("*.yaml")) if not is_part(path)}


def experiment_file(name: str) -> Path:
    """Find the YAML of an experiment.

    Raises:
        ValueError: there is none of that name.
    """
    files = experiment_files()
    if name not in files:
        raise ValueError(f"no experiment {name!r}{nearest(name, list(files))} (all: {', '.join(files)})")
    return files[name]


def is_part(path: Path) -> bool:
    """Return whether a YAML is only a part of experiments: its name, or its folder's, starts with an underscore."""
    return path.stem.startswith("_") or path.parent.name.startswith("_")


def experiment_name(files: Sequence[Path]) -> str:
    """The name of the last experiment among configuration files; a part counts only where nothing else is given."""
    names = [name for file in files if (name := _named_by(file))]
    if names:
        return names[-1]
    if files:
        return files[-1].stem.lstrip("_")
    return "unnamed"


def _named_by(file: Path) -> str | None:
    """The name of the experiment that a YAML is: one of experiments/, or with a model and data of its own.

    None for a part, which changes some settings of an experiment.
    """
    if file.resolve().is_relative_to(EXPERIMENTS):
        return None if is_part(file) else file.stem
    if RUN_SETTINGS.fullmatch(file.name) and (file.parent / LAST_CHECKPOINT.parent).is_dir():
        return run_name(file.resolve().parent)
    settings = read_settings(file)
    own = all(isinstance(group := settings.get(key), str) or "class_path" in (group or ()) for key in ("model", "data"))
    return file.stem if own and not file.stem.startswith("_") else None


def run_name(folder: Path) -> str:
    """The experiment that a run is of, as it recorded it; runs of earlier versions lie in a folder of that name."""
    return str(config_of(folder).get("experiment") or folder.parent.name)


def config_of(folder: Path) -> dict[str, Any]:
    """The resolved settings of the run in a folder, nested; empty where it has none."""
    file = folder / "config.yaml"
    return read_settings(file) if file.is_file() else {}


def header(path: Path) -> dict[str, str]:
    """The header comment of an experiment's YAML: ``what`` for its first line, then each ``key: value`` line."""
    lines: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").strip())
    fields = {"what": next(iter(lines), "")}
    for line in lines[1:]:
        key, separator, value = line.partition(":")
        if separator and key in ("source", "command", "sample", "real"):
            fields[key] = value.strip()
    return fields


def score(fields: dict[str, str]) -> str:
    """The figure on the real data of an experiment's header, or else on the sample, such as ``98.8% (mnist)``."""
    for of, text in (("real", fields.get("real", "")), ("sample", fields.get("sample", ""))):
        if found := PERCENTAGE.search(text):
            data = text.partition(",")[0] if of == "real" else of
            return f"{found[0]} ({data})"
    return "not yet measured"
