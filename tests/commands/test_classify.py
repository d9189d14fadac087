import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from commands.checkpoints import load_run
from tests.conftest import Cli, Outcome
from tests.datamodules.hostile_images import ODD_NAMES, write_odd_entries

SMALL = ("--data.train_size=300", "--loggers=[csv]", "--trainer.max_epochs=1")


def predictions(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / "predictions.jsonl").read_text().splitlines()]


@pytest.fixture
def digits(experiment: Cli, tmp_path: Path) -> Path:
    """A folder with three digits and, between them, a truncated one."""
    assert experiment("mnist_mlp", *SMALL, "--trainer.precision=32-true").code == 0
    folder = tmp_path / "digits"
    folder.mkdir()
    for n in range(4):
        pixels = np.random.default_rng(n).integers(0, 256, (28, 28), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{n}.png")
    (folder / "1.png").write_bytes((folder / "1.png").read_bytes()[:200])
    return folder


def classify(lightsmith: Cli, name: str, source: Path) -> Outcome:
    return lightsmith("classify", f"--run=runs/{name}/latest", f"--input={source}")


def test_images_keep_their_order_and_unreadable_ones_are_listed_with_the_reason(
    lightsmith: Cli, tmp_path: Path, digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datamodules.mnist.MNIST.load_sample", None)  # the training data is not there
    outcome = classify(lightsmith, "mnist_mlp", digits)
    assert outcome.code == 1
    rows = predictions(tmp_path)
    assert [Path(row["item"]).name for row in rows] == ["0.png", "1.png", "2.png", "3.png"]
    assert sorted(rows[1]) == ["error", "item"]
    assert rows[1]["error"]
    assert f"cannot read {digits / '1.png'}: {rows[1]['error']}" in outcome.err
    assert "3 of 4 classified" in outcome.out
    for row in (rows[0], rows[2], rows[3]):
        assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-4)
        assert row["prediction"] == max(row["probabilities"], key=row["probabilities"].get)


def test_probabilities_are_those_of_the_model(
    lightsmith: Cli, tmp_path: Path, digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commands.classify.fast_precision", lambda: "32-true")
    assert classify(lightsmith, "mnist_mlp", digits / "2.png").code == 0
    model, _ = load_run(tmp_path / "runs" / "mnist_mlp" / "latest")
    image = torch.from_numpy(np.array(Image.open(digits / "2.png")))[None, None]
    expected = model(image).softmax(1)[0].tolist()
    (row,) = predictions(tmp_path)
    assert list(row["probabilities"].values()) == pytest.approx(expected, abs=1e-4)


def test_texts_come_from_lines_and_objects_and_one_without_text_is_listed(
    experiment: Cli, lightsmith: Cli, tmp_path: Path
) -> None:
    assert experiment("imdb_lstm", *SMALL, "--data.max_tokens=32").code == 0
    (tmp_path / "x.txt").write_text("A fine film.\nDull, slow and long.\n")
    assert classify(lightsmith, "imdb_lstm", tmp_path / "x.txt").code == 0
    in_lines = predictions(tmp_path)
    assert [row["item"] for row in in_lines] == [f"{tmp_path}/x.txt:1", f"{tmp_path}/x.txt:2"]
    (tmp_path / "x.jsonl").write_text('{"text": "A fine film."}\n{"stars": 3}\n{"text": "Dull, slow and long."}\n')
    outcome = classify(lightsmith, "imdb_lstm", tmp_path / "x.jsonl")
    assert outcome.code == 1
    in_objects = predictions(tmp_path)
    assert ["error" in row for row in in_objects] == [False, True, False]
    for line, row in zip(in_lines, (in_objects[0], in_objects[2]), strict=True):
        assert row["probabilities"] == pytest.approx(line["probabilities"], abs=1e-3)


def test_odd_names_and_entries_are_listed_and_cannot_act_on_the_terminal(
    lightsmith: Cli, tmp_path: Path, digits: Path
) -> None:
    odd = tmp_path / "odd"
    odd.mkdir()
    write_odd_entries(odd)
    for name in ODD_NAMES:
        (odd / name).write_bytes((digits / "0.png").read_bytes())
        (odd / f"broken {name}").write_bytes(b"no image")
    outcome = classify(lightsmith, "mnist_mlp", odd)
    rows = predictions(tmp_path)
    assert outcome.code == 1
    assert {Path(row["item"]).name for row in rows if "error" not in row} == set(ODD_NAMES)
    assert len([row for row in rows if "error" in row]) == len(ODD_NAMES) + 5
    assert outcome.err.count("\n") == len(ODD_NAMES) + 5
    assert outcome.err.replace("\n", "").isprintable()


def test_files_of_other_kinds_are_left_out_and_named(lightsmith: Cli, tmp_path: Path, digits: Path) -> None:
    (digits / "1.png").unlink()  # the truncated one
    for name in ("Thumbs.db", "README.md", "labels.csv"):
        (digits / name).write_text("x")
    (digits / "3.png").rename(digits / "3")  # an image whatever it is called
    outcome = classify(lightsmith, "mnist_mlp", digits)
    assert (outcome.code, outcome.err) == (0, "")
    assert (
        f"left out   3 files that are no images: {digits}/README.md, {digits}/Thumbs.db, {digits}/labels.csv"
        in outcome.out
    )
    assert [Path(row["item"]).name for row in predictions(tmp_path)] == ["0.png", "2.png", "3"]


def test_an_output_that_cannot_be_written_is_refused_before_anything_is_read(
    lightsmith: Cli, tmp_path: Path, digits: Path
) -> None:
    for output, line in (
        ("gone/predictions.jsonl", "--output=gone/predictions.jsonl: there is no folder gone"),
        ("predictions.xlsx", "--output=predictions.xlsx must end in .jsonl or .csv"),
        (digits, f"--output={digits} is a folder: name a file in it"),
        ("/proc/predictions.csv", "--output=/proc/predictions.csv cannot be written"),
    ):
        outcome = lightsmith("classify", "--run=nowhere", f"--input={digits}", f"--output={output}")
        assert (outcome.code, outcome.err.count("\n")) == (2, 1)
        assert line in outcome.err
    assert not list(tmp_path.glob("predictions*"))


def test_a_csv_file_holds_what_the_lines_hold(lightsmith: Cli, tmp_path: Path, digits: Path) -> None:
    assert classify(lightsmith, "mnist_mlp", digits).code == 1
    arguments = ("--run=runs/mnist_mlp/latest", f"--input={digits}", "--output=predictions.csv")
    assert lightsmith("classify", *arguments).code == 1
    with (tmp_path / "predictions.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    expected = predictions(tmp_path)
    assert [row["item"] for row in rows] == [row["item"] for row in expected]
    assert [row["error"] for row in rows] == [row.get("error", "") for row in expected]
    for row, line in zip(rows, expected, strict=True):
        shares = {name.removeprefix("probability_"): share for name, share in row.items() if name.startswith("prob")}
        assert {n: float(s) for n, s in shares.items() if s} == line.get("probabilities", {})


def test_a_disk_that_fills_up_leaves_what_was_there(
    lightsmith: Cli, tmp_path: Path, digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "predictions.jsonl").write_text("yesterday's")

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    outcome = classify(lightsmith, "mnist_mlp", digits)
    assert outcome.code == 1
    assert outcome.err.endswith("\n--output=predictions.jsonl could not be written: No space left on device\n")
    assert (tmp_path / "predictions.jsonl").read_text() == "yesterday's"
    assert len(list(tmp_path.glob("*predictions*"))) == 1


def test_a_column_of_another_name_is_asked_for_and_a_list_of_objects_is_read(
    experiment: Cli, lightsmith: Cli, tmp_path: Path
) -> None:
    assert experiment("imdb_lstm", *SMALL, "--data.max_tokens=32").code == 0
    (tmp_path / "tweets.csv").write_text("tweet_id,tweet\n0,A fine film.\n1,Dull and slow.\n")
    outcome = classify(lightsmith, "imdb_lstm", tmp_path / "tweets.csv")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert outcome.err.endswith("column: it has tweet_id, tweet; name one with --text_column\n")
    arguments = ("--run=runs/imdb_lstm/latest", f"--input={tmp_path}/tweets.csv", "--text_column=tweet")
    assert lightsmith("classify", *arguments).code == 0
    tweets = predictions(tmp_path)
    (tmp_path / "new.json").write_text('[{"text": "A fine film."}, {"text": "Dull and slow."}]')
    assert classify(lightsmith, "imdb_lstm", tmp_path / "new.json").code == 0
    assert [row["item"] for row in predictions(tmp_path)] == [f"{tmp_path}/new.json:1", f"{tmp_path}/new.json:2"]
    assert [row["probabilities"] for row in predictions(tmp_path)] == [row["probabilities"] for row in tweets]

    (folder := tmp_path / "folder").mkdir()
    (folder / "new.jsonl").write_text('{"text": "A fine film."}\n')
    outcome = lightsmith("classify", arguments[0], f"--input={folder}", "--output=folder/new.jsonl")
    assert outcome.err == f"--output=folder/new.jsonl is among the inputs in {folder}: name another file\n"
    assert "fine" in (folder / "new.jsonl").read_text()


def test_what_cannot_be_classified_is_one_line(lightsmith: Cli, tmp_path: Path, digits: Path) -> None:
    (tmp_path / "empty").mkdir()
    torch.save({}, tmp_path / "foreign.ckpt")
    for run, source, line in (
        ("runs/nope", digits, "no checkpoint at runs/nope"),
        ("foreign.ckpt", digits, "is not a Lightsmith checkpoint"),
        ("runs/mnist_mlp/latest", tmp_path / "nope", "does not exist"),
        ("runs/mnist_mlp/latest", tmp_path / "empty", "holds no images"),
    ):
        outcome = lightsmith("classify", f"--run={run}", f"--input={source}")
        assert (outcome.code, outcome.err.count("\n")) == (2, 1)
        assert line in outcome.err
    assert not (tmp_path / "predictions.jsonl").exists()
    (own := tmp_path / "predictions.jsonl").write_text("mine")
    outcome = lightsmith("classify", "--run=runs/mnist_mlp/latest", f"--input={own}")
    assert outcome.err == "--output=predictions.jsonl would overwrite the input: name another file\n"
    assert own.read_text() == "mine"
