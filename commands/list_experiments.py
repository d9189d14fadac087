"""`list`: the experiments, what they are and what they measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

EXPERIMENTS = Path(__file__).parents[1] / "experiments"


def experiment_files() -> dict[str, Path]:
    """Every experiment's YAML by name."""
    return {path.stem: path for path in sorted(EXPERIMENTS.rglob("*.yaml")) if not is_part(path)}


def is_part(path: Path) -> bool:
    """Whether a YAML is no experiment but a part of some: its name, or its folder's, starts with an underscore."""
    return path.stem.startswith("_") or path.parent.name.startswith("_")


def experiment_name(files: Sequence[Path]) -> str:
    """The last experiment among configuration files; a part counts only where nothing else is given."""
    experiments = [file for file in files if not is_part(file)] or files
    return experiments[-1].stem.lstrip("_") if experiments else "unnamed"


def header(path: Path) -> dict[str, str]:
    """The header comment of an experiment's YAML: ``what`` for its first line, then each ``key: value`` line."""
    lines: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").strip())
    fields = {"what": lines[0] if lines else ""}
    for line in lines[1:]:
        key, separator, value = line.partition(":")
        if separator and key in ("source", "command", "sample", "real"):
            fields[key] = value.strip()
    return fields


def list_experiments() -> None:
    """List the experiments with their measured results."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in ("experiment", "what it is", "on the sample", "on real data"):
        table.add_column(column, overflow="fold", no_wrap=column == "experiment")
    for name, path in experiment_files().items():
        fields = header(path)
        table.add_row(name, fields["what"], fields.get("sample", ""), fields.get("real", ""))
    Console().print(table)
    print('Run one with: make exp NAME=<experiment> [DATA=hub or a path] [ARGS="--model.lr=0.01"]')
