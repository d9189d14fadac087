import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Literal

import pytest
import yaml

from commands.options import FOLLOWING, _type, meanings_of, options
from lightsmith.settings.experiments import experiment_files
from tests.conftest import ROOT

KEY = re.compile(r"  ([\w.]+)(?: = (.*?))?  \(")


@pytest.fixture
def page(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """The lines for an experiment on a terminal of 100 columns, or as many as are given."""

    def lines(name: str, all: bool = False, columns: int = 100) -> list[str]:  # noqa: A002  # the option's name
        monkeypatch.setenv("COLUMNS", str(columns))
        options(name, all)
        return capsys.readouterr().out.splitlines()

    return lines


def unwrapped(lines: list[str]) -> list[str]:
    """The lines with what is wrapped joined to its beginning; meanings stay lines of their own."""
    return re.sub(r"\n {4}(?=\S)", " ", "\n".join(lines)).splitlines()


@pytest.mark.parametrize("name", ["mnist_mlp", pytest.param("imdb_lstm", marks=pytest.mark.slow)])
def test_each_setting_has_the_value_that_a_run_would_have_and_can_be_set(
    page: Callable[..., list[str]], parse: Callable[..., Any], name: str
) -> None:
    found = [KEY.match(line) for line in unwrapped(page(name, all=True))]
    values = {match[1]: yaml.safe_load(match[2]) for match in found if match}
    settings = parse(name)
    for group in ("model", "data"):
        there = {f"{group}.{key}": value for key, value in vars(settings[group].init_args).items()}
        shown = {key for key in values if key.startswith(f"{group}.")}
        assert there.keys() - {f"{group}.{key}" for key in FOLLOWING} <= shown <= there.keys()
        for key in shown:
            value = there[key]
            assert values[key] == (list(value) if isinstance(value, tuple) else value), key
    assert values["trainer.max_epochs"] == settings.trainer.max_epochs
    assert values["callbacks.ModelCheckpoint.monitor"] == settings.trainer.callbacks[0].init_args.monitor
    again = parse(name, *(f"--{key}={value}" for key, value in values.items() if value not in (None, "~")))
    assert again.trainer.callbacks == settings.trainer.callbacks
    assert again.model == settings.model


def test_every_setting_has_a_meaning(page: Callable[..., list[str]]) -> None:
    for name in experiment_files():
        for line, below in pairwise(unwrapped(page(name))):
            assert not KEY.match(line) or below.startswith("      "), line


def test_the_page_fits_the_terminal(page: Callable[..., list[str]]) -> None:
    for columns, most in ((60, 60), (100, 100), (300, 100)):
        assert max(map(len, page("resnet_transfer", columns=columns))) <= most


def test_the_common_options_of_the_trainer_come_first_and_the_others_when_asked_for(
    page: Callable[..., list[str]],
) -> None:
    short, long = page("mnist_mlp"), page("mnist_mlp", all=True)
    assert not any("trainer.detect_anomaly" in line for line in short)
    assert any("trainer.detect_anomaly" in line for line in long)
    assert len(short) < len(long)
    first = next(line for line in short if line.startswith("  trainer."))
    assert first.startswith("  trainer.max_epochs = 15  (int | null")


def test_callbacks_that_an_experiment_adds_are_on_its_page(page: Callable[..., list[str]]) -> None:
    added = yaml.safe_load((ROOT / "experiments/resnet_transfer.yaml").read_text())["trainer"]["callbacks+"]
    assert added
    assert any("callbacks.SaveLast.keep" in line for line in page("resnet_transfer"))


def test_types_are_said_in_few_words() -> None:
    assert _type(int | None) == "int | null"
    assert _type(Literal["a", "b"] | None) == "a | b | null"
    assert _type(tuple[int, ...]) == "tuple[int, …]"
    assert _type(dict[int, list[str]]) == "dict[int, list[str]]"


def test_meanings_are_read_from_the_docstrings_of_a_class() -> None:
    class Documented:
        """A thing.

        Args:
            size: how large,
                in pixels.
            kind (str): see :class:`~a.b.Kind`. This is said at greater length than anybody would like to read, so the
                first sentence is enough.

        Attributes:
            other: not an argument.
        """

    assert meanings_of(Documented) == {"size": "how large, in pixels.", "kind": "see Kind."}
