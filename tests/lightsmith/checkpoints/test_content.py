from pathlib import Path
from typing import Any

import pytest
import torch

import lightning_modules.mnist_mlp
from lightning_modules.mnist_mlp import MnistMLP
from lightsmith.checkpoints.content import check_content
from lightsmith.checkpoints.rebuild import read_checkpoint
from tests.conftest import Cli

SHORT = ("--trainer.max_epochs=1", "--loggers=[csv]", "--trainer.precision=32-true")
WORDS = (
    "--data=datamodules.review_words.ReviewWords",
    "--model.pretrained=null",
    "--model.embedding_dim=8",
    "--model.hidden_size=8",
    "--data.batch_size=8",
)
ODD_NAMES = ("https://example.org/good", "../../etc/bad", "yes, or /../ no", "s3:/bucket")


def labelled(path: Path, names: tuple[str, ...]) -> None:
    path.parent.mkdir(exist_ok=True)
    rows = [f'film number {n},"{name}"' for n in range(12) for name in names]
    path.write_text("\n".join(["text,label", *rows]) + "\n")


def test_whatever_its_classes_are_called_and_wherever_its_data_and_runs_lie_a_run_goes_on_and_predicts(
    experiment: Cli, lightsmith: Cli, tmp_path: Path
) -> None:
    labelled(tmp_path / "reviews" / "odd.csv", ODD_NAMES)
    (tmp_path / "work").mkdir()
    data = f"--data.source={tmp_path}/work/../reviews/odd.csv"
    runs = f"--runs={tmp_path}/work/../kept"
    assert experiment("imdb_lstm", *WORDS, *SHORT, data, runs).code == 0
    run = tmp_path / "kept" / "imdb_lstm" / "latest"
    best = f"--ckpt_path={run}/checkpoints/best.ckpt"
    for verb, *options in (("test", best), ("run", f"--resume={run}", "--trainer.max_epochs=2")):
        outcome = experiment("imdb_lstm", *WORDS, *SHORT, data, runs, *options, verb=verb)
        assert (outcome.code, outcome.err) == (0, "")
    (tmp_path / "new.txt").write_text("film\n")
    assert lightsmith("predict", f"--run={run}", f"--input={tmp_path}/new.txt", "--output=predictions.jsonl").code == 0
    assert all(f'"{name}": ' in Path("predictions.jsonl").read_text() for name in ODD_NAMES)


class Weighted(MnistMLP):
    """A task of somebody's own, with options that are named as Lightsmith's tasks name other things."""

    def __init__(self, weights: str = "balanced", pretrained: bool = True, seed: int = 9999, **common: Any) -> None:
        super().__init__(**common)
        self.save_hyperparameters()


@pytest.fixture
def own_task(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(Weighted, "__module__", lightning_modules.mnist_mlp.__name__)
    monkeypatch.setattr(lightning_modules.mnist_mlp, "Weighted", Weighted, raising=False)
    return "lightning_modules.mnist_mlp.Weighted"


def test_hyper_parameters_may_be_called_weights_and_pretrained(experiment: Cli, own_task: str, lightsmith: Cli) -> None:
    small = ("--data.train_size=100", f"--model={own_task}", "--model.image_size_px=28", *SHORT)
    assert experiment("mnist_mlp", *small, "--model.weights=uniform").code == 0
    options = read_checkpoint(Path("runs/mnist_mlp/latest/checkpoints/best.ckpt"))["hyper_parameters"]
    assert (options["weights"], options["pretrained"]) == ("uniform", True)
    resumed = experiment("mnist_mlp", *small, "--resume=runs/mnist_mlp/latest", "--trainer.max_epochs=2")
    assert (resumed.code, resumed.err) == (0, "")


def good(task: str, **options: Any) -> dict[str, Any]:
    return {
        "lightsmith": {"model": f"lightning_modules.{task}", "data": "datamodules.mnist.MNIST"},
        "state_dict": {"x": torch.zeros(1)},
        "hyper_parameters": {"class_names": ["a", "b"], **options},
        "datamodule_hyper_parameters": {"source": "/a/../b"},
        "loops": {},
        "epoch": 1,
        "global_step": 1,
    }


@pytest.mark.parametrize(
    ("task", "options", "line"),
    [
        ("bert_classifier.BertClassifier", {"pretrained": "evil/model"}, "names pretrained=evil/model"),
        ("imdb_lstm.ImdbLSTM", {"pretrained": "/tmp/x"}, "names pretrained=/tmp/x"),
        ("resnet_transfer.ResNetTransfer", {"weights": "IMAGENET1K_V1"}, "names weights=IMAGENET1K_V1"),
        ("mnist_mlp.MnistMLP", {"extra": {"inner": "https://evil.example/x"}}, "is a URL"),
        ("mnist_mlp.MnistMLP", {"num_layers": 10**6}, "declares num_layers=1000000"),
    ],
)
def test_what_would_fetch_something_or_build_without_end_is_refused(
    task: str, options: dict[str, Any], line: str
) -> None:
    check_content(good(task, **dict.fromkeys(options)), Path("x.ckpt"))
    with pytest.raises(ValueError, match=line):
        check_content(good(task, **options), Path("x.ckpt"))


HOME = "/home/me/../you/runs/x/checkpoints"


@pytest.mark.parametrize(
    ("state", "leaves"),
    [
        ({"best_model_path": f"{HOME}/best.ckpt", "best_k_models": {f"{HOME}/best.ckpt": 1}}, False),
        ({"best_model_path": "/elsewhere/best.ckpt"}, False),
        ({"best_model_path": "../runs/best.ckpt"}, False),
        ({"teacher": "https://example.org/../x"}, False),
        ({"kth_best_model_path": f"{HOME}/../../precious"}, True),
        ({"last_model_path": "/elsewhere/../precious"}, True),
        ({"best_k_models": {f"{HOME}/../precious": 1}}, True),
        ({"dirpath": None, "last_model_path": "runs/../../precious"}, True),
    ],
)
def test_a_callback_has_no_files_but_those_that_it_may_have_written(state: dict[str, Any], leaves: bool) -> None:
    checkpoint = good("mnist_mlp.MnistMLP") | {"callbacks": {"ModelCheckpoint": {"dirpath": HOME, **state}}}
    if leaves:
        with pytest.raises(ValueError, match="leaves its folder"):
            check_content(checkpoint, Path("x.ckpt"))
    else:
        check_content(checkpoint, Path("x.ckpt"))
