"""Optuna's samplers and pruners for what a space asks for."""

from __future__ import annotations

import warnings

import numpy as np
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler

from lightsmith.studies.sweeps.space import Method, Stopping

STARTUP_TRIALS = 10  # drawn at random before TPE, or before the median, has something to go by


def sampler_of(method: Method, seed: int, trial: int) -> BaseSampler:
    """The sampler of one trial. Each has a seed of its own, or workers would all draw the same.

    Args:
        seed: of the sweep.
        trial: its number.
    """
    own = int(np.random.SeedSequence((seed, trial)).generate_state(1)[0])
    if method != "bayes":  # the points of a grid are written down beforehand
        return RandomSampler(own)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        # Trials that are running count as bad (constant liar), so that workers do not try the same place at once.
        return TPESampler(n_startup_trials=STARTUP_TRIALS, multivariate=True, constant_liar=True, seed=own)


def pruner_of(stopping: Stopping | None, validations: int | None) -> BasePruner:
    """The pruner that ends trials early.

    Args:
        stopping: what the space asks for.
        validations: of a trial that comes to its end; None if that is not known beforehand.
    """
    if stopping is None:
        return NopPruner()
    if stopping.kind == "median":
        return MedianPruner(n_startup_trials=STARTUP_TRIALS // 2, n_warmup_steps=stopping.min_iter)
    longest = max(validations, stopping.min_iter) if validations else "auto"
    return HyperbandPruner(stopping.min_iter, longest, reduction_factor=stopping.eta)
