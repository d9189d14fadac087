"""docs/tasks.md: its commands are accepted, its knobs exist, and its example of a task works as it is printed."""

from __future__ import annotations

import inspect
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
from lightning.pytorch import Trainer

from lightning_modules.training.optimizers import OptimizerName, ScheduleName
from lightsmith.settings.experiments import experiment_files
from lightsmith.settings.parse_errors import init_arguments

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/tasks.md").read_text(encoding="utf-8")
TASKS, EXAMPLE = TEXT.split("\n## A task of your own in under 100 lines\n")
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", TASKS, re.MULTILINE | re.DOTALL))
COMMANDS = re.findall(r"^make exp .*", TASKS, re.MULTILINE)
KNOB_ROWS = re.findall(r"^\| (`[\w.]+`(?:, `[\w.]+`)*) \| (.+?) \|", TASKS, re.MULTILINE)
EARLY_STOPPING = "lightning.pytorch.callbacks.EarlyStopping"
ROOMS = ("callbacks", "commands", "datamodules", "experiments", "lightning_modules", "lightsmith")


def test_every_experiment_has_a_section_and_a_row() -> None:
    experiments = set(experiment_files())
    assert experiments
    assert set(re.findall(r"^\| \[(\w+)\]\(#\1\)", TASKS, re.MULTILINE)) == experiments
    assert experiments <= set(SECTIONS)


@pytest.mark.parametrize("name", experiment_files())
def test_section_says_where_the_data_comes_from_and_how_to_run_it(name: str) -> None:
    section = SECTIONS[name]
    for source in ("sample", "hub", "path"):
        assert re.search(rf"^- .*\*\*{source}\*\*", section, re.MULTILINE), source
    assert f"make exp NAME={name}\n" in section


@pytest.mark.parametrize("line", COMMANDS)
def test_command_is_accepted(line: str, parse: Callable[..., Any], make_exp: Callable[..., Any]) -> None:
    given, options = make_exp(line)
    assert set(given) <= {"NAME", "DATA", "ARGS", "RESUME", "BASELINE"}
    if "RESUME" in given:
        assert re.fullmatch(r"runs/\w+/latest", given["RESUME"])
        assert given["RESUME"].split("/")[1] in experiment_files()
        return
    settings = parse(given["NAME"], *options)
    assert settings.data.init_args.source == given.get("DATA", "sample")


def test_command_with_a_mistyped_knob_is_refused(parse: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match=r"model\.lrr"):
        parse("mnist_mlp", "--model.lrr=1")


def test_every_knob_named_exists(parse: Callable[..., Any]) -> None:
    known = {f"trainer.{option}" for option in inspect.signature(Trainer).parameters}
    for name in experiment_files():
        settings = parse(name)
        for group in ("model", "data"):
            known |= {f"{group}.{option}" for option in init_arguments(settings[group].class_path)}
    known |= {f"data.{option}" for option in init_arguments("datamodules.review_words.ReviewWords")}
    no_knobs = {"model.help", "data.help", "model.safetensors"}
    named = set(re.findall(r"\b((?:model|data|trainer)\.[a-z_]+)\b", TASKS)) - no_knobs
    assert len(named) > 20
    assert named <= known


@pytest.mark.parametrize(("knobs", "values"), KNOB_ROWS)
def test_every_value_named_is_accepted(knobs: str, values: str, parse: Callable[..., Any]) -> None:
    for knob in re.findall(r"`([\w.]+)`", knobs):
        named = re.findall(r"`([\w-]+)`", values) or [
            "0.5" if re.search(r"up to|between|0 to 1|above", values) else "1"
        ]
        for value in named:
            parse("cifar_cnn", f"--{knob}=" + (f"[{value}]" if knob == "loggers" else value))


