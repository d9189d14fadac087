"""Lines about a tune for a person: its suggestions, the table of batch sizes, and the command to use."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console
from rich.table import Table

from lightsmith.studies.tuning.tuning import Tuning
from lightsmith.terminal import empty_table, printable

WIDTH = 100
SPECIAL = set('"$`\\')  # which a shell would not leave as they are in double quotes
ENDS = {
    "throughput": "larger ones are hardly faster",
    "memory": "for larger ones memory ends",
    "items": "with larger ones an epoch would have few steps",
}


def print_tuning(found: Tuning, data: str, options: Sequence[str]) -> None:
    """Print what was found, and the command to use.

    Args:
        data: data.source, as it was given to the tune.
        options: of the command line, as they were given to it.
    """
    print("\n".join(_rate_lines(found)))
    Console(width=WIDTH).print(_table(found))
    print(_batch_line(found))
    rate_alone, *with_batch = commands(found, data, options)
    print(printable(f"use        {rate_alone}"))
    for command in with_batch:
        print(printable(f"or         {command}    (its rate by rule, not tried)"))


def _rate_lines(found: Tuning) -> Iterator[str]:
    curve, by, key = found.curve, found.suggestions, found.option.key
    yield f"rate       {key}={found.rate:g}; the experiment has {found.option.value:g}"
    yield f"           a quarter of the rate at which the loss is lowest ({by.lowest:.2g})"
    yield f"           the loss falls fastest at {by.steepest:.2g}; two thirds into its valley: {by.valley:.2g}"
    end = f"the loss diverged at {curve.rates[-1]:.2g}" if curve.diverged else "the loss never diverged"
    share = f", {len(curve.rates) / found.fit_steps:.1%} of a fit" if found.fit_steps else ""
    yield f"           {len(curve.rates)} steps from {curve.rates[0]:g} on{share}, {found.rate_seconds:.1f} s; {end}"
    rates = sorted(set(found.group_rates), reverse=True)
    if len(rates) > 1:
        shown = " : ".join(f"{rate / rates[0]:.3g}" for rate in rates)
        yield f"           rates of the {len(rates)} groups of parameters keep their proportion, {shown}"


def _table(found: Tuning) -> Table:
    table = empty_table("batch size", "a step", "items/s", "against the first", "memory", left=[])
    rungs, best = found.ladder.rungs, found.ladder.best
    for rung in rungs:
        table.add_row(
            f"{rung.batch_size:,}{' ←' if rung is best else ''}",
            f"{1000 * rung.step_seconds:,.3g} ms",
            f"{rung.items_per_second:,.0f}",
            f"{rung.items_per_second / rungs[0].items_per_second:.2f}×",
            f"{rung.memory_bytes / 1e9:.2f} GB",
        )
    return table


def _batch_line(found: Tuning) -> str:
    best = found.ladder.best
    if best is None:
        return "batch      memory ends with the smallest batch that was tried"
    line = f"batch      {best.batch_size:,} items are the most that pay: {ENDS[found.ladder.ended]}"
    return f"{line}; the experiment has {found.batch_size:,}"


def commands(found: Tuning, data: str, options: Sequence[str]) -> list[str]:
    """The command for the suggested rate, and where another batch pays, the one for both."""
    name, key = found.experiment, found.option.key
    made = [make_command(name, data, options, {key: found.rate})]
    if found.other_batch is not None:
        both = {key: found.rate_at(found.other_batch), "data.batch_size": found.other_batch}
        made.append(make_command(name, data, options, both))
    return made


def make_command(name: str, data: str, options: Sequence[str], settings: Mapping[str, object]) -> str:
    """The command that runs an experiment as it was tuned, with these settings.

    Args:
        name: of the experiment.
        data: data.source.
        options: of the command line; those that set the same are left out.
    """
    others = [option for option in options if not option.startswith(tuple(f"--{key}=" for key in settings))]
    joined = shlex.join([*others, *(f"--{key}={value:g}" for key, value in settings.items())])
    given = f'ARGS="{joined}"'
    if SPECIAL & set(joined):
        given = shlex.quote(f"ARGS={joined}").replace("$", "$$")  # which is make's sign too
    if data != "sample":
        given = f"DATA={shlex.quote(data)} {given}"
    return f"make exp NAME={name} {given}"
