import json
import shlex
from pathlib import Path
from typing import Any

from lightsmith.settings.experiments import EXPERIMENTS, experiment_name, header, score
from tests.conftest import Cli


def test_the_figure_of_an_experiment_is_that_on_real_data_where_there_is_one() -> None:
    sample, real = "test accuracy 95.7% (n = 500, 95% interval 93%–97%)", "mnist, test accuracy 98.8% (n = 10,000)"
    assert score({"what": "x", "sample": sample, "real": real}) == "98.8% (mnist)"
    assert score({"what": "x", "sample": sample, "real": "not yet measured"}) == "95.7% (sample)"
    assert score({"what": "x"}) == "not yet measured"


def test_header_is_the_leading_comment_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("# A thing: with a colon\n# sample: 97%\n# other: no\nmodel: 1\n# real: too late\n")
    assert header(path) == {"what": "A thing: with a colon", "sample": "97%"}
    path.write_text("model: 1\n")
    assert header(path) == {"what": ""}


def test_a_run_is_named_after_its_last_experiment_and_not_after_a_part() -> None:
    defaults, part = EXPERIMENTS / "_defaults.yaml", EXPERIMENTS / "_finetuning" / "gradual_unfreezing.yaml"
    assert part.is_file()
    assert experiment_name([defaults, EXPERIMENTS / "resnet_transfer.yaml", part]) == "resnet_transfer"
    assert experiment_name([defaults]) == "defaults"
    assert experiment_name([]) == "unnamed"


def test_a_yaml_of_ones_own_names_the_runs_only_if_it_is_a_whole_experiment(tmp_path: Path) -> None:
    given = [EXPERIMENTS / "_defaults.yaml", EXPERIMENTS / "mnist_mlp.yaml"]
    whole = given[1].read_text()
    part = "model: {init_args: {lr: 0.01}}\ndata: {init_args: {batch_size: 64}}\ntrainer: {max_epochs: 3}\n"
    for name, content, expected in (
        ("mine.yaml", part, "mnist_mlp"),
        ("mine.yaml", whole, "mine"),
        ("mine.yaml", "model: lightning_modules.mnist_mlp.MnistMLP\ndata: datamodules.mnist.MNIST\n", "mine"),
        ("config.yaml", whole, "config"),
        ("_variant.yaml", whole, "mnist_mlp"),
    ):
        (tmp_path / name).write_text(content)
        assert experiment_name([*given, tmp_path / name]) == expected, content


QUICK = ("--data.train_size=100", "--trainer.max_epochs=1", "--loggers=[csv]")


def results(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "results.json").read_text())
    return found


def test_a_part_renames_no_run_and_the_settings_of_a_run_repeat_it_under_its_name_wherever_it_lies(
    experiment: Cli, lightsmith: Cli, tmp_path: Path
) -> None:
    (tmp_path / "part.yaml").write_text("model: {init_args: {lr: 0.01}}\n")
    outcome = experiment("mnist_mlp", "-c=part.yaml", *QUICK)
    assert "next       make exp NAME=mnist_mlp DATA=hub" in outcome.out
    first = (tmp_path / "runs" / "mnist_mlp" / "latest").resolve()
    assert lightsmith("run", "-c=runs/mnist_mlp/latest/config.yaml").code == 0
    second = (tmp_path / "runs" / "mnist_mlp" / "latest").resolve()
    assert first != second
    assert (first / "config.yaml").read_text() == (second / "config.yaml").read_text()
    assert results(first)["experiment"] == results(second)["experiment"] == "mnist_mlp"
    assert results(first)["test"] == results(second)["test"]

    moved = first.rename(tmp_path / "kept")
    assert lightsmith("run", f"-c={moved}/config.yaml", f"--resume={moved}", "--trainer.max_epochs=2").code == 0
    assert lightsmith("run", f"-c={moved}/config.yaml", "-c=part.yaml").code == 0
    assert results(moved)["experiment"] == "mnist_mlp"
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["mnist_mlp"]
    assert len(list((tmp_path / "runs" / "mnist_mlp").glob("[0-9]*"))) == 2


def test_an_experiment_of_ones_own_names_its_runs_and_the_next_command_runs_it(lightsmith: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text((EXPERIMENTS / "mnist_mlp.yaml").read_text())
    outcome = lightsmith("run", f"-c={EXPERIMENTS}/_defaults.yaml", "-c=mine.yaml", *QUICK)
    (line,) = (line for line in outcome.out.splitlines() if line.startswith("next "))
    python, script, *options = shlex.split(line.removeprefix("next").partition("  (")[0])
    assert (python, script, options[-1]) == (".venv/bin/python", "cli.py", "--data.source=hub")
    assert lightsmith(*options, "--data.source=sample").code == 0
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["mine"]
    assert len(list((tmp_path / "runs" / "mine").glob("[0-9]*"))) == 2


def test_an_experiment_can_be_named_but_only_so_that_a_folder_can_carry_it(experiment: Cli, tmp_path: Path) -> None:
    assert experiment("mnist_mlp", *QUICK, "--experiment=narrow").code == 0
    assert results(tmp_path / "runs" / "narrow" / "latest")["experiment"] == "narrow"
    for name in ("../elsewhere", "a/b", ".."):
        outcome = experiment("mnist_mlp", *QUICK, f"--experiment={name}")
        assert (outcome.code, outcome.err.count("\n")) == (2, 1)
        assert f"experiment={name!r} must be a plain name" in outcome.err
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["narrow"]


def test_the_settings_of_a_run_of_an_earlier_version_name_the_experiment_by_the_folder(tmp_path: Path) -> None:
    run = tmp_path / "mnist_mlp" / "20261126-120000"
    (run / "checkpoints").mkdir(parents=True)
    (run / "config.yaml").write_text("model: {class_path: x}\ndata: {class_path: y}\n")
    (tmp_path / "mnist_mlp" / "latest").symlink_to(run.name)
    assert experiment_name([tmp_path / "mnist_mlp" / "latest" / "config.yaml"]) == "mnist_mlp"
