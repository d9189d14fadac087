"""Risk over coverage: what is gained by not answering, and the thresholds for `make predict THRESHOLD=`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightsmith.reports.curves import MOST_POINTS, thinned
from lightsmith.reports.outcomes import ClassOutcomes
from lightsmith.reports.parts import Part, Shown, chart, facts, rounded, series, text

OFFERED = [round(step / 100, 2) for step in range(100)] + [0.995, 0.999, 0.9995, 0.9999]


class Selection(NamedTuple):
    """Answers whose confidence reaches a threshold: their share of all items, and the share of them that is wrong."""

    threshold: float
    coverage: float
    risk: float


def selections(outcomes: ClassOutcomes) -> list[Selection]:
    """A selection for each threshold that is offered, while there is an answer left; those alike only once."""
    found: list[Selection] = []
    for threshold in OFFERED:
        answered = outcomes.confidence >= threshold
        if not answered.any():
            break
        coverage, risk = float(answered.mean()), float(1 - outcomes.right[answered].mean())
        if not found or coverage != found[-1].coverage:
            found.append(Selection(threshold, rounded(coverage), rounded(risk)))
    return found


def risk_curve(outcomes: ClassOutcomes) -> list[tuple[float, float]]:
    """(coverage, risk) of the most confident answers, from the single most confident ones to all.

    Answers of one confidence come in together. Source: Geifman and El-Yaniv 2017, Selective Classification for DNNs.
    """
    order = np.argsort(-outcomes.confidence, kind="stable")
    confidence, wrong = outcomes.confidence[order], ~outcomes.right[order]
    last = np.flatnonzero(np.append(np.diff(confidence) != 0, True))
    answered = last + 1
    risk = wrong.cumsum()[last] / answered
    return list(zip((answered / len(wrong)).tolist(), risk.tolist(), strict=True))


def suggested(found: list[Selection]) -> int:
    """The place of the lowest threshold that halves the risk; of the last where none does."""
    halved = (place for place, one in enumerate(found) if one.risk <= found[0].risk / 2)
    return next(halved, len(found) - 1)


def risk_parts(outcomes: ClassOutcomes, command: str) -> list[Part]:
    """The curve, its mean, and a threshold to choose.

    Args:
        command: that predicts, without its threshold.
    """
    found, curve = selections(outcomes), risk_curve(outcomes)
    shares = np.diff([0.0, *(coverage for coverage, _ in curve)])
    area = float((shares * [risk for _, risk in curve]).sum())
    start = suggested(found)
    return [
        facts([Shown("mean risk over all coverages (AURC)", rounded(area), "metric")]),
        chart(
            "risk over coverage",
            "Share of wrong answers among the most confident ones, over the share of items that gets an answer.",
            Shown("coverage", as_="metric"),
            Shown("risk", as_="metric"),
            [series("risk", thinned(curve, MOST_POINTS), 0)],
            {"low": 0, "high": 1},
            {"zero": True},
            guides=[{"x": [found[start].coverage], "name": f"threshold {found[start].threshold:g}"}],
        ),
        {
            "kind": "threshold",
            "points": [value for one in found for value in one],
            "n": len(outcomes.right),
            "start": start,
            "command": command,
        },
        text(
            "The slider begins at the lowest threshold that halves the risk. It is read off the test items: expect a "
            "little more risk on new data of the same kind, and anything on other data.",
            muted=True,
        ),
    ]
