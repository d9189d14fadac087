import os
import signal
from pathlib import Path

import pytest

from datamodules import cifar10, mnist, transfer_images
from lightsmith.runs.experiment import ExperimentCLI
from lightsmith.settings.parse_errors import blame, explain, init_arguments
from tests.conftest import ROOT, Cli
from tests.mutations import mistakes

SECONDS = 60  # for one parse; a hang is a failure


def test_init_arguments_include_those_of_the_base_classes() -> None:
    arguments = init_arguments("lightning_modules.mnist_mlp.MnistMLP")
    assert {"hidden_features", "lr", "schedule"} <= set(arguments)
    assert "self" not in arguments
    assert "recipe" not in arguments


def test_an_error_of_unknown_form_is_passed_on_in_one_line() -> None:
    assert explain(ValueError("something\n   new"), []) == "something new"


def test_an_error_names_the_setting_that_it_quotes_or_else_the_largest_number() -> None:
    settings = [("data.batch_size", 256), ("trainer.max_time", "2 o'clock"), ("model.width", 10**12), ("model.lr", 0.1)]
    assert blame(ValueError("no duration: 2 o'clock"), settings) == "trainer.max_time=2 o'clock: no duration: 2 o'clock"
    assert blame(ValueError("batch_size is odd"), settings) == "data.batch_size=256: batch_size is odd"
    assert blame(ValueError("data.batch_size is odd"), settings) == "data.batch_size is odd"
    assert blame(MemoryError(), settings) == "model.width=1000000000000: MemoryError"
    assert blame(KeyError("x"), settings) == "'x'"
    assert blame(ValueError(repr("\u202e1h")), [("trainer.max_time", "\u202e1h")]).startswith("trainer.max_time=")


@pytest.mark.parametrize(
    ("line", "blamed"),
    [
        ("a share of 0.15 is too much", ""),  # holds the 0.1 of lr
        ("the file a.csv is damaged", ""),  # holds the a of source
        ("Got 10 classes", ""),  # that max_epochs is 10 is chance
        ("linear(): shapes do not match", ""),  # holds the linear of schedule
        ("maximum is too large", ""),  # holds the max of mode
        ("no such folder: /home/me/data2/x", ""),  # holds the /home/me/data of runs
        ("no such folder: '/home/me/data'", "runs=/home/me/data: "),
        ("`mode` can be min or max, got mad", ""),  # which of the two
        ("`hidden` must be positive, got -5", "model.hidden=-5: "),
        ("dimension of -5", "model.hidden=-5: "),
        ("got 'linear'", "model.schedule=linear: "),
        ("schedule must be one of wave", "model.schedule=linear: "),
        ("no profiler 'a'", "data.source=a: "),
    ],
)
def test_no_setting_is_blamed_for_what_only_looks_like_it(line: str, blamed: str) -> None:
    settings = [
        ("model.lr", 0.1),
        ("model.hidden", -5),
        ("model.schedule", "linear"),
        ("data.source", "a"),
        ("runs", "/home/me/data"),
        ("trainer.max_epochs", 10),
        ("trainer.callbacks.mode", "max"),
        ("trainer.callbacks.mode", "low"),
    ]
    assert blame(ValueError(line), settings) == blamed + line


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is parsed and built; nothing is trained or written, and each sample is made once."""
    monkeypatch.setattr(ExperimentCLI, "record", lambda *_: None)
    monkeypatch.setattr(ExperimentCLI, "_run_subcommand", lambda *_: None)
    for data in (mnist.MNIST, cifar10.CIFAR10, transfer_images.TransferImages):
        sample = data().load_sample()
        monkeypatch.setattr(data, "load_sample", lambda _, sample=sample: sample)


def fuzz(lightsmith: Cli, seed: int, count: int) -> int:
    """How many of so many mistakes were refused; each must be in one line that names the key. All others are shown."""

    def hang(*_: object) -> None:
        pytest.fail(f"over {SECONDS} s")

    signal.signal(signal.SIGALRM, hang)
    own, refused, wrong = Path("own.yaml"), 0, []
    for number, mistake in enumerate(mistakes(seed, count)):
        own.write_bytes(mistake.text)
        configs = (f"-c={ROOT}/experiments/_defaults.yaml", f"-c={own}")
        signal.alarm(SECONDS)
        outcome = lightsmith("run", *configs, "--loggers=[]", *mistake.options)
        signal.alarm(0)
        one_line = outcome.err.count("\n") == (1 if outcome.code else 0)
        named = not outcome.code or any(word in outcome.err for word in mistake.words if word)
        if not (outcome.code in (0, 2) and one_line and named) or Path("runs").exists():
            wrong.append((seed, number, mistake.options, outcome.err))
        refused += outcome.code == 2
    print(*wrong, sep="\n")  # pytest shortens a long list
    assert not wrong
    return refused


@pytest.mark.usefixtures("untrained")
def test_sixty_mistakes_are_one_line_that_names_the_key(lightsmith: Cli) -> None:
    assert fuzz(lightsmith, seed=5, count=60) > 40


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.usefixtures("untrained")
@pytest.mark.filterwarnings("default")
def test_ten_thousand_mistakes_are_one_line_that_names_the_key(lightsmith: Cli) -> None:
    count = int(os.environ.get("MISTAKES", "10000"))
    refused = fuzz(lightsmith, seed=13, count=count)
    print(f"\n| 13 | {count} mutated YAMLs and command lines | 0 tracebacks, {refused} refused in one line each |")
    assert refused > count / 2
