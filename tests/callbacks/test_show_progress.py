import re
import sys

import pytest

from callbacks.show_progress import ShowProgress
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
