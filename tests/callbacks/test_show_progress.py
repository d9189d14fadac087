import re
import sys
from typing import Any

import pytest
from lightning.pytorch.callbacks import Checkpoint

from callbacks.show_progress import ShowProgress
from lightsmith.runs.exact_resume import ExactResume
from tests.tiny_task import TinyData, TinyModel, tiny_trainer


def fit_output(capsys: pytest.CaptureFixture[str]) -> str:
    trainer = tiny_trainer(ShowProgress(), max_epochs=2, enable_progress_bar=True, num_sanity_val_steps=0)
    trainer.fit(TinyModel(), TinyData())
    return capsys.readouterr().out


def test_without_a_terminal_an_epoch_is_one_line_with_its_own_figures(capsys: pytest.CaptureFixture[str]) -> None:
    lines = fit_output(capsys).splitlines()
    line = r"epoch {}/2  train/loss \d\.\d{{4}}  val/loss \d\.\d{{4}}  val/accuracy \d\.\d{{4}}  \d+\.\d s"
    assert len(lines) == 2
    for number, text in enumerate(lines, 1):
        assert re.fullmatch(line.format(number), text)


def test_on_a_terminal_a_bar_runs_and_the_lines_stay(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    shown = fit_output(capsys)
    assert "it/s" in shown
    assert "v_num" not in shown
    assert len(re.findall(r"epoch \d/2  train/loss", shown)) == 2


class SaveInEpoch(Checkpoint):
    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        if trainer.global_step == 2:
            trainer.save_checkpoint("mid.ckpt")


@pytest.mark.parametrize("terminal", [False, True])
def test_the_rest_of_a_resumed_epoch_is_timed_from_where_it_began(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    options: dict[str, Any] = {"max_epochs": 1, "enable_progress_bar": True, "num_sanity_val_steps": 0}
    tiny_trainer(SaveInEpoch(), ExactResume(), enable_checkpointing=True, **options).fit(TinyModel(), TinyData())
    capsys.readouterr()
    tiny_trainer(ShowProgress(), ExactResume(), **options).fit(TinyModel(), TinyData(), ckpt_path="mid.ckpt")
    (seconds,) = re.findall(r"epoch 1/1 .* (\d+)\.\d s", capsys.readouterr().out)
    assert int(seconds) < 60


def test_an_epoch_without_a_validation_does_not_show_an_earlier_one(capsys: pytest.CaptureFixture[str]) -> None:
    options: dict[str, Any] = {"max_epochs": 4, "enable_progress_bar": True, "num_sanity_val_steps": 2}
    tiny_trainer(ShowProgress(), check_val_every_n_epoch=2, **options).fit(TinyModel(), TinyData())
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("epoch ")]
    assert ["val/loss" in line for line in lines] == [False, True, False, True]


def test_a_resumed_epoch_still_shows_the_validation_from_before(capsys: pytest.CaptureFixture[str]) -> None:
    options: dict[str, Any] = {"max_epochs": 1, "enable_progress_bar": True, "val_check_interval": 1}
    first = (SaveInEpoch(), ShowProgress(), ExactResume())
    tiny_trainer(*first, enable_checkpointing=True, **options | {"max_steps": 3}).fit(TinyModel(), TinyData())
    capsys.readouterr()
    tiny_trainer(ShowProgress(), ExactResume(), **options, limit_val_batches=0).fit(
        TinyModel(), TinyData(), ckpt_path="mid.ckpt"
    )
    assert "val/loss" in capsys.readouterr().out
