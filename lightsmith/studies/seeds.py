"""`make exp SEEDS=1..5`: one experiment under several seeds, as a study."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lightsmith.replace_file import replace_json
from lightsmith.studies.study import Member, Study, create_study
from lightsmith.studies.study_options import StudyOptions, check_common, check_workers
from lightsmith.terminal import shown

COMPARISON = "comparison.json"
LARGEST = 2**32 - 1  # what NumPy's generators take
MOST = 1000  # seeds of one study
RANGE = re.compile(r"(\d+)\.\.(\d+)|(\d+)")
CONFIG = re.compile(r"(-c|--config)(=.*)?")


def create_seeds(verb: str, options: StudyOptions, typed: Sequence[str]) -> Study:
    """A new study with a member for each seed.

    Args:
        verb: the command that was given.
        options: of it; with seeds.
        typed: the same as they were typed.

    Raises:
        ValueError: a mistake.
    """
    asked = f"--seeds={options.seeds}"
    seeds = parse_seeds(options.seeds or "")
    check_workers(options.workers)
    if verb != "run":
        raise ValueError(f"{asked}: seeds are compared by their tests, which {verb} does not make; give it to run")
    check_common([*options.rest, *([] if options.resume is None else ["--resume"])], asked)
    if not options.config or _settings_before_files(typed, options.rest):
        raise ValueError(f"{asked}: give -c <experiment> before all other options")
    members = [Member(f"seed-{seed}", [f"--seed_everything={seed}"]) for seed in seeds]
    common = [f"--runs={options.runs}", *options.rest]
    study = create_study(options.runs, "seeds", typed, options.config, common, options.experiment)
    return study.with_members(members)


def _settings_before_files(typed: Sequence[str], rest: Sequence[str]) -> bool:
    """Return whether a setting stands before a YAML file, which would win over it."""
    files = [place for place, option in enumerate(typed) if CONFIG.fullmatch(option)]
    return any(option.startswith("--") and option in rest for option in typed[: files[-1]])


def parse_seeds(text: str) -> list[int]:
    """The seeds that ``5`` (1 to 5), ``1..5`` or ``3,7,11`` means, in that order.

    Raises:
        ValueError: it means none, too many, or one twice.
    """
    seeds: list[int] = []
    for part in [f"1..{text}"] if text.isdecimal() else text.split(","):
        found = RANGE.fullmatch(part.strip())
        if found is None:
            raise ValueError(f"--seeds={text}: say how many (5), from and to (1..5), or each (3,7,11)")
        first, last = (int(end or found[3]) for end in (found[1], found[2]))  # of a single seed, both ends
        if not first <= last <= LARGEST or last - first >= MOST:
            raise ValueError(f"--seeds={text} must be 1 to {MOST} seeds between 0 and {LARGEST}, the lowest first")
        seeds.extend(range(first, last + 1))
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"--seeds={text} names a seed twice: give each once")
    return seeds


def report_seeds(study: Study) -> None:
    """Print the figures of all seeds, and write them into the study's folder, if two or more have finished."""
    from lightsmith.studies.comparison import compare_runs  # scipy takes a second to import
    from lightsmith.studies.comparisons.lines import print_comparison

    done = study.finished
    print(f"\nstudy      {shown(study.folder)}/  ({len(done)} of {len(study.members)} runs finished)")
    if len(done) > 1:
        found = compare_runs([study.folder_of(member) for member in done])
        replace_json(study.folder / COMPARISON, found.as_json())
        print_comparison(found)
