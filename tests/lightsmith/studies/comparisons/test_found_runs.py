from pathlib import Path

import pytest

from lightsmith.records.status import write_status
from lightsmith.studies.comparisons.found_runs import runs_by_name, runs_by_pattern, unfinished
from tests.written_runs import write_run

METRICS = {"accuracy": 0.5}


def names(folders: list[Path]) -> list[str]:
    return ["/".join(folder.parts[-2:]) for folder in folders]


def test_a_pattern_finds_runs_once_and_names_what_is_none(tmp_path: Path) -> None:
    for seed in (1, 2):
        write_run(Path(f"runs/a/{seed}"), seed, METRICS)
    Path("runs/a/latest").symlink_to("2")
    Path("runs/a/notes.txt").touch()
    found = runs_by_pattern("runs/a/* runs/a/2")
    assert names(found.folders) == ["a/1", "a/2"]
    assert [(str(path), reason) for path, reason in found.left_out] == [("runs/a/notes.txt", "no run")]
    assert runs_by_pattern(f"{tmp_path}/runs/a/?").folders == found.folders


def test_a_study_or_an_experiment_stands_for_its_runs() -> None:
    for seed in (1, 2):
        write_run(Path(f"runs/a/20261126-120000-seeds/seed-{seed}"), seed, METRICS)
    Path("runs/a/20261126-120000-seeds/study.json").write_text("{}")
    expected = ["20261126-120000-seeds/seed-1", "20261126-120000-seeds/seed-2"]
    assert names(runs_by_pattern("runs/a/*-seeds").folders) == expected
    assert names(runs_by_pattern("runs/a").folders) == expected


def test_a_path_with_a_blank_is_quoted() -> None:
    write_run(Path("my runs/1"), 1, METRICS)
    assert names(runs_by_pattern("'my runs/1'").folders) == ["my runs/1"]


@pytest.mark.parametrize(
    ("patterns", "line"),
    [
        ("runs/b/*", r"--runs=runs/b/\* matches nothing"),
        ("runs/b", "--runs=runs/b is nowhere"),
        ("a", r"--runs=a is nowhere; did you mean runs/a/latest\?"),
        ("empty", "--runs=empty holds no run"),
        (" ", "--runs names no folder"),
    ],
)
def test_what_holds_no_run_is_refused(patterns: str, line: str) -> None:
    Path("empty").mkdir()
    write_run(Path("runs/a/1"), 1, METRICS)
    Path("runs/a/latest").symlink_to("1")
    with pytest.raises(ValueError, match=line):
        runs_by_pattern(patterns)


def test_names_take_the_runs_with_the_settings_of_the_newest() -> None:
    write_run(Path("runs/a/20261126-120001"), 1, METRICS, settings={"model.lr": 0.1})
    for seed in (2, 3):
        write_run(Path(f"runs/a/20261126-12000{seed}"), seed, METRICS)
    found = runs_by_name("a a")
    assert names(found.folders) == ["a/20261126-120002", "a/20261126-120003"]
    assert [reason for _, reason in found.left_out] == ["other settings than the newest run of a"]


def test_an_experiment_without_a_run_is_refused() -> None:
    write_run(Path("runs/mnist_mlp/1"), 1, METRICS)
    with pytest.raises(ValueError, match=r"--names=mnist_mpl: .* holds no finished run; did you mean mnist_mlp\?"):
        runs_by_name("mnist_mlp mnist_mpl")


def test_an_unfinished_run_says_why() -> None:
    run = write_run(Path("runs/a/1"), 1, METRICS)
    assert unfinished(run) is None
    write_status(run, "failed", "out of memory")
    assert unfinished(run) == "failed: out of memory"
    (run / "status.json").unlink()
    (run / "results.json").unlink()
    assert unfinished(run) == "it has no results.json"
