import os
import subprocess
import sys
from pathlib import Path

import pytest

import cli
from tests.conftest import ROOT, Cli, Outcome

# One entry per mistake: the options, and what the line about it must say.
OPTIONS = {
    "--data.unm_workers={3: 4}": "unknown key 3",
    "--trainer. ogger=x": "unknown key trainer. ogger; did you mean trainer.logger?",
    "--model.lrr=1": "unknown key model.lrr; did you mean model.lr?",
    "--model.init_args.lrr=1": "did you mean model.lr?",
    "--data.bach_size=1": "unknown key data.bach_size; did you mean data.batch_size?",
    "--trainer.max_epoch=1": "unknown key trainer.max_epoch; did you mean trainer.max_epochs?",
    "--lodgers=csv": "unknown key lodgers; did you mean loggers?",
    "--model.lr=abc": "model.lr=abc is not float",
    "--trainer.max_epochs=abc": "trainer.max_epochs=abc is not int or null",
    "--seed_everything=abc": "seed_everything=abc is not",
    "--model.schedule=wave": "model.schedule=wave is not one of constant, linear, cosine, one-cycle",
    "--trainer.precision=bf17": "trainer.precision=bf17 is not one of",
    "--loggers=[cvs]": "loggers=cvs is not one of csv, wandb, tensorboard",
    "--model.warmup_fraction=3": "model.warmup_fraction=3.0 must lie in [0, 1)",
    "--trainer.accumulate_grad_batches=0": "trainer.accumulate_grad_batches=0 must be at least 1",
    "--data.image_size_px=0": "data.image_size_px=0 must be at least 1",
    "--model.lr=-1": "model.lr=-1.0 must be above 0",
    "--data.source=nowhere": "data.source='nowhere' does not exist",
    "--ckpt_path=nope.ckpt": "no checkpoint at nope.ckpt",
    "--resume=nope": "--resume=nope is not a folder",
    "--model=os.system": "model.class_path=os.system is not a class of Lightsmith",
    "--trainer.callbacks+=callbacks.nope.Nope": "callbacks.nope.Nope is not a class of Lightsmith",
    "--trainer.callbacks+=lightning.pytorch.callbacks.EarlyStopping": "EarlyStopping needs monitor",
    "--trainer.callbacks=[]": "trainer.callbacks lacks MeasureFit",
    "--trainer.max_epochs=-1": "trainer.max_epochs=-1 has no end",
    "--trainer.accelerator=gpuu": "accelerator='gpuu'",
    "--trainer.devices=abc": "`devices`",
    "--trainer.enable_checkpointing=false": "a run is tested on its best checkpoint",
    "-c": "expected one argument",
    "stray": "unrecognized arguments: stray",
}
YAMLS = {
    "trainer:\n  max_epoch: 3\n": "unknown key trainer.max_epoch; did you mean trainer.max_epochs?",
    "data:\n  init_args:\n    bach_size: 3\n": "unknown key data.bach_size; did you mean data.batch_size?",
    "modell: 3\n": "unknown key modell; did you mean model?",
    "trainer: [\n": "own.yaml is not YAML",
    "just text": "own.yaml holds no settings",
    "": "own.yaml holds no settings",
    "trainer:\n  callbacks:\n  - class_path: callbacks.show_progress.ShowProgress\n    init_args: {refresh: 3}\n": (
        "unknown key callbacks.ShowProgress.refresh; did you mean callbacks.ShowProgress.refresh_rate?"
    ),
}


def assert_mistake(outcome: Outcome, line: str, folder: Path) -> None:
    """One line on stderr, exit code 2, nothing written."""
    assert outcome.code == 2
    assert line in outcome.err
    assert outcome.err.count("\n") == 1
    assert not (folder / "runs").exists()


@pytest.mark.parametrize(("option", "line"), OPTIONS.items(), ids=OPTIONS)
def test_a_wrong_option_is_one_line_and_writes_nothing(experiment: Cli, tmp_path: Path, option: str, line: str) -> None:
    assert_mistake(experiment("mnist_mlp", option), line, tmp_path)


@pytest.mark.parametrize(("text", "line"), YAMLS.items(), ids=range(len(YAMLS)))
def test_a_wrong_yaml_is_one_line_and_writes_nothing(experiment: Cli, tmp_path: Path, text: str, line: str) -> None:
    (tmp_path / "own.yaml").write_text(text)
    assert_mistake(experiment("mnist_mlp", "-c", tmp_path / "own.yaml"), line, tmp_path)


def test_code_outside_the_allowed_packages_is_never_imported(experiment: Cli, tmp_path: Path) -> None:
    (tmp_path / "intruder.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'w')\nclass Intruder: ...\n")
    sys.path.insert(0, str(tmp_path))
    try:
        outcome = experiment("mnist_mlp", "--trainer.callbacks+=intruder.Intruder")
    finally:
        sys.path.remove(str(tmp_path))
    assert_mistake(outcome, "intruder.Intruder is not a class of Lightsmith", tmp_path)
    assert not (tmp_path / "imported").exists()


def test_an_unknown_experiment_is_answered_with_the_nearest_one(lightsmith: Cli, tmp_path: Path) -> None:
    outcome = lightsmith("run", f"--config={ROOT}/experiments/mnist_mpl.yaml")
    assert_mistake(outcome, "did you mean mnist_mlp?", tmp_path)
    assert "resnet_transfer" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("fitt",), "did you mean fit?"),
        (("run",), "which experiment?"),
        (("--explain=model.lr",), "a command comes before its options"),
        (("options", "--name=MNIST_MLP"), "did you mean mnist_mlp?"),
        (("classify",), "required: run"),
        (("classify", "--run=x"), "classify what? give --input=<file or folder>, or --text="),
        (("classify", "--run=", "--input=wrong"), "--run= is empty: give it a value, or leave it out"),
        (("classify", "--run=x", "--text", ""), "--text '' is empty: give it a value, or leave it out"),
        (("classify", "--rum=x"), "unrecognized arguments: --rum=x; did you mean --run?"),
        (("compare", "--run=x"), "unrecognized arguments: --run=x; did you mean --runs?"),
        (("cross-validate", "--name=mnist_mlp", "--fold=2"), "arguments: --fold=2; did you mean --folds?"),
        (("ship-weights", "--run=nope"), "holds no results.json"),
        (("ship-weights", "--run=wrong"), "wrong/results.json is not what a run writes"),
        (("export", "--run=x", "--format=onx"), "format=onx is not one of onnx, torch"),
        (("export", "--run=x", "--max_drop=-1"), "--max_drop=-1.0 must be at least 0"),
        (("classify", "--run=an_experiment", "--input=wrong"), "did you mean an_experiment/latest?"),
        (("export", "--run=an_experiment"), "did you mean an_experiment/latest?"),
    ],
)
def test_a_wrong_command_is_one_line(lightsmith: Cli, tmp_path: Path, arguments: tuple[str, ...], line: str) -> None:
    (tmp_path / "wrong").mkdir()
    (tmp_path / "wrong" / "results.json").write_text("{}")
    (tmp_path / "an_experiment" / "latest").mkdir(parents=True)
    assert_mistake(lightsmith(*arguments), line, tmp_path)


@pytest.mark.parametrize("verb", ["validate", "test", "predict"])
def test_evaluating_without_a_checkpoint_is_refused_rather_than_done_with_random_weights(
    experiment: Cli, tmp_path: Path, verb: str
) -> None:
    assert_mistake(experiment("mnist_mlp", verb=verb), "--ckpt_path=", tmp_path)


def test_debug_shows_the_traceback(experiment: Cli) -> None:
    with pytest.raises(ValueError, match="lrr"):
        experiment("mnist_mlp", "--model.lrr=1", "--debug")


def test_help_lists_every_command_and_its_examples_work(lightsmith: Cli) -> None:
    for asked in ((), ("--help",)):
        outcome = lightsmith(*asked)
        assert outcome.code == 0
        assert all(name in outcome.out for name in cli.VERBS)
    model_help = lightsmith("run", "--model.help", "lightning_modules.cifar_cnn.CifarCNN")
    assert "lightning_modules.cifar_cnn.CifarCNN" in cli.EXAMPLES
    assert (model_help.code, "--model.widths" in model_help.out) == (0, True)
    assert "--resume" in lightsmith("run", "--help").out


def test_a_verbs_former_name_still_works(lightsmith: Cli) -> None:
    assert (
        lightsmith("classify", "--run=nowhere", "--text=x").err
        == lightsmith("predict", "--run=nowhere", "--text=x").err
    )


def test_ctrl_c_before_training_is_one_line(lightsmith: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_run", interrupt)
    assert lightsmith("list") == Outcome(130, "", "interrupted\n")


def test_a_mistake_as_a_person_sees_it() -> None:
    command = [sys.executable, str(ROOT / "cli.py"), "run", "-c", "experiments/mnits.yaml"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert "did you mean mnist_mlp?" in ran.stderr


def test_the_list_of_experiments_needs_neither_torch_nor_lightning() -> None:
    script = "import sys, cli; cli.main(['list']); print(*{'torch', 'lightning', 'torchmetrics'} & set(sys.modules))"
    listed = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert listed.stdout.splitlines()[-1] == ""


def test_a_page_ends_without_a_word_where_its_reader_has_read_enough() -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, str(ROOT / "cli.py"), "list"]
    ran = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_a_path_at_home_is_understood_where_a_shell_leaves_it(
    experiment: Cli, lightsmith: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "an_experiment" / "latest").mkdir(parents=True)
    assert f"{tmp_path}/an_experiment/latest?" in lightsmith("export", "--run=~/an_experiment").err
    assert (
        f"no checkpoint at {tmp_path}/nope.ckpt" in experiment("mnist_mlp", "--ckpt_path=~/nope.ckpt", verb="test").err
    )
    (tmp_path / "part.yaml").write_text("init_from: ~/nothing\n")
    assert f"--init_from={tmp_path}/nothing: there is no" in experiment("mnist_mlp", "-c=~/part.yaml").err
