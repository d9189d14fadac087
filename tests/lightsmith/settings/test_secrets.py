"""Keys reach nothing that a run writes, wherever a person puts them."""

import base64
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import wandb
import yaml

from callbacks.measure_fit import MeasureFit
from lightsmith.runs.loggers import build_loggers, finish_wandb
from lightsmith.settings.secrets import refuse_secrets
from tests.conftest import ROOT, Cli

CANARY = "canaryZq7"  # which no vocabulary holds
CANARIES = {
    "WANDB_API_KEY": f"{CANARY}wandb".ljust(40, "0"),
    "HF_TOKEN": f"hf_{CANARY}".ljust(37, "1"),
    "HUGGING_FACE_HUB_TOKEN": f"hf_{CANARY}".ljust(37, "2"),
    "AWS_SECRET_ACCESS_KEY": f"{CANARY}aws".ljust(40, "3"),
    "WANDB_BASE_URL": f"https://user:{CANARY}url@localhost:9",
}
SECRETS = [CANARY.encode(), base64.b64encode(f"user:{CANARY}url".encode())]
TASKS = ["mnist_mlp", "cifar_cnn", "resnet_transfer", "imdb_lstm", "bert_classifier"]
SMALL = ("--data.train_size=40", "--data.batch_size=20", "--trainer.max_epochs=1", "--trainer.log_every_n_steps=1")
LIMITS = ("--trainer.limit_val_batches=1", "--trainer.limit_test_batches=1")
WANDB = "--trainer.logger=lightning.pytorch.loggers.WandbLogger"
CRASH = """
import sys, cli
from callbacks.measure_fit import MeasureFit
def crash(*_): raise {error}("a callback broke")
MeasureFit.on_train_batch_end = crash
sys.exit(cli.main())
"""


def contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file's bytes, those of a zip file's members, and the records of a W&B file without what divides them."""
    for path in (p for p in folder.rglob("*") if p.is_file() and not p.is_symlink()):
        yield str(path), path.read_bytes()
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                yield from ((f"{path}:{name}", archive.read(name)) for name in archive.namelist())
        if path.suffix == ".wandb":
            yield f"{path}: records", records(path.read_bytes())


def records(log: bytes, block: int = 32768, header: int = 7) -> bytes:
    """A LevelDB log's data: parts in blocks, each after its checksum, length and type; the file has a header too."""
    parts, position = [], header
    while position + header <= len(log):
        if block - position % block < header:
            position += block - position % block
            continue
        size = int.from_bytes(log[position + 4 : position + 6], "little")
        parts.append(log[position + header : position + header + size])
        position += header + size
    return b"".join(parts)


def hits(folder: Path) -> list[str]:
    return [name for name, content in contents(folder) if any(secret in content for secret in SECRETS)]


@pytest.fixture
def canaries(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CANARIES.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    "settings",
    [
        {"trainer": {"logger": [{"init_args": {"dict_kwargs": {"api_key": "x"}}}]}},
        {"model": {"hf_token": "x"}},
        {"data": {"password": "x"}},
        {"data": {"source": "https://user:token@host/x"}},
        {"data": {"source": "hf_" + "a" * 34}},
        {"runs": Path("runs") / CANARIES["AWS_SECRET_ACCESS_KEY"]},
    ],
)
@pytest.mark.usefixtures("canaries")
def test_a_key_among_the_settings_is_refused_without_repeating_it(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"is a key or password.*WANDB_API_KEY") as caught:
        refuse_secrets(settings)
    assert not [secret for secret in SECRETS if secret in str(caught.value).encode()]


@pytest.mark.usefixtures("canaries")
def test_ordinary_settings_are_let_through() -> None:
    refuse_secrets({"data": {"max_tokens": 256, "token_deletion": 0.1, "pad_token": "[PAD]", "source": "C:/a@b"}})
    refuse_secrets({"model": {"pretrained": "owner/name@" + "e6281661" * 5, "api_key": None, "tokenizer_of": "minilm"}})


