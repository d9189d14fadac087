from pathlib import Path
from types import SimpleNamespace
from typing import Any

from commands.summary import class_list, data_lines, figures_of, results_lines, shown
from commands.tracking import sync_command

DATA: Any = SimpleNamespace(
    source_found=SimpleNamespace(
        origin="image folder x", notes=["no test split: 10% of train"], ignored=[("x/labels.csv", "not an image")]
    ),
    sizes={"train": 4000, "val": 500, "test": 500},
    class_names=[f"class {n}" for n in range(12)],
    skipped=[(f"{n}.jpg", "truncated") for n in range(5)],
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
    text = "\n".join(data_lines(DATA))
    assert data_lines(DATA)[0] == "data       image folder x"
    assert "train 4,000 · val 500 · test 500 · 12 classes: class 0," in text
    assert "class 9, …" in text
    assert "no test split: 10% of train" in text
    assert "skipped 5 items" in text
    assert text.count("truncated") == 3
    assert "not used: 1 files or folders" in text
    assert "x/labels.csv: not an image" in text


def test_names_that_a_list_would_hide_are_quoted() -> None:
    names = ["horse, wild", "horse", "wild", "", " x", 'a "b"', "it's 5 cm"]
    assert class_list(names) == r"""7 classes: "horse, wild", horse, wild, "", " x", "a \"b\"", it's 5 cm"""


def test_results_lines_never_break_a_path_and_name_the_next_command(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 50)
    lines = results_lines(RESULTS, folder, DATA, sync=sync_command(folder))
    assert any("loss 0.2500  accuracy 0.5000" in line for line in lines)
    assert any(f"wandb sync {shown(folder)}/wandb/latest-run" in line for line in lines)
    assert "skipped    5 items, listed in results.json" in lines
    assert "make exp NAME=mnist_mlp DATA=hub" in lines[-1]
    real = RESULTS | {"data": {"source": "/x"}}
    assert f"make predict RUN={shown(folder)}" in results_lines(real, folder, DATA, sync=None)[-1]


def test_the_next_command_exists_for_an_experiment_elsewhere_and_for_data_that_no_hub_has() -> None:
    folder = Path("runs/mine/20261126-120000")
    for experiment, hub, command in (
        ("mine", {"hub_name": "x"}, f".venv/bin/python cli.py run -c {folder}/config.yaml --data.source=hub    (the"),
        ("mine", {}, f".venv/bin/python cli.py run -c {folder}/config.yaml --data.source=path/to/yours    (your"),
        ("mnist_mlp", {}, "make exp NAME=mnist_mlp DATA=path/to/yours    (your own data)"),
    ):
        data = SimpleNamespace(source_found=DATA.source_found, skipped=[], **hub)
        last = results_lines(RESULTS | {"experiment": experiment}, folder, data, sync=None)[-1]
        assert last.startswith(f"next       {command}")


def test_figures_name_their_items_and_the_interval_of_few() -> None:
    many = {"n": 1500, "loss": 0.25, "accuracy": 0.5}
    assert figures_of(many) == ["n 1,500", "loss 0.2500", "accuracy 0.5000"]
    few = {**many, "n": 40, "interval": {"accuracy": [0.3520, 0.6480]}}
    assert figures_of(few) == ["n 40", "loss 0.2500", "accuracy 0.5000 (95%: 0.3520 to 0.6480)"]


def test_folders_are_shown_relative_where_possible(tmp_path: Path) -> None:
    assert shown(tmp_path / "runs") == Path("runs")
    assert shown(Path("/elsewhere")) == Path("/elsewhere")