def test_optimizers_and_schedules_are_all_listed() -> None:
    listed = dict(KNOB_ROWS)
    assert set(re.findall(r"`([\w-]+)`", listed["`model.optimizer`"])) == set(get_args(OptimizerName))
    assert set(re.findall(r"`([\w-]+)`", listed["`model.schedule`"])) == set(get_args(ScheduleName))


def test_early_stopping_command_stops_early(experiment: Callable[..., Any], make_exp: Callable[..., Any]) -> None:
    (line,) = (line for line in COMMANDS if EARLY_STOPPING in line)
    given, options = make_exp(line)
    impossible = ["--callbacks.EarlyStopping.min_delta=100", "--data.train_size=100", "--loggers=[csv]"]
    outcome = experiment(given["NAME"], *options, *impossible)
    assert outcome.code == 0, outcome.err
    (results,) = Path("runs", given["NAME"]).glob("[0-9]*/results.json")
    (patience,) = re.findall(r"patience=(\d+)", line)
    assert json.loads(results.read_text())["fit"]["epochs"] == 1 + int(patience)


def example() -> dict[str, str]:
    """The blocks of the example by the path that the text before each names in bold's sentence."""
    found = re.findall(
        r"^\*\*\d\. [^`]*`([\w/.]+)`(?:(?!^```).)*?^```\w+\n(.*?)^```", EXAMPLE, re.MULTILINE | re.DOTALL
    )
    return dict(found)


def test_the_example_is_under_a_hundred_lines_in_its_rooms() -> None:
    files = example()
    assert sorted(Path(path).parts[0] for path in files) == ["datamodules", "experiments", "lightning_modules"]
    assert len(files) == len(re.findall(r"^```(?:python|yaml)$", EXAMPLE, re.MULTILINE))
    assert sum(len(content.splitlines()) for content in files.values()) < 100
    there = {path: (ROOT / path).read_text(encoding="utf-8") for path in files if (ROOT / path).exists()}
    assert there in ({}, files)  # the latter in a copy that holds the task


RUN_EXAMPLE = """
import sys
import cli

configs = ["-c", "experiments/_defaults.yaml", "-c", f"experiments/{sys.argv[1]}.yaml", "--loggers=[csv]"]
assert cli.main(["run", *configs]) == 0
assert cli.main(["predict", f"--run=runs/{sys.argv[1]}/latest", "--input=rows.csv"]) == 0
own = ["--runs=own", "--data.source=own.csv", "--model.num_features=2", "--trainer.max_epochs=1"]
assert cli.main(["run", *configs, *own]) == 0
assert cli.main(["run", *configs, "--data.source=rows.csv"]) == 2
assert cli.main(["list"]) == 0
assert cli.main(["export", f"--run=runs/{sys.argv[1]}/latest", "--output=exported"]) == 0
assert cli.main(["predict", "--run=exported", "--input=rows.csv", "--output=of-export.jsonl"]) == 0
"""
# The other verbs, then what a contributor is told to do before sharing.
SHARE_EXAMPLE = """
make export RUN=runs/{name}/latest INT8=1 MAX_DROP=5
make export RUN=runs/{name}/latest FORMAT=torch
make compress NAME={name}
make verify-resume NAME={name}
git init -q .
git add -A
git -c user.name=me -c user.email=me@example.org commit -qm "A task of my own"
make measure NAME={name}
make check
make test
"""


