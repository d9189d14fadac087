import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lightsmith.checkpoints.rebuild import load_run
from tests.commands.predicted import SMALL, classify, predictions
from tests.conftest import Cli
from tests.datamodules.hostile_images import ODD_NAMES, write_odd_entries


@pytest.fixture
def digits(trained_run: Callable[..., None], tmp_path: Path) -> Path:
    """A folder with three digits and, between them, a truncated one."""
    trained_run("mnist_mlp", *SMALL, "--trainer.precision=32-true")
    folder = tmp_path / "digits"
    folder.mkdir()
    for n in range(4):
        pixels = np.random.default_rng(n).integers(0, 256, (28, 28), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{n}.png")
    (folder / "1.png").write_bytes((folder / "1.png").read_bytes()[:200])
    return folder


def test_images_keep_their_order_and_unreadable_ones_are_listed_with_the_reason(
    lightsmith: Cli, tmp_path: Path, digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datamodules.mnist.MNIST.load_sample", None)  # the training data is not there
    outcome = classify(lightsmith, "mnist_mlp", digits)
    assert outcome.code == 0
    rows = predictions(tmp_path)
    assert [Path(row["item"]).name for row in rows] == ["0.png", "1.png", "2.png", "3.png"]
    assert sorted(rows[1]) == ["error", "item"]
    assert rows[1]["error"]
    assert f"cannot read {digits / '1.png'}: {rows[1]['error']}" in outcome.err
    assert outcome.out == "Wrote 4 rows to predictions.jsonl: 3 classified, 1 could not be read (key `error`)\n"
    for row in (rows[0], rows[2], rows[3]):
        assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-4)
        assert row["prediction"] == max(row["probabilities"], key=row["probabilities"].get)


def test_below_a_threshold_a_line_has_no_prediction(lightsmith: Cli, tmp_path: Path, digits: Path) -> None:
    assert classify(lightsmith, "mnist_mlp", digits).code == 0
    before = predictions(tmp_path)
    (error,) = (row for row in before if "error" in row)
    sureness = sorted(max(row["probabilities"].values()) for row in before if row is not error)
    threshold = sum(sureness[1:]) / 2
    outcome = classify(lightsmith, "mnist_mlp", digits, f"--threshold={threshold}")
    assert outcome.out.endswith(", 2 of them below the threshold, without a prediction\n")
    after = predictions(tmp_path)
    sure = [row is not error and max(row["probabilities"].values()) >= threshold for row in before]
    assert sum(sure) == 1
    assert after == [
        row if kept or row is error else {**row, "prediction": None} for row, kept in zip(before, sure, strict=True)
    ]
    assert "--threshold=2.0 must be a probability" in classify(lightsmith, "mnist_mlp", digits, "--threshold=2").err


def test_probabilities_are_those_of_the_model(
    lightsmith: Cli, tmp_path: Path, digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lightsmith.predictions.trained_model.fast_precision", lambda: "32-true")
    assert classify(lightsmith, "mnist_mlp", digits / "2.png").code == 0
    model, _ = load_run(tmp_path / "runs" / "mnist_mlp" / "latest")
    image = torch.from_numpy(np.array(Image.open(digits / "2.png")))[None, None]
    expected = model(image).softmax(1)[0].tolist()
    (row,) = predictions(tmp_path)
    assert list(row["probabilities"].values()) == pytest.approx(expected, abs=1e-4)


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
    assert outcome.code == 0
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
    names = (f"{digits}/{name}" for name in ("README.md", "Thumbs.db", "labels.csv"))
    assert f"left out   3 files without an input: {', '.join(names)}" in outcome.out
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
        outcome = lightsmith("predict", "--run=nowhere", f"--input={digits}", f"--output={output}")
        assert (outcome.code, outcome.err.count("\n")) == (2, 1)
        assert line in outcome.err
    assert not list(tmp_path.glob("predictions*"))


def test_a_csv_file_holds_what_the_lines_hold_and_begins_as_a_spreadsheet_wants_it(
    lightsmith: Cli, tmp_path: Path, digits: Path
) -> None:
    assert classify(lightsmith, "mnist_mlp", digits).code == 0
    outcome = classify(lightsmith, "mnist_mlp", digits, "--output=predictions.csv")
    assert outcome.out.endswith("predictions.csv: 3 classified, 1 could not be read (column `error`)\n")
    assert (tmp_path / "predictions.csv").read_bytes().startswith(b"\xef\xbb\xbfitem,prediction,error,probability_0,")
    with (tmp_path / "predictions.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    expected = predictions(tmp_path)
    assert [row["item"] for row in rows] == [row["item"] for row in expected]
    assert [row["error"] for row in rows] == [row.get("error", "") for row in expected]
    for row, line in zip(rows, expected, strict=True):
        shares = {name.removeprefix("probability_"): share for name, share in row.items() if name.startswith("prob")}
        assert {n: float(s) for n, s in shares.items() if s} == line.get("probabilities", {})


def test_by_default_a_new_file_in_the_runs_folder_is_written_each_time(
    lightsmith: Cli, tmp_path: Path, digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = (tmp_path / "runs/mnist_mlp/latest").resolve()
    checkpoint = folder / "checkpoints/best.ckpt"
    for run, name in (("runs/mnist_mlp/latest", "digits"), (checkpoint, "digits-2"), (folder, "digits-3")):
        outcome = lightsmith("predict", f"--run={run}", f"--input={digits}")
        assert f"Wrote 4 rows to {folder.relative_to(tmp_path)}/predictions/{name}.jsonl: 3 cl" in outcome.out
    assert sorted(path.name for path in (folder / "predictions").glob("*.jsonl")) == [
        "digits-2.jsonl", "digits-3.jsonl", "digits.jsonl",
    ]  # fmt: skip
    monkeypatch.setattr("lightsmith.predictions.file.is_writable", lambda _: False)
    outcome = lightsmith("predict", "--run=runs/mnist_mlp/latest", f"--input={digits}")
    assert outcome.code == 2
    assert outcome.err.endswith("cannot be written: name a file that can by --output\n")


def test_where_nothing_can_be_read_the_rows_say_so_and_the_exit_code_is_1(
    lightsmith: Cli, tmp_path: Path, digits: Path
) -> None:
    outcome = classify(lightsmith, "mnist_mlp", digits / "1.png")
    assert outcome.code == 1
    assert outcome.out == "Wrote 1 row to predictions.jsonl: 0 classified, 1 could not be read (key `error`)\n"
    assert "error" in predictions(tmp_path)[0]
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd/README.md").touch()
    outcome = lightsmith("predict", "--run=runs/mnist_mlp/latest", "--input=odd")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("odd holds nothing that can be classified: odd/README.md: ")
    assert not list(tmp_path.glob("runs/mnist_mlp/latest/predictions/*.jsonl"))


def test_parts_of_the_inputs_are_classified_as_the_whole_is_and_the_most_probable_classes_alone_can_be_written(
    lightsmith: Cli, tmp_path: Path, digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert classify(lightsmith, "mnist_mlp", digits).code == 0
    whole = predictions(tmp_path)
    monkeypatch.setattr("lightsmith.predictions.trained_model.ITEMS_AT_ONCE", 1)
    assert classify(lightsmith, "mnist_mlp", digits, "--top=2").code == 0
    for row, expected in zip(predictions(tmp_path), whole, strict=True):
        shares = sorted(expected.get("probabilities", {}).items(), key=lambda pair: -pair[1])[:2]
        assert list(row.get("probabilities", {}).items()) == shares
        assert row.get("prediction") == expected.get("prediction")
    assert classify(lightsmith, "mnist_mlp", digits, "--top=2", "--output=top.csv").code == 0
    header = (tmp_path / "top.csv").read_text(encoding="utf-8-sig").splitlines()[0]
    assert header == "item,prediction,error,class_1,probability_1,class_2,probability_2"
    assert classify(lightsmith, "mnist_mlp", digits, "--top=0").err == "--top=0 must be at least 1\n"


def test_a_disk_that_fills_up_leaves_what_was_there(
    lightsmith: Cli, tmp_path: Path, digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "predictions.jsonl").write_text("yesterday's")

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    outcome = classify(lightsmith, "mnist_mlp", digits)
    assert outcome.code == 1
    assert outcome.err == "--output=predictions.jsonl could not be written: No space left on device\n"
    assert (tmp_path / "predictions.jsonl").read_text() == "yesterday's"
    assert len(list(tmp_path.glob("*predictions*"))) == 1


def test_what_cannot_be_classified_is_one_line(lightsmith: Cli, tmp_path: Path, digits: Path) -> None:
    (tmp_path / "empty").mkdir()
    torch.save({}, tmp_path / "foreign.ckpt")
    for run, source, line in (
        ("runs/nope", digits, "no checkpoint at runs/nope"),
        ("foreign.ckpt", digits, "is not a Lightsmith checkpoint"),
        ("runs/mnist_mlp/latest", tmp_path / "nope", "does not exist"),
        ("runs/mnist_mlp/latest", tmp_path / "empty", "empty holds nothing that can be classified"),
    ):
        outcome = lightsmith("predict", f"--run={run}", f"--input={source}", "--output=predictions.jsonl")
        assert (outcome.code, outcome.err.count("\n")) == (2, 1)
        assert line in outcome.err
    assert not (tmp_path / "predictions.jsonl").exists()
    (own := tmp_path / "predictions.jsonl").write_text("mine")
    outcome = lightsmith("predict", "--run=runs/mnist_mlp/latest", f"--input={own}", f"--output={own.name}")
    assert outcome.err == "--output=predictions.jsonl would overwrite the input: name another file\n"
    assert own.read_text() == "mine"
    outcome = lightsmith("predict", "--run=runs/mnist_mlp/latest", "--text=x")
    assert outcome.err == "--text=x is for texts; this model does not take them\n"
