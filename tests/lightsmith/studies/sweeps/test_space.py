from pathlib import Path

import pytest

from lightsmith.settings.experiments import EXPERIMENTS, experiment_files
from lightsmith.studies.sweeps.space import Space, Stopping, read_space

SHIPPED = sorted((EXPERIMENTS / "_sweeps").glob("*.yaml"))
PARAMETERS = "parameters: {model.lr: {values: [0.1, 0.2]}, model.compile: {value: false}, model.k: {min: 1, max: 3}}"


def space(text: str) -> Space:
    Path("space.yaml").write_text(text)
    return read_space(Path("space.yaml"))


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_a_shipped_space_is_of_the_experiment_whose_name_it_has(file: Path) -> None:
    found = read_space(file)
    assert file.stem in experiment_files()
    assert found.cap is not None
    assert f"experiments/{file.stem}.yaml" in file.read_text()  # in the command for W&B's agent
    assert f"make sweep NAME={file.stem} SWEEP=experiments/_sweeps/{file.name}" in file.read_text()


def test_each_of_the_five_tasks_has_a_space() -> None:
    names = {"mnist_mlp", "cifar_cnn", "imdb_lstm", "bert_classifier", "resnet_transfer"}
    assert {file.stem for file in SHIPPED} == names


def test_a_sweep_yaml_of_wandb_is_read() -> None:
    found = space(
        "program: cli.py\nproject: p\nmethod: bayes\nrun_cap: 7\nmetric: {name: val/loss}\n"
        f"early_terminate: {{type: hyperband, max_iter: 27, s: 2}}\n{PARAMETERS}"
    )
    assert (found.method, found.metric, found.goal, found.cap) == ("bayes", "val/loss", "minimize", 7)  # W&B's default
    assert found.stopping == Stopping("hyperband", 3, 3)  # 27 / 3²
    assert [parameter.key for parameter in found.parameters] == ["model.lr", "model.compile", "model.k"]
    assert found.constants() == ["--model.compile=false"]
    assert space(f"method: random\n{PARAMETERS}").metric is None


def test_a_grid_has_all_points_the_last_parameter_changing_fastest() -> None:
    found = space(f"method: grid\n{PARAMETERS}")
    points = found.grid()
    assert len(points) == found.size == 6
    assert [found.options(point) for point in points[2:4]] == [
        ["--model.lr=0.1", "--model.compile=false", "--model.k=3"],
        ["--model.lr=0.2", "--model.compile=false", "--model.k=1"],
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"method: bayse\n{PARAMETERS}", "method=bayse is not one of bayes, random, grid; did you mean bayes?"),
        (PARAMETERS, "method=None is not one of"),
        (f"method: grid\nmetrics: {{}}\n{PARAMETERS}", "unknown key metrics; did you mean metric?"),
        ("method: grid\n", "parameters must name settings"),
        (f"method: random\nmetric: val/accuracy\n{PARAMETERS}", "metric=val/accuracy must say name and goal"),
        (f"method: random\nmetric: {{name: a, gaol: b}}\n{PARAMETERS}", "unknown key gaol; did you mean goal?"),
        (f"method: random\nmetric: {{name: a, goal: max}}\n{PARAMETERS}", "goal=max is not one of minimize, maximize"),
        (f"method: random\nrun_cap: 0\n{PARAMETERS}", "run_cap=0 must be a whole number of trials"),
        (f"method: random\nearly_terminate: {{type: medain}}\n{PARAMETERS}", "type=medain is not one of hyperband"),
        (f"method: random\nearly_terminate: {{type: median, eta: 3}}\n{PARAMETERS}", "unknown key eta"),
        (f"method: random\nearly_terminate: {{type: hyperband, eta: 1}}\n{PARAMETERS}", "eta=1 must be 2 or more"),
        ("method: grid\nparameters: {model.lr: {min: 0.1, max: 0.2}}", "model.lr has no end of values, as a grid"),
        ("method: random\nparameters: {runs: {values: [a, b]}}", "runs cannot be swept: the sweep sets it"),
        (
            "method: random\nparameters: {model.lr: {value: 1}, model: {parameters: {lr: {value: 2}}}}",
            "model.lr is given twice",
        ),
        ("method: [", "is not YAML"),
    ],
)
def test_a_bad_space_is_one_line_with_the_file(text: str, line: str) -> None:
    with pytest.raises(ValueError, match=line) as refused:
        space(text)
    assert "space.yaml" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_space_that_is_not_there_is_asked_back() -> None:
    Path("space.yaml").touch()
    with pytest.raises(ValueError, match=r"--sweep=spaec.yaml does not exist; did you mean space.yaml\?"):
        read_space(Path("spaec.yaml"))
