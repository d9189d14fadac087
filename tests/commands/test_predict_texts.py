import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands.predicted import SMALL, classify, predictions
from tests.conftest import Cli, Outcome


def test_texts_come_from_lines_and_objects_and_one_without_text_is_listed(
    trained_run: Callable[..., None], lightsmith: Cli, tmp_path: Path
) -> None:
    trained_run("imdb_lstm", *SMALL, "--data.max_tokens=32")
    (tmp_path / "x.txt").write_text("A fine film.\nDull, slow and long.\n")
    assert classify(lightsmith, "imdb_lstm", tmp_path / "x.txt").code == 0
    in_lines = predictions(tmp_path)
    assert [row["item"] for row in in_lines] == [f"{tmp_path}/x.txt:1", f"{tmp_path}/x.txt:2"]
    (tmp_path / "x.jsonl").write_text('{"text": "A fine film."}\n{"stars": 3}\n{"text": "Dull, slow and long."}\n')
    outcome = classify(lightsmith, "imdb_lstm", tmp_path / "x.jsonl")
    assert outcome.code == 0
    in_objects = predictions(tmp_path)
    assert ["error" in row for row in in_objects] == [False, True, False]
    for line, row in zip(in_lines, (in_objects[0], in_objects[2]), strict=True):
        assert row["probabilities"] == pytest.approx(line["probabilities"], abs=1e-3)


def test_a_column_of_another_name_is_asked_for_and_a_single_text_is_answered_on_the_screen(
    trained_run: Callable[..., None], lightsmith: Cli, tmp_path: Path
) -> None:
    trained_run("imdb_lstm", *SMALL, "--data.max_tokens=32")
    (tmp_path / "tweets.csv").write_text("tweet_id,tweet\n0,A fine film.\n1,Dull and slow.\n")
    outcome = classify(lightsmith, "imdb_lstm", tmp_path / "tweets.csv")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert outcome.err.endswith("tweets.csv: it has tweet_id, tweet; name one with --text_column\n")
    assert not (tmp_path / "predictions.jsonl").exists()
    assert classify(lightsmith, "imdb_lstm", tmp_path / "tweets.csv", "--text_column=tweet").code == 0
    tweets = predictions(tmp_path)
    assert [row["item"] for row in tweets] == [f"{tmp_path}/tweets.csv:2", f"{tmp_path}/tweets.csv:3"]

    run = "--run=runs/imdb_lstm/latest"
    outcome = lightsmith("predict", run, "--text=A fine film.")
    shares = tweets[0]["probabilities"]
    first, second = sorted(shares, key=shares.get, reverse=True)
    assert outcome == Outcome(0, f"{shares[first]:.4f}  {first}\n{shares[second]:.4f}  {second}\n", "")
    assert not list(tmp_path.glob("runs/imdb_lstm/latest/predictions/*.jsonl"))
    assert lightsmith("predict", run, "--text=A fine film.", "--output=one.jsonl").code == 0
    assert json.loads((tmp_path / "one.jsonl").read_text()) == {**tweets[0], "item": "A fine film."}
    assert lightsmith("predict", run, "--text= ").err == "--text=' ' holds no text\n"
    both = lightsmith("predict", run, "--text=x", "--input=tweets.csv")
    assert both.err == "classify what? give --input=<file or folder>, or --text=<a text>, but not both\n"

    (folder := tmp_path / "folder").mkdir()
    (folder / "new.jsonl").write_text('{"text": "A fine film."}\n')
    outcome = lightsmith("predict", run, f"--input={folder}", "--output=folder/new.jsonl")
    assert outcome.err == f"--output=folder/new.jsonl is among the inputs in {folder}: name another file\n"
    assert "fine" in (folder / "new.jsonl").read_text()
