"""docs/studies.md describes exactly what a tune writes."""

import re

from tests.conftest import ROOT
from tests.lightsmith.studies.tuning.found_tuning import found_tuning

TEXT = (ROOT / "docs/studies.md").read_text(encoding="utf-8")


def test_every_key_of_tune_json_is_in_its_table_and_no_other() -> None:
    table = TEXT.partition("### tune.json")[2].partition("\n## ")[0]
    named = [name for row in re.findall(r"^\| (`.+?) \|", table, re.MULTILINE) for name in re.findall(r"`(.+?)`", row)]
    record = found_tuning().as_json()
    inner = {f"batches[].{name}" for name in record.pop("batches")[0]}
    assert set(named) == record.keys() | inner | {"commands"}
    assert len(named) == len(set(named))
