import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from lightsmith.settings.callback_settings import split_options, take_settings
from tests.conftest import ROOT, Cli

STOPPING = "--trainer.callbacks+=lightning.pytorch.callbacks.EarlyStopping"
CHECKPOINT = "--trainer.callbacks+=lightning.pytorch.callbacks.ModelCheckpoint"
WRONG = {
    ("--callbacks.LogWorstPredictions.cuont=5",): "did you mean callbacks.LogWorstPredictions.count?",
    ("--callbacks.LogWorstPredictions.count=five",): "callbacks.LogWorstPredictions.count=five is not int",
    ("--callbacks.logworstpredictions.count=5",): "this run has no logworstpredictions; did you mean LogWorst",
    ("--callbacks.EarlyStopping.patience=5",): "this run has no EarlyStopping (it has ModelCheckpoint, SaveLast,",
    (CHECKPOINT, "--callbacks.ModelCheckpoint.save_top_k=2"): "say which, --callbacks.ModelCheckpoint.1.save_top_k or",
    (CHECKPOINT, "--callbacks.ModelCheckpoint.3.save_top_k=2"): "this run has 2 ModelCheckpoint",
    (STOPPING, "--callbacks.EarlyStopping.monitr=x"): "did you mean callbacks.EarlyStopping.monitor?",
    (STOPPING, "--callbacks.EarlyStopping.monitor=x", "--callbacks.EarlyStopping.patience=x"): "patience=x is not int",
    ("--callbacks.LogWorstPredictions=5",): "--callbacks.<its class>.<option>=",
    ("--callbacks+=callbacks.show_progress.ShowProgress",): "is added with --trainer.callbacks+=",
    ("--trainer.callbacks.monitor=val/f1",): "say --callbacks.ModelCheckpoint.monitor=val/f1",
    ("--trainer.callbacks.count=5",): "say --callbacks.LogWorstPredictions.count=5",
    (CHECKPOINT, "-c=part.yaml", "--trainer.callbacks.filename=x"): "does not say of which callback: say --callbacks.M",
    ("-c=list.yaml",): "a list of callbacks belongs under trainer: callbacks+:",
}


@pytest.fixture
def callbacks(parse: Callable[..., Any]) -> Callable[..., dict[str, dict[str, Any]]]:
    """The options of each callback by class, as ``run`` would have them; of two of one class, the last one's."""

    def call(*options: str) -> dict[str, dict[str, Any]]:
        settings = parse("mnist_mlp", *options)
        assert settings.callbacks is None
        listed = settings.trainer.callbacks
        return {entry.class_path.rpartition(".")[2]: dict(entry.get("init_args") or {}) for entry in listed}

    return call


def test_a_default_callback_is_set_by_its_class_and_keeps_its_other_settings(callbacks: Callable[..., Any]) -> None:
    found = callbacks("--callbacks.LogWorstPredictions.count", "5", "--callbacks.ModelCheckpoint.monitor=val/f1")
    assert found["LogWorstPredictions"] == {"count": 5}
    assert (found["ModelCheckpoint"]["monitor"], found["ModelCheckpoint"]["filename"]) == ("val/f1", "best")
    assert found.keys() == callbacks().keys()


def test_a_callback_added_before_is_set_by_its_class_and_gets_what_it_requires(callbacks: Callable[..., Any]) -> None:
    by_class = callbacks(STOPPING, "--callbacks.EarlyStopping.monitor=val/loss", "--callbacks.EarlyStopping.patience=9")
    assert (by_class["EarlyStopping"]["monitor"], by_class["EarlyStopping"]["patience"]) == ("val/loss", 9)
    in_lightnings_form = callbacks(STOPPING, "--trainer.callbacks.monitor=val/loss", "--trainer.callbacks.patience=9")
    assert by_class == in_lightnings_form
    pruned = callbacks(
        "--trainer.callbacks+=callbacks.prune_weights.PruneWeights", "--callbacks.PruneWeights.pattern=2:4"
    )
    assert pruned["PruneWeights"]["pattern"] == "2:4"


