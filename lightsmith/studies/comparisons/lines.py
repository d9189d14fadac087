"""A comparison for a person: one sentence, tables, and what else is to be known."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.console import Group as Tables
from rich.table import Table

from lightsmith.studies.comparisons.answer import Comparison, Group, Pair
from lightsmith.studies.comparisons.metrics import amount, difference_heading, figure, unit
from lightsmith.studies.comparisons.run_groups import DATA, EXPERIMENT
from lightsmith.terminal import empty_table, listed, printable

MOST_NAMED = 10  # of what was left out
MOST_SETTINGS = 6
WIDTH = 120
FIRST = 14  # characters of a fingerprint
TEXTS = ("", "settings", "seeds")  # headings of columns that hold no figures


def print_comparison(found: Comparison) -> None:
    """Print the sentence, the tables and the notes."""
    print(printable(sentence(found)))
    Console(width=WIDTH, highlight=False, markup=False).print(Tables(*tables(found)))
    for line in notes(found):
        print(printable(line))


def sentence(found: Comparison) -> str:
    """The answer in one sentence."""
    if len(found.groups) == 1:
        return _of_group(found, found.groups[0])
    if len(found.pairs) == 1:
        return _of_pair(found, found.pairs[0])
    return _best(found)


def _of_group(found: Comparison, group: Group) -> str:
    assert group.interval is not None
    assert group.spread is not None
    low, high = (figure(found.metric, end) for end in group.interval)
    spread = f"{amount(found.metric, group.spread)} {unit(found.metric)}"
    what = "other seeds and test items" if found.by_item else "other seeds"
    mean = f"{found.metric} is {figure(found.metric, group.mean)}, between {low} and {high} with {what}"
    return f"{mean}; {group.n} seeds spread by {spread}."


def _of_pair(found: Comparison, pair: Pair) -> str:
    a, b = pair.groups
    if not pair.distinguishable:
        size = _size(found.metric, pair.difference, *pair.interval)
        return f"These runs cannot tell {a} from {b}: {size}; {_needed(pair)}."
    falls = pair.difference < 0
    first, second = (a, b) if falls != (found.direction == "min") else (b, a)
    size = _size(found.metric, abs(pair.difference), *sorted(map(abs, pair.interval)))
    word = "higher" if found.direction is None else "better"
    if "seed" in pair.covers:
        return f"{first} is {word} than {second} by {size}."
    return f"The run of {first} is {word} than that of {second} by {size}; other seeds may say otherwise."


def _size(metric: str, value: float, low: float, high: float) -> str:
    return f"{amount(metric, value)} {unit(metric)}, between {amount(metric, low)} and {amount(metric, high)}"


def _needed(pair: Pair) -> str:
    if "seed" not in pair.covers:
        return "one seed of each says nothing of others, so run at least three"
    if pair.seeds_needed is None:
        return "no number of seeds would show a difference of this size with these test items"
    return f"{pair.seeds_needed} seeds of each would show a difference of this size"


def _best(found: Comparison) -> str:
    """Name the best of several groups by its mean, and the others from which it can be told."""
    best, *others = sorted(found.groups, key=lambda group: group.mean, reverse=found.direction != "min")
    apart = [set(pair.groups) for pair in found.pairs if pair.distinguishable]
    told = [group.name for group in others if {best.name, group.name} in apart]
    alike = [group.name for group in others if group.name not in told]
    word = "highest" if found.direction is None else "best"
    parts = []
    if told:
        parts.append(f"these runs tell it from {listed(sorted(told))}")
    if alike:
        parts.append(f"they cannot tell it from {listed(sorted(alike))}")
    mean = f"{best.name} has the {word} {found.metric}, {figure(found.metric, best.mean)}"
    return f"{mean}: {', and '.join(parts)}.".replace(": they", ": these runs")


def tables(found: Comparison) -> list[Table]:
    """The groups, and the pairs of them."""
    groups = empty_table("", "settings", found.metric, "spread", "95% interval", "seeds", left=TEXTS)
    for group in found.groups:
        groups.add_row(
            group.name,
            printable(label(group)),
            figure(found.metric, group.mean),
            "" if group.spread is None else amount(found.metric, group.spread),
            "" if group.interval is None else " to ".join(figure(found.metric, end) for end in group.interval),
            f"{group.n}: {_ranges(group.seeds)}",
        )
    if not found.pairs:
        return [groups]
    heading = difference_heading(found.metric)
    pairs = empty_table("", heading, "95% interval", "p", "told apart", "seeds that would show it", left=TEXTS)
    for pair in found.pairs:
        pairs.add_row(
            f"{pair.groups[1]} − {pair.groups[0]}",
            amount(found.metric, pair.difference),
            " to ".join(amount(found.metric, end) for end in pair.interval),
            "< 0.001" if pair.p_value < 0.001 else f"{pair.p_value:.3f}",
            "yes" if pair.distinguishable else "no",
            _seeds_needed(pair),
        )
    return [groups, pairs]


def _seeds_needed(pair: Pair) -> str:
    if "seed" not in pair.covers:
        return ""
    return str(pair.seeds_needed or "none")


def label(group: Group) -> str:
    """The experiment of a group, and what it has that not all groups have."""
    own = [_setting(name, value) for name, value in group.settings.items() if name != EXPERIMENT]
    if len(own) > MOST_SETTINGS:
        own[MOST_SETTINGS:] = [f"and {len(own) - MOST_SETTINGS} more"]
    return ", ".join([str(group.settings[EXPERIMENT]), *own])


def _setting(name: str, value: object) -> str:
    return f"{name}={str(value)[:FIRST]}…" if name == DATA else f"{name}={value}"


def _ranges(seeds: Sequence[int]) -> str:
    """Seeds in few words: 1–5, 7."""
    parts: list[list[int]] = []
    for seed in seeds:
        if parts and seed == parts[-1][-1] + 1:
            parts[-1].append(seed)
        else:
            parts.append([seed])
    return ", ".join(f"{part[0]}–{part[-1]}" if len(part) > 1 else str(part[0]) for part in parts)


def notes(found: Comparison) -> list[str]:
    """Say how runs were compared, and which were left out."""
    lines = []
    if found.pairs:
        lines.append(f"compared   {_how(found)}")
    if len(found.pairs) > 1:
        lines.append("p is adjusted for the number of pairs (Holm); intervals are of each pair alone.")
    lines += [f"left out   {entry['run']}: {entry['reason']}" for entry in found.left_out[:MOST_NAMED]]
    if len(found.left_out) > MOST_NAMED:
        lines.append(f"left out   … and {len(found.left_out) - MOST_NAMED:,} more")
    return lines


def _how(found: Comparison) -> str:
    """Say whether scores are compared item by item, seed by seed, or between groups only."""
    paired = ["–".join(pair.groups) for pair in found.pairs if "seed" in pair.paired]
    if not found.by_item:
        start = f"by seeds only, since the runs' predictions do not give {found.metric} item by item"
    else:
        start = f"paired by {found.items:,} test items"
    if not paired:
        return start
    if len(paired) == len(found.pairs):
        return f"{start}, and paired by seed"
    return f"{start}, and {listed(sorted(paired))} by seed"
