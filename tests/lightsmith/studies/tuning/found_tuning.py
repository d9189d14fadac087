"""A tune that was never made: its measurements as they would be found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lightsmith.studies.tuning.batch_ladder import BatchLadder, Rung
from lightsmith.studies.tuning.curve import Curve, ladder
from lightsmith.studies.tuning.rate_option import RateOption
from lightsmith.studies.tuning.tuning import Tuning


def found_tuning(**others: Any) -> Tuning:
    """Losses that fall over forty steps and diverge, and batches of which 512 pays; ``others`` take their places."""
    rates = ladder(1e-6, 10, 100)[:80]
    losses = [2.0] * 30 + [2 - 0.04 * n for n in range(40)] + [0.5 + 3 * n for n in range(10)]
    rungs = [Rung(64, 0.001, 10**9), Rung(128, 0.0015, 10**9), Rung(256, 0.002, 10**9), Rung(512, 0.003, 2 * 10**9)]
    curve = Curve(rates, losses, diverged=True)
    assert curve.suggestions is not None
    tuning = Tuning(
        experiment="mnist_mlp",
        option=RateOption("model.lr", 0.003),
        curve=curve,
        suggestions=curve.suggestions,
        ladder=BatchLadder([*rungs, Rung(1024, 0.006, 3 * 10**9)], "items"),
        optimizer="AdamW",
        group_rates=[0.003, 0.003],
        batch_size=128,
        fit_steps=4000,
        rate_seconds=2.5,
        batch_seconds=3.5,
        device="cpu",
        precision="32-true",
    )
    return replace(tuning, **others)
