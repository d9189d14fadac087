import optuna
import pytest
from optuna.pruners import HyperbandPruner, MedianPruner, NopPruner
from optuna.samplers import RandomSampler, TPESampler

from lightsmith.studies.sweeps.samplers import pruner_of, sampler_of
from lightsmith.studies.sweeps.space import Method, Stopping


@pytest.mark.parametrize(
    ("method", "kind"), [("bayes", TPESampler), ("random", RandomSampler), ("grid", RandomSampler)]
)
def test_a_method_is_a_sampler_of_optuna(method: Method, kind: type) -> None:
    assert isinstance(sampler_of(method, 1, 1), kind)


def test_each_trial_of_each_seed_draws_its_own() -> None:
    def draw(seed: int, trial: int) -> float:
        return optuna.create_study(sampler=sampler_of("bayes", seed, trial)).ask().suggest_float("x", 0, 1)

    assert draw(1, 2) == draw(1, 2)
    assert len({draw(seed, trial) for seed in (1, 2, 3) for trial in (1, 2, 3)}) == 9


def test_stopping_is_a_pruner_of_optuna() -> None:
    assert isinstance(pruner_of(None, 5), NopPruner)
    assert isinstance(pruner_of(Stopping("median", 2, 3), 5), MedianPruner)
    assert isinstance(pruner_of(Stopping("hyperband", 2, 3), None), HyperbandPruner)
    hyperband = pruner_of(Stopping("hyperband", 1, 3), 9)
    study = optuna.create_study(sampler=RandomSampler(0), pruner=hyperband, direction="maximize")
    ended_early = 0
    for number in range(30):
        trial = study.ask()
        for validation in range(1, 10):
            trial.report(1.0 if number % 3 == 0 else 0.0, validation)
            if trial.should_prune():
                ended_early += 1
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                break
        else:
            study.tell(trial, 1.0)
    assert 5 < ended_early < 25
