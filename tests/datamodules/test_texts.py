"""Text batches are padded to about their own longest, and long texts keep head and tail."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from datamodules.batches.texts import EncodedTexts, TextBatch
from datamodules.review_words import ReviewWords
from datamodules.sources.no_input import NotAnInput


@pytest.fixture
def films(tmp_path: Path) -> str:
    path = tmp_path / "films.jsonl"
    rows = [{"text": " ".join(f"w{k}" for k in range(1 + i)), "label": i % 2} for i in range(40)]
    path.write_text("\n".join(map(json.dumps, rows)))
    return str(path)


def encoded(*lengths: int, pad_id: int = 0) -> EncodedTexts:
    """Texts whose ids count up from 100, 200, …, with labels 0, 1, 0, ..."""
    rows = [np.arange(100 * i, 100 * i + length, dtype=np.int32) for i, length in enumerate(lengths, 1)]
    tokens = np.concatenate([np.empty(0, np.int32), *rows])
    return EncodedTexts(tokens, np.array(lengths, dtype=np.int64), np.arange(len(lengths)) % 2, pad_id)


def ids_of(data: ReviewWords, text: str) -> list[int]:
    return tokens(data.encode([text], np.zeros(1, dtype=np.int64), "x")[0], 0)


def tokens(dataset: Any, index: int) -> list[int]:
    batch = dataset.__getitems__([index])
    ids: list[int] = batch.input_ids[batch.attention_mask.bool()].tolist()
    return ids


def test_a_batch_is_padded_to_the_next_multiple_of_16_of_its_own_longest() -> None:
    dataset = encoded(2, 9, 3, 1, pad_id=7)
    batch = dataset.__getitems__([2, 0])
    assert isinstance(batch, TextBatch)
    assert batch.input_ids.tolist() == [[300, 301, 302, *[7] * 13], [100, 101, *[7] * 14]]
    assert batch.attention_mask.tolist() == [[1, 1, 1, *[0] * 13], [1, 1, *[0] * 14]]
    assert batch.label.tolist() == [0, 0]
    assert batch.index.tolist() == [2, 0]
    assert {part.dtype for part in batch} == {torch.int64}
    assert batch.inputs == (batch.input_ids, batch.attention_mask)
    assert [encoded(n, 1).__getitems__([0, 1]).input_ids.shape[1] for n in (16, 17, 33)] == [16, 32, 48]


def test_the_last_text_can_be_the_shortest_and_the_first_the_longest() -> None:
    dataset = encoded(9, 1)
    assert dataset.__getitems__([1]).input_ids.tolist() == [[200] + [0] * 15]
    assert dataset.__getitems__([1, 0]).input_ids[0].tolist() == [200] + [0] * 15


def test_no_texts_at_all_are_an_empty_data_set() -> None:
    assert len(encoded()) == 0


@pytest.mark.parametrize(
    ("head_fraction", "kept"), [(0.5, [0, 1, 8, 9]), (0.25, [0, 7, 8, 9]), (0.0, [0, 7, 8, 9]), (1.0, [0, 1, 2, 9])]
)
def test_long_texts_keep_head_and_tail_and_always_both_ends(films: str, head_fraction: float, kept: list[int]) -> None:
    data = ReviewWords(source=films, max_tokens=4, head_fraction=head_fraction)
    whole = [f"w{i}" for i in range(10)]
    dataset: Any = data.encode([" ".join(whole), "w1 w2"], np.zeros(2, dtype=np.int64), "x")[0]
    ids = [data.tokenizer.token_to_id(word) for word in whole]
    assert tokens(dataset, 0) == [ids[i] for i in kept]
    assert dataset.lengths == [4, 2]


def test_batches_hold_texts_of_similar_length(films: str) -> None:
    data = ReviewWords(source=films, batch_size=8)
    for batch in data.train_dataloader():
        lengths = batch.attention_mask.sum(1)
        assert lengths.max() - lengths.min() <= 14  # of 1…40


def test_texts_without_content_are_skipped_with_a_reason(films: str) -> None:
    data = ReviewWords(source=films)
    _, kept, skipped = data.encode(["w1", None, " \n", "w2"], np.zeros(4, dtype=np.int64), "inputs")
    assert kept.tolist() == [0, 3]
    assert skipped == [("inputs row 1", "no text"), ("inputs row 2", "no text")]


def test_a_text_without_a_single_word_still_has_a_token(films: str) -> None:
    data = ReviewWords(source=films)
    assert ids_of(data, "🙂🙂") == [1]


def test_many_texts_encode_as_each_alone(films: str) -> None:
    data = ReviewWords(source=films)
    texts = [f"w{i % 7} w{i % 11}" for i in range(2300)]  # more than are encoded at once
    dataset: Any = data.encode(texts, np.zeros(len(texts), dtype=np.int64), "x")[0]
    for i in (0, 999, 1000, 2299):
        expected = data.tokenizer.encode(texts[i]).ids
        assert tokens(dataset, i) == expected


def test_a_restored_tokenizer_gives_identical_ids_without_the_data(films: str) -> None:
    data = ReviewWords(source=films)
    restored = ReviewWords(source="gone")
    restored.load_state_dict(data.state_dict())
    texts = ["w3 unknown w1!", "W5"]
    for given in (data, restored):
        assert given.vocabulary_size == data.vocabulary_size > 30
        assert given.tokenizer.encode(texts[0]).ids[1] == 1
    for i in range(2):
        before, after = (ids_of(given, texts[i]) for given in (data, restored))
        assert before == after


def test_inputs_from_a_text_file_are_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_text("\ufefffirst\nsecond, line\n\nlast", encoding="utf-8")
    assert list(ReviewWords().read_inputs(path)) == [
        (f"{path}:1", "first"),
        (f"{path}:2", "second, line"),
        (f"{path}:3", ""),
        (f"{path}:4", "last"),
    ]


def inputs_of(path: Path, **options: Any) -> list[Any]:
    """The texts of a file or folder; None for one that cannot be read."""
    items = (item for _, item in ReviewWords(**options).read_inputs(path))
    return [item if isinstance(item, str) else None for item in items]


def test_inputs_from_csv_are_found_by_column_and_named_by_the_line_that_they_begin_in(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b'\xef\xbb\xbfReview,stars\n"two\nlines",1\n,2\n\nlast\n' + b"x" * 200_000 + b",5\n")
    inputs = ReviewWords().read_inputs(path)
    assert [(name.removeprefix(f"{path}:"), item) for name, item in inputs] == [
        ("2", "two\nlines"),
        ("4", ""),
        ("6", "last"),
        ("7", "x" * 200_000),
    ]


def test_inputs_from_json_lines_may_be_objects_or_texts_and_may_be_broken(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"text": "a"}\n"b"\n{"stars": 1}\n{broken\n{"text": 3}\n[1]\n{"review": "c"}\n')
    assert inputs_of(path) == ["a", "b", None, None, "3", None, "c"]
    assert inputs_of(path, text_column="stars")[:2] == [None, "b"]


def test_inputs_from_a_folder_come_in_order_of_name_and_other_files_have_no_part_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "b.txt").write_text("one\ntext")
    (folder / "a.txt").write_text("first")
    (folder / "c.jsonl").write_text('"x"\n"y"\n')
    (folder / "d.pdf").write_bytes(b"%PDF")
    (folder / "labels.csv").write_text("file,label\na.txt,good\n")
    assert inputs_of(folder) == ["first", "one\ntext", "x", "y", None, None]
    others = [item.reason for _, item in ReviewWords().read_inputs(folder) if isinstance(item, NotAnInput)]
    assert others[0] == "not one of .txt .csv .tsv .json .jsonl .parquet"
    assert others[1].startswith("no text or review")


def test_an_input_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.pdf").write_bytes(b"%PDF")
    with pytest.raises(ValueError, match=r"is not a \.txt, \.csv, \.tsv, \.json, \.jsonl or \.parquet file"):
        inputs_of(tmp_path / "t.pdf")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_tokens": 1}, "data.max_tokens=1 must be at least 2"),
        ({"head_fraction": 1.5}, r"data.head_fraction=1.5 must lie in 0…1"),
    ],
)
def test_lengths_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ReviewWords(**options)


def test_a_folder_without_tables_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").touch()
    with pytest.raises(ValueError, match=r"data.source='in' holds no .parquet .arrow .csv .*.ndjson file"):
        ReviewWords(source="in").setup()


@pytest.mark.slow
@pytest.mark.real_data
def test_imdb_reviews_are_encoded_quickly(real_data: Path) -> None:
    data = ReviewWords(source=str(real_data / "imdb"), max_tokens=400)
    assert data.class_names == ["neg", "pos"]
    data.load_state_dict(ReviewWords().state_dict())  # counting a vocabulary is not what is measured
    started = time.process_time()
    data.encode(list(data.source_found.splits["train"].items[:2000]), np.zeros(2000, dtype=np.int64), "x")
    assert time.process_time() - started < 4  # a twenty-fifth of the data; about half a second


def test_a_second_run_encodes_nothing_but_other_settings_do(films: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = ReviewWords(source=films)
    first.setup()
    monkeypatch.setattr(ReviewWords, "_token_ids", lambda *_: pytest.fail("encoded again"))
    second = ReviewWords(source=films)
    for one, other in zip(first.val_dataloader(), second.val_dataloader(), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    with pytest.raises(pytest.fail.Exception, match="encoded again"):
        ReviewWords(source=films, max_tokens=7).setup()
    with pytest.raises(pytest.fail.Exception, match="encoded again"):
        ReviewWords(source=films, cache=False).setup()
