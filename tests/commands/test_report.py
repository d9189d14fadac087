from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.lightsmith.reports.made_runs import CLASSES, record, write_class_run, write_ledger, write_run, write_study


def test_a_page_lands_in_the_folder_that_it_is_about(lightsmith: Cli, tmp_path: Path) -> None:
    run = write_class_run(Path("runs/mnist_mlp/20260101-000000"), CLASSES)
    (run.parent / "latest").symlink_to(run.name)
    outcome = lightsmith("report", "--run=runs/mnist_mlp/latest")
    assert (outcome.code, outcome.out, outcome.err) == (0, f"Wrote {run}/report.html\n", "")
    for folder in (
        write_ledger(Path("runs/mnist_mlp-compressed/20260101-000000")),
        write_study(Path("runs/mnist_mlp/20260102-000000-sweep"), 2),
    ):
        assert lightsmith("report", f"--run={folder}").code == 0
        assert (folder / "report.html").is_file()
    assert lightsmith("report", "--study=runs/mnist_mlp/20260102-000000-sweep", "--output=study.html").code == 0
    assert (
        Path("study.html").read_bytes() == (Path("runs/mnist_mlp/20260102-000000-sweep") / "report.html").read_bytes()
    )


def test_several_runs_have_their_page_here(lightsmith: Cli) -> None:
    for number in range(3):
        write_run(Path(f"runs/mnist_mlp/2026010{number + 1}-000000"), record(seed=number))
    assert lightsmith("report", "--runs=runs/mnist_mlp/*").out == "Wrote report.html\n"
    before = Path("report.html").read_bytes()
    assert lightsmith("report", "--runs=runs/mnist_mlp/*").code == 0
    assert Path("report.html").read_bytes() == before


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ((), "a report of what? give one of --run, --runs and --study"),
        (("--run=a", "--study=b"), "not run and study"),
        (("--run=nowhere",), "nowhere"),
        (("--runs=nowhere/*",), "--runs=nowhere/* matches nothing"),
        (("--study=.",), "holds no study.json"),
        (("--run=.", "--output=x.pdf"), "--output=x.pdf must be a file that ends in .html"),
        (("--run=.", "--output=no/x.html"), "cannot be written, or is not there"),
        (("--run=nowhere",), "--run=nowhere is not a folder"),
        (("--study=nowhere",), "--study=nowhere is not a folder"),
        (("--run=.",), "holds no results.json"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(lightsmith: Cli, options: tuple[str, ...], line: str) -> None:
    outcome = lightsmith("report", *options)
    assert (outcome.code, outcome.out) == (2, "")
    assert line in outcome.err
    assert outcome.err.count("\n") == 1
    assert list(Path().iterdir()) == []
