"""Of tables written in every way that people have, each row is used or named, and the classes are those written."""

from pathlib import Path

import pytest

from datamodules.review_words import ReviewWords
from tests.datamodules.generated_tables import Generated, generate

FAST, ALL = range(40), range(40, 200)


def check(made: Generated, folder: Path) -> None:
    """Compare what is read with what was written, row by row."""
    path = folder / made.name
    path.write_bytes(made.content)
    data = ReviewWords(source=str(path), max_unreadable_share=1.0, **made.options)
    source, train = data.found, data.found.splits["train"]
    complete = [(text, label.strip()) for text, label in made.rows if text.strip() and label.strip()]
    assert list(train.items) == [text for text, _ in complete]
    assert [source.class_names[label] for label in train.labels] == [label for _, label in complete]
    assert set(source.class_names) == {label for _, label in complete}
    blank = [n for n, (text, _) in enumerate(made.rows) if not text.strip()]
    unlabelled = [n for n, (text, label) in enumerate(made.rows) if text.strip() and not label.strip()]
    assert [item for item, _ in source.empty] == [f"train row {n}" for n in blank]
    assert [item for item, _ in source.unusable] == [f"train row {n}" for n in unlabelled]
    assert len(source.skipped) == len(blank) + len(unlabelled)
    notes = " ".join(source.notes)
    assert not [word for word in made.says if word not in notes]
    assert sum(data.sizes.values()) == len(complete)


@pytest.mark.parametrize("number", FAST)
def test_every_row_of_a_generated_table_is_used_or_named(number: int, tmp_path: Path) -> None:
    check(generate(number), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("number", ALL)
def test_every_row_of_many_more_generated_tables_is_used_or_named(number: int, tmp_path: Path) -> None:
    check(generate(number), tmp_path)
