import json

from lightsmith.studies.comparisons.answer import Comparison, Group, Pair

GROUP = Group("A", {"experiment": "mnist_mlp"}, 2, 0.1 + 0.2, 1e-12 / 3, (0.1, 0.9), [1, 2], ["runs/1", "runs/2"])
PAIR = Pair(("A", "B"), 0.1, (0.0, 0.2), 0.05, False, 9, ["item"], ["seed", "item"])


def test_numbers_keep_eight_digits_however_small() -> None:
    found = Comparison("classification", "accuracy", "max", 10, True, [GROUP], [PAIR], [])
    content = json.loads(json.dumps(found.as_json()))
    assert next(iter(content)) == "schema"
    assert (content["groups"][0]["mean"], content["groups"][0]["spread"]) == (0.3, 3.3333333e-13)
    assert content["pairs"][0]["interval"] == [0.0, 0.2]
    assert (content["distinguishable"], content["seeds_needed"]) == (False, 9)


def test_what_was_written_is_read_as_it_was() -> None:
    found = Comparison(
        "classification", "accuracy", "max", 10, True, [GROUP], [PAIR, PAIR], [{"run": "a", "reason": "b"}]
    )
    again = Comparison.of_json(json.loads(json.dumps(found.as_json())))
    assert again.as_json() == found.as_json()
    assert (again.groups[0].interval, again.pairs[0].groups) == ((0.1, 0.9), ("A", "B"))
