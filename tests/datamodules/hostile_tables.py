"""Tables and texts that somebody made up to break a reader, and odd ones that a reader should understand."""

from __future__ import annotations

import io
import json
import pickle
import random
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

ROWS = "".join(f"text {i},{'ab'[i % 2]}\n" for i in range(20))
CSV = f"text,label\n{ROWS}"
JSON_LINES = "".join(json.dumps({"text": f"text {i}", "label": "ab"[i % 2]}) + "\n" for i in range(20))
WIDE = [f"c{i}" for i in range(100_000)]
ARABIC, THAI = "\u0641\u064a\u0644\u0645 \u0631\u0627\u0626\u0639", "\u0e2b\u0e19\u0e31\u0e07"


def parquet(**columns: list[Any]) -> bytes:
    return written(pa.table({"text": ["a", "b"], "label": [0, 1], **columns}))


def written(table: pa.Table) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd")
    return file.getvalue()


def declared(kind: str) -> bytes:
    """A table whose texts are said to be something else, in what the datasets library believes."""
    features = {"text": {"_type": kind}, "label": {"_type": "Value", "dtype": "int64"}}
    metadata = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    return written(pa.table({"text": ["a", "b"], "label": [0, 1]}).replace_schema_metadata(metadata))


class Intruder:
    """Would leave a file behind if anybody unpickled it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, ("intruder", "w"))


# A reader should understand these.
READABLE: dict[str, Callable[[], bytes]] = {
    "null-bytes.csv": lambda: CSV.replace("text 3", "te\0xt").encode(),
    "byte-order-mark.csv": lambda: CSV.encode("utf-8-sig"),
    "huge-field.csv": lambda: (CSV + "x" * 20_000_000 + ",a\n").encode(),
    "short-row.csv": lambda: (CSV + "alone\n").encode(),
    "odd-letters.csv": lambda: (CSV + f"🙂🙂,a\n{ARABIC},b\n{THAI},a\n\u200b\u200b,b\n\x07\x1b[31m,a\n").encode(),
    "null-among-objects.jsonl": lambda: (JSON_LINES + '{"text": null, "label": "a"}\n').encode(),
    "latin-1.csv": lambda: CSV.replace("text 3", "caf\xe9").encode("latin-1"),
    "utf-16.csv": lambda: CSV.encode("utf-16"),
    "utf-32.csv": lambda: CSV.encode("utf-32"),
    "half-a-character.jsonl": lambda: JSON_LINES.replace("text 3", "\\ud800").encode(),
    "unknown-type.parquet": lambda: declared("Intruder"),
    "sound.parquet": lambda: declared("Audio"),
}

# Nobody should.
BROKEN: dict[str, Callable[[], bytes]] = {
    "empty.csv": lambda: b"",
    "twice-named.csv": lambda: f"text,text,label\n{ROWS.replace(',', ',again,')}".encode(),
    "header-only.csv": lambda: b"text,label\n",
    "blank-lines.csv": lambda: b"\n" * 1000,
    "long-row.csv": lambda: (CSV + "a,b,c,d\n").encode(),
    "open-quote.csv": lambda: (CSV + '"never closed').encode(),
    "bytes.csv": lambda: bytes(range(256)) * 100,
    "prose.csv": lambda: b"just a line of prose, which goes on\nand on\n",
    "wide.csv": lambda: f"text,label,{','.join(WIDE)}\n{ROWS}".encode(),
    "wide.jsonl": lambda: json.dumps({"text": "a", "label": "a", **dict.fromkeys(WIDE, 1)}).encode() * 2,
    "new-keys.jsonl": lambda: "".join(json.dumps({"text": "a", "label": "a", key: 1}) + "\n" for key in WIDE).encode(),
    "wide.parquet": lambda: parquet(**{name: [1, 2] for name in WIDE[:5000]}),
    "deep-list.json": lambda: b'{"text": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep-object.jsonl": lambda: b'{"text": ' * 100_000 + b"1" + b"}" * 100_000,
    "never-closed.jsonl": lambda: b"[" * 1_000_000,
    "open-string.jsonl": lambda: b'{"text": "' + b'\\"' * 500_000,
    "null.json": lambda: b"null",
    "null-first.jsonl": lambda: b"null\n" + JSON_LINES.encode(),
    "number.json": lambda: b"3",
    "numbers.json": lambda: b"[1, 2, 3]",
    "empty.json": lambda: b"[]",
    "no-bytes.json": lambda: b"",
    "empty-objects.jsonl": lambda: b"{}\n{}\n",
    "not-a-number.jsonl": lambda: b'{"text": "a", "label": NaN}\n{"text": "b", "label": 1}\n',
    "long-number.jsonl": lambda: b'{"text": "a", "label": ' + b"9" * 100_000 + b'}\n{"text": "b", "label": 1}\n',
    "trailing.jsonl": lambda: JSON_LINES.encode() + b"garbage",
    "trailing.json": lambda: json.dumps([{"text": "a", "label": 0}] * 3).encode() + b"garbage",
    "mixed.jsonl": lambda: (JSON_LINES + '{"text": {"a": 1}, "label": [2]}\n').encode(),
    "empty.parquet": lambda: b"",
    "truncated.parquet": lambda: parquet()[:400],
    "tail.parquet": lambda: parquet()[400:],
    "text.parquet": lambda: b"PAR1 this is no table PAR1",
    "bomb.parquet": lambda: parquet(text=["x" * 60_000_000, "b"]),
    "lists.parquet": lambda: parquet(text=[["a"], ["b"]]),
    "objects.parquet": lambda: parquet(text=[{"a": 1}, {"a": 2}]),
    "pickled.parquet": lambda: parquet(text=[pickle.dumps(Intruder())] * 2),
    "pickled-labels.parquet": lambda: parquet(label=[pickle.dumps(Intruder()), b"x"]),
    "label-lists.parquet": lambda: parquet(label=[[1], [2]]),
}

# Inputs of `make predict`: a text, or none, for each line.
INPUTS: dict[str, Callable[[], bytes]] = {
    "null-bytes.txt": lambda: b"te\0xt\n\0\0\0\n",
    "latin-1.txt": lambda: "caf\xe9\n".encode("latin-1"),
    "utf-16.txt": lambda: "a fine film\n".encode("utf-16"),
    "long-line.txt": lambda: b"word " * 200_000,
    "one-word.txt": lambda: b"w" * 1_000_000,
    "emoji.txt": lambda: ("🙂" * 250_000).encode(),
    "many-long-lines.txt": lambda: (b"a fine film " * 10_000 + b"\n") * 30,
    "right-to-left.txt": lambda: f"{ARABIC}\n\u202e{THAI}\n\u200b\n\ufeff\n".encode(),
    "control.txt": lambda: bytes(range(32)) * 100,
    "blank.txt": lambda: b" \n\t\n\n",
    "noise.txt": lambda: random.Random(0).randbytes(100_000),
    "surrogates.jsonl": lambda: b'"\\ud800 half a character"\n{"text": "\\udfff"}\n',
    "deep.jsonl": lambda: b"[" * 100_000 + b'\n{"text": "a fine film"}\n',
    "long-number.jsonl": lambda: b"9" * 100_000 + b'\n{"text": "a fine film"}\n',
    "not-json.jsonl": lambda: b'NaN\nnull\n{"text": NaN}\n{broken\n{"text": "a"} garbage\n',
    "ragged.csv": lambda: b"text,label\na,b,c,d\n\ne\n",
    "wide-row.csv": lambda: b"text\na" + b"," * 100_000 + b"\n",
    "null-bytes.csv": lambda: b"text,label\nte\0xt,1\n",
    "open-quote.csv": lambda: b'text\n"' + b"never closed\n" * 10_000,
    "huge-field.csv": lambda: b"text\n" + b"x" * 4_000_000 + b"\n",
}


def damaged(number: int) -> tuple[str, bytes]:
    """A sound table with bytes overwritten, and every third one cut short; the same for the same number."""
    chance = random.Random(number)
    suffix, sound = [(".csv", CSV.encode()), (".jsonl", JSON_LINES.encode()), (".parquet", parquet())][number % 3]
    content = bytearray(sound)
    for _ in range(chance.randint(1, 20)):
        content[chance.randrange(len(content))] = chance.randrange(256)
    end = chance.randrange(len(content)) if number % 9 < 3 else len(content)
    return f"damaged-{number}{suffix}", bytes(content[:end])