def test_of_two_of_one_class_each_is_set_by_its_number(callbacks: Callable[..., Any]) -> None:
    options = (CHECKPOINT, "--callbacks.ModelCheckpoint.2.save_top_k=3", "--callbacks.ModelCheckpoint.1.save_top_k=2")
    assert callbacks(*options)["ModelCheckpoint"]["save_top_k"] == 3


def test_yaml_files_and_the_command_line_count_in_the_order_given(
    callbacks: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "first.yaml").write_text("callbacks: {LogWorstPredictions: {count: 7}, SaveLast: {keep: 3}}\n")
    (tmp_path / "second.yaml").write_text("callbacks:\n  LogWorstPredictions:\n    init_args: {count: 8}\n")
    for options, count in (
        (("-c=first.yaml", "-c=second.yaml"), 8),
        (("-c=second.yaml", "-c", "first.yaml"), 7),
        (("-c=first.yaml", "--callbacks.LogWorstPredictions.count=9"), 9),
        (("--callbacks.LogWorstPredictions.count=9", "-c=first.yaml"), 7),
    ):
        found = callbacks(*options)
        assert (found["LogWorstPredictions"]["count"], found["SaveLast"]["keep"]) == (count, 3)


@pytest.mark.parametrize(("options", "line"), WRONG.items(), ids=range(len(WRONG)))
def test_a_setting_of_no_callback_or_of_several_is_refused(
    callbacks: Callable[..., Any], tmp_path: Path, options: tuple[str, ...], line: str
) -> None:
    (tmp_path / "part.yaml").write_text("trainer: {max_epochs: 3}\n")
    (tmp_path / "list.yaml").write_text("callbacks: [callbacks.show_progress.ShowProgress]\n")
    with pytest.raises(ValueError, match=re.escape(line)):
        callbacks(*options)


def test_a_run_records_its_callbacks_as_they_are(
    experiment: Cli, callbacks: Callable[..., Any], tmp_path: Path
) -> None:
    small = ("--data.train_size=100", "--loggers=[]", "--trainer.max_epochs=1")
    assert experiment("mnist_mlp", *small, "--callbacks.LogWorstPredictions.count=5").code == 0
    written = tmp_path / "runs/mnist_mlp/latest/config.yaml"
    assert "callbacks" not in yaml.safe_load(written.read_text())
    assert callbacks(f"-c={written}")["LogWorstPredictions"] == {"count": 5}
    assert callbacks(f"-c={written}", "--callbacks.LogWorstPredictions.count=3")["LogWorstPredictions"] == {"count": 3}


@pytest.mark.slow
def test_a_resumed_run_takes_settings_of_its_callbacks(experiment: Cli, lightsmith: Cli, tmp_path: Path) -> None:
    small = ("--data.train_size=100", "--loggers=[]", "--trainer.max_epochs=1")
    assert experiment("mnist_mlp", *small, "--callbacks.LogWorstPredictions.count=5").code == 0
    run = (tmp_path / "runs/mnist_mlp/latest").resolve()
    more = ("--trainer.max_epochs=2", "--callbacks.LogWorstPredictions.count=3")
    outcome = lightsmith("run", f"-c={run}/config.yaml", f"--resume={run}", *more)
    assert outcome.code == 0, outcome.err
    assert yaml.safe_load((run / "config.yaml").read_text())["trainer"]["callbacks"][-1]["init_args"] == {"count": 3}


def test_options_are_split_however_they_are_written() -> None:
    given = ["run", "--debug", "-c", "a.yaml", "--model.lr", "-1", "--x=a=b"]
    assert [(option, value) for option, value, _ in split_options(given)] == [
        ("run", ""),
        ("--debug", ""),
        ("-c", "a.yaml"),
        ("--model.lr", "-1"),
        ("--x", "a=b"),
    ]
    assert [part for *_, written in split_options(given) for part in written] == given


def test_arguments_without_settings_of_callbacks_stay_as_they_are() -> None:
    given = ["run", f"-c={ROOT}/experiments/_defaults.yaml", "--model.lr", "1", "--trainer.callbacks+=a.B"]
    assert take_settings(given) == (given, [], [])