@pytest.mark.parametrize("option", [f"settings={{api_key: {CANARY}}}", f"dict_kwargs={{api_key: {CANARY}}}"])
def test_a_key_on_the_command_line_is_one_line_and_writes_nothing(experiment: Cli, tmp_path: Path, option: str) -> None:
    outcome = experiment("mnist_mlp", WANDB, f"--trainer.logger.{option}")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert "api_key is a key or password" in outcome.err
    assert CANARY not in outcome.out + outcome.err
    assert list(tmp_path.iterdir()) == []


def test_the_search_finds_a_key_in_a_checkpoint_and_divided_in_a_wandb_file(tmp_path: Path) -> None:
    torch.save({"x": CANARY}, tmp_path / "x.ckpt")
    assert len(hits(tmp_path)) == 2  # the file, and the member of the zip that it is
    (tmp_path / "x.ckpt").unlink()
    logger: Any
    (logger,) = build_loggers(["wandb"], tmp_path, "x", {})
    logger.log_hyperparams({f"x{i}": CANARY * 1000 for i in range(20)})
    finish_wandb()
    wandb.teardown()  # its process may still be writing the last block
    (log,) = (content for name, content in contents(tmp_path) if name.endswith(": records"))
    assert log.count(SECRETS[0] * 1000) >= 20


@pytest.mark.usefixtures("canaries")
def test_no_key_is_written_by_a_run_or_a_crash(
    experiment: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert experiment("mnist_mlp", *SMALL).code == 0

    def crash(*_: Any) -> None:
        raise RuntimeError("a callback broke")

    monkeypatch.setattr(MeasureFit, "on_train_batch_end", crash)
    for options in ((), ("--debug",)):
        with pytest.raises(RuntimeError, match="a callback broke"):
            experiment("mnist_mlp", *SMALL, *options)
    names = [name for name, _ in contents(tmp_path)]
    assert len([name for name in names if name.endswith(".wandb")]) == 3
    assert hits(tmp_path) == []


def test_config_and_checkpoint_hold_plain_values_and_no_key(
    experiment: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    assert experiment("mnist_mlp", *SMALL).code == 0
    run = tmp_path / "runs" / "mnist_mlp" / "latest"
    assert "resume" not in yaml.safe_load((run / "config.yaml").read_text())
    files = [path for path in run.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert not [path for path in files if b"k" * 40 in path.read_bytes()]


def run_with_canaries(folder: Path, arguments: list[str], **variables: str) -> subprocess.CompletedProcess[bytes]:
    """In a process of its own whose home and temporary folder are searched too, with what it printed."""
    for name in ("home", "tmp"):
        (folder / name).mkdir(exist_ok=True)
    places = {"HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp"), "PYTHONPATH": str(ROOT)}
    environment = os.environ | CANARIES | places | variables
    ran = subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, check=False)
    with (folder / "printed.txt").open("ab") as file:
        file.write(ran.stdout + ran.stderr)
    return ran


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_no_key_is_written_by_any_task_or_crash(tmp_path: Path) -> None:
    def arguments(task: str) -> list[str]:
        parts = [f"--config={ROOT}/experiments/{part}.yaml" for part in ("_defaults", task)]
        return ["run", *parts, *SMALL, *LIMITS]

    for task in TASKS:
        ran = run_with_canaries(tmp_path, [str(ROOT / "cli.py"), *arguments(task)])
        assert ran.returncode == 0, ran.stderr
    run_with_canaries(tmp_path, [str(ROOT / "cli.py"), *arguments("mnist_mlp")], WANDB_MODE="online")  # nobody answers
    for error in ("RuntimeError", "ValueError"):
        for debug in ([], ["--debug"]):
            ran = run_with_canaries(tmp_path, ["-c", CRASH.format(error=error), *arguments("mnist_mlp"), *debug])
            assert b"a callback broke" in ran.stderr
            assert (b"Traceback" in ran.stderr) == (error == "RuntimeError" or bool(debug))
    found, searched = hits(tmp_path), len(list(contents(tmp_path)))
    print(f"| 16 | canary keys through 5 tasks and 4 crashes | {len(found)} hits in {searched} files and members |")
    assert searched > 100
    assert found == []
