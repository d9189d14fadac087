from pathlib import Path

import pytest
import yaml

from lightsmith.settings.yaml_files import LARGEST_BYTES, check_yaml, read_settings, refuse_url

BAD = {
    "a: &x [1]\nb: *x\n": "alias .x",
    "a: !!python/object/apply:os.system [touch canary]\n": "tag tag:yaml.org,2002:python/object/apply:os.system",
    "a: !!set {b}\n": "tag tag:yaml.org,2002:set",
    "model:\n  lr: 1\n  lr: 2\n": "lr is given twice",
    "a:\n- {b: 1, b: 2}\n": "b is given twice",
    '"": 1\n': "a key is empty",
    "[" * 50 + "]" * 50: "more than 20 levels",
}


@pytest.mark.parametrize(("text", "line"), BAD.items(), ids=range(len(BAD)))
def test_yaml_that_nobody_would_write_is_refused_with_its_line(text: str, line: str) -> None:
    with pytest.raises(yaml.YAMLError, match=f"(?s){line}.* line "):
        check_yaml(text)


def test_plain_settings_are_read(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("trainer: {max_epochs: 3}\nloggers: [csv]\n")
    assert read_settings(tmp_path / "x.yaml") == {"trainer": {"max_epochs": 3}, "loggers": ["csv"]}


def test_what_could_be_text_is_text_whatever_yaml_1_1_takes_it_for(tmp_path: Path) -> None:
    words = ["2:4", "007", "on", "no", "y", "2026-11-26", "1e"]
    (tmp_path / "x.yaml").write_text(f"words: [{', '.join(words)}]\nvalues: [1e-3, -2, .5, 0x10, true, ~, 1_000]\n")
    assert read_settings(tmp_path / "x.yaml") == {"words": words, "values": [0.001, -2, 0.5, 16, True, None, 1000]}


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"a: \xff\xfe", "is not YAML"),
        (b"a: \0", "is not YAML"),
        (b"just text", "holds no settings"),
        (b"", "holds no settings"),
        (b"7: x", "unknown key 7"),
        (b"#" * (LARGEST_BYTES + 1), "settings take no more than"),
    ],
)
def test_a_file_that_holds_no_settings_is_one_line(tmp_path: Path, content: bytes, line: str) -> None:
    (tmp_path / "x.yaml").write_bytes(content)
    with pytest.raises(ValueError, match=rf"x\.yaml.*{line}"):
        read_settings(tmp_path / "x.yaml")


@pytest.mark.parametrize(
    "value", ["https://a/b", "s3://a/b", "file:///a", "filecache::http://a/b", Path("https://a/b")]
)
def test_urls_are_refused_by_key_and_value(value: object) -> None:
    with pytest.raises(ValueError, match=r"data\.source=.* is a URL"):
        refuse_url("data.source", value)


@pytest.mark.parametrize("value", ["sample", "/a/b", "C:/a", "../a", "a: b", "org/model", None, 3])
def test_paths_and_names_are_no_urls(value: object) -> None:
    refuse_url("data.source", value)


def test_what_a_class_calls_a_url_may_be_one() -> None:
    refuse_url("trainer.logger.tracking_uri", "https://a/b")


def test_a_null_character_is_refused_with_its_key(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text('trainer:\n  plugins: [{a: "x\\0"}]\n')
    with pytest.raises(ValueError, match=r"^trainer.plugins.a='x\\x00' holds a null character"):
        read_settings(tmp_path / "x.yaml")
