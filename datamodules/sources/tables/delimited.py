"""Tables as lines of delimited fields: CSV, TSV and their kin, read as text."""

from __future__ import annotations

import codecs
import csv
import io
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from datamodules.sources.tables.checks import check_columns
from datamodules.sources.text_encoding import TITLES, UTF8, recognise_encoding

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
SPELLED = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";"}
SAMPLE_CHARACTERS, SAMPLE_ROWS = 1_000_000, 50
AS_LETTERS: dict[str, Any] = {"quoting": csv.QUOTE_NONE}
# How quotes can be meant, the usual way first: doubled within a quoted field, after a backslash there, or as letters.
READINGS: dict[str, dict[str, Any]] = {
    "": {},
    "a backslash stands before quotes within a field": {"escapechar": "\\"},
    "quotes are part of the texts": AS_LETTERS,
}
ENCLOSED = re.compile(r'\s*".*"\s*')
NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x1f]")


@dataclass(frozen=True)
class DelimitedFormat:
    """The format of delimited files as a person gave it; what is None is recognised.

    Args:
        delimiter: one character, or "tab".
        encoding: a Python codec.
        header: whether the first line names the columns. Without, they are called 1, 2, …
        quotes: whether quotes enclose a field, or are part of it.

    Raises:
        ValueError: no such delimiter or encoding.
    """

    delimiter: str | None = None
    encoding: str | None = None
    header: bool | None = None
    quotes: bool | None = None

    def __post_init__(self) -> None:
        if self.delimiter is not None:
            object.__setattr__(self, "delimiter", SPELLED.get(self.delimiter, self.delimiter))
            if len(self.delimiter) != 1 or self.delimiter in '"\n\r':
                raise ValueError(f"data.delimiter={self.delimiter!r} must be one character, such as , or ; or tab")
        if self.encoding is not None:
            try:
                codecs.lookup(self.encoding)
            except (LookupError, ValueError):
                message = f"data.encoding={self.encoding!r} is no encoding that Python knows, such as utf-8 or cp1252"
                raise ValueError(message) from None


