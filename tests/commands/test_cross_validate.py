import json
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from commands.verify_resume import run_differences
from lightsmith.studies.study import read_study
from tests.conftest import ROOT, Cli
from tests.study_kills import FOLDS, kills_in, study_differences, study_of

QUICK = "--trainer.max_epochs=1 --trainer.limit_train_batches=4 --loggers=[csv] --trainer.precision=32-true"


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--name=mnist_mpl",), "no experiment 'mnist_mpl'; did you mean mnist_mlp"),
        (("--name=mnist_mlp", "--folds=1"), "--folds=1 must lie between 2 and 1000"),
        (("--name=mnist_mlp", "--seeds=2..1"), "--seeds=2..1 must be"),
        (("--name=mnist_mlp", "--workers=0"), "--workers=0 must be at least 1"),
        (("--name=mnist_mlp", "--options=--seed_everything=2"), "--seed_everything=2 is for one run"),
        (("--name=mnist_mlp", "--options=--data.fold=2/5"), "--data.fold is for one run, and --folds=5 runs them all"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(lightsmith: Cli, options: tuple[str, ...], line: str) -> None:
    outcome = lightsmith("cross-validate", *options)
    assert (outcome.code, outcome.err.count("\n")) == (2, 1), outcome.err
    assert line in outcome.err
    assert not Path("runs").exists()


def test_it_begins_its_runs_without_torch() -> None:
    """Each of them imports it, which takes seconds."""
    script = "import sys, cli; cli.function_of('cross-validate'); print('torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"


def films(path: Path) -> None:
    """Texts of authors, of which some are copies of each other."""
    rows = [f"film number {i % 70},{'good' if i % 2 else 'bad'},author {i // 3}" for i in range(72)]
    path.write_text("\n".join(["text,label,author", *rows]))


@pytest.mark.slow
def test_every_item_is_predicted_once_by_a_run_that_saw_neither_it_nor_its_copies_nor_its_author(
    lightsmith: Cli, tmp_path: Path
) -> None:
    films(tmp_path / "films.csv")
    given = ("--name=text_linear", f"--data={tmp_path}/films.csv", "--folds=3")
    few = lightsmith("cross-validate", *given[:2], "--folds=40")
    assert (few.code, few.err.count("\n")) == (2, 1), few.err
    assert "of which 40 folds need 40 or more: give fewer folds or more texts" in few.err
    assert not Path("runs").exists()
    outcome = lightsmith("cross-validate", *given, f"--options={QUICK} --data.group_column=author")
    assert (outcome.code, outcome.err) == (0, "")
    (study,) = Path("runs/text_linear").glob("*-folds")
    table = pq.read_table(study / "predictions.parquet").to_pydict()
    assert sorted(table["item"], key=lambda name: int(name.split()[-1])) == [f"train row {n}" for n in range(72)]
    by_row = {int(item.split()[-1]): fold for item, fold in zip(table["item"], table["fold"], strict=True)}
    assert all(by_row[row] == by_row[row // 3 * 3] for row in by_row)  # one author, one fold
    assert (by_row[0], by_row[1]) == (by_row[70], by_row[71])  # copies
    figures = json.loads((study / "folds.json").read_text())
    assert figures["items"] == 72
    right = [label == best(table, n) for n, label in enumerate(table["label"])]
    assert figures["mean"] == pytest.approx(sum(right) / 72)


def best(table: dict[str, list[float]], row: int) -> str:
    """The class that got the most probability."""
    columns = [name for name in table if name.startswith("probability_")]
    return max(columns, key=lambda name: table[name][row]).removeprefix("probability_")


@pytest.mark.slow
def test_a_fold_that_was_killed_goes_on_and_ends_as_an_undisturbed_one(lightsmith: Cli, tmp_path: Path) -> None:
    films(tmp_path / "films.csv")
    given = ("cross-validate", "--name=text_linear", f"--data={tmp_path}/films.csv", "--folds=2")
    kill = (
        "--trainer.callbacks+=lightsmith.studies.kill_at.KillAt --trainer.callbacks.hooks=[on_train_epoch_end] "
        "--trainer.callbacks.batches=[4] --trainer.callbacks.signals=[SIGKILL]"
    )
    options = "--trainer.max_epochs=2 --loggers=[csv] --trainer.precision=32-true --data.batch_size=8"
    killed = lightsmith(*given, f"--options={options} {kill}")
    assert (killed.code, killed.err, killed.out.count("== fold-1-seed-1")) == (0, "", 2)
    time.sleep(1)  # another second, another name
    assert lightsmith(*given, f"--options={options}").code == 0
    studies = sorted(Path("runs/text_linear").glob("*-folds"))
    for member in read_study(studies[0]).members:
        whole, resumed = (study / member.name for study in reversed(studies))
        assert list(run_differences(whole.resolve(), resumed.resolve())) == []
    tables = [pq.read_table(study / "predictions.parquet") for study in studies]
    assert tables[0].equals(tables[1])


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_cross_validation_whose_processes_are_killed_ends_as_an_undisturbed_one(tmp_path: Path) -> None:
    whole = study_of(tmp_path / "whole", FOLDS)
    killed = study_of(tmp_path / "killed", [*FOLDS, "--workers=2"], kills=2)
    assert kills_in(tmp_path / "killed") == 2
    assert list(study_differences(whole, killed)) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("digit_angle", ""),
        ("mnist_autoencoder", ""),
        ("bert_pretraining", "--data.max_tokens=16"),  # of all texts, which take minutes else
        ("mnist_mlp", ""),
    ],
)
def test_every_kind_of_task_can_be_cross_validated(lightsmith: Cli, name: str, options: str) -> None:
    outcome = lightsmith("cross-validate", f"--name={name}", "--folds=2", f"--options={QUICK} {options}")
    assert (outcome.code, outcome.err) == (0, ""), outcome.err
    (study,) = Path(f"runs/{name}").glob("*-folds")
    table = pq.read_table(study / "predictions.parquet")
    assert len(set(table.column("item").to_pylist())) == table.num_rows > 0
    assert json.loads((study / "folds.json").read_text())["items"] == table.num_rows
    assert f"{table.num_rows:,} items, each predicted by a model that has not seen it" in outcome.out
