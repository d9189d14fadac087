from __future__ import annotations

import time
from functools import partial
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from lightning_modules.classifier import Classifier
from lightsmith.exports import proof
from lightsmith.exports.proof import Said, latencies_ms, prove, verdict

GOOD = {
    "largest_logit_difference": 1e-6,
    "largest_share_of_tolerance": 0.01,
    "argmax_agreement": 1.0,
    "checkpoint_accuracy": 1.0,
    "accuracy": 1.0,
}


compare, shortcomings = partial(proof.compare, Classifier), partial(proof.shortcomings, Classifier)


def answers(logits: Tensor, labels: Tensor) -> Said:
    return Said(logits, float((logits.argmax(1) == labels).double().mean()))


class Points(NamedTuple):
    points: Tensor
    label: Tensor

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return (self.points,)


def test_what_is_compared_is_accuracy_classes_and_logits() -> None:
    labels = torch.tensor([0, 1, 1, 0])
    checkpoint = answers(torch.tensor([[2.0, 1], [1, 2], [1, 2], [1, 2]]), labels)
    exported = answers(torch.tensor([[2.0, 1], [1, 2], [2.5, 2], [1, 2]]), labels)
    found = compare(checkpoint, exported)
    assert found["items"] == 4
    assert (found["checkpoint_accuracy"], found["accuracy"], found["accuracy_difference"]) == (0.75, 0.5, -0.25)
    assert (found["argmax_agreement"], found["largest_logit_difference"]) == (0.75, 1.5)


@pytest.mark.parametrize(
    ("exact", "changes", "reason"),
    [
        (True, {"largest_share_of_tolerance": 2.0}, "a logit differs by 2 times the tolerance"),
        (True, {"argmax_agreement": 0.9998}, "99.9800% of the predictions agree"),
        (False, {"accuracy": 0.994}, "loses 0.60 points of accuracy, more than 0.5"),
        (False, {"largest_logit_difference": float("nan")}, "not all finite"),
    ],
)
def test_what_falls_short_is_named(exact: bool, changes: dict[str, float], reason: str) -> None:
    (said,) = shortcomings({**GOOD, **changes}, exact, max_drop=0.5)
    assert reason in said


@pytest.mark.parametrize(
    ("exact", "changes"),
    [
        (True, {"accuracy": 1.0, "argmax_agreement": 0.9999, "largest_share_of_tolerance": 1.0}),
        (False, {"accuracy": 0.996, "argmax_agreement": 0.98, "largest_logit_difference": 3.0}),
        (
            False,
            {"checkpoint_accuracy": 0.88, "accuracy": 0.875, "argmax_agreement": 0.98, "largest_logit_difference": 3.0},
        ),
    ],
)
def test_what_is_good_enough_passes(exact: bool, changes: dict[str, float]) -> None:
    assert shortcomings({**GOOD, **changes}, exact, max_drop=0.5) == []


@pytest.mark.parametrize(
    ("logits", "difference", "passes"),
    [
        ([1.0, -2.0], 1.1e-4, True),
        ([1.0, -2.0], 1.3e-4, False),
        ([700.0, -300.0], 6e-3, True),  # 1e-5 of the largest, where fp32 itself is precise to 6e-5
        ([700.0, -300.0], 8e-3, False),
        ([0.0, 1e-3], 9e-5, True),
    ],
)
def test_what_a_logit_may_differ_by_grows_with_the_logits_of_its_own_item(
    logits: list[float], difference: float, passes: bool
) -> None:
    labels = torch.tensor([0, 1])
    checkpoint = torch.tensor([logits, [1.0, 2.0]])
    exported = checkpoint + torch.tensor([[difference, 0.0], [0.0, 0.0]])
    assert (shortcomings(compare(answers(checkpoint, labels), answers(exported, labels)), True, 0.5) == []) is passes
    other = checkpoint + torch.tensor([[0.0, 0.0], [0.0, difference]])  # the small item beside a large one
    found = shortcomings(compare(answers(checkpoint, labels), answers(other, labels)), True, 0.5)
    assert (found == []) is (difference < 1.2e-4)


def test_predictions_between_which_fp32_cannot_decide_agree() -> None:
    labels = torch.tensor([0, 0])
    checkpoint = answers(torch.tensor([[500.0, 499.998, -500.0], [1.0, 0.5, 0.0]]), labels)
    exported = answers(torch.tensor([[499.998, 500.0, -500.0], [1.0, 0.5, 0.0]]), labels)
    found = compare(checkpoint, exported)
    assert (found["argmax_agreement"], found["accuracy"]) == (1.0, 0.5)
    assert shortcomings(found, exact=True, max_drop=0.5) == []
    exported.outputs[1] = torch.tensor([0.5, 1.0, 0.0])
    assert compare(checkpoint, exported)["argmax_agreement"] == 0.5


def test_a_verdict_names_every_reason() -> None:
    assert verdict({"passed": True, "reasons": []}) == "passed"
    assert verdict({"passed": False, "reasons": ["it is slow", "it is wrong"]}) == "FAILED: it is slow; it is wrong"


def test_latency_is_that_of_a_batch_of_one_and_of_thirty_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lightsmith.exports.proof.SECONDS", 0.0)
    sizes = []

    def run(points: Tensor) -> Tensor:
        sizes.append(len(points))
        time.sleep(0.002)
        return points

    taken = latencies_ms(run, (torch.zeros(3, 2),))
    assert set(sizes) == {1, 32}
    assert all(2 <= percentiles["p50"] <= percentiles["p95"] for percentiles in taken.values())


def test_a_proof_holds_every_item_of_every_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lightsmith.exports.proof.SECONDS", 0.0)
    batches: list[Any] = [Points(torch.eye(2), torch.tensor([0, 1])), Points(torch.eye(2)[:1], torch.tensor([0]))]
    task = Classifier(["a", "b"])
    task.network = nn.Identity()
    proof = prove(task, lambda points: points.flip(1), batches, exact=True, max_drop=0.5)
    assert (proof["items"], proof["accuracy"], proof["checkpoint_accuracy"]) == (3, 0.0, 1.0)
    assert not proof["passed"]
    assert len(proof["reasons"]) == 2
