from commands.mistakes import explain, init_arguments, nearest, one_line, printable


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


def test_init_arguments_include_those_of_the_base_classes() -> None:
    arguments = init_arguments("lightning_modules.mnist_mlp.MnistMLP")
    assert {"hidden_features", "lr", "schedule"} <= set(arguments)
    assert "self" not in arguments
    assert "recipe" not in arguments


def test_an_error_of_unknown_form_is_passed_on_in_one_line() -> None:
    assert explain(ValueError("something\n   new"), []) == "something new"
