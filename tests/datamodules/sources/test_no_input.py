from pathlib import Path

from datamodules.sources.no_input import NotAnInput, files_below


def test_files_come_first_by_name_and_then_what_is_passed_over(tmp_path: Path) -> None:
    for name in ("b.png", "a/1.png", "__MACOSX/x.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = list(files_below(tmp_path))
    assert found == [
        (f"{tmp_path}/a/1.png", tmp_path / "a/1.png"),
        (f"{tmp_path}/b.png", tmp_path / "b.png"),
        (f"{tmp_path}/__MACOSX", NotAnInput("left by an archiver or a system")),
    ]
