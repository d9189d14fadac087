"""The product's Python files, for tests of the code's own shape."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from tests.conftest import ROOT

ROOMS = ("callbacks", "commands", "datamodules", "lightning_modules", "lightsmith")


def product_files() -> list[str]:
    """Paths relative to the repository, of cli.py and all rooms; benchmarks/ and tests/ are no part of the product."""
    found = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    return sorted(path.relative_to(ROOT).as_posix() for path in [ROOT / "cli.py", *found])


@cache
def syntax_tree(file: str) -> ast.Module:
    """The parsed source of a file."""
    return ast.parse((ROOT / file).read_text(encoding="utf-8"), file)


@cache
def imports(file: str) -> frozenset[str]:
    """Dotted names that a file imports, at its top or within functions; of ``from a import b`` a.b."""
    names: set[str] = set()
    for node in ast.walk(syntax_tree(file)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno} imports relative to itself: write the whole path"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(names)


@cache
def module_file(name: str) -> str | None:
    """The file or folder of the repository that a dotted name is in; None for a library's."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        path = "/".join(parts[:end])
        if (ROOT / f"{path}.py").is_file():
            return f"{path}.py"
        if (ROOT / path / "__init__.py").is_file():
            return f"{path}/__init__.py"
    return None


def namesake(file: str) -> Path:
    """Where the test of a file lies."""
    path = Path(file)
    return ROOT / "tests" / path.with_name(f"test_{path.name}")
