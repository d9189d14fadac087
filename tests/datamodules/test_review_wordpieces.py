"""Word pieces are those of the checkpoint, with its special tokens wherever a text is cut."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datamodules.batches import encoded_cache
from datamodules.review_wordpieces import ReviewWordPieces, _location


def encode(data: ReviewWordPieces, *texts: str) -> Any:
    dataset: Any = data.encode(texts, np.zeros(len(texts), dtype=np.int64), "x")[0]
    return dataset.__getitems__(list(range(len(texts))))


def test_pieces_are_those_of_the_packaged_checkpoint() -> None:
    data = ReviewWordPieces()
    batch = encode(data, "An unwatchable film", "good")
    assert data.vocabulary_size == 30522
    ids = batch.input_ids[0][batch.attention_mask[0].bool()].tolist()
    pieces = [data.tokenizer.id_to_token(i) or "" for i in ids]
    assert pieces[0] == "[CLS]"
    assert pieces[-1] == "[SEP]"
    assert "".join(piece.removeprefix("##") for piece in pieces[1:-1]) == "anunwatchablefilm"
    assert batch.attention_mask[1].tolist() == [1, 1, 1] + [0] * 13
    assert batch.input_ids[1, 3:].eq(data.tokenizer.token_to_id("[PAD]")).all()


@pytest.mark.parametrize("head_fraction", [0.0, 0.25, 1.0])
def test_a_cut_text_keeps_its_special_tokens(head_fraction: float) -> None:
    data = ReviewWordPieces(max_tokens=16, head_fraction=head_fraction)
    ids = encode(data, "good film " * 500).input_ids[0].tolist()
    assert len(ids) == 16
    assert (data.tokenizer.id_to_token(ids[0]), data.tokenizer.id_to_token(ids[-1])) == ("[CLS]", "[SEP]")


def test_an_emoji_alone_is_a_text() -> None:
    assert encode(ReviewWordPieces(), "🙂").attention_mask.sum() == 3


def test_a_restored_tokenizer_gives_identical_ids_without_the_checkpoint() -> None:
    data = ReviewWordPieces(max_tokens=32)
    restored = ReviewWordPieces(**{**data.hparams, "tokenizer_of": "gone/away"})
    restored.load_state_dict(data.state_dict())
    text = "Not the worst film, but " * 20
    assert encode(data, text).input_ids.tolist() == encode(restored, text).input_ids.tolist()


def test_a_local_folder_serves_as_checkpoint() -> None:
    folder = _location("minilm")
    assert Path(folder, "tokenizer.json").is_file()
    named, local = (encode(ReviewWordPieces(name), "fine film") for name in ("minilm", folder))
    assert named.input_ids.tolist() == local.input_ids.tolist()


def test_an_unknown_checkpoint_is_refused_with_what_works_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"no tokenizer for 'nobody/nothing' .*model.pretrained=minilm") as caught:
        _ = ReviewWordPieces("nobody/nothing").tokenizer
    assert "\n" not in str(caught.value)


def test_more_tokens_than_the_checkpoint_takes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"data.max_tokens=513 is more than minilm takes \(512\)"):
        _ = ReviewWordPieces(max_tokens=513).tokenizer


def test_hyper_parameters_are_plain_and_rebuild_the_data_module() -> None:
    data = ReviewWordPieces("some/folder", source="x", max_tokens=64, label_column="mood")
    assert data.hparams == {"tokenizer_of": "some/folder", "source": "x", "max_tokens": 64, "label_column": "mood"}
    again = ReviewWordPieces(**data.hparams)
    assert (again.tokenizer_of, again.max_tokens, again.label_columns) == ("some/folder", 64, ("mood",))


def test_the_tokenizer_is_the_same_before_and_after_encoding_and_whether_or_not_the_cache_had_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(encoded_cache, "CACHE", tmp_path / "encoded")
    states = []
    for _ in range(2):  # the second finds all in the cache
        data = ReviewWordPieces(max_tokens=256)
        states.append(data.state_dict())
        assert encode(data, "good " * 300).input_ids.shape == (1, 256)
        states.append(data.state_dict())
    assert states == [states[0]] * 4
    assert json.loads(states[0]["tokenizer"])["truncation"] is None
    assert len(list(encoded_cache.CACHE.iterdir())) == 1


def test_a_checkpoint_whose_tokenizer_cuts_at_128_reads_whole_texts_all_the_same() -> None:
    cutting = ReviewWordPieces().build_tokenizer()
    cutting.enable_truncation(128)
    old = ReviewWordPieces(max_tokens=256)
    old.load_state_dict({"tokenizer": cutting.to_str()})
    long = "bad " * 126 + "good " * 100
    assert encode(old, long).attention_mask.sum() == 228
    assert encode(old, long).input_ids.tolist() == encode(ReviewWordPieces(max_tokens=256), long).input_ids.tolist()


def test_a_checkpoint_at_home_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "bert").symlink_to(_location("minilm"))
    assert ReviewWordPieces(tokenizer_of="~/bert").vocabulary_size == 30522
