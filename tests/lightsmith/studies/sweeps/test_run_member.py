from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lightsmith.records.status import read_status
from lightsmith.settings.experiments import EXPERIMENTS
from lightsmith.studies.sweeps.forks import fork
from lightsmith.studies.sweeps.run_member import run_trial
from lightsmith.studies.sweeps.trials import ENDED, Trials
from tests.planned_sweep import planned

CONFIGS = [f"--config={EXPERIMENTS / name}.yaml" for name in ("_defaults", "mnist_mlp")]
SMALL = [*CONFIGS, "--data.train_size=100", "--trainer.max_epochs=2", "--loggers=[csv]", "--experiment=mnist_mlp"]


def ending_of(trials: Trials, *options: str) -> dict[str, Any]:
    """How the run of the first trial ended, with these options."""
    trials.draw(1)
    fork(partial(run_trial, trials.sweep, 1, [*SMALL, *options]), "trial").join()
    ending: dict[str, Any] = trials.read(1).user_attrs[ENDED]
    return ending


def test_a_trial_is_a_run_that_reports_each_validation_and_does_not_test() -> None:
    trials = planned()
    ending = ending_of(trials)
    assert (ending["outcome"], ending["epochs"], len(ending["weights_sha256"])) == ("finished", 2, 64)
    assert list(trials.read(1).intermediate_values) == [1, 2]
    status = read_status(Path("trial-0001"))
    assert status is not None
    assert status.state == "finished"
    assert not Path("trial-0001/results.json").exists()
    assert "ReportTrial" not in Path("trial-0001/config.yaml").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "outcome", "reason"),
    [
        (["--model.lr=1e30", "--model.schedule=constant"], "not finite", "step"),
        (["--model.hidden_features=[8,0]"], "failed", "hidden_features"),
    ],
)
def test_what_ends_a_trial_is_told_apart(options: list[str], outcome: str, reason: str) -> None:
    ending = ending_of(planned(), *options)
    assert ending["outcome"] == outcome
    assert reason in ending["reason"]


@pytest.mark.slow
def test_a_trial_that_is_told_to_end_is_pruned_and_its_run_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Trials, "report", lambda *_: True)
    ending = ending_of(planned())
    assert (ending["outcome"], ending["reason"], ending["epochs"]) == ("pruned", "in validation 1", 1)
    status = read_status(Path("trial-0001"))
    assert status is not None
    assert status.state == "finished"
