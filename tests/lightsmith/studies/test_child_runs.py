import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lightsmith.records.status import read_status
from lightsmith.runs.failures import RunFailedError
from lightsmith.settings.experiments import experiment_files
from lightsmith.studies import child_runs
from lightsmith.studies.child_runs import ChildRun, StartedRun, run_command, run_experiment, start_in

SMALL = {"data": {"train_size": 100}, "trainer": {"max_epochs": 1}, "loggers": ["csv"]}


@pytest.mark.slow
def test_a_run_comes_back_with_its_folder_and_record(capsys: pytest.CaptureFixture[str]) -> None:
    run = run_experiment("mnist_mlp", {**SMALL, "model": {"hidden_features": (16,)}}, ["--model.lr=0.02"])
    assert (run.code, run.ended_by) == (0, None)
    assert run.folder == Path("runs/mnist_mlp/latest").resolve() == run.record.folder
    expected = {"trainer.max_epochs": 1, "model.hidden_features": [16], "model.lr": 0.02, "data.train_size": 100}
    assert run.record.settings == expected
    assert 0 < run.record.fit.seconds < run.seconds
    assert "epoch 1/1" in capsys.readouterr().out  # shown as it is printed


@pytest.mark.slow
def test_a_mistake_is_its_line_and_leaves_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    run = run_experiment("mnist_mlp", {"model": {"lrr": 1}}, shows=False)
    assert (run.code, run.folder, run.reason) == (2, None, "unknown key model.lrr; did you mean model.lr?")
    with pytest.raises(ValueError, match=r"unknown key model\.lrr"):
        _ = run.record
    assert capsys.readouterr() == ("", "")
    assert not Path("runs").exists()
    with pytest.raises(ValueError, match="no experiment 'mnist_mpl'; did you mean mnist_mlp"):
        run_experiment("mnist_mpl")


@pytest.mark.slow
def test_of_a_run_that_is_killed_the_folder_and_the_signal_are_known(tmp_path: Path) -> None:
    experiment = experiment_files()["mnist_mlp"]
    killing = {"hooks": ["on_train_batch_end"], "batches": [1], "signals": ["SIGKILL"]}
    entry = {"class_path": "lightsmith.studies.kill_at.KillAt", "init_args": killing}
    (tmp_path / "_kill.yaml").write_text(yaml.safe_dump({**SMALL, "trainer": {"callbacks+": [entry]}}))
    configs = [f"-c={file}" for file in (experiment.with_name("_defaults.yaml"), experiment, "_kill.yaml")]
    run = run_command(configs, Path("runs/mnist_mlp"), cwd=tmp_path)
    assert (run.code, run.ended_by) == (-signal.SIGKILL, signal.SIGKILL)
    (folder,) = tmp_path.glob("runs/mnist_mlp/[0-9]*")
    assert run.folder == folder.resolve()
    status = read_status(folder)
    assert status is not None
    assert status.state == "interrupted"
    with pytest.raises(RunFailedError, match="SIGKILL ended the run"):
        _ = run.record


@pytest.mark.slow
def test_a_run_in_a_folder_of_its_own_goes_on_there_and_begins_anew_where_it_had_saved_nothing(tmp_path: Path) -> None:
    experiments = experiment_files()["mnist_mlp"].parent
    (tmp_path / "_small.yaml").write_text(yaml.safe_dump({**SMALL, "trainer": {"max_epochs": 2}}))
    files = (experiments / "_defaults.yaml", experiments / "mnist_mlp.yaml", tmp_path / "_small.yaml")
    options = [f"--config={file}" for file in files]
    folder = Path("runs/mnist_mlp/some-study/seed-1")
    (folder / "checkpoints").mkdir(parents=True)  # as of a run that was killed before its first save
    (folder / "status.json").write_text("{")
    with start_in(folder, [*options, "--trainer.max_epochs=1"]) as run:
        first = run.ended()
    assert (first.code, first.folder, first.record.fit.epochs) == (0, folder.resolve(), 1)
    assert not Path("runs/mnist_mlp/latest").exists()
    with start_in(folder, options) as run:  # finished: it is resumed with what it began with
        again = run.ended()
    assert (again.code, again.record.model.weights_sha256) == (0, first.record.model.weights_sha256)
    assert (folder / "config-resumed-1.yaml").is_file()


def test_an_exit_code_says_which_signal_ended_a_run() -> None:
    ended = {code: ChildRun(code, None, "", 1.0).ended_by for code in (0, 1, 2, 130, 143, -9)}
    expected = {130: signal.SIGINT, 143: signal.SIGTERM, -9: signal.SIGKILL}
    assert ended == {**dict.fromkeys((0, 1, 2)), **expected}


def test_a_run_does_not_outlive_who_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sleeper = tmp_path / "sleeper.py"
    sleeper.write_text("import time\nprint('begun', flush=True)\ntime.sleep(60)\n")
    monkeypatch.setattr(child_runs, "CLI", sleeper)
    monkeypatch.setattr(child_runs, "PATIENCE_SECONDS", 0.5)
    started: list[subprocess.Popen[str]] = []

    class Output:
        def write(self, text: str) -> None:
            raise KeyboardInterrupt

        def flush(self) -> None: ...

    ended = StartedRun.ended

    def note(run: StartedRun) -> ChildRun:
        started.append(run.process)
        return ended(run)

    monkeypatch.setattr(StartedRun, "ended", note)
    monkeypatch.setattr(sys, "stdout", Output())
    with pytest.raises(KeyboardInterrupt):
        run_command([], Path("runs/x"), shows=True)
    assert started[0].returncode == -signal.SIGTERM
