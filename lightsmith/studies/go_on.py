"""Run a study to its end and say what came out, whether it is new or was killed or interrupted."""

from __future__ import annotations

from collections.abc import Callable

from lightsmith.studies.folds import report_folds
from lightsmith.studies.run_members import run_members, say_failed
from lightsmith.studies.seeds import report_seeds
from lightsmith.studies.study import Study, is_study, read_study
from lightsmith.studies.study_options import StudyOptions, check_workers, read_options
from lightsmith.terminal import shown

REPORTS: dict[str, Callable[[Study], None]] = {"seeds": report_seeds, "folds": report_folds}


def continues_study(options: StudyOptions) -> bool:
    """Return whether a command goes on with a study, rather than with a run or with nothing."""
    return options.resume is not None and is_study(options.resume)


def go_on(options: StudyOptions) -> None:
    """Go on with the study that a command names, as it began.

    Raises:
        ValueError: it cannot be gone on with, or not with these options.
        RunFailedError: a run failed; the others are there.
    """
    assert options.resume is not None
    study = read_study(options.resume)
    check_workers(options.workers)
    if study.kind == "tune":
        raise ValueError(f"--resume={options.resume} is a tune, which has no runs: type the command that it printed")
    if study.kind not in REPORTS:
        raise ValueError(f"--resume={options.resume} is a {study.kind}: make {study.kind} goes on with it")
    if options.rest or options.seeds is not None:
        given = options.rest[0] if options.rest else f"--seeds={options.seeds}"
        raise ValueError(f"{given}: a study goes on as it began; leave it out, or begin a new one")
    print(f"study      continuing {shown(study.folder)}/", flush=True)
    finish(study, options.workers or read_options(study.typed).workers or 1)


def finish(study: Study, workers: int) -> None:
    """Run the members of a study that have not ended, and report on it.

    Args:
        workers: how many runs at once.

    Raises:
        ValueError: a mistake in what was typed, which leaves nothing of a new study.
        RunFailedError: a run failed; the others are there.
    """
    failed = run_members(study, workers)
    REPORTS[study.kind](study)
    say_failed(study, failed)
