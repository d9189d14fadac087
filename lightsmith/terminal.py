"""Lines for a person: short, printable, and once."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

LONGEST = 500
MOST_OFFERED = 3


def one_line(error: BaseException) -> str:
    """The message of an error on a single line, without the middle of an endless one."""
    line = printable(" ".join(str(error).split())) or type(error).__name__
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 100]} … {line[-100:]}"


def printable(text: str) -> str:
    """The text with what a terminal would obey, or could not show, as escapes: a file's name may hold anything."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def shortened(text: str, width: int) -> str:
    """The text, cut at its end where it is longer than a width in characters."""
    return text if len(text) <= width else f"{text[: width - 2]} …"


def counted(number: int, noun: str) -> str:
    """A number with what it is of, such as "1 row" and "1,200 rows"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def listed(names: Sequence[str]) -> str:
    """One or more names in a sentence, such as "a", "a and b" and "a, b and c"."""
    *others, last = names
    return " and ".join(filter(None, [", ".join(others), last]))


def empty_table(*headings: str, left: Collection[str], no_wrap: bool = False) -> Table:
    """A table without rows, of whose columns those in ``left`` are flush left and the others, of figures, right."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="left" if heading in left else "right", no_wrap=no_wrap)
    return table


def nearest(name: str, choices: list[str]) -> str:
    """A question that offers the choices that begin so, in whatever case, or the most similar one; or nothing."""
    lower = {choice.lower(): choice for choice in reversed(choices)}
    longer = [choice for choice in choices if name and choice.lower().startswith(name.lower())]
    close = [lower[match] for match in get_close_matches(name.lower(), lower, n=1, cutoff=0.5)]
    offered = longer if 0 < len(longer) <= MOST_OFFERED else close
    if not offered:
        return ""
    names = [", ".join(offered[:-1]), offered[-1]]
    return f"; did you mean {' or '.join(filter(None, names))}?"


def print_once(lines: list[str]) -> None:
    """Print on the first of several processes only."""
    # Imported here: a mistyped verb is answered without Lightning, which takes seconds to import.
    from lightning.pytorch.utilities import rank_zero_only

    rank_zero_only(print)("\n".join(map(printable, lines)), flush=True)


def say(line: str) -> None:
    """Tell whoever runs this process something on stderr, at once."""
    print(printable(line), file=sys.stderr, flush=True)


def shown(folder: Path) -> Path:
    """A path relative to the current folder where possible, which is easier to read and to type."""
    here = Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder
