import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from jsonargparse import set_parsing_settings

from lightsmith.settings.allowed_classes import ALLOWED_PACKAGES, packages_on_command_line
from tests.conftest import ROOT, Cli, Outcome

LOAD = "lightning_modules.mnist_mlp.MnistMLP.load_from_checkpoint"
# What a hostile YAML names where a class belongs. Each would leave a canary, or has no business in a training run.
NAMED = [
    "os.system", "posix.system", "subprocess.Popen", "builtins.exec", "builtins.eval", "runpy.run_path",
    "antigravity.fly",
    "importlib.import_module", "shutil.rmtree", "pickle.load", "intruder.Intruder", "intruder.nested.Deep", "this.s",
    "torch.os.system", "torch.utils.data.os.system", "lightning.pytorch.cli.sys.exit", "commands.predict.sys.exit",
    "torch.hub.load", "torch.load", "torch.ops.load_library", "torch.utils.cpp_extension.load", "torch.jit.load",
    "torch.nn.Linear", "transformers.pipeline", "lightning.pytorch.cli.LightningCLI", "commands.predict.predict",
    "commands.ship_weights.ship_weights", "lightning.pytorch.core.saving.load_hparams_from_yaml",
    "jsonargparse.auto_cli", LOAD,
]  # fmt: skip
CALLBACK = "trainer: {callbacks+: [{class_path: %s}]}"
LAMBDA = "trainer: {callbacks+: [{class_path: lightning.pytorch.callbacks.LambdaCallback, init_args: {setup: %s}}]}"
HOSTILE = {
    **{f"a callback {name}": CALLBACK % name for name in NAMED},
    **{f"a model {name}": f"model: {{class_path: {name}, init_args: {{path: x}}}}" for name in NAMED[:6] + NAMED[-1:]},
    **{f"a function {name}": LAMBDA % name for name in ("torch.hub.load", "commands.predict.predict", "os.system")},
    "a tag": "trainer: !!python/object/apply:os.system [touch canary]",
    "a name tag": "loggers: !!python/name:os.system",
    "laughs": "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]",
    "depth": "trainer: " + "[" * 500 + "]" * 500,
    "size": "#" * 200_000,
    "a NUL": "trainer: \0",
    "a repeated key": "seed_everything: 1\nseed_everything: 2",
    "an extension of the list": "allow_package: [intruder]",
    "a URL as data": "data: {init_args: {source: https://evil.example/x}}",
    "a URL as a folder": "runs: s3://evil/x",
    "a URL as settings": "trainer: https://evil.example/x.yaml",
}
FAST = ["a callback os.system", "a callback intruder.Intruder", f"a model {LOAD}", "a function torch.hub.load", "a tag"]


@pytest.fixture
def intruder(tmp_path: Path) -> Iterator[Path]:
    """A package that leaves a canary as soon as it is imported."""
    (tmp_path / "intruder.py").write_text(
        "from pathlib import Path\nfrom lightning.pytorch import Callback\n"
        f"Path({str(tmp_path / 'canary')!r}).touch()\n"
        "class Intruder(Callback): ...\ndef make() -> Callback: return Intruder()\n"
    )
    sys.path.insert(0, str(tmp_path))
    yield tmp_path / "canary"
    sys.path.remove(str(tmp_path))
    sys.modules.pop("intruder", None)
    set_parsing_settings(import_path_denylist=["intruder"])


def refused(experiment: Cli, folder: Path, text: str) -> Outcome:
    """The answer to a hostile YAML: one line, exit code 2, nothing imported, run or written."""
    (folder / "own.yaml").write_text(text)
    before = {name.partition(".")[0] for name in sys.modules}
    outcome = experiment("mnist_mlp", "-c", folder / "own.yaml")
    imported = {name.partition(".")[0] for name in sys.modules} - before
    assert (outcome.code, outcome.err.count("\n")) == (2, 1), outcome
    assert not imported & {name.partition(".")[0] for name in NAMED} - set(ALLOWED_PACKAGES)
    assert not (folder / "canary").exists()
    assert not (folder / "runs").exists()
    return outcome


@pytest.mark.parametrize("name", FAST)
def test_a_hostile_yaml_is_one_line_and_runs_nothing(
    experiment: Cli, tmp_path: Path, intruder: Path, name: str
) -> None:
    refused(experiment, tmp_path, HOSTILE[name])


@pytest.mark.slow
def test_fifty_hostile_yamls_run_and_import_nothing(experiment: Cli, tmp_path: Path, intruder: Path) -> None:
    for text in HOSTILE.values():
        refused(experiment, tmp_path, text)
    assert len(HOSTILE) >= 50
    print(f"\n| 14 | {len(HOSTILE)} hostile YAMLs | 0 canaries, 0 imports off the allowlist |")


def test_a_package_is_allowed_on_the_command_line_alone(experiment: Cli, tmp_path: Path, intruder: Path) -> None:
    added = "--trainer.callbacks+=intruder.Intruder"
    assert experiment("mnist_mlp", added).code == 2
    assert not intruder.exists()
    assert "allow_package" in refused(experiment, tmp_path, HOSTILE["an extension of the list"]).err
    assert experiment("mnist_mlp", "--allow_package=intruder", added, "--trainer.fast_dev_run=true").code == 0
    assert intruder.exists()


def test_a_function_of_an_allowed_package_is_no_class(experiment: Cli, intruder: Path) -> None:
    outcome = experiment("mnist_mlp", "--allow_package=intruder", "--trainer.callbacks+=intruder.make")
    assert (outcome.code, outcome.err) == (2, "trainer.callbacks.class_path=intruder.make is not a class\n")


def test_packages_are_read_from_both_forms_of_the_option() -> None:
    assert packages_on_command_line(["run", "--allow_package=a", "-c", "x", "--allow_package", "b"]) == ["a", "b"]


@pytest.mark.parametrize("option", ["-c=https://x/y.yaml", "-chttps://x/y.yaml", "--config=https://x/y.yaml"])
def test_a_url_is_no_configuration_file(lightsmith: Cli, option: str) -> None:
    outcome = lightsmith("run", f"--config={ROOT}/experiments/_defaults.yaml", option)
    assert (outcome.code, "https://x/y.yaml is a URL" in outcome.err) == (2, True)
