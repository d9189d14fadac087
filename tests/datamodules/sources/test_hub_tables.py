import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest
import yaml
from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

from datamodules.sources.hub_tables import names_hub, pin
from tests.conftest import ROOT, Cli
from tests.hub_stub import COMMIT, NAME, hub_of, parquet

NOT_FOUND: Any = SimpleNamespace(headers={}, request=None, status_code=404)
FILES = {f"data/{split}-00000-of-00001.parquet": parquet(count) for split, count in (("train", 80), ("test", 20))}
MORE = {"data/unsupervised-00000-of-00001.parquet": parquet(8)}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], list[Any]]:
    """Lets the hub answer a question about a data set in this way."""

    def answer(given: Any) -> list[Any]:
        questions: list[Any] = []

        def dataset_info(_: Any, name: str, revision: str | None, timeout: float) -> Any:
            questions.append((name, revision))
            if isinstance(given, Exception):
                raise given
            return SimpleNamespace(sha=given)

        monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", dataset_info)
        return questions

    return answer


def test_a_branch_is_pinned_to_its_commit_and_a_commit_asks_nobody(asked: Callable[[Any], list[Any]]) -> None:
    questions = asked(COMMIT)
    assert pin("hub:someone/reviews") == pin("hub:someone/reviews@v1.0") == f"hub:someone/reviews@{COMMIT}"
    assert pin(f"hub:someone/reviews@{COMMIT}") == f"hub:someone/reviews@{COMMIT}"
    assert questions == [("someone/reviews", None), ("someone/reviews", "v1.0")]


@pytest.mark.parametrize("source", ["hub:", "hub:reviews", "hub:a/b/c", "hub:a/b@", "hub:https://x/a"])
def test_what_names_no_data_set_is_a_mistake(source: str) -> None:
    assert names_hub(source)
    with pytest.raises(ValueError, match=r"must be hub:owner/name or hub:owner/name@revision"):
        pin(source)


UNKNOWN = RepositoryNotFoundError("404\nmore lines", response=NOT_FOUND)


@pytest.mark.parametrize(
    ("source", "answer", "line"),
    [
        ("hub:someone/none", UNKNOWN, r"'hub:someone/none': the hub has no data set someone/none, or a private one"),
        ("hub:a/b@v9", RevisionNotFoundError("404", response=NOT_FOUND), r"a/b has no revision 'v9' on the hub"),
        (
            "hub:a/b",
            ConnectionError("Name or service not known"),
            r"not be reached on .* \(Name or service",
        ),
    ],
)
def test_a_bad_name_is_one_line_before_anything_is_written(
    experiment: Cli, asked: Callable[[Any], list[Any]], source: str, answer: Exception, line: str
) -> None:
    asked(answer)
    outcome = experiment("text_linear", f"--data.source={source}")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert re.search(line, outcome.err), outcome.err
    assert not Path("runs").exists()


def test_out_of_reach_what_was_downloaded_last_is_meant(
    asked: Callable[[Any], list[Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("datamodules.sources.hub_tables.CACHE", tmp_path / "hub")
    asked(ConnectionError("Name or service not known"))
    for age, commit in enumerate(("b2" * 20, COMMIT)):
        folder = tmp_path / "hub" / "someone___reviews" / "default" / "0.0.0" / commit
        folder.mkdir(parents=True)
        os.utime(folder, (age, age))
    assert pin("hub:someone/reviews") == f"hub:someone/reviews@{COMMIT}"
    with pytest.raises(ValueError, match="could not be reached"):
        pin("hub:someone/reviews@v1.0")


def test_a_name_of_the_hub_without_its_prefix_is_told_of_it(experiment: Cli) -> None:
    outcome = experiment("text_linear", "--data.source=fancyzhx/ag_news")
    assert outcome.code == 2
    assert "or hub:fancyzhx/ag_news for the data set of that name on the hub" in outcome.err


@pytest.mark.slow
def test_any_data_set_of_the_hub_trains_pinned_and_goes_on_without_the_hub(tmp_path: Path) -> None:
    def run(address: str, *options: str) -> "subprocess.CompletedProcess[str]":
        online = dict.fromkeys(("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE"), "0")
        environment = {**os.environ, **online, "HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "home")}
        command = [sys.executable, str(ROOT / "cli.py"), "run", *options, "--trainer.max_epochs=1", "--loggers=[csv]"]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=250, check=False
        )

    parts = [f"-c={ROOT}/experiments/{part}.yaml" for part in ("_defaults", "text_linear")]
    with hub_of(FILES | MORE) as address:
        first = run(address, *parts, f"--data.source=hub:{NAME}")
        unknown = run(address, *parts, "--data.source=hub:someone/none")
    assert first.returncode == 0, first.stderr
    assert f"data       hub data set {NAME}@{COMMIT}" in first.stdout
    assert "unsupervised (a split that is none of train, val and test)" in first.stdout
    latest = tmp_path / "runs" / "text_linear" / "latest"
    pinned = f"hub:{NAME}@{COMMIT}"
    assert yaml.safe_load((latest / "config.yaml").read_text())["data"]["init_args"]["source"] == pinned
    results = json.loads((latest / "results.json").read_text())
    assert results["data"]["source"] == pinned
    assert (results["data"]["train"], results["data"]["test"]) == (72, 20)
    assert (unknown.returncode, unknown.stderr.count("\n")) == (2, 1), unknown.stderr
    assert "the hub has no data set someone/none" in unknown.stderr

    nowhere = "http://127.0.0.1:9"  # nobody listens there
    again = run(nowhere, "-c", str(latest.resolve() / "config.yaml"))
    assert again.returncode == 0, again.stderr
    assert json.loads((latest / "results.json").read_text())["data"]["fingerprint"] == results["data"]["fingerprint"]
    other = run(nowhere, *parts, f"--data.source=hub:{NAME}@{'b2' * 20}")
    assert (other.returncode, other.stderr.count("\n")) == (2, 1), other.stderr
    assert f"is here at revision {COMMIT}, not at {'b2' * 20}" in other.stderr