@pytest.fixture(scope="module")
def example_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of Lightsmith with the example's files in it."""
    tree = tmp_path_factory.mktemp("tree")
    for room in ROOMS:
        shutil.copytree(ROOT / room, tree / room, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("cli.py", "pyproject.toml"):
        shutil.copy(ROOT / file, tree)
    add_example(tree)
    return tree


def add_example(tree: Path) -> None:
    for path, content in example().items():
        (tree / path).write_text(content, encoding="utf-8")


@pytest.mark.slow
def test_the_example_trains_predicts_and_takes_other_data(example_tree: Path) -> None:
    (name,) = (Path(path).stem for path in example() if path.startswith("experiments/"))
    complete, empty = "59,2,32.1,101,157,93.2,38,4,4.9,87", ",1,20,90,180,110,50,4,5,80"
    (example_tree / "rows.csv").write_text(f"{','.join(f'c{i}' for i in range(10))}\n{complete}\n{empty}\n")
    own = [f"{i % 2},{i},{10 * i + i % 2}" for i in range(60)]
    (example_tree / "own.csv").write_text("\n".join(["a,b,value", *own, ",7,70"]) + "\n")
    ran = subprocess.run(
        [sys.executable, "-c", RUN_EXAMPLE, name], cwd=example_tree, capture_output=True, text=True, timeout=200
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert name in ran.stdout
    assert "no value column in rows.csv" in ran.stderr

    latest = example_tree / "runs" / name / "latest"
    results = json.loads((latest / "results.json").read_text())
    assert results["task"] == "regression"
    assert results["test"]["r2"] > 0.3
    first, second = map(json.loads, (latest / "predictions/rows.csv.jsonl").read_text().splitlines())
    assert 25 < first["low"] < first["value"] < first["high"] < 400
    assert second == {"item": "rows.csv:3", "error": "an empty cell"}
    exported = json.loads((example_tree / "of-export.jsonl").read_text().splitlines()[0])
    assert [exported[name] for name in ("value", "low", "high")] == pytest.approx([*first.values()][1:], rel=1e-5)
    card = (example_tree / "exported/README.md").read_text()
    (code,) = re.findall(r"^```python\n(.*?)^```", card, re.MULTILINE | re.DOTALL)
    shown = [sys.executable, "-c", f"{code}\nprint(outputs.shape)"]
    alone = subprocess.run(shown, cwd=example_tree / "exported", capture_output=True, text=True)
    assert (alone.stdout, alone.stderr) == ("(1, 1)\n", "")
    (own_results,) = (example_tree / "own" / name).glob("[0-9]*/results.json")
    data = json.loads(own_results.read_text())["data"]
    assert data["values"]["largest"] == 591
    assert [skipped["reason"] for skipped in data["skipped"]] == ["an empty cell"]


def test_the_example_passes_the_linter(example_tree: Path) -> None:
    files = [path for path in example() if path.endswith(".py")]
    for check in (["check"], ["format", "--check"]):
        ran = subprocess.run(
            [sys.executable, "-m", "ruff", *check, *files], cwd=example_tree, capture_output=True, text=True, timeout=60
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_a_copy_that_holds_the_example_runs_every_verb_and_passes_all_checks(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for file in listed.rstrip("\0").split("\0"):
        (tree / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tree / file)
    (tree / ".venv").symlink_to(ROOT / ".venv")
    add_example(tree)
    (name,) = (Path(path).stem for path in example() if path.startswith("experiments/"))
    row, section = re.search(r"^```markdown\n(\|.*?\|)\n\n(.*?)^```", EXAMPLE, re.MULTILINE | re.DOTALL).groups()  # type: ignore[union-attr]  # it is there
    section = section.replace(f"make exp NAME={name}", f"```\nmake exp NAME={name}\n```")
    pages = (tree / "docs/tasks.md").read_text(encoding="utf-8")
    pages = pages.replace("\n\nThen: [knobs", f"\n{row}\n\nThen: [knobs", 1)
    pages = pages.replace("\n## Knobs of every task", f"\n{section}\n## Knobs of every task", 1)
    (tree / "docs/tasks.md").write_text(pages, encoding="utf-8")
    for line in ["make exp NAME={name}", *SHARE_EXAMPLE.strip().splitlines()]:
        ran = subprocess.run(line.format(name=name), shell=True, cwd=tree, capture_output=True, text=True)
        assert ran.returncode == 0, f"{line}: {ran.stdout[-3000:]}{ran.stderr[-3000:]}"
