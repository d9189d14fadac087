from dataclasses import replace

import pytest

from lightsmith.studies.comparisons.answer import Comparison, Group, Pair
from lightsmith.studies.comparisons.lines import label, notes, print_comparison, sentence

BOTH = ["seed", "item"]


def group(name: str, mean: float, **settings: object) -> Group:
    found = {"experiment": "mnist_mlp", **settings}
    return Group(name, found, 4, mean, 0.01, (mean - 0.02, mean + 0.02), [1, 2, 3, 7], [])


def pair(names: str, difference: float, reach: float, **more: object) -> Pair:
    interval = difference - reach, difference + reach
    told = abs(difference) > reach
    known = Pair((names[0], names[1]), difference, interval, 0.01 if told else 0.4, told, 9, BOTH, BOTH)
    return replace(known, **more)  # type: ignore[arg-type]  # fields by name


def found(*pairs: Pair, metric: str = "accuracy", direction: str | None = "max") -> Comparison:
    groups = [group("A", 0.9), group("B", 0.91, **{"model.widths": "[red]"}), group("C", 0.95)][
        : 3 if len(pairs) > 1 else 2
    ]
    groups = groups if pairs else groups[:1]
    return Comparison("x", metric, direction, 10_000, True, groups, list(pairs), [])  # type: ignore[arg-type]  # a literal


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (found(pair("AB", 0.0042, 0.0031)), "B is better than A by 0.42 points of accuracy, between 0.11 and 0.73."),
        (found(pair("AB", -0.0042, 0.0031)), "A is better than B by 0.42 points of accuracy, between 0.11 and 0.73."),
        (
            found(pair("AB", -0.001, 0.0042)),
            "These runs cannot tell A from B: −0.10 points of accuracy, between −0.52 and 0.32; "
            "9 seeds of each would show a difference of this size.",
        ),
        (
            found(pair("AB", -0.5, 0.25), metric="rmse", direction="min"),
            "B is better than A by 0.5 in rmse, between 0.25 and 0.75.",
        ),
        (
            found(pair("AB", 0.5, 0.25), metric="nats", direction="min"),
            "A is better than B by 0.5 nats, between 0.25 and 0.75.",
        ),
        (
            found(pair("AB", 0.02, 0.01), metric="coverage", direction=None),
            "B is higher than A by 2.00 points of coverage, between 1.00 and 3.00.",
        ),
        (
            found(pair("AB", 0.02, 0.01, covers=["item"])),
            "The run of B is better than that of A by 2.00 points of accuracy, between 1.00 and 3.00; "
            "other seeds may say otherwise.",
        ),
        (
            found(pair("AB", 0.01, 0.02, covers=["item"])),
            "These runs cannot tell A from B: 1.00 points of accuracy, between −1.00 and 3.00; "
            "one seed of each says nothing of others, so run at least three.",
        ),
        (
            found(pair("AB", 0.01, 0.02, seeds_needed=None)),
            "These runs cannot tell A from B: 1.00 points of accuracy, between −1.00 and 3.00; "
            "no number of seeds would show a difference of this size with these test items.",
        ),
        (
            found(pair("AB", 0.01, 0.02), pair("AC", 0.05, 0.02), pair("BC", 0.04, 0.05)),
            "C has the best accuracy, 95.00%: these runs tell it from A, and they cannot tell it from B.",
        ),
        (
            found(pair("AB", 0.01, 0.02), pair("AC", 0.05, 0.2), pair("BC", 0.04, 0.05)),
            "C has the best accuracy, 95.00%: these runs cannot tell it from A and B.",
        ),
        (
            found(),
            "accuracy is 90.00%, between 88.00% and 92.00% with other seeds and test items; "
            "4 seeds spread by 1.00 points of accuracy.",
        ),
    ],
)
def test_one_sentence_says_what_was_found(answer: Comparison, line: str) -> None:
    assert sentence(answer) == line


def test_a_group_is_named_by_what_not_all_have() -> None:
    own = {"model.lr": 0.1, "training data": "sha256:0123456789"}
    assert label(group("B", 0.9, **own)) == "mnist_mlp, model.lr=0.1, training data=sha256:0123456…"
    many = {f"model.s{i}": i for i in range(8)}
    assert label(group("B", 0.9, **many)).endswith("model.s5=5, and 2 more")


def test_the_tables_have_a_row_for_each_group_and_pair(capsys: pytest.CaptureFixture[str]) -> None:
    print_comparison(found(pair("AB", 0.01, 0.02), pair("AC", 0.05, 0.02, p_value=1e-9), pair("BC", 0.04, 0.05)))
    out = capsys.readouterr().out
    rows = [" ".join(line.split()) for line in out.splitlines()]
    assert "B mnist_mlp, model.widths=[red] 91.00% 1.00 89.00% to 93.00% 4: 1–3, 7" in rows
    assert "B − A 1.00 −1.00 to 3.00 0.400 no 9" in rows
    assert "C − A 5.00 3.00 to 7.00 < 0.001 yes 9" in rows
    assert rows[-2] == "compared paired by 10,000 test items, and paired by seed"


def test_notes_say_by_what_was_compared_and_what_was_left_out() -> None:
    by_seeds = replace(found(pair("AB", 0.01, 0.02, paired=["seed"])), by_item=False)
    left_out = [{"run": f"runs/{i}", "reason": "no run"} for i in range(12)]
    lines = notes(replace(by_seeds, left_out=left_out))
    assert lines[0] == (
        "compared   by seeds only, since the runs' predictions do not give accuracy item by item, and paired by seed"
    )
    assert (lines[1], lines[-1]) == ("left out   runs/0: no run", "left out   … and 2 more")
    some = found(pair("AB", 0.01, 0.02), pair("AC", 0.05, 0.02, paired=["item"]), pair("BC", 0.04, 0.05))
    assert notes(some)[0] == "compared   paired by 10,000 test items, and A–B and B–C by seed"
