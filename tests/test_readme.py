"""README.md keeps its word: its paths exist, its names are real, its commands run."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from datamodules.cifar10 import CIFAR10
from datamodules.mnist import MNIST
from datamodules.texts import TextData
from datamodules.transfer_images import TransferImages
from lightsmith.settings.experiments import experiment_files

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
TEXT = README.read_text(encoding="utf-8") if README.is_file() else ""
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE)) - {"setup"}

SHELLS = ("bash", "sh", "shell", "console")
PROGRAMS = {"make", "git", "cd", "cat", "less", "ls", "bash", "python3", ".venv/bin/python", ".venv/bin/wandb"}
PROGRAMS |= {".venv/bin/tensorboard"}
HUB_NAMES = {data.hub_name.split("@")[0] for data in (MNIST, CIFAR10, TextData, TransferImages)}
FILE_SUFFIXES = r"\.(?:py|yaml|yml|md|toml|lock|json|jsonl|csv|ckpt|safetensors|txt|sh|parquet)"
# What commands write, so that it need not be there: below these folders, or by these names in a run's folder.
WRITTEN_FOLDERS = ("runs", "data", ".venv", "wandb", "checkpoints", "tensorboard")
WRITTEN_FILES = {"results.json", "metrics.csv", "config.yaml", "hparams.yaml", "predictions.jsonl"}
WRITTEN_FILES |= {"best.ckpt", "last.ckpt"}
# A run with these settings depends on the machine; such a line is only parsed.
HARDWARE = re.compile(r"--trainer\.(accelerator|devices|num_nodes|strategy|precision)")


class Fence(NamedTuple):
    language: str
    content: str


FENCES = [Fence(*found) for found in re.findall(r"^```(\w*)\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)]
PROSE = re.sub(r"^```.*?^```", "", TEXT, flags=re.MULTILINE | re.DOTALL)
SPANS = re.findall(r"`([^`\n]+)`", PROSE)
LINKS = [link for link in re.findall(r"\]\(([^)\s]+)\)", PROSE) if not re.match(r"(https?|mailto):", link)]


def shell_lines() -> list[str]:
    """The commands of the shell blocks: one a line, continuations joined, prompts and comments off."""
    blocks = (fence.content for fence in FENCES if fence.language in SHELLS)
    lines = (line for block in blocks for line in block.replace("\\\n", " ").splitlines())
    lines = (re.sub(r"(^|\s)#.*", "", line.removeprefix("$ ")) for line in lines)
    return [command for line in lines for command in re.split(r"\s*(?:&&|;|\|)\s+", line.strip()) if command]


def command_lines() -> list[str]:
    """Those, and the code spans that are commands; `make exp` alone is only the name of one."""
    spans = (span for span in SPANS if span.startswith(("make ", ".venv/", "git ")) and " " in span)
    spans = (span for span in spans if span != "make exp")
    return list(dict.fromkeys([*shell_lines(), *spans]))


def make_lines() -> list[str]:
    return [line for line in command_lines() if line.startswith("make ")]


def experiment_table() -> dict[str, str]:
    """The row of each experiment: the table whose first column is headed by the word."""
    for table in re.findall(r"(?:^\|.*\n)+", TEXT, re.MULTILINE):
        rows = table.splitlines()
        if "experiment" in rows[0].split("|")[1].lower():
            return {re.sub(r"[`*\s]|\[|\]\(.*?\)", "", row.split("|")[1]): row for row in rows[2:]}
    return {}


def is_placeholder(path: str) -> bool:
    return bool(re.search(r"[<>…*]", path)) or path.startswith("path/to")


def is_written(path: str) -> bool:
    parts = Path(path).parts
    return parts[0] in WRITTEN_FOLDERS or parts[-1] in WRITTEN_FILES


def looks_like_a_path(span: str) -> bool:
    """Whether it is one word with a folder or a known ending; not an option, an address, a metric or a hub data set."""
    if re.search(r"[\s=(){}:|,]", span) or span.startswith(("-", "~", "/", "..")) or span in HUB_NAMES:
        return False
    is_metric = re.fullmatch(r"(train|val|test)/[a-z_0-9]+", span)
    return bool("/" in span or re.search(FILE_SUFFIXES + "$", span)) and not is_metric


def paths_in_trees() -> list[str]:
    """The first word of the lines of blocks without a language, where it is written like a path."""
    lines = (line for fence in FENCES if fence.language in ("", "text") for line in fence.content.splitlines())
    words = (re.sub(r"^[\s│├└─|`+-]+", "", line).split(" ")[0] for line in lines)
    return [word for word in words if re.fullmatch(rf"[\w.][\w./-]*(/|{FILE_SUFFIXES})|Makefile", word)]


def make_arguments(line: str) -> tuple[list[str], dict[str, str]]:
    """Targets and assignments of a make command."""
    words = shlex.split(line)[1:]
    given = dict(word.split("=", 1) for word in words if "=" in word)
    return [word for word in words if "=" not in word and not word.startswith("-")], given


def exp_lines() -> list[str]:
    lines = [line for line in make_lines() if "exp" in make_arguments(line)[0]]
    return [line for line in lines if not is_placeholder(make_arguments(line)[1].get("NAME", ""))]


def runs_offline(given: dict[str, str]) -> bool:
    return given.get("DATA", "sample") == "sample" and "RESUME" not in given and not HARDWARE.search(str(given))


def options(given: dict[str, str]) -> list[str]:
    source = [f"--data.source={given['DATA']}"] if "DATA" in given else []
    return source + shlex.split(given.get("ARGS", ""))


def test_readme_has_what_these_tests_read() -> None:
    assert README.is_file()
    assert shell_lines()
    assert exp_lines()
    assert experiment_table()
    assert paths_in_trees()
    assert any(looks_like_a_path(span) for span in SPANS) or LINKS


@pytest.mark.parametrize("path", sorted({span for span in SPANS if looks_like_a_path(span)}))
def test_path_in_backticks_exists(path: str) -> None:
    assert is_placeholder(path) or is_written(path) or (ROOT / path).exists(), f"README.md names {path}"


@pytest.mark.parametrize("link", sorted(set(LINKS)))
def test_relative_link_exists(link: str) -> None:
    path, _, anchor = link.partition("#")
    target = ROOT / path if path else README
    assert target.exists(), f"README.md links to {path}"
    headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE) if anchor else []
    assert not anchor or anchor in {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("path", sorted(set(paths_in_trees())))
def test_path_in_the_tree_exists(path: str) -> None:
    beside = [ROOT / path, *ROOT.glob(f"[a-z]*/{path}")]
    assert is_written(path) or any(p.exists() for p in beside), f"README.md shows {path}"


def test_tree_shows_every_folder() -> None:
    tracked = {path.parent.name for path in ROOT.glob("[a-z]*/*.*") if path.suffix in (".py", ".yaml", ".md")}
    assert {f"{name}/" for name in tracked - set(WRITTEN_FOLDERS)} <= set(paths_in_trees())


def test_every_experiment_has_a_row_and_every_row_an_experiment() -> None:
    assert set(experiment_table()) == set(experiment_files())


def test_every_name_given_is_an_experiment() -> None:
    named = re.findall(r"\bNAME=([\w-]+)", TEXT) + re.findall(r"\bexperiments/([a-z]\w*)\.yaml", TEXT)
    named += re.findall(r"\bruns/([\w-]+)/(?:latest|\d)", TEXT)
    assert named
    assert set(named) <= set(experiment_files())


def test_every_make_target_named_exists() -> None:
    blocks = re.findall(r"\bmake ([a-z][a-z-]*)\b", "\n".join([*(f.content for f in FENCES), *SPANS]))
    assert {"exp", "test"} <= set(blocks)
    assert set(blocks) <= TARGETS


def test_every_variable_given_to_make_is_one() -> None:
    (variables,) = re.findall(r"^variables := (.+)", MAKEFILE, re.MULTILINE)
    known = set(variables.split())
    for line in make_lines():
        assert set(make_arguments(line)[1]) <= known, line


def test_make_help_lists_every_target() -> None:
    make = shutil.which("make")
    assert make, "make is one of the two programs that Lightsmith needs"
    ran = subprocess.run([make, "help"], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True)
    assert set(re.findall(r"^  make ([a-z-]+) +\S", ran.stdout, re.MULTILINE)) == TARGETS


@pytest.mark.parametrize("line", command_lines())
def test_command_starts_with_a_known_program(line: str) -> None:
    words = [word for word in shlex.split(line) if not re.match(r"[A-Z_]+=", word)]
    assert words[0] in PROGRAMS


def test_list_shows_the_experiments_of_the_table(lightsmith: Callable[..., Any]) -> None:
    outcome = lightsmith("list")
    assert outcome.code == 0
    assert all(re.search(rf"\b{name}\b", outcome.out) for name in experiment_table())


@pytest.mark.parametrize("line", exp_lines())
def test_make_exp_line_is_accepted(line: str, lightsmith: Callable[..., Any]) -> None:
    _, given = make_arguments(line)
    if "RESUME" in given:
        assert is_placeholder(given["RESUME"]) or is_written(given["RESUME"])
        return
    configs = [f"--config={ROOT}/experiments/{name}.yaml" for name in ("_defaults", given["NAME"])]
    outcome = lightsmith("run", *configs, *options(given), "--print_config")
    assert outcome.code == 0, outcome.err
    assert f"source: {given.get('DATA', 'sample')}" in outcome.out


@pytest.mark.parametrize("line", [line for line in exp_lines() if runs_offline(make_arguments(line)[1])])
def test_make_exp_line_runs_for_one_batch(line: str, experiment: Callable[..., Any]) -> None:
    _, given = make_arguments(line)
    small = "--data.batch_size=16"  # unless the line says otherwise
    outcome = experiment(given["NAME"], small, *options(given), "--trainer.fast_dev_run=true")
    assert outcome.code == 0, outcome.err
    answer = f"{given['NAME']}.yaml" if "--explain" in line else "sample"
    assert answer in outcome.out.splitlines()[0]
    assert not Path("runs").exists()


@pytest.mark.parametrize("line", [line for line in command_lines() if " cli.py " in line])
def test_cli_line_is_accepted(line: str, lightsmith: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    words = shlex.split(line)
    arguments = words[words.index("cli.py") + 1 :]
    monkeypatch.chdir(ROOT)
    dry = ["--print_config"] if arguments[0] in ("run", "fit", "validate", "test", "predict") else ["--help"]
    assert lightsmith(*arguments, *dry).code == 0
