"""The rows of a predictions file, and what a person is told of them."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

from datamodules.sources.no_input import NotAnInput, Note
from lightsmith.predictions.file import PredictionsFile, name_among
from lightsmith.predictions.trained_model import Answers
from lightsmith.terminal import counted, printable, shown

MOST_NAMED = 10


@dataclass
class Named:
    """The number of inputs of a kind, and the first of them, each with the reason."""

    count: int = 0
    first: list[tuple[str, str]] = field(default_factory=list)

    def add(self, name: str, reason: str) -> None:
        self.count += 1
        if self.count <= MOST_NAMED:
            self.first.append((name, reason))

    def lines(self) -> list[str]:
        """A line for each, and one that counts those beyond the first ten."""
        lines = [printable(f"{name}: {reason}") for name, reason in self.first]
        if self.count > MOST_NAMED:
            lines.append(f"… and {self.count - MOST_NAMED:,} more")
        return lines


class PredictionRows:
    """Writes a row for each input, and remembers what could not be read and what was left out.

    Args:
        file: where the rows go.
        source: the file or folder with the inputs.
        output: the path of the file.
    """

    def __init__(self, file: PredictionsFile, source: Path, output: Path) -> None:
        self.file = file
        self.output = output
        self.source = source
        self.own_name = name_among(output, source)
        self.classified = self.withheld = 0
        self.unreadable, self.left_out, self.notes = Named(), Named(), Named()

    def write(self, answers: Answers) -> None:
        """Add a row for each input, in order, but for those that have no part in it.

        Raises:
            ValueError: the output is among the inputs.
        """
        predictions = answers.by_position
        for position, (name, item) in enumerate(answers.inputs):
            reason = answers.reasons.get(position)
            if reason is not None and isinstance(item, NotAnInput | Note):
                (self.left_out if isinstance(item, NotAnInput) else self.notes).add(name, reason)
                continue
            self._check_not_own(name)
            if reason is None:
                self.classified += 1
                self.withheld += self.file.answer.withholds(predictions[position])
                self.file.write(name, predictions[position])
            else:
                self.unreadable.add(name, reason)
                self.file.write_error(name, reason)

    def _check_not_own(self, name: str) -> None:
        if self.own_name is not None and name in (self.own_name, f"{self.own_name}:{name.rpartition(':')[2]}"):
            raise ValueError(f"--output={self.output} is among the inputs in {self.source}: name another file")

    def check_any(self) -> None:
        """Refuse a source without inputs.

        Raises:
            ValueError: it has none.
        """
        if not self.classified and not self.unreadable.count:
            found = [f"{self.source} holds nothing that can be {self.file.answer.done}", *self.left_out.lines()[:1]]
            raise ValueError(": ".join(found))

    def say(self) -> None:
        """Print where the rows are and what they hold, and on stderr what could not be read."""
        for line in self.unreadable.lines():
            print(f"cannot read {line}" if not line.startswith("…") else line, file=sys.stderr)
        for _, note in self.notes.first:
            print(printable(f"read       {note}"))
        if self.left_out.count:
            names = [name for name, _ in self.left_out.first]
            if self.left_out.count > MOST_NAMED:
                names.append("…")
            print(printable(f"left out   {counted(self.left_out.count, 'file')} without an input: {', '.join(names)}"))
        rows, unread = self.classified + self.unreadable.count, self.unreadable.count
        where = "column" if self.output.suffix.lower() == ".csv" else "key"
        done = self.file.answer.done
        rest = f"{self.classified:,} {done}, {unread:,} could not be read ({where} `error`)"
        held = f", {self.withheld:,} of them below the threshold, without a prediction" if self.withheld else ""
        wrote = f"Wrote {counted(rows, 'row')} to {shown(self.output)}"
        print(printable(f"{wrote}: {rest if unread else f'all {done}'}{held}"))
