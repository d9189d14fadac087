import re
import shlex
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from lightsmith.runs.experiment import ExperimentCLI
from lightsmith.runs.hardware import fast_precision
from lightsmith.settings.experiments import EXPERIMENTS, experiment_files, header
from tests.conftest import REAL_DATA, ROOT, Cli
from tests.experiment_results import results_of

FILES = sorted(path.relative_to(EXPERIMENTS) for path in EXPERIMENTS.rglob("*.yaml"))
NAMES = [path.stem for path in FILES if "_" not in (path.name[0], path.parts[0][0])]
OTHERS = [*NAMES, "_defaults", "_default"]
PARTS = [path for path in FILES if path.stem not in OTHERS and path.parts[0] != "_dashboards"]
FIELDS = ("what", "source", "command", "sample", "real")
LONGEST = 45  # lines, by DESIGN §3
LONGEST_PART = 20
QUICK = "--loggers=[csv]"
# For what shows as well so.
SMALLER: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(NAMES, ("--data.batch_size=16",)),
    **dict.fromkeys(("bert_classifier", "bert_pretraining"), ("--data.batch_size=4",)),
    "photo_transfer": ("--data.batch_size=16", "--data.image_size_px=64"),
}


def leaves(settings: Any, prefix: str = "") -> dict[str, Any]:
    """Dotted keys and values."""
    if not isinstance(settings, dict):
        return {prefix: settings}
    return {key: value for name in settings for key, value in leaves(settings[name], f"{prefix}.{name}").items()}


