"""An experiment that is built once for the tests of this folder, none of which may change it."""

from __future__ import annotations

import pytest

from lightsmith.settings.experiments import EXPERIMENTS
from lightsmith.studies.tuning.copied_fit import TunedCLI
from lightsmith.studies.tuning.measure import build

CONFIGS = [EXPERIMENTS / "_defaults.yaml", EXPERIMENTS / "mnist_mlp.yaml"]
SMALL = ["--data.train_size=400", "--data.batch_size=16", "--data.cache=false", "--trainer.precision=32-true"]


@pytest.fixture(scope="session")
def built() -> TunedCLI:
    """A mnist_mlp on 400 digits in batches of 16."""
    return build(CONFIGS, SMALL)
