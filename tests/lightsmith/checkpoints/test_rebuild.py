import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lightsmith.checkpoints.rebuild import check_fits, load_run, read_checkpoint
from tests.conftest import Cli
from tests.hostile_checkpoints import HOSTILE

SMALL = ("--data.train_size=200", "--loggers=[csv]", "--trainer.max_epochs=1")
# Wrong only in what is read to train on.
UNREAD = ("loops of text", "a version of text", "moments of text", "a schedule of text")


@pytest.fixture
def run(trained_run: Callable[..., None], tmp_path: Path) -> Path:
    trained_run("mnist_mlp", *SMALL)
    return (tmp_path / "runs" / "mnist_mlp" / "latest").resolve()


def test_a_checkpoint_holds_plain_values_and_the_class_names(run: Path) -> None:
    results = json.loads((run / "results.json").read_text())
    checkpoint = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)
    assert checkpoint["hyper_parameters"]["class_names"] == [str(digit) for digit in range(10)]
    assert checkpoint["lightsmith"] == {
        "model": "lightning_modules.mnist_mlp.MnistMLP",
        "data": "datamodules.mnist.MNIST",
        "fingerprint": results["data"]["fingerprint"],
        "training_loss": [{"items": 0, "sum": None, "counted": None, "waiting": [], "sizes": []}],
        "class_weights": None,
        "operations": [],
        "edits": 0,
    }


def test_load_run_rebuilds_the_same_model_without_its_data(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the training data was asked for")

    monkeypatch.setattr("datamodules.mnist.MNIST.load_sample", refuse)
    model, data = load_run(run)
    by_file, _ = load_run(run / "checkpoints" / "best.ckpt")
    saved = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    assert all(torch.equal(value, saved[name]) for name, value in model.state_dict().items())
    images = torch.randint(0, 256, (4, 1, 28, 28), dtype=torch.uint8)
    assert torch.equal(model(images), by_file(images))
    assert not model.training
    assert data.image_size_px == 28


def test_what_is_no_lightsmith_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "noise.ckpt").write_bytes(b"\x80\x02noise")
    (tmp_path / "empty.ckpt").write_bytes(b"")
    torch.save(torch.zeros(1), tmp_path / "tensor.ckpt")
    for name, line in (
        ("none.ckpt", "no checkpoint at"),
        ("noise.ckpt", "cannot be read"),
        ("empty.ckpt", "cannot be read"),
        ("tensor.ckpt", "is not a Lightsmith checkpoint"),
    ):
        with pytest.raises(ValueError, match=line):
            read_checkpoint(tmp_path / name)


def test_a_checkpoint_cannot_run_code(tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return open, (str(tmp_path / "ran"), "w")  # type: ignore[return-value]

    torch.save({"lightsmith": Payload()}, tmp_path / "x.ckpt")
    with pytest.raises(ValueError, match="cannot be read"):
        read_checkpoint(tmp_path / "x.ckpt")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("named", ["os.system", "lightning_modules.classifier.F", "datamodules.mnist.MNIST"])
def test_a_checkpoint_can_name_no_class_but_those_of_its_room(run: Path, tmp_path: Path, named: str) -> None:
    checkpoint = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)
    checkpoint["lightsmith"]["model"] = named
    torch.save(checkpoint, tmp_path / "x.ckpt")
    with pytest.raises(ValueError, match=f"names '{named}'"):
        load_run(tmp_path / "x.ckpt")


def test_fitting_is_class_and_shapes(run: Path) -> None:
    model, _ = load_run(run)
    checkpoint = read_checkpoint(run / "checkpoints" / "best.ckpt")
    check_fits(checkpoint, model, run)
    del checkpoint["state_dict"][next(iter(checkpoint["state_dict"]))]
    with pytest.raises(ValueError, match="missing there"):
        check_fits(checkpoint, model, run)


def attempts(run: Path, name: str, canary: Path) -> list[tuple[str, ...]]:
    """Every command that reads a checkpoint, on a hostile one made from a good run's."""
    folder = canary.parent / "hostile"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "checkpoints").mkdir(parents=True)
    for stem in ("best", "last"):
        good = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
        HOSTILE[name](folder / "checkpoints" / f"{stem}.ckpt", good, canary)
    canary.unlink(missing_ok=True)  # some payloads run when they are made
    path = folder / "checkpoints" / "last.ckpt"
    (folder / "x.png").write_bytes(b"")
    return [
        ("run", f"--resume={folder}", "--trainer.max_epochs=2"),
        *((verb, f"--ckpt_path={path}") for verb in ("fit", "validate", "test", "predict")),
        ("classify", f"--run={folder}", f"--input={folder}/x.png"),
        ("export", f"--run={folder}", "--limit=10"),
    ]


def assert_harmless(experiment: Cli, lightsmith: Cli, run: Path, name: str, canary: Path) -> None:
    """Nothing runs, and the answer is one line; a command may work if it never reads what is wrong."""
    for verb, *options in attempts(run, name, canary):
        if verb in ("classify", "export"):
            outcome = lightsmith(verb, *options)
        else:
            outcome = experiment("mnist_mlp", *SMALL[:1], "--loggers=[]", "--trainer.max_epochs=2", *options, verb=verb)
        assert not canary.exists(), (name, verb)
        unread = name in UNREAD and verb not in ("run", "fit")
        assert (outcome.code, outcome.err.count("\n")) == (2, 1) or unread, (name, verb, outcome)


@pytest.mark.parametrize("name", ["system as state_dict", "zip bomb"])
def test_a_hostile_checkpoint_is_one_line_and_runs_nothing(
    experiment: Cli, lightsmith: Cli, run: Path, tmp_path: Path, name: str
) -> None:
    assert_harmless(experiment, lightsmith, run, name, tmp_path / "canary")


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_forty_hostile_checkpoints_run_nothing_in_any_command(
    experiment: Cli, lightsmith: Cli, run: Path, tmp_path: Path
) -> None:
    for name in HOSTILE:
        assert_harmless(experiment, lightsmith, run, name, tmp_path / "canary")
    assert len(HOSTILE) >= 40
    commands = "run, fit, validate, test, predict, classify, export"
    print(f"\n| 14 | {len(HOSTILE)} hostile checkpoints × {commands} | 0 canaries |")
