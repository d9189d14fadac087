from pathlib import Path

from lightsmith.terminal import counted, empty_table, listed, nearest, one_line, printable, shortened, shown


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


def test_a_text_is_cut_to_a_width_and_one_that_fits_stays() -> None:
    assert shortened("abcdef", 6) == "abcdef"
    assert shortened("abcdefg", 6) == "abcd …"


def test_numbers_are_said_with_their_noun() -> None:
    assert [counted(number, "test item") for number in (0, 1, 1200)] == [
        "0 test items",
        "1 test item",
        "1,200 test items",
    ]


def test_names_are_listed_as_in_a_sentence() -> None:
    assert [listed("abc"[:count]) for count in (1, 2, 3)] == ["a", "a and b", "a, b and c"]


def test_columns_of_figures_are_flush_right() -> None:
    assert [column.justify for column in empty_table("run", "seconds", left=["run"]).columns] == ["left", "right"]
