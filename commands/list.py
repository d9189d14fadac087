"""`list`: the experiments, what they are and what they measured."""

from __future__ import annotations

from shutil import get_terminal_size
from textwrap import shorten

from lightsmith.settings.experiments import experiment_files, header, score

WIDEST = 120  # columns
NARROWEST = 20  # of what an experiment is


def list() -> None:  # noqa: A001  # the verb that it is
    """List the experiments: name, what it is, and the best figure measured, in the width of the terminal."""
    fields = {name: header(path) for name, path in experiment_files().items()}
    scores = {name: score(found) for name, found in fields.items()}
    wide, last = max(map(len, fields)), max(map(len, scores.values()))
    room = max(min(get_terminal_size((80, 24)).columns, WIDEST) - wide - last - 4, NARROWEST)
    for name, found in fields.items():
        what = shorten(found["what"], room, placeholder=" …", break_on_hyphens=False)
        print(f"{name:<{wide}}  {what:<{room}}  {scores[name]}".rstrip())
    print("\nWhat can be set in one:  make options NAME=<name>")
    print('Run one:  make exp NAME=<name> [DATA=hub or a path] [ARGS="--model.lr=0.01"]')
