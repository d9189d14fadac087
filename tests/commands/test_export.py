from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from PIL import Image

from tests.conftest import ROOT, Cli

SMALL = ("--data.train_size=300", "--loggers=[csv]", "--trainer.max_epochs=1", "--trainer.precision=32-true")
RUN = "--run=runs/mnist_mlp/latest"
OUTPUT = "--output=predictions.jsonl"


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lightsmith.exports.proof.SECONDS", 0.0)


@pytest.fixture
def digits(trained_run: Callable[..., None], tmp_path: Path) -> Path:
    """A trained mnist_mlp, and a folder with two digits."""
    trained_run("mnist_mlp", *SMALL)
    folder = tmp_path / "digits"
    folder.mkdir()
    for n in range(2):
        pixels = np.random.default_rng(n).integers(0, 256, (28, 28), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{n}.png")
    return folder


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def flip_a_byte(folder: Path) -> None:
    content = bytearray((folder / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 0xFF
    (folder / "model.onnx").write_bytes(content)


def truncate(folder: Path) -> None:
    (folder / "model.onnx").write_bytes((folder / "model.onnx").read_bytes()[:-1000])


def lose_the_proof(folder: Path) -> None:
    (folder / "proof.json").unlink()


def ask_for_a_huge_image(folder: Path) -> None:
    settings = read(folder / "preprocessing.json") | {"image_size_px": 10**9}
    (folder / "preprocessing.json").write_text(json.dumps(settings))


def break_the_names(folder: Path) -> None:
    (folder / "class_names.json").write_text("[1, 2")


def lose_a_name(folder: Path) -> None:
    (folder / "class_names.json").write_text(json.dumps(read(folder / "class_names.json")[:-1]))


def name_one_twice(folder: Path) -> None:
    (folder / "class_names.json").write_text(json.dumps([*read(folder / "class_names.json"), "0"]))


def repeat_a_name(folder: Path) -> None:
    (folder / "class_names.json").write_text(json.dumps([*read(folder / "class_names.json")[:-1], "0"]))


def lose_the_sizes(folder: Path) -> None:
    (folder / "preprocessing.json").write_text('{"kind": "image", "channels": 1}')


FAULTS: list[Callable[[Path], None]] = [
    flip_a_byte, truncate, lose_the_proof, ask_for_a_huge_image, lose_the_sizes, break_the_names, lose_a_name,
    repeat_a_name, name_one_twice,
]  # fmt: skip


def test_the_folder_predicts_as_the_run_does_and_no_fault_in_it_goes_unnoticed(
    lightsmith: Cli, tmp_path: Path, digits: Path
) -> None:
    outcome = lightsmith("export", RUN, "--output=exported")
    assert (outcome.code, outcome.err) == (0, "")
    assert "passed" in outcome.out
    folder = tmp_path / "exported"
    names = {
        "model.onnx",
        "preprocessing.json",
        "class_names.json",
        "proof.json",
        "reference.json",
        "README.md",
        "predict.py",
    }
    assert {path.name for path in folder.iterdir()} == names
    proof = read(folder / "proof.json")
    assert (proof["items"], proof["passed"], proof["argmax_agreement"]) == (500, True, 1.0)
    measured = read(tmp_path / "runs/mnist_mlp/latest/results.json")["test"]["accuracy"]
    assert proof["accuracy"] == pytest.approx(measured, abs=1e-6)

    predictions = []
    for run in ("runs/mnist_mlp/latest", "exported"):
        assert lightsmith("predict", f"--run={run}", f"--input={digits}", OUTPUT).code == 0
        lines = (tmp_path / "predictions.jsonl").read_text().splitlines()
        predictions.append([json.loads(line) for line in lines])
    for trained, exported in zip(*predictions, strict=True):
        assert (trained["item"], trained["prediction"]) == (exported["item"], exported["prediction"])
        assert trained["probabilities"] == pytest.approx(exported["probabilities"], abs=0.01)  # bf16 there

    assert lightsmith("export", RUN, "--output=exported").err.startswith("exported exists: remove it")
    whole = {path.name: path.read_bytes() for path in folder.iterdir()}
    for fault in FAULTS:
        fault(folder)
        outcome = lightsmith("predict", "--run=exported", f"--input={digits}")
        assert (outcome.code, outcome.err.count("\n")) == (2, 1), fault
        assert outcome.err.startswith("exported cannot be used"), fault
        for name, content in whole.items():
            (folder / name).write_bytes(content)


def test_int8_is_smaller_and_one_that_loses_too_much_is_kept_and_reported(
    lightsmith: Cli, tmp_path: Path, digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lightsmith("export", RUN, "--precision=int8", "--max_drop=5", "--calibration_items=64").code == 0
    folder = tmp_path / "runs/mnist_mlp/latest/export-onnx-int8"
    weights = {tensor.name: tensor.data_type for tensor in onnx.load(folder / "model.onnx").graph.initializer}
    assert list(weights.values()).count(onnx.TensorProto.INT8) >= 3
    assert (folder / "model.onnx").stat().st_size < 0.3 * 4 * 235_146
    monkeypatch.setattr("lightsmith.exports.proof.ROUNDING", -200)  # so that no loss at all is little enough
    outcome = lightsmith("export", RUN, "--precision=int8", "--limit=50", "--output=worse")
    assert (outcome.code, "FAILED: it loses" in outcome.out) == (1, True)
    assert read(tmp_path / "worse/proof.json")["items"] == 50
    assert "FAILED" in (tmp_path / "worse/README.md").read_text()


@pytest.mark.slow
def test_a_pt2_file_is_smaller_in_bf16_and_its_script_classifies(lightsmith: Cli, tmp_path: Path, digits: Path) -> None:
    assert lightsmith("export", RUN, "--format=torch", "--precision=bf16", "--limit=50").code == 0
    folder = tmp_path / "runs/mnist_mlp/latest/export-torch-bf16"
    assert (folder / "model.pt2").stat().st_size < 0.6 * 4 * 235_146
    command = [sys.executable, "-I", "-W", "ignore", str(folder / "predict.py"), str(digits / "0.png")]
    row = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-4)
    outcome = lightsmith("predict", f"--run={folder}", f"--input={digits}")
    assert (outcome.code, "export with FORMAT=onnx" in outcome.err) == (2, True)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--precision=bf16",), "--precision=bf16 needs --format=torch"),
        (("--format=torch", "--precision=int8"), "--precision=int8 needs --format=onnx"),
        (("--limit=0",), "--limit=0 must be at least 1"),
        ((), "no checkpoint at"),
    ],
)
def test_what_cannot_be_exported_is_one_line(lightsmith: Cli, options: tuple[str, ...], line: str) -> None:
    outcome = lightsmith("export", "--run=runs/nope", *options)
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert line in outcome.err
    assert not Path("runs").exists()


def test_what_does_not_fit_the_run_is_one_line_and_leaves_nothing(
    lightsmith: Cli, tmp_path: Path, digits: Path
) -> None:
    for name in ("7", "8"):
        (tmp_path / "others" / name).mkdir(parents=True)
        for n in range(10):
            Image.fromarray(np.zeros((28, 28), dtype=np.uint8)).save(tmp_path / "others" / name / f"{n}.png")
    others = lightsmith("export", RUN, "--data=others", "--output=exported")
    known = "0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
    assert (
        others.err
        == f"the model knows {known}; the data has 7, 8. Missing: 0, 1, 2, 3, 4, 5, 6, 9. (image folder others)\n"
    )
    nowhere = lightsmith("export", RUN, "--output=new/exported")
    assert nowhere.err == "--output=new/exported: there is no folder new\n"
    results = tmp_path / "runs/mnist_mlp/latest/results.json"
    for content in ("{bad", "[1]", '{"experiment": "x"}'):
        results.write_text(content)
        spoilt = lightsmith("export", RUN, "--output=exported")
        assert spoilt.err.startswith("runs/mnist_mlp/")
        assert spoilt.err.endswith("/results.json is not what a run writes: restore it or remove it\n")
        assert (others.code, nowhere.code, spoilt.code) == (2, 2, 2)
    assert not [path for path in tmp_path.iterdir() if "exported" in path.name or path.name == "new"]


@pytest.mark.slow
def test_an_export_that_is_terminated_leaves_nothing(digits: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "cli.py"), "export", RUN, "--output=exported"]
    child = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)
    while not list(tmp_path.glob(".exported-*")):
        assert child.poll() is None
        time.sleep(0.01)
    child.terminate()
    assert child.wait(30) == 143
    assert not list(tmp_path.glob("*exported*"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["imdb_lstm", "bert_classifier"])
def test_texts_are_exported_with_their_tokenizer(name: str, experiment: Cli, lightsmith: Cli, tmp_path: Path) -> None:
    small = ("--data.max_tokens=32", "--trainer.limit_train_batches=4", "--trainer.limit_val_batches=1")
    assert experiment(name, *SMALL, *small, "--trainer.limit_test_batches=1").code == 0
    for precision in ("fp32", "int8"):
        options = (f"--precision={precision}", f"--output={precision}", "--limit=200", "--max_drop=3")
        # In a process of its own, as a person does it: where an LSTM was trained before, torch cannot export one.
        command = [sys.executable, str(ROOT / "cli.py"), "export", f"--run=runs/{name}/latest", *options]
        assert subprocess.run(command, check=False).returncode == 0
    assert (tmp_path / "int8/model.onnx").stat().st_size < 0.3 * (tmp_path / "fp32/model.onnx").stat().st_size
    (tmp_path / "x.txt").write_text("A fine film.\nDull, slow and long.\n")
    rows = []
    for run in (f"runs/{name}/latest", "fp32"):
        assert lightsmith("predict", f"--run={run}", "--input=x.txt", OUTPUT).code == 0
        lines = (tmp_path / "predictions.jsonl").read_text().splitlines()
        rows.append([json.loads(line)["probabilities"] for line in lines])
    for trained, exported in zip(*rows, strict=True):
        assert trained == pytest.approx(exported, abs=0.02)
    answers = []
    company = "".join(f"{word} {'!' * n} " * 12 + "\n" for n, word in enumerate(("superb", "WORST", "1234", "is")))
    for others in ("", company):
        (tmp_path / "x.txt").write_text("A fine film, but slow.\n" + others)
        assert lightsmith("predict", "--run=int8", "--input=x.txt", OUTPUT).code == 0
        answers.append(json.loads((tmp_path / "predictions.jsonl").read_text().splitlines()[0])["probabilities"])
    assert answers[0] == pytest.approx(answers[1], abs=2e-6)  # of six decimals, and fp32 sums that a wider batch rounds
