"""Tables drawn at random in the ways that people write them, with what is in them; no reader has a part in this."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
LABELS = [
    ["negative", "positive"],
    ["Low", "High", "None"],
    ["NA", "null", "nan", "N/A"],
    ["007", "7", "012"],
    ["10", "9", "2", "1"],
    ["-1", "0", "1"],
    ["True", "False"],
    ["positive", "Positive", "POSITIVE"],
    ["Sehr gut", "nicht gut"],
    ["billing", "returns, refunds", "it's \u201cother\u201d"],
    ["3.10", "v2"],
    ["=1+1", "#ref", "@home"],
]
WORDS = [
    "film",
    "plot",
    "cast",
    "ending",
    "bright",
    "dull",
    "clever",
    "tender",
    "None",
    "NA",
    "null",
    "7",
    "007",
    "1e5",
]
ACCENTS = ["café", "naïve", "für", "señor"]
ODD = ["🙂🙂", "فيلم رائع", "ภาพยนตร์", "\u200b.", "令人感动"]
WITHIN_QUOTES = ["one\ntwo", "one\r\ntwo\n\nthree", 'said "so"', "a, b; c", "a\tb | c", '"all of it"', "C:\\new\\table"]
COLUMNS: dict[str, Callable[[int], str]] = {
    "id": lambda n: str(n),
    "note": lambda n: "" if n % 3 else "NA",
    "ticket": lambda n: str(n) if n < 30 else f"A{n}",
}


@dataclass
class Generated:
    """A file and what a reader should find in it: rows of (text, label), where none or blanks stand for nothing."""

    name: str
    content: bytes
    rows: list[tuple[str, str]]
    options: dict[str, Any] = field(default_factory=dict)
    says: list[str] = field(default_factory=list)  # words in the notes


def generate(number: int) -> Generated:
    """The same for the same number."""
    chance = random.Random(number)
    encoding = chance.choice(["utf-8", "utf-8", "utf-8-sig", "utf-16", "cp1252"])
    quoting = chance.choice(["minimal", "minimal", "all", "none", "backslash"])
    form = chance.choice(["delimited"] * 7 + ["jsonl", "json", "parquet"])
    if form != "delimited":
        encoding, quoting = chance.choice(["utf-8", "utf-8-sig"]), "all"
    delimiter = chance.choice(list(DELIMITERS))
    rows = _rows(chance, encoding, quoting, delimiter)
    if form == "parquet":
        return Generated(f"t{number}.parquet", _parquet(rows), rows)
    if form != "delimited":
        return Generated(f"t{number}.{form}", _json(chance, rows, form).encode(encoding), rows)
    return _delimited(chance, number, rows, delimiter, quoting, encoding)


def _rows(chance: random.Random, encoding: str, quoting: str, delimiter: str) -> list[tuple[str, str]]:
    labels = [label for label in chance.choice(LABELS) if quoting != "none" or delimiter not in label]
    count = chance.randint(20, 80)
    empties, unlabelled, blanks = chance.choice([0, 0, 0.1, 0.3]), chance.choice([0, 0, 0.03]), chance.random() < 0.3
    rows = []
    for n in range(count):
        text = "" if chance.random() < empties else _text(chance, n, encoding, quoting, delimiter)
        label = labels[n % len(labels)]
        if n >= 2 * len(labels):
            text = chance.choice(["", "  "]) if chance.random() < empties else text or "plain"
            label = "" if chance.random() < unlabelled else label
        else:
            text = text or f"number {n}"
        rows.append((text, f"{label} " if blanks and n % 5 == 0 and label else label))
    return rows + rows[: chance.choice([0, 0, 10])]


def _text(chance: random.Random, n: int, encoding: str, quoting: str, delimiter: str) -> str:
    words = [str(n), *chance.choices(WORDS, k=chance.randint(1, 12))]
    if encoding == "cp1252":
        words += chance.choices(ACCENTS, k=int(n % 3 == 0))
    elif chance.random() < 0.2:
        words += chance.choices(ODD + ACCENTS)
    if quoting != "none" and chance.random() < 0.3:
        # Nobody can tell whether backslashes alone are doubled.
        odd = [mark for mark in WITHIN_QUOTES if quoting != "backslash" or "\\" not in mark]
        words.insert(chance.randint(0, len(words)), chance.choice(odd))
    if quoting == "none" and chance.random() < 0.2:
        words.insert(chance.randint(0, len(words)), '"so"')
    return " ".join(words)


def _json(chance: random.Random, rows: list[tuple[str, str]], form: str) -> str:
    objects = [{"id": n, "text": text, "label": label or None} for n, (text, label) in enumerate(rows)]
    for n, one in enumerate(objects):
        one["id"] = n if n < 15 else f"A{n}"
    ascii_only = chance.random() < 0.5
    lines = [json.dumps(one, ensure_ascii=ascii_only) for one in objects]
    return "\n".join(lines) + "\n" if form == "jsonl" else "[" + ",\n".join(lines) + "]"


def _parquet(rows: list[tuple[str, str]]) -> bytes:
    file = io.BytesIO()
    columns = {
        "id": range(len(rows)),
        "text": [text for text, _ in rows],
        "label": [label or None for _, label in rows],
    }
    pq.write_table(pa.table(columns), file, row_group_size=17)
    return file.getvalue()


def _delimited(
    chance: random.Random, number: int, rows: list[tuple[str, str]], delimiter: str, quoting: str, encoding: str
) -> Generated:
    columns = ["text", "label", *chance.sample(list(COLUMNS), chance.randint(0, 3))]
    chance.shuffle(columns)
    headed = chance.random() < 0.85
    cells = []
    for n, (text, label) in enumerate(rows):
        named = {"text": text, "label": label, **{name: column(n) for name, column in COLUMNS.items()}}
        cells.append([named[name] for name in columns])
    blank = "" if quoting == "all" else " "
    header = chance.choice([columns, [c.upper() for c in columns], [f"{blank}{c.title()}{blank}" for c in columns]])
    if headed:
        cells.insert(0, header)
    options: dict[str, Any] = {} if headed else {"header": False, "delimiter": delimiter}
    if not headed:
        options |= {f"{name}_column": str(columns.index(name) + 1) for name in ("text", "label")}
    end = chance.choice(["\n", "\r\n"])
    spare = delimiter if chance.random() < 0.15 else ""
    lines = [delimiter.join(_cell(cell, delimiter, quoting) for cell in row) + spare for row in cells]
    first = f"sep={delimiter}{end}" if headed and encoding != "utf-16" and chance.random() < 0.05 else ""
    last = end if chance.random() < 0.8 else ""
    suffix = chance.choice(["csv", "csv", "tsv", "txt"])
    says = [DELIMITERS[delimiter]] if delimiter != ("\t" if suffix == "tsv" else ",") else []
    content = (first + end.join(lines) + last).encode(encoding)
    if not content.isascii():  # Windows-1252 without accents is UTF-8
        says += {"cp1252": ["Windows-1252"], "utf-16": ["UTF-16"]}.get(encoding, [])
    return Generated(f"t{number}.{suffix}", content, rows, options, says)


def _cell(cell: str, delimiter: str, quoting: str) -> str:
    needed = any(mark in cell for mark in (delimiter, '"', "\n", "\r"))
    if quoting == "none" or (quoting == "minimal" and not needed):
        return cell
    if quoting == "backslash":
        return '"' + cell.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return '"' + cell.replace('"', '""') + '"'
