"""`compare`: which of several settings is better, by how much, and whether their runs can tell."""

from __future__ import annotations

from pathlib import Path

from lightsmith.predictions.file import is_writable
from lightsmith.replace_file import replace_json
from lightsmith.studies.comparison import compare_runs
from lightsmith.studies.comparisons.found_runs import FoundRuns, runs_by_name, runs_by_pattern
from lightsmith.studies.comparisons.lines import print_comparison
from lightsmith.terminal import shown

SUFFIXES = (".json", ".svg", ".png")


def compare(
    runs: str | None = None, names: str | None = None, metric: str | None = None, output: Path | None = None
) -> None:
    """Group runs by their settings, and say which are better, by how much, and whether these runs can tell.

    Args:
        runs: folders or patterns, in quotes: "runs/a/* runs/b/*"; a folder of runs, as a study, stands for them.
        names: experiments instead, of each the newest run of every seed: "mnist_mlp mnist_cnn".
        metric: of the test; what runs of this kind are judged by when unset.
        output: a file to write: .json for the figures, .svg or .png for a plot of the intervals.

    Raises:
        ValueError: no such runs, too few of them, runs of other test data or another kind of task, or a file that
            cannot be written.
    """
    if output is not None:
        _check_output(output)
    found = _found(runs, names)
    answer = compare_runs(found.folders, metric, found.left_out)
    print_comparison(answer)
    if output is None:
        return
    if output.suffix == ".json":
        replace_json(output.resolve(), answer.as_json())
    else:
        from lightsmith.studies.comparisons.plot import plot  # matplotlib takes a second to import

        plot(answer, output)
    print(f"written    {shown(output)}")


def _found(runs: str | None, names: str | None) -> FoundRuns:
    if runs is not None and names is None:
        return runs_by_pattern(runs)
    if names is not None and runs is None:
        return runs_by_name(names)
    raise ValueError("--runs and --names are two ways to say which runs: give one of them")


def _check_output(output: Path) -> None:
    """Refuse a file that could not be written afterwards.

    Raises:
        ValueError: naming what is in the way.
    """
    if output.suffix not in SUFFIXES:
        raise ValueError(f"--output={output} must end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}")
    if output.is_dir() or not output.resolve().parent.is_dir() or not is_writable(output.resolve().parent):
        raise ValueError(f"--output={output} cannot be written: name a file in a folder that can")
