import errno
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psutil
import pytest
import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO

from callbacks.save_last import SaveLast
from lightsmith.checkpoints.durable import MANIFEST, DurableCheckpointIO, check_whole
from lightsmith.runs.trainer import ExperimentTrainer
from tests.tiny_task import TinyData, TinyModel

QUIET: dict[str, Any] = {"accelerator": "cpu", "logger": False, "log_every_n_steps": 1}
QUIET |= {"enable_progress_bar": False, "enable_model_summary": False, "num_sanity_val_steps": 0}


def test_a_save_takes_no_second_copy_in_memory(tmp_path: Path) -> None:
    weights = {"weights": torch.ones(20_000_000)}  # 80 MB
    process, done, peak = psutil.Process(), Event(), [0]
    before = process.memory_info().rss

    def watch() -> None:
        while not done.wait(0.002):
            peak[0] = max(peak[0], process.memory_info().rss)

    watcher = Thread(target=watch)
    watcher.start()
    DurableCheckpointIO().save_checkpoint(weights, tmp_path / "last.ckpt")
    done.set()
    watcher.join()
    assert 0 < peak[0] - before < 40e6
    check_whole(tmp_path / "last.ckpt")


def test_unknown_options_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="storage_options"):
        DurableCheckpointIO().save_checkpoint({}, tmp_path / "x.ckpt", storage_options={})


def test_every_experiment_saves_this_way_unless_asked_otherwise() -> None:
    assert type(ExperimentTrainer(**QUIET).strategy.checkpoint_io) is DurableCheckpointIO

    class Own(TorchCheckpointIO):
        pass

    assert type(ExperimentTrainer(plugins=[Own()], **QUIET).strategy.checkpoint_io) is Own


def test_training_goes_on_when_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    syncs = count()

    def fsync(descriptor: int) -> None:
        if next(syncs) > 3:  # two files and their folder, twice: the first epoch
            raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr("os.fsync", fsync)
    trainer = ExperimentTrainer(callbacks=[SaveLast(saving_share=1)], max_epochs=3, default_root_dir=tmp_path, **QUIET)
    trainer.fit(TinyModel(), TinyData())
    assert trainer.global_step == 15
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} == {"last.ckpt", MANIFEST}
    assert capsys.readouterr().err.count("was not saved: Disk quota exceeded") == 2
