from pathlib import Path

from lightsmith.terminal import nearest, one_line, printable, shown


def test_one_line_folds_whitespace_and_names_an_error_without_a_message() -> None:
    assert one_line(ValueError("a\n  b\n")) == "a b"
    assert one_line(KeyError()) == "KeyError"


def test_what_a_terminal_would_obey_is_printed_as_an_escape() -> None:
    assert printable("a\nb\x1b[31m\u202e\udce9") == r"a\nb\x1b[31m\u202e\udce9"
    assert printable("première 🙂 · 10%") == "première 🙂 · 10%"
    assert one_line(ValueError("no \x1b[2Jfile")) == r"no \x1b[2Jfile"


def test_nearest_offers_a_similar_choice_or_nothing() -> None:
    assert nearest("mnits", ["mnist", "cifar"]) == "; did you mean mnist?"
    assert nearest("zzz", ["mnist", "cifar"]) == ""


def test_an_endless_message_loses_its_middle() -> None:
    line = one_line(ValueError("a" * 5000 + " b"))
    assert len(line) < 600
    assert line.endswith(" b")


def test_folders_are_shown_relative_where_possible(tmp_path: Path) -> None:
    assert shown(tmp_path / "runs") == Path("runs")
    assert shown(Path("/elsewhere")) == Path("/elsewhere")
