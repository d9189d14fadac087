"""`make bench`: race Lightsmith against its baselines on this machine."""

from __future__ import annotations

import os
import time
from pathlib import Path

from benchmarks.command_line import absolute_source, answer
from benchmarks.contenders import RACES
from benchmarks.pages import write_pages
from benchmarks.race import run_race
from benchmarks.report import clean_commit, machine, plot, print_table, save, summarize
from lightsmith.terminal import nearest


def bench(name: str | None = None, data: str = "sample", quick: bool = False, repeats: int = 3) -> None:
    """Race Lightsmith against its baselines, one after the other, and keep the figures in benchmarks/results/.

    Args:
        name: one experiment; all when unset.
        data: sample, hub, or a folder that holds mnist/, cifar10/, imdb/ and hymenoptera/.
        quick: cut every race short, to see that it runs: its figures are of cold first steps, and are not kept.
        repeats: runs of each contender, taken in turn.

    Raises:
        ValueError: no such experiment or folder, uncommitted changes unless it is quick, or a contender failed.
    """
    if name is not None and name not in RACES:
        raise ValueError(f"no race {name!r}{nearest(name, list(RACES))} (all: {', '.join(RACES)})")
    if repeats < 1:
        raise ValueError(f"--repeats={repeats} must be at least 1")
    commit = None if quick else clean_commit()
    about = machine()
    print(f"{about['cpu']}, {about['cores']} cores, {about['gpu'] or 'no GPU'}, torch {about['torch']}; data: {data}")
    for experiment in [name] if name else RACES:
        race = RACES[experiment]
        started = time.perf_counter()
        source = data if data in ("sample", "hub") else f"{data}/{race.folder}"
        print(f"\n{experiment} on {race.folder if source != 'sample' else 'its sample'}", flush=True)
        contenders = summarize(run_race(race, absolute_source(source), repeats, quick), race.target)
        print_table(experiment, contenders, race.target)
        if not quick:
            about_race = {"data": Path(source).name, "commit": commit}
            results = save(experiment, {**about_race, "target": race.target, "contenders": contenders}, about)
            print(f"{os.path.relpath(results)}, {os.path.relpath(plot(results))}")
            write_pages()
        print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    answer(bench, "make bench")
