"""Texts to be classified are found in files of any encoding, and a file that cannot be read is listed."""

import json
import os
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datamodules.review_words import ReviewWords
from datamodules.sources.no_input import Note
from datamodules.sources.tables.labelled_items import load_table
from datamodules.sources.text_files import read_texts
from datamodules.sources.text_rows import Reading
from datamodules.texts import LABEL_COLUMNS, TEXT_COLUMNS
from tests.datamodules import hostile_tables

SOUND = "a fine film"


@pytest.fixture
def reviews(tmp_path: Path) -> ReviewWords:
    """A data module whose tokenizer is there already, so that only reading and encoding are measured."""
    rows = [{"text": f"{SOUND} w{i}", "label": i % 2} for i in range(40)]
    (tmp_path / "films.jsonl").write_text("\n".join(map(json.dumps, rows)))
    data = ReviewWords(source=str(tmp_path / "films.jsonl"), cache=False)
    assert data.vocabulary_size > 10
    return data


def outcome(data: ReviewWords, path: Path) -> str | list[bool]:
    """Which texts of a file can be classified, or the line that says why none can."""
    try:
        items = [item if isinstance(item, str) else None for _, item in data.read_inputs(path)]
    except ValueError as error:
        return str(error)
    _, kept, _ = data.encode(items, np.zeros(len(items), dtype=np.int64), "inputs")
    return [i in kept for i in range(len(items))]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("name", ["t.txt", "t.csv", "t.jsonl"])
def test_what_a_byte_order_mark_says_is_believed(tmp_path: Path, name: str, encoding: str) -> None:
    content = {"t.txt": "première\n", "t.csv": 'text,n\n"première",1\n', "t.jsonl": '{"text": "première"}\n'}[name]
    (tmp_path / name).write_bytes(content.encode(encoding))
    found = [text for _, text in read_texts(tmp_path / name, Reading(["text"]))]
    assert [text for text in found if not isinstance(text, Note)] == ["première"]


def test_hostile_inputs_are_read_line_by_line_or_refused_in_one_line(
    tmp_path: Path, reviews: ReviewWords, within_limits: Any
) -> None:
    found = {}
    for name, content in hostile_tables.INPUTS.items():
        (tmp_path / name).write_bytes(content())
        found[name] = within_limits(lambda name=name: outcome(reviews, tmp_path / name))
    assert not [line for line in found.values() if isinstance(line, str) and "\n" in line]
    assert found["surrogates.jsonl"] == [True, True]
    assert found["deep.jsonl"] == found["long-number.jsonl"] == [False, True]
    assert found["not-json.jsonl"] == [False] * 5
    assert found["blank.txt"] == [False] * 3
    assert found["one-word.txt"] == found["long-line.txt"] == found["huge-field.csv"] == [True]
    assert found["many-long-lines.txt"] == [True] * 30
    # After a note: the quote is a part of the first text.
    assert found["open-quote.csv"] == [False, *[True] * 10_000]


def test_a_folder_of_inputs_lists_what_cannot_be_read_among_the_rest(tmp_path: Path, reviews: ReviewWords) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    os.mkfifo(folder / "a.txt")
    (folder / "b.txt").symlink_to("b.txt")
    (folder / "c.txt").write_text(SOUND)
    (folder / "d.csv").symlink_to("gone.csv")
    (folder / "e.txt").symlink_to("/dev/zero")
    names = ["a.txt", "b.txt", "c.txt", "d.csv", "e.txt"]
    assert [Path(name).name for name, _ in read_texts(folder, Reading(["text"]))] == names
    assert outcome(reviews, folder) == [False, False, True, False, False]
    for name in ("a.txt", "e.txt"):
        assert outcome(reviews, folder / name) == f"{folder / name} cannot be read: not a file"


def test_only_the_middle_of_a_very_long_text_is_left_out(reviews: ReviewWords) -> None:
    long = f"{SOUND} " + "w1 " * 100_000 + "w2"
    dataset: Any = reviews.encode([long], np.zeros(1, dtype=np.int64), "x")[0]
    ids = dataset.__getitems__([0]).input_ids[0].tolist()
    words = [reviews.tokenizer.token_to_id(word) for word in ("a", "fine", "film", "w1", "w2")]
    assert (ids[:4], ids[reviews.max_tokens - 1]) == (words[:4], words[4])


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # pandas leaves the file open
def test_a_hundred_hostile_text_files_break_nothing(tmp_path: Path, reviews: ReviewWords, within_limits: Any) -> None:
    def load(path: Path) -> str:
        try:
            load_table(path, "text", TEXT_COLUMNS, LABEL_COLUMNS)
        except ValueError as error:
            return str(error)
        return ""

    load(tmp_path / "films.jsonl")  # the first table imports the parsers
    written = {**hostile_tables.READABLE, **hostile_tables.BROKEN}
    damaged = map(hostile_tables.damaged, range(100 - len(written) - len(hostile_tables.INPUTS)))
    refused = []
    for name, content in chain(((name, make()) for name, make in written.items()), damaged):
        (tmp_path / name).write_bytes(content)
        if line := within_limits(lambda name=name: load(tmp_path / name)):
            refused.append(line)
    for name, make in hostile_tables.INPUTS.items():
        (tmp_path / f"input-{name}").write_bytes(make())
        within_limits(lambda name=name: outcome(reviews, tmp_path / f"input-{name}"))
    assert not [line for line in refused if "\n" in line]
    assert not Path("intruder").exists()
    print(f"| 15 | 100 hostile text files | 100 tried, {len(refused)} refused in one line, 0 crashes |")
