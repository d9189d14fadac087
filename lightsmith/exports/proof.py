"""Showing that an exported model says what the checkpoint says: on every item of the test split, and how fast."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

Run = Callable[..., Tensor]  # the network's inputs → logits (B, classes)
BATCH_SIZES = (1, 32)
SECONDS, LEAST_CALLS = 2.0, 20  # of each batch size
# Two orders of summing differ in fp32 by about 1e-6 of what is summed, so what is allowed grows with an item's logits.
ABSOLUTE_TOLERANCE = 1e-4
RELATIVE_TOLERANCE = 1e-5  # of the largest of the item's logits
LEAST_AGREEMENT = 0.9999
ROUNDING = 1e-9  # points of accuracy


class Answers(NamedTuple):
    """logits: float32 (N, classes); labels: int64 (N,)."""

    logits: Tensor
    labels: Tensor

    @property
    def accuracy(self) -> float:
        return float((self.logits.argmax(1) == self.labels).double().mean())


def prove(network: Run, exported: Run, test: Sequence[Any], exact: bool, max_drop: float) -> dict[str, Any]:
    """Compare an exported model with its network on batches of test items, and time it.

    Args:
        exact, max_drop: as in ``shortcomings``.
    """
    found = compare(answers(network, test, "The checkpoint"), answers(exported, test, "The exported model"))
    reasons = shortcomings(found, exact, max_drop)
    return {**found, "latency_ms": latencies_ms(exported, test[0].inputs), "passed": not reasons, "reasons": reasons}


@torch.inference_mode()
def answers(run: Run, batches: Iterable[Any], title: str) -> Answers:
    """What a model says to every batch."""
    logits, labels = [], []
    for batch in tqdm(batches, title, unit=" batches", leave=False, delay=1, disable=None):
        logits.append(run(*batch.inputs).float())
        labels.append(batch.label)
    return Answers(torch.cat(logits), torch.cat(labels))


def compare(checkpoint: Answers, exported: Answers) -> dict[str, float]:
    """Accuracies (0…1), and how far apart the answers are: at most so much, and so many times what fp32 explains.

    Predictions agree that are the same, or between which the checkpoint itself decides by no more than that.
    """
    difference = (checkpoint.logits - exported.logits).abs().amax(1)
    tolerance = ABSOLUTE_TOLERANCE + RELATIVE_TOLERANCE * checkpoint.logits.abs().amax(1)
    of_other_choice = checkpoint.logits.gather(1, exported.logits.argmax(1, keepdim=True))[:, 0]
    agree = checkpoint.logits.amax(1) - of_other_choice <= 2 * tolerance
    return {
        "items": len(agree),
        "checkpoint_accuracy": checkpoint.accuracy,
        "accuracy": exported.accuracy,
        "accuracy_difference": exported.accuracy - checkpoint.accuracy,
        "argmax_agreement": float(agree.double().mean()),
        "largest_logit_difference": float(difference.max()),
        "largest_share_of_tolerance": float((difference / tolerance).max()),
    }


def shortcomings(found: dict[str, float], exact: bool, max_drop: float) -> list[str]:
    """What keeps an exported model from standing in for its checkpoint, a sentence each.

    Args:
        exact: whether it computes in fp32, and so has to give the same logits; otherwise only its accuracy counts.
        max_drop: points of accuracy that another precision may lose.
    """
    reasons = []
    if not np.isfinite(found["largest_logit_difference"]):
        reasons.append("its logits are not all finite")
    if exact and found["largest_share_of_tolerance"] > 1:
        reasons.append(
            f"a logit differs by {found['largest_share_of_tolerance']:.3g} times the tolerance, which is "
            f"{ABSOLUTE_TOLERANCE} and {RELATIVE_TOLERANCE} of the largest logit of its item"
        )
    if exact and found["argmax_agreement"] < LEAST_AGREEMENT:
        reasons.append(f"{found['argmax_agreement']:.4%} of the predictions agree, fewer than {LEAST_AGREEMENT:.2%}")
    if not exact and -100 * found["accuracy_difference"] > max_drop + ROUNDING:
        reasons.append(f"it loses {-100 * found['accuracy_difference']:.2f} points of accuracy, more than {max_drop}")
    return reasons


def latencies_ms(run: Run, inputs: tuple[Tensor, ...]) -> dict[str, dict[str, float]]:
    """Median and 95th percentile of a call's milliseconds by batch size.

    Args:
        inputs: a batch of at least one item; its items are repeated where it is too small.
    """
    return {str(size): _percentiles(run, tuple(of_size(value, size) for value in inputs)) for size in BATCH_SIZES}


def of_size(value: Tensor, size: int) -> Tensor:
    """So many rows of (B, …), repeated where there are too few."""
    return value.repeat(-(-size // len(value)), *(1 for _ in value.shape[1:]))[:size].contiguous()


@torch.inference_mode()
def _percentiles(run: Run, inputs: tuple[Tensor, ...]) -> dict[str, float]:
    run(*inputs)  # the first call of a size makes its buffers
    taken: list[float] = []
    while sum(taken) < SECONDS or len(taken) < LEAST_CALLS:
        started = time.perf_counter()
        run(*inputs)
        taken.append(time.perf_counter() - started)
    p50, p95 = np.percentile(taken, (50, 95)) * 1000
    return {"p50": round(float(p50), 4), "p95": round(float(p95), 4)}
