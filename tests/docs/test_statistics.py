"""docs/statistics.md describes exactly what a comparison writes, and its commands are those of the Makefile."""

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Cli
from tests.written_runs import write_seeds

TEXT = (ROOT / "docs/statistics.md").read_text(encoding="utf-8")
KEYS = dict(re.findall(r"^\| `([\w.\[\]]+)` \| ([\w ]+) \| .+ \|$", TEXT, re.MULTILINE))
KINDS = {"string": str, "integer": int, "number": float, "boolean": bool, "object": dict}


def flat(value: dict[str, Any], before: str = "") -> dict[str, Any]:
    """Values by dotted key; of a list of objects itself and, as key[].name, its first."""
    found = {f"{before}{key}": part for key, part in value.items()}
    lists = {
        key: part[0] for key, part in found.items() if isinstance(part, list) and part and isinstance(part[0], dict)
    }
    return found | {k: v for key, first in lists.items() for k, v in flat(first, f"{key}[].").items()}


def is_a(kind: str, value: Any) -> bool:
    if kind.endswith(" or null"):
        return value is None or is_a(kind.removesuffix(" or null"), value)
    if kind.startswith("list of "):
        return isinstance(value, list) and all(is_a(kind[8:].removesuffix("s"), element) for element in value)
    return isinstance(value, KINDS[kind])


def test_every_key_is_documented_with_its_type(lightsmith: Cli) -> None:
    runs = write_seeds(Path("runs/a"), [1, 2, 3], 0.8) + write_seeds(Path("runs/b"), [1, 2], 0.85, experiment="b")
    Path("runs/a/notes.txt").touch()
    assert lightsmith("compare", "--runs=runs/*/*", "--output=comparison.json").code == 0
    written = flat(json.loads(Path("comparison.json").read_text(encoding="utf-8")))
    assert KEYS.keys() == written.keys()
    assert {key: value for key, value in written.items() if not is_a(KEYS[key], value)} == {}
    assert len(runs) == 5


@pytest.mark.parametrize("line", re.findall(r"^(make compare .+?)(?:  +#.*)?$", TEXT, re.MULTILINE))
def test_a_command_of_the_page_compares(line: str, lightsmith: Cli) -> None:
    for place, name in enumerate(("mnist_mlp", "mnist_cnn")):
        write_seeds(Path(f"runs/{name}"), [1, 2, 3], 0.8 + place / 20, experiment=name)
    make = ["make", "--no-print-directory", "--just-print", "-C", str(ROOT), *shlex.split(line)[1:]]
    said = subprocess.run(make, capture_output=True, text=True, check=True).stdout
    (command,) = (line for line in said.splitlines() if "cli.py compare" in line)
    outcome = lightsmith(*shlex.split(command)[2:])
    assert (outcome.code, outcome.err) == (0, "")
