from pathlib import Path
from types import SimpleNamespace
from typing import Any

from datamodules.sources.labels.classes import Classes, class_list
from lightsmith.records.summary import data_lines, figures_of, results_lines
from lightsmith.runs.loggers import sync_command
from lightsmith.terminal import shown

DATA: Any = SimpleNamespace(
    source_found=SimpleNamespace(
        origin="image folder x",
        notes=["no test split: 10% of train"],
        ignored=[("x/labels.csv", "not an image")],
        class_names=[f"class {n}" for n in range(12)],
    ),
    sizes={"train": 4000, "val": 500, "test": 500},
    labels=Classes(),
    skipped=[("x/0.heic", "not a JPEG, PNG or PPM image"), *((f"x/{n}.jpg", f"truncated by {n}") for n in range(1, 5))],
    items_line="images 500×375 → 32×32",
    train_size=None,
    hub_name="owner/name",
)
RESULTS: dict[str, Any] = {
    "experiment": "mnist_mlp",
    "data": {"source": "sample"},
    "test": {"loss": 0.25, "accuracy": 0.5},
    "fit": {"seconds": 1.0, "epochs": 2, "samples_per_second": 1234.0, "peak_memory_bytes": 2e9},
    "model": {"class": "X", "parameters": 1234},
    "environment": {"device": "cpu", "precision": "32-true"},
}


def test_data_lines_say_what_how_large_and_what_was_left_out() -> None:
    lines = [line.strip() for line in data_lines(DATA, recorded=True)]
    assert lines[0] == "data       image folder x"
    assert lines[1].startswith("train 4,000 · val 500 · test 500 · 12 classes: class 0,")
    assert lines[1].endswith("class 9, …")
    assert lines[2:] == [
        "images 500×375 → 32×32",
        "no test split: 10% of train",
        "5 of 5,005 items left out (all listed in results.json): 4 damaged (1.jpg, 2.jpg, 3.jpg, …), "
        "1 not usable image (0.heic)",
        "no part of the data (all listed in results.json): labels.csv (not an image)",
    ]


def test_data_lines_promise_no_results_that_nothing_writes() -> None:
    text = "\n".join(data_lines(DATA, recorded=False))
    assert "5 of 5,005 items left out: 4 damaged" in text
    assert "results.json" not in text


def test_data_lines_add_up_where_some_training_items_are_not_used() -> None:
    there, used = ({"train": range(n), "val": range(500), "test": range(500)} for n in (4000, 100))
    found = SimpleNamespace(**{**vars(DATA.source_found), "splits": used})
    chosen: Any = SimpleNamespace(
        **{**vars(DATA), "train_size": 100, "source_found": found, "uncut": SimpleNamespace(splits=there)}
    )
    text = "\n".join(data_lines(chosen, recorded=True))
    assert "3,900 more training items are not used (data.train_size=100)" in text


def test_names_that_a_list_would_hide_are_quoted() -> None:
    names = ["horse, wild", "horse", "wild", "", " x", 'a "b"', "it's 5 cm"]
    assert class_list(names) == r"""7 classes: "horse, wild", horse, wild, "", " x", "a \"b\"", it's 5 cm"""


def test_results_lines_never_break_a_path_and_name_the_next_command(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 50)
    lines = results_lines(RESULTS, folder, DATA, sync=sync_command(folder))
    assert any("loss 0.2500  accuracy 0.5000" in line for line in lines)
    assert any(f"wandb sync {shown(folder)}/wandb/latest-run" in line for line in lines)
    assert "left out   5 items, listed in results.json" in lines
    assert "make exp NAME=mnist_mlp DATA=hub" in lines[-2]
    assert lines[-1] == f"           make report RUN={shown(folder)}    (a page about this run)"
    real = RESULTS | {"data": {"source": "/x"}}
    assert f"make predict RUN={shown(folder)}" in results_lines(real, folder, DATA, sync=None)[-2]


def test_the_next_command_exists_for_an_experiment_elsewhere_and_for_data_that_no_hub_has() -> None:
    folder = Path("runs/mine/20261126-120000")
    for experiment, hub, command in (
        ("mine", {"hub_name": "x"}, f".venv/bin/python cli.py run -c {folder}/config.yaml --data.source=hub    (the"),
        ("mine", {}, f".venv/bin/python cli.py run -c {folder}/config.yaml --data.source=path/to/yours    (your"),
        ("mnist_mlp", {}, "make exp NAME=mnist_mlp DATA=path/to/yours    (your own data)"),
    ):
        data: Any = SimpleNamespace(source_found=DATA.source_found, skipped=[], **hub)
        line = results_lines(RESULTS | {"experiment": experiment}, folder, data, sync=None)[-2]
        assert line.startswith(f"next       {command}")


def test_figures_name_their_items_and_the_interval_of_few() -> None:
    many = {"n": 1500, "loss": 0.25, "accuracy": 0.5}
    assert figures_of(many) == ["n 1,500", "loss 0.2500", "accuracy 0.5000"]
    few = {**many, "n": 40, "interval": {"accuracy": [0.3520, 0.6480]}}
    assert figures_of(few) == ["n 40", "loss 0.2500", "accuracy 0.5000 (95%: 0.3520 to 0.6480)"]