class DelimitedTable:
    """A file of delimited fields.

    Args:
        path: the file.
        wanted: groups of column names; a delimiter that finds one of each group in the header is the right one.

    Attributes:
        columns: the names in the header, without blanks around them.
        notes: what was recognised and is not the usual, as sentences.

    Raises:
        ValueError: it is no table, or can be read in two ways.
    """

    def __init__(self, path: Path, given: DelimitedFormat, wanted: Sequence[Sequence[str]]) -> None:
        self.path, self.given = path, given
        self.encoding = given.encoding or recognise_encoding(path)
        try:
            with self._open() as file:
                sample = file.read(SAMPLE_CHARACTERS)
        except UnicodeDecodeError as error:
            raise ValueError(f"it is not in {self.encoding}: {error.reason}") from error
        if not sample.strip():
            raise ValueError("it holds nothing but blank lines")
        if NO_TEXT.search(sample.lstrip().partition("\n")[0]):
            raise ValueError("it is not a text file")
        says = re.match(r"sep=(.)\r?\n", sample)  # as Excel writes it
        self._skipped_lines = int(says is not None)
        self.delimiter: str = given.delimiter or (says and says[1]) or self._find_delimiter(sample, wanted)
        rows = _sample_rows(sample, self.delimiter, self._skipped_lines)
        first = next(iter(rows), [])
        self._loose = len(first) > 1 and all(cell.startswith(" ") for cell in first[1:])  # blanks after delimiters
        check_columns(len(first))
        named = given.header is not False
        self.columns = [cell.strip() for cell in first] if named else [str(n + 1) for n in range(len(first))]

    @property
    def notes(self) -> list[str]:
        usual = "\t" if self.path.suffix.lower() in (".tsv", ".tab") else ","
        told, said = [], []
        if self.delimiter != usual:
            told.append(f"separated by {DELIMITERS.get(self.delimiter, self.delimiter)}")
        if self.encoding.lower() not in ("utf-8", "utf8", UTF8):
            told.append(f"in {TITLES.get(self.encoding, self.encoding)}")
        if told:
            said.append(f"{self.path.name} is read as {' and '.join(told)}")
        if self.given.quotes is None and self._reading:
            said.append(f"{self.path.name}: {self._reading} (--data.quotes says how they are meant)")
        return said

    @property
    def settings(self) -> object:
        """The settings that the rows depend on besides the file."""
        return (self.delimiter, self.encoding, self._loose, self.given, self.columns)

    def holds(self, column: int) -> str:
        """Return what the values of a column are read as."""
        return "texts"

    def declared(self, column: int) -> list[str] | None:
        """A file of text declares no class names."""
        return None

    def rows(self, columns: Sequence[int]) -> Iterator[list[str | None]]:
        """The cells of these columns in each row; None where a row ends early.

        Raises:
            ValueError: naming the line that is no row of this table.
        """
        return (cells for _, cells in self.numbered_rows(columns))

    def numbered_rows(self, columns: Sequence[int]) -> Iterator[tuple[int, list[str | None]]]:
        """The cells of these columns in each row, with the number of the line that the row begins in."""
        for line, row in self._records(self._reading):
            yield line, [row[column] if column < len(row) else None for column in columns]

    def _find_delimiter(self, sample: str, wanted: Sequence[Sequence[str]]) -> str:
        heads = {delimiter: _sample_rows(sample, delimiter) for delimiter in DELIMITERS}
        if self.given.header is not False:
            found = {delimiter: _count_named(rows[:1], wanted) for delimiter, rows in heads.items()}
            best = max(found.values())
            if best:
                return next(delimiter for delimiter, count in found.items() if count == best)
        even = [d for d, rows in heads.items() if len({len(row) for row in rows}) == 1 and len(rows[0]) > 1]
        if len(even) > 1:
            titles = " or ".join(DELIMITERS[delimiter] for delimiter in even)
            raise ValueError(f"its fields may be separated by {titles}: say which with --data.delimiter")
        return next(iter(even), ",")

    @cached_property
    def _reading(self) -> str:
        """Recognise how quotes are meant: the first of ``READINGS`` that makes every line a row of this table."""
        usual, escaped, plain = READINGS
        readings = {None: (usual, escaped, plain), True: (usual, escaped), False: (plain,)}[self.given.quotes]
        problem, several_lines = self._problem(readings[0])
        if problem:
            other = next((reading for reading in readings[1:] if not self._problem(reading)[0]), None)
            if other is None:
                raise ValueError(problem)
            return other
        if several_lines and self.given.quotes is None and not self._problem(plain)[0]:
            raise ValueError(
                f"the text that begins with a quote in line {several_lines} may go on in the next line, or be a row of "
                "its own: say which with --data.quotes=true or --data.quotes=false"
            )
        return readings[0]

    def _problem(self, reading: str) -> tuple[str, int]:
        """Describe the first line that is no row, if any; and where a field of several lines begins."""
        expected, several_lines, count, as_letters = len(self.columns), 0, 0, READINGS[reading] == AS_LETTERS
        spare = None  # empty fields at the end of every row, such as after a trailing delimiter
        try:
            for line, row in self._records(reading):
                extra = len(row) - expected
                blank = extra > 0 and not any(cell.strip() for cell in row[expected:])
                if spare is None:
                    spare = extra * blank
                # Where quotes may be letters, a row that ends early is the first half of one that goes on.
                if (extra > 0 and not (blank and extra == spare)) or (extra < 0 and as_letters):
                    return self._other_width(line, len(row)), 0
                if as_letters and self.given.quotes is None and any(map(ENCLOSED.fullmatch, row)):
                    return f"line {line} has a field in quotes, and another line a quote that encloses none", 0
                if not several_lines and any("\n" in cell for cell in row):
                    several_lines = line
                count += 1
        except ValueError as error:
            return str(error), 0
        return ("" if count else "it holds no rows below its header"), several_lines

    def _other_width(self, line: int, count: int) -> str:
        first = "first line" if self.given.header is False else "header"
        return (
            f"line {line} has {count} fields, the {first} {len(self.columns)}: put a text that holds "
            f"{self.delimiter!r} in quotes"
        )

    def _records(self, reading: str) -> Iterator[tuple[int, list[str]]]:
        """(number of its first line, fields) of each row below the header."""
        with self._open() as file:
            for _ in range(self._skipped_lines):
                file.readline()
            options = {"delimiter": self.delimiter, "skipinitialspace": self._loose, "strict": True}
            reader = csv.reader(file, **{**options, **READINGS[reading]})
            in_header, line = self.given.header is not False, self._skipped_lines + 1
            try:
                for row in reader:
                    if row and not in_header:
                        yield line, row
                    in_header = in_header and not row
                    line = self._skipped_lines + reader.line_num + 1
            except UnicodeDecodeError as error:
                raise ValueError(f"line {line} or one below is not in {self.encoding}: {error.reason}") from error
            except csv.Error as error:
                raise ValueError(f"line {line}: its quotes do not enclose fields ({error})") from error

    def _open(self) -> Any:
        csv.field_size_limit(sys.maxsize)  # 131,072 characters otherwise
        return self.path.open(encoding=self.encoding, newline="")


def _sample_rows(sample: str, delimiter: str, skipped_lines: int = 0) -> list[list[str]]:
    """The first rows, without one that the end of the sample cuts."""
    file = io.StringIO(sample, newline="")
    for _ in range(skipped_lines):
        file.readline()
    rows = list(islice((row for row in csv.reader(file, delimiter=delimiter) if row), SAMPLE_ROWS + 1))
    cut = len(rows) > SAMPLE_ROWS or len(sample) == SAMPLE_CHARACTERS
    if cut and len(rows) > 1:
        rows.pop()
    return rows


def _count_named(header: list[list[str]], wanted: Sequence[Sequence[str]]) -> int:
    """Count the groups of names of which one stands in the header."""
    names = {cell.strip().lower() for row in header for cell in row}
    return sum(any(name.lower() in names for name in group) for group in wanted)
