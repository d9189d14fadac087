"""The log says what was answered, and holds items only where that is asked for; those are input and training data."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lightsmith.serving.api_keys import ApiKeys
from lightsmith.serving.monitoring import request_log
from lightsmith.serving.monitoring.request_log import LogPlace
from lightsmith.serving.served_model import load_served
from tests.commands.test_serve import serving
from tests.conftest import Cli
from tests.lightsmith.serving.conftest import running
from tests.lightsmith.serving.test_api_keys import KEY, line
from tests.lightsmith.serving.test_application import png


def lines_of(folder: Path, count: int) -> list[dict[str, Any]]:
    """The lines of a log, once there are so many."""
    for _ in range(200):
        file = folder / "requests.jsonl"
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        if len(lines) >= count:
            return [json.loads(one) for one in lines]
        time.sleep(0.02)
    raise AssertionError(f"there are not {count} lines")


def test_a_log_has_answers_and_no_content_unless_asked(folders: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "keys.txt").write_text(line("laptop", KEY))
    model, key = load_served(folders("texts"), 1), f"Bearer {KEY}"
    with running(model, ApiKeys(tmp_path / "keys.txt"), log=LogPlace(tmp_path / "log", False)) as client:
        answer = client("/predict", "a secret film", "text/plain", Authorization=key).json
        client("/predict", " ", "text/plain", Authorization=key)
        batch = b'{"text": "another secret"}\n{"text": 1}\n'
        client("/predict/batch", batch, "application/x-ndjson", Authorization=key)
        first, second = lines_of(tmp_path / "log", 2)
        assert client("/model", Authorization=key).json["kept"] is False
    assert first.keys() == second.keys() == {"time", "key", "seconds", *answer}
    assert (first["prediction"], first["key"]) == (answer["prediction"], "laptop")
    content = (tmp_path / "log/requests.jsonl").read_text()
    assert "secret" not in content
    assert KEY not in content
    assert (tmp_path / "log").stat().st_mode & 0o077 == 0


def test_images_are_kept_once_each_where_that_is_asked(folders: Callable[..., Path], tmp_path: Path) -> None:
    with running(load_served(folders("photos"), 1), log=LogPlace(tmp_path / "log", True)) as client:
        for seed in (0, 1, 0):
            client("/predict", png(seed), "image/png")
        lines = lines_of(tmp_path / "log", 3)
        assert client("/model").json["kept"] is True
    assert [(tmp_path / "log" / one["file"]).read_bytes() for one in lines] == [png(0), png(1), png(0)]
    assert len(list((tmp_path / "log/images").glob("*.png"))) == 2


def test_a_log_may_be_moved_away_and_a_full_disk_costs_lines_but_no_answer(
    folders: Callable[..., Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "log"
    with running(load_served(folders("photos"), 1), log=LogPlace(folder, False)) as client:
        client("/predict", png(), "image/png")
        lines_of(folder, 1)
        (folder / "requests.jsonl").rename(folder / "old")
        client("/predict", png(), "image/png")
        lines_of(folder, 1)
        shutil.rmtree(folder)
        assert [client("/predict", png(), "image/png").status for _ in range(3)] == [200] * 3
        time.sleep(0.2)
        assert "lightsmith_unlogged_items_total 3\n" in client("/metrics").body.decode()
    err = capfd.readouterr().err
    assert err == f"--log={folder} cannot be written to: No such file or directory; requests are still answered\n"


def test_a_disk_that_is_too_slow_is_not_waited_for(folders: Callable[..., Path], tmp_path: Path) -> None:
    def slow(*_: object) -> dict[str, str]:
        time.sleep(0.3)
        return {}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(request_log, "MOST_PENDING", 2)
        patch.setattr(request_log.RequestLog, "_kept", slow)
        with running(load_served(folders("photos"), 1), log=LogPlace(tmp_path / "log", True)) as client:
            started = time.monotonic()
            for _ in range(6):
                client("/predict", png(), "image/png")
            assert time.monotonic() - started < 0.5
            assert "lightsmith_unlogged_items_total 4\n" in client("/metrics").body.decode()
    assert len(lines_of(tmp_path / "log", 2)) == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--log_content=true"], "--log_content=true keeps items in a log, so give --log=<folder> too"),
        (["--log=file"], "--log=file is no folder"),
        (["--log=none/log"], "--log=none/log: there is no folder none"),
    ],
)
def test_a_place_that_cannot_be_written_to_is_one_line(lightsmith: Cli, options: list[str], words: str) -> None:
    Path("file").touch()
    outcome = lightsmith("serve", "--run=here", *options)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert outcome.err.startswith(words)


@pytest.mark.slow
def test_texts_of_a_log_are_predicted_and_trained_on(experiment: Cli, lightsmith: Cli, tmp_path: Path) -> None:
    small = ("--loggers=[csv]", "--trainer.max_epochs=1", "--trainer.precision=32-true")
    assert experiment("text_linear", *small).code == 0
    assert lightsmith("export", "--run=runs/text_linear/latest").code == 0
    texts = [f"a {word} film, number {n}" for n in range(30) for word in ("fine", "poor")]
    with serving(tmp_path / "runs/text_linear/latest", "--log=log", "--log_content=true") as server:
        answers = [server.client("/predict", text, "text/plain").json for text in texts]
        server.client("/predict", " ", "text/plain")
        server.end()
    outcome = lightsmith(
        "predict", "--run=runs/text_linear/latest", "--input=log/requests.jsonl", "--output=again.jsonl"
    )
    assert outcome.code == 0, outcome.err
    again = [json.loads(one) for one in Path("again.jsonl").read_text().splitlines()]
    assert [one["prediction"] for one in again] == [one["prediction"] for one in answers]
    lines = lines_of(Path("log"), len(texts))
    labelled = [one | {"label": "positive" if "fine" in one["text"] else "negative"} for one in lines]
    Path("labelled.jsonl").write_text("".join(json.dumps(one) + "\n" for one in labelled))
    outcome = experiment("text_linear", *small, "--data.source=labelled.jsonl")
    assert outcome.code == 0, outcome.err
    assert json.loads(Path("runs/text_linear/latest/results.json").read_text())["task"] == "classification"


@pytest.mark.slow
def test_images_of_a_log_are_predicted_and_trained_on(experiment: Cli, lightsmith: Cli, tmp_path: Path) -> None:
    small = ("--loggers=[csv]", "--trainer.max_epochs=1", "--trainer.precision=32-true")
    assert experiment("mnist_mlp", *small, "--data.train_size=300").code == 0
    assert lightsmith("export", "--run=runs/mnist_mlp/latest").code == 0
    with serving(tmp_path / "runs/mnist_mlp/latest", "--log=log", "--log_content=true") as server:
        for seed in range(40):
            assert server.client("/predict", png(seed), "image/png").status == 200
        server.end()
    logged = {Path(one["file"]).name: one["prediction"] for one in lines_of(Path("log"), 40)}
    outcome = lightsmith("predict", "--run=runs/mnist_mlp/latest", "--input=log/images", "--output=again.jsonl")
    assert outcome.code == 0, outcome.err
    again = [json.loads(one) for one in Path("again.jsonl").read_text().splitlines()]
    assert {Path(one["item"]).name: one["prediction"] for one in again} == logged
    for number, name in enumerate(sorted(logged)):
        folder = Path("labelled") / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Path("log/images", name).rename(folder / name)
    outcome = experiment("mnist_mlp", *small, "--data.source=labelled")
    assert outcome.code == 0, outcome.err
