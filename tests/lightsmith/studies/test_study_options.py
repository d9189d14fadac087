from pathlib import Path

import pytest

from lightsmith.studies.study_options import read_options


def test_what_a_study_needs_to_know_is_taken_out_and_all_else_stays_in_order() -> None:
    given = ["-c", "a.yaml", "--model.lr", "0.1", "--seeds=1..3", "-c=b.yaml", "--data.source=x", "--workers=2"]
    options = read_options(given)
    assert (options.seeds, options.workers, options.resume) == ("1..3", 2, None)
    assert options.config == [Path("a.yaml"), Path("b.yaml")]
    assert options.rest == ["--model.lr", "0.1", "--data.source=x"]


@pytest.mark.parametrize("given", [["--workers=many"], ["--seeds"], ["-c"]])
def test_a_value_that_is_missing_or_wrong_is_one_line(given: list[str]) -> None:
    with pytest.raises(ValueError, match=given[0].partition("=")[0]):
        read_options(given)
