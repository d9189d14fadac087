"""The options for tables reach the reader, and a trained run reads new tables as it read those that it trained on."""

import json
from pathlib import Path

import pandas as pd
import pytest

from datamodules.review_words import ReviewWords
from tests.conftest import Cli

TINY = (
    "--data=datamodules.review_words.ReviewWords",
    "--data.max_tokens=16",
    "--model.pretrained=null",
    "--model.embedding_dim=4",
    "--model.hidden_size=4",
    "--trainer.max_epochs=1",
    "--loggers=[csv]",
)


def test_new_texts_of_two_columns_are_joined_as_well() -> None:
    data = ReviewWords(text_column=["subject", "body"])
    Path("new.csv").write_text("id,body,subject\n1,it is broken,Ticket 1\n2,,Ticket 2\n")
    Path("new.json").write_text(json.dumps([{"subject": "Ticket 1", "body": "it is broken"}, {"subject": "Ticket 2"}]))
    pd.DataFrame({"Body": ["it is broken", None], "Subject": ["Ticket 1", "Ticket 2"]}).to_parquet("new.parquet")
    for suffix in ("csv", "json", "parquet"):
        texts = [text for _, text in data.read_inputs(Path(f"new.{suffix}"))]
        assert texts == ["Ticket 1\n\nit is broken", "Ticket 2"], suffix
    Path("new.csv").write_text("id,body\n1,it is broken\n")
    with pytest.raises(ValueError, match=r"no subject and body column.*: it has id, body"):
        list(data.read_inputs(Path("new.csv")))


@pytest.mark.slow
def test_texts_of_two_columns_are_joined_in_training_and_in_prediction(
    tmp_path: Path, experiment: Cli, lightsmith: Cli
) -> None:
    rows = [
        f"Ticket {n};{'it is broken' if n % 2 else 'thank you'};{'fault' if n % 2 else 'praise'}" for n in range(60)
    ]
    Path("tickets.csv").write_text("\n".join(["subject;body;queue", *rows, ";;fault", "Help;;fault"]))
    columns = ("--data.text_column=[subject,body]", "--data.label_column=queue")
    outcome = experiment("imdb_lstm", *TINY, "--data.source=tickets.csv", *columns)
    assert (outcome.code, outcome.err) == (0, "")
    assert "tickets.csv is read as separated by semicolons" in outcome.out
    results = json.loads((tmp_path / "runs/imdb_lstm/latest/results.json").read_text())
    assert results["data"]["skipped"] == [{"item": "train row 60", "reason": "no subject or body"}]
    Path("new.csv").write_text("id,body,subject\n1,it is broken,Ticket 1\n2,,Ticket 2\n")
    predicted = lightsmith("predict", "--run=runs/imdb_lstm/latest", "--input=new.csv", "--output=new.jsonl")
    assert predicted.code == 0
    assert all("prediction" in json.loads(line) for line in Path("new.jsonl").read_text().splitlines())


def test_a_file_without_a_header_and_with_another_delimiter_can_be_described(tmp_path: Path) -> None:
    Path("t.txt").write_text("x;a, b;1\ny;c, d;2\n" * 10)
    options = {"header": False, "delimiter": ";", "text_column": [2, 3], "label_column": "1"}
    data = ReviewWords(source="t.txt", **options)  # type: ignore[arg-type]
    assert data.class_names == ["x", "y"]
    assert data.found.splits["train"].items[1] == "c, d\n\n2"


def test_unknown_tokens_are_said_before_training(tmp_path: Path) -> None:
    chinese = [f"{chr(0x4E00 + n)}{chr(0x5E00 + n)}{chr(0x6E00 + n)},{'ab'[n % 2]}" for n in range(60)]
    Path("t.csv").write_text("\n".join(["text,label", *chinese]))
    data = ReviewWords(source="t.csv")
    data.setup()
    assert data.source_found.notes[-1].startswith("100% of the tokens of the validation texts are unknown")


@pytest.mark.slow
def test_a_run_on_nine_tenths_empty_texts_goes_on_and_says_so(tmp_path: Path, experiment: Cli) -> None:
    rows = [f"{f'film {n}' if n % 10 == 0 else ''},{'ab'[n // 10 % 2]}" for n in range(600)]
    Path("t.csv").write_text("\n".join(["text,label", *rows]))
    outcome = experiment("imdb_lstm", *TINY, "--data.source=t.csv")
    assert (outcome.code, outcome.err) == (0, "")
    assert "540 of 600 items left out" in outcome.out


def films(path: Path, labels: list[str], **options: bool) -> ReviewWords:
    path.write_text("\n".join(["text,label", *(f"film number {i},{label}" for i, label in enumerate(labels))]))
    return ReviewWords(source=str(path), **options)


AGES = [str(20 + i % 30) for i in range(300)]


def test_the_answer_makes_them_classes(tmp_path: Path) -> None:
    data = films(tmp_path / "films.csv", AGES, numbers_are_classes=True)
    assert len(data.class_names) == 30


def test_fractions_point_to_values(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds fractions: labels must be integers or strings; for values give a Regr"):
        films(tmp_path / "films.csv", ["0.5", "1.5"]).setup()
