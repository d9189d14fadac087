"""`report`: one HTML file about a run, several runs, a study or a compression."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightsmith.reports.page_file import check_page, write_page
from lightsmith.run_folder import LEDGER, newest_run
from lightsmith.studies.study import is_study
from lightsmith.terminal import printable, shown

FILE = "report.html"


def report(
    run: Path | None = None,
    runs: str | None = None,
    study: Path | None = None,
    output: Path | None = None,
) -> None:
    """Write a page that opens from disk, without a network: figures, curves, errors, settings and costs.

    Args:
        run: a run folder such as runs/mnist_mlp/latest, or a folder that ``compress`` wrote.
        runs: several run folders, or patterns such as "runs/mnist_mlp/* runs/mnist_cnn/*".
        study: the folder of a study.
        output: the file to write; when unset, report.html in the folder of the run or study, or here for several runs.

    Raises:
        ValueError: none or several of these are given, one is no such folder, or the file cannot be written.
    """
    given = [name for name, value in (("run", run), ("runs", runs), ("study", study)) if value is not None]
    if len(given) != 1:
        raise ValueError(
            f"a report of what? give one of --run, --runs and --study, not {' and '.join(given) or 'none'}"
        )
    asked = run or study or Path()
    if not asked.is_dir():
        raise ValueError(f"--{given[0]}={asked} is not a folder{newest_run(asked)}")
    folder = asked.resolve()
    path = output or folder / FILE
    check_page(path)
    write_page(path.resolve(), _page(folder, runs, study is not None))
    print(printable(f"Wrote {shown(path.absolute())}"))


def _page(folder: Path, runs: str | None, is_of_study: bool) -> dict[str, Any]:
    """The figures of the page that was asked for.

    Raises:
        ValueError: there is nothing of that kind.
    """
    if runs is not None:
        return _of_several(runs)
    if is_of_study or is_study(folder):
        from lightsmith.reports.study_page import study_page

        return study_page(folder)
    if (folder / LEDGER).is_file():
        from lightsmith.reports.ledger_page import ledger_page

        return ledger_page(folder)
    return _of_one(folder)


def _of_several(patterns: str) -> dict[str, Any]:
    from lightsmith.reports.several_page import several_page
    from lightsmith.studies.comparisons.found_runs import runs_by_pattern

    return several_page(runs_by_pattern(patterns).folders, f"Runs: {patterns}")


def _of_one(folder: Path) -> dict[str, Any]:
    from lightsmith.reports.run_page import run_page

    return run_page(folder)
