"""The road of somebody with 5,000 support tickets in 12 queues, from one export to next month's, typed as README says.

Two text columns, a rare queue, tickets without a text, tickets without a queue, copies, and a queue that is called
otherwise the month after.
"""

from __future__ import annotations

import csv
import json
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.plain_run import Ended, command, latest, start

QUEUES = (
    "Billing Contract Delivery Hardware Invoice Login Network Printer Refund Returns Software Vendor".split()  # noqa: SIM905
)
TICKETS, RARE, EMPTY, UNLABELLED, COPIES = 5000, "Vendor", 40, 25, 100
SMALL = (
    "--data.text_column=[subject,body]",
    "--data.label_column=queue",
    "--data.max_tokens=32",
    "--model.hidden_size=16",
    "--trainer.max_epochs=3",
    "--loggers=[csv]",
)


def tickets(seed: int, count: int) -> list[dict[str, str]]:
    """Tickets whose body names their queue's matter; of the rare queue there are two."""
    random_ = random.Random(seed)
    rows = []
    for i in range(count):
        queue = RARE if i < 2 else random_.choice(QUEUES[:-1])
        rows.append(
            {
                "id": str(i),
                "subject": f"{random_.choice(['Question', 'Problem', 'Request'])} {seed}-{i}",
                "body": f'Please help, it is about the {queue.lower()}; thanks, "customer {random_.random():.6f}"',
                "queue": queue,
            }
        )
    return rows


def first_month() -> list[dict[str, str]]:
    """Of the tickets some have neither subject nor body, some no queue, and some stand there twice."""
    rows = tickets(1, TICKETS - COPIES)
    for row in rows[10 : 10 + EMPTY]:
        row |= {"subject": "", "body": " "}
    for row in rows[100 : 100 + UNLABELLED]:
        row["queue"] = ""
    for row in rows[200:300]:  # either text alone is a text
        row["subject"] = ""
    return rows + [row | {"id": f"{row['id']} again"} for row in rows[1000 : 1000 + COPIES]]


def write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def printed(ended: Ended, pattern: str) -> list[int]:
    """The numbers in what a command printed, without separators of thousands."""
    found = re.search(pattern, ended.out)
    assert found, ended
    return [int(number.replace(",", "")) for number in found.groups()]


@pytest.fixture
def here(tmp_path: Path) -> Path:
    write(tmp_path / "tickets.csv", first_month())
    return tmp_path


@pytest.mark.slow
def test_tickets_are_trained_on_evaluated_next_month_and_predicted(here: Path) -> None:
    refused = start(here, "imdb_lstm", "--data.source=tickets.csv", *SMALL)
    assert refused.code == 2, refused
    assert len(refused.err.strip().splitlines()) == 1
    assert f"class '{RARE}' (2) of table tickets.csv has too few training items" in refused.err
    assert "--data.rare_classes=train" in refused.err
    assert not (here / "runs").exists()

    trained = start(here, "imdb_lstm", "--data.source=tickets.csv", "--data.rare_classes=train", *SMALL)
    assert trained.code == 0, trained.err
    run = latest(here, "imdb_lstm")
    results: dict[str, Any] = json.loads((here / run / "results.json").read_text())
    sizes = printed(trained, r"train ([\d,]+) · val ([\d,]+) · test ([\d,]+) · 12 classes: Billing")
    reasons = Counter(skip["reason"] for skip in results["data"]["skipped"])
    assert sizes == [results["data"][split] for split in ("train", "val", "test")]
    assert reasons == {"no subject or body": EMPTY, "no queue": UNLABELLED}
    assert sum(sizes) + reasons.total() == TICKETS
    assert f"class '{RARE}' (2) has too few items to cut: it is in train only" in trained.out
    assert f"{COPIES} of the {TICKETS - reasons.total():,} training texts are copies of another one" in trained.out
    assert "copies are on the same side of every cut" in trained.out
    assert results["test"]["n"] == sizes[2]
    assert results["test"]["accuracy"] > 0.5  # the body names the queue

    _evaluate_next_month(here, run)
    _predict_next_month(here, run)


def _evaluate_next_month(here: Path, run: Path) -> None:
    """A queue that was renamed is named; by its old name, all of the file is evaluated."""
    rows = tickets(2, 500)
    write(here / "renamed.csv", [row | {"queue": row["queue"].replace("Login", "Sign-in")} for row in rows])
    refused = command(here, "evaluate", f"--run={run}", "--data=renamed.csv")
    assert refused.code == 2, refused
    assert len(refused.err.strip().splitlines()) == 1
    assert "Sign-in" in refused.err
    assert not (here / run / "evaluations").exists()

    write(here / "next.csv", rows)
    evaluated = command(here, "evaluate", f"--run={run}", "--data=next.csv")
    assert evaluated.code == 0, evaluated.err
    (folder,) = (here / run / "evaluations").iterdir()
    results = json.loads((folder / "results.json").read_text())
    assert results["test"]["n"] == len(rows)
    assert results["test"]["accuracy"] > 0.5
    predictions = [json.loads(line) for line in (folder / "predictions.jsonl").read_text().splitlines()]
    assert len(predictions) == len(rows)


def _predict_next_month(here: Path, run: Path) -> None:
    """Tickets without a queue get one each, and a ticket without a text is said."""
    rows = [{name: row[name] for name in ("id", "subject", "body")} for row in tickets(3, 50)]
    rows[7] |= {"subject": "", "body": ""}
    write(here / "new.csv", rows)
    predicted = command(here, "classify", f"--run={run}", "--input=new.csv", "--output=queues.csv")
    assert predicted.code in (0, 1), predicted
    with (here / "queues.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == len(rows)
    assert {line["prediction"] for line in lines if line["prediction"]} <= set(QUEUES)
    assert [bool(line["prediction"]) for line in lines].count(False) == 1
    assert "50 rows" in predicted.out
