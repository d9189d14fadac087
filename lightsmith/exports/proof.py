"""Showing that an exported model says what the checkpoint says: on every item of the test split, and how fast."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torchmetrics import MetricCollection
from tqdm.auto import tqdm

from lightning_modules.training.batch import Batch
from lightning_modules.training.task import Task

Run = Callable[..., Tensor]  # the network's inputs → outputs (B, …)
BATCH_SIZES = (1, 32)
SECONDS, LEAST_CALLS = 2.0, 20  # of each batch size
# Two orders of summing differ in fp32 by about 1e-6 of what is summed, so what is allowed grows with an item's outputs.
ABSOLUTE_TOLERANCE = 1e-4
RELATIVE_TOLERANCE = 1e-5  # of the largest of the item's outputs
LEAST_AGREEMENT = 0.9999
ROUNDING = 1e-5  # points or per cent, of figures in float32


class Said(NamedTuple):
    """The outputs of a model for test items, float32 (N, …), and their headline metric."""

    outputs: Tensor
    headline: float


def prove(task: Task, exported: Run, test: Sequence[Batch], exact: bool, max_drop: float) -> dict[str, Any]:
    """Compare an exported model with its network on batches of test items, and time it.

    Args:
        task: left as it is.
        exact, max_drop: as in ``shortcomings``.
    """
    checkpoint = said(task, task.network, test, "The checkpoint")
    found = compare(task, checkpoint, said(task, exported, test, "The exported model"))
    reasons = shortcomings(task, found, exact, max_drop)
    return {**found, "latency_ms": latencies_ms(exported, test[0].inputs), "passed": not reasons, "reasons": reasons}


@torch.inference_mode()
def said(task: Task, run: Run, batches: Iterable[Batch], title: str) -> Said:
    """Run a model on every batch, and compute the task's headline metric."""
    metric = task.headline.metric
    metrics = MetricCollection({metric: task.test_metrics[metric].clone()})
    outputs = []
    for batch in tqdm(batches, title, unit=" batches", leave=False, delay=1, disable=None):
        outputs.append(run(*batch.inputs).float())
        task.update(metrics, outputs[-1], batch)
    figure = metrics.compute()[metric].numpy()
    return Said(torch.cat(outputs), float(str(figure)))  # 0.869, not 0.8690000176


def compare(task: Task | type[Task], checkpoint: Said, exported: Said) -> dict[str, Any]:
    """The figures of both, and how far apart the outputs are: at most, and as a multiple of what fp32 explains."""
    metric, output = task.headline.metric, task.answer_type.output.removesuffix("s")
    of_items = checkpoint.outputs.flatten(1)
    difference = (of_items - exported.outputs.flatten(1)).abs().amax(1)
    tolerance = ABSOLUTE_TOLERANCE + RELATIVE_TOLERANCE * of_items.abs().amax(1)
    return {
        "headline": metric,
        "items": len(difference),
        f"checkpoint_{metric}": checkpoint.headline,
        metric: exported.headline,
        f"{metric}_difference": exported.headline - checkpoint.headline,
        **(_agreement(checkpoint.outputs, exported.outputs, tolerance) if task.target == "class" else {}),
        f"largest_{output}_difference": float(difference.max()),
        "largest_share_of_tolerance": float((difference / tolerance).max()),
    }


def _agreement(checkpoint: Tensor, exported: Tensor, tolerance: Tensor) -> dict[str, float]:
    """The share of items of the same class, or of classes between which fp32 cannot decide."""
    of_other_choice = checkpoint.gather(1, exported.argmax(1, keepdim=True))[:, 0]
    agree = checkpoint.amax(1) - of_other_choice <= 2 * tolerance
    return {"argmax_agreement": float(agree.double().mean())}


def shortcomings(task: Task | type[Task], found: dict[str, Any], exact: bool, max_drop: float) -> list[str]:
    """List what keeps an exported model from standing in for its checkpoint, a sentence each.

    Args:
        exact: whether it computes in fp32, and so has to give the same outputs; otherwise only its headline counts.
        max_drop: how much worse that may be, as ``Headline.worse_by`` counts it.
    """
    metric, outputs = task.headline.metric, task.answer_type.output
    output, named = outputs.removesuffix("s"), outputs.replace("_", " ")
    reasons = []
    if not np.isfinite(found[f"largest_{output}_difference"]):
        reasons.append(f"its {named} are not all finite")
    if exact and found["largest_share_of_tolerance"] > 1:
        reasons.append(
            f"a {named.removesuffix('s')} differs by {found['largest_share_of_tolerance']:.3g} times the tolerance, "
            f"which is {ABSOLUTE_TOLERANCE} and {RELATIVE_TOLERANCE} of the largest of its item"
        )
    if exact and found.get("argmax_agreement", 1.0) < LEAST_AGREEMENT:
        reasons.append(f"{found['argmax_agreement']:.4%} of the predictions agree, fewer than {LEAST_AGREEMENT:.2%}")
    worse = task.headline.worse_by(found[f"checkpoint_{metric}"], found[metric])
    if not exact and worse > max_drop + ROUNDING:
        reasons.append(f"it loses {worse:.2f} {task.headline.unit}, more than {max_drop}")
    return reasons


def comparison(found: dict[str, Any]) -> dict[str, str]:
    """Describe what ``compare`` found, by title; proofs of earlier versions are of classes."""
    metric = found.get("headline", "accuracy")
    share, difference = "argmax_agreement" in found, found[f"{metric}_difference"]
    moved = f"{100 * difference:+.2f} points" if share else f"{difference:+.2g}"
    rows = {metric: f"{found[metric]:.4f} ({moved} to the checkpoint)"}
    if share:
        rows["same class"] = f"{found['argmax_agreement']:.3%} of the items"
    output, largest = largest_difference(found)
    return {**rows, output: f"differ by {largest:.2e} at most"}


def verdict(proof: Mapping[str, Any]) -> str:
    """Say whether a proof was passed, and why it was not."""
    if proof["passed"]:
        return "passed"
    return f"FAILED: {'; '.join(proof['reasons'])}"


def largest_difference(found: dict[str, Any]) -> tuple[str, float]:
    """The name of the outputs, and the largest difference between two of them."""
    key = next(name for name in found if re.fullmatch(r"largest_\w+_difference", name))
    return f"{key.removeprefix('largest_').removesuffix('_difference').replace('_', ' ')}s", found[key]


def latencies_ms(run: Run, inputs: tuple[Tensor, ...]) -> dict[str, dict[str, float]]:
    """Median and 95th percentile of a call's milliseconds by batch size.

    Args:
        inputs: a batch of at least one item; its items are repeated where it is too small.
    """
    return {str(size): _percentiles(run, tuple(of_size(value, size) for value in inputs)) for size in BATCH_SIZES}


def of_size(value: Tensor, size: int) -> Tensor:
    """The first rows of (B, …), as many as ``size`` says; they are repeated where there are too few."""
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