def test_there_are_experiments_and_list_knows_them_all() -> None:
    assert len(NAMES) >= 6
    assert list(experiment_files()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_yaml_is_short_and_says_where_it_comes_from(name: str) -> None:
    path = experiment_files()[name]
    fields = header(path)
    assert len(path.read_text().splitlines()) <= LONGEST
    assert all(fields.get(field) for field in FIELDS)
    assert f"NAME={name}" in fields["command"] or "make pretrained" in fields["command"]


@pytest.mark.parametrize("name", NAMES)
def test_yaml_holds_only_what_differs_from_the_defaults(name: str) -> None:
    defaults = leaves(yaml.safe_load((EXPERIMENTS / "_defaults.yaml").read_text()))
    settings = leaves(yaml.safe_load(experiment_files()[name].read_text()))
    assert not {key for key, value in settings.items() if defaults.get(key) == value}


@pytest.mark.parametrize("name", NAMES)
def test_runs_for_one_batch_and_writes_nothing(experiment: Cli, tmp_path: Path, name: str) -> None:
    outcome = experiment(name, *SMALLER[name], "--trainer.fast_dev_run=true")
    assert (outcome.code, outcome.err) == (0, "")
    assert "sample" in outcome.out
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("part", PARTS, ids=str)
def test_part_is_short_and_its_command_runs_for_one_batch(part: Path, experiment: Cli, tmp_path: Path) -> None:
    path = EXPERIMENTS / part
    fields = header(path)
    assert fields["what"]
    assert fields["source"]
    assert len(path.read_text().splitlines()) <= LONGEST_PART
    given = dict(word.split("=", 1) for word in shlex.split(fields["command"])[2:])
    assert given["ARGS"] == f"-c experiments/{part}"
    name = given["NAME"]
    outcome = experiment(name, "-c", path, *SMALLER[name], "--trainer.fast_dev_run=true")
    assert (outcome.code, outcome.err) == (0, "")
    assert "what trains" in outcome.out
    assert not (tmp_path / "runs").exists()


def test_a_run_with_a_part_lies_with_the_runs_of_its_experiment(experiment: Cli, tmp_path: Path) -> None:
    assert len(PARTS) >= 5
    small = ("--data.train_size=40", "--data.batch_size=8")
    quick = ("--trainer.max_epochs=1", "--trainer.limit_val_batches=1", "--trainer.limit_test_batches=1", *small, QUICK)
    part = EXPERIMENTS / "_finetuning" / "feature_extraction.yaml"
    assert experiment("resnet_transfer", "-c", part, *quick).code == 0
    results = results_of(tmp_path, "resnet_transfer")
    assert results["experiment"] == "resnet_transfer"
    assert results["model"]["trainable_parameters"] < results["model"]["parameters"] / 100  # the head


def some_slow(names: Iterable[str], slow: Collection[str]) -> list[Any]:
    """Parameters of a test, of which some are slow."""
    return [pytest.param(name, marks=pytest.mark.slow) if name in slow else name for name in names]


BACKBONES = {  # what comes before the head
    "mnist_mlp": "network.1.body",
    "mnist_cnn": "network.1.body",
    "digit_angle": "network.1.body",
    "mnist_autoencoder": "network.encoder",
    "cifar_cnn": "network.1.body",
    "cifar_resnet": "network.1.stages",
    "resnet_transfer": "network.backbone",
    "imdb_lstm": "network.lstms",
    "bert_classifier": "network.encoder",
    "bert_pretraining": "network.encoder",
    "text_linear": "network.votes",
}


@pytest.mark.parametrize("name", some_slow(BACKBONES, {"bert_classifier", "bert_pretraining"}))
def test_backbone_is_frozen_and_unfrozen_under_audit(experiment: Cli, tmp_path: Path, name: str) -> None:
    limits = ["--data.train_size=16", "--data.batch_size=8", "--trainer.limit_val_batches=1"]
    limits += ["--data.max_tokens=16"] * (name in ("imdb_lstm", "bert_classifier", "text_linear"))
    freeze = f"--trainer.callbacks.freeze=[{BACKBONES[name]}]"
    outcome = experiment(
        name,
        *(QUICK, *limits, "--trainer.limit_test_batches=1", "--trainer.max_epochs=2"),
        *("--trainer.callbacks+=callbacks.unfreeze_backbone.UnfreezeBackbone", freeze),
        f"--trainer.callbacks.stages={{1: [{BACKBONES[name]}]}}",
        "--trainer.callbacks+=callbacks.trainability_audit.TrainabilityAudit",
    )
    assert outcome.code == 0, outcome.err
    tables = outcome.out.split("epoch 1: what trains")
    for table, modes in zip(tables, ("no", "yes|part"), strict=True):
        assert re.search(rf"network\S* +[\d,]+ +({modes}) ", table)
    fixed = re.findall(rf"({BACKBONES[name]}\S*) +[\d,]+ +no ", tables[1])
    assert fixed == (["network.1.body.0"] if name == "cifar_cnn" else [])  # the whitening patches


FALLS = {"mnist_autoencoder": 4}  # grey pixels cost some 60 nats at best, and 540 at first
RATES = {"bert_classifier": 3e-4, "text_linear": 0.03}  # that differ from the others'


@pytest.mark.parametrize(
    "name",
    # bert_pretraining hides other tokens each time: networks/test_masked_bert.py shows that it learns.
    [name for name in some_slow(NAMES, {"bert_classifier"}) if name != "bert_pretraining"],
)
def test_network_overfits_one_small_batch(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ExperimentCLI, "_run_subcommand", lambda *_: None)
    parts = [f"--config={EXPERIMENTS}/{part}.yaml" for part in ("_defaults", name)]
    built = ExperimentCLI(["run", *parts, *SMALLER[name], "--trainer.fast_dev_run=true"])
    model, data = built.model.train(), built.datamodule
    if model.target == "value":
        model.standardise_by(data.values)
    batch = data.on_after_batch_transfer(next(iter(data.val_dataloader())), 0)
    batch = type(batch)(*(part[:16] for part in batch))
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATES.get(name, 3e-3))
    first = loss = float("inf")
    fall = FALLS.get(name, 10)
    mixed = fast_precision() == "bf16-mixed"  # elsewhere each of its operations is emulated
    for step in range(60):
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            outputs = model(*batch.inputs).float()
        value = model.loss(outputs, batch)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        loss = value.item()
        first = first if step else loss
        if loss < first / fall:
            break
    assert loss < first / fall


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mnist_mlp", ("--trainer.max_epochs=2", "--data.train_size=600")),
        pytest.param(
            "imdb_lstm",
            ("--trainer.max_epochs=1", "--data.train_size=300", "--data.max_tokens=40"),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_same_command_gives_identical_test_figures(
    experiment: Cli, tmp_path: Path, name: str, options: tuple[str, ...]
) -> None:
    figures = []
    for _ in range(2):
        assert experiment(name, QUICK, *options).code == 0
        figures.append(results_of(tmp_path, name)["test"])
    assert figures[0] == figures[1]
    assert experiment(name, QUICK, *options, "--seed_everything=2").code == 0
    assert results_of(tmp_path, name)["test"] != figures[0]


REAL_RUNS = {
    "mnist_mlp": ("mnist", 2000, ()),
    "mnist_cnn": ("mnist", 1000, ()),
    "digit_angle": ("mnist", 1000, ()),
    "mnist_autoencoder": ("mnist", 1000, ()),
    "cifar_cnn": ("cifar10", 512, ()),
    "cifar_resnet": ("cifar10", 256, ()),
    "imdb_lstm": ("imdb", 256, ("--data.max_tokens=64",)),
    "bert_classifier": ("imdb", 16, ("--data.max_tokens=32",)),
    "bert_pretraining": ("imdb", 16, ("--data.max_tokens=32",)),
    "text_linear": ("imdb", 256, ("--data.max_tokens=64",)),
    "resnet_transfer": ("hymenoptera", 64, ("--model.weights=null",)),
    "photo_transfer": ("hymenoptera", 64, SMALLER["photo_transfer"]),
}
SLOW_ON_REAL_DATA = (
    "cifar_cnn",
    "digit_angle",
    "mnist_autoencoder",
    "mnist_cnn",
    "bert_classifier",
    "bert_pretraining",
    "imdb_lstm",
    "text_linear",
    "cifar_resnet",
)  # the others are of the same kinds of source


@pytest.mark.real_data
@pytest.mark.skipif(not REAL_DATA.is_dir(), reason=f"no real data at {REAL_DATA}")
@pytest.mark.parametrize("name", some_slow(NAMES, SLOW_ON_REAL_DATA))
def test_trains_on_real_data(experiment: Cli, tmp_path: Path, name: str) -> None:
    folder, train_size, options = REAL_RUNS[name]
    limits = ("--trainer.max_epochs=1", "--trainer.limit_val_batches=2", "--trainer.limit_test_batches=2")
    source = f"--data.source={REAL_DATA / folder}"
    outcome = experiment(name, QUICK, source, f"--data.train_size={train_size}", *limits, *options)
    assert (outcome.code, outcome.err) == (0, "")
    results = results_of(tmp_path, name)
    assert results["data"]["source"] == str(REAL_DATA / folder)
    assert 0 < results["data"]["train"] < 1.1 * train_size  # a stratified choice rounds per class
    assert results["fit"]["steps"] >= 1


def test_real_runs_cover_every_experiment() -> None:
    assert set(REAL_RUNS) == set(NAMES)
    assert (ROOT / "experiments").is_dir()
