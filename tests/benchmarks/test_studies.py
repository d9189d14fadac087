import json
import re
from pathlib import Path

import pytest

from benchmarks import studies
from benchmarks.studies import folds, pruned, warm
from tests.written_runs import write_seeds

# What takes a process of its own takes 0.4 s more, a trial within a sweep 0.1 s.
STUB = """
import sys, time
if sys.argv[1] != "sweep":
    time.sleep(0.4 * (2 if sys.argv[1] == "cross-validate" else 1))
else:
    for n in range(int(sys.argv[4].partition("=")[2])):
        time.sleep(0.1)
        print(f"trial {n + 1}", flush=True)
"""


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Path:
    script = Path("stub.py").resolve()
    script.write_text(STUB)
    monkeypatch.setattr(studies, "CLI", script)
    return script


@pytest.mark.usefixtures("stub")
def test_a_warm_worker_is_timed_beside_processes(capsys: pytest.CaptureFixture[str]) -> None:
    warm(trials=4, alone=2)
    found = re.search(
        r"\(median (\S+) s\); warm: \d+ \(median (\S+) s between ends\), (\S+) times", capsys.readouterr().out
    )
    assert found
    cold, each, ratio = map(float, found.groups())
    assert cold > 0.4
    assert 0.08 < each < 0.3
    assert ratio == pytest.approx(cold / each, rel=0.2)


@pytest.mark.usefixtures("stub")
def test_a_cross_validation_is_timed_beside_its_runs(capsys: pytest.CaptureFixture[str]) -> None:
    folds(count=2)
    assert re.fullmatch(r"2 runs \d\.\d s, cross-validation \d\.\d s: [+-]\d+\.\d%; .*\n", capsys.readouterr().out)


def test_a_command_that_fails_is_named_with_what_it_said(stub: Path) -> None:
    stub.write_text("import sys; sys.exit('no such thing')")
    with pytest.raises(ValueError, match=r"^run .* ended with 1: no such thing$"):
        folds()


def test_what_pruning_saves_is_added_up_and_the_winners_are_compared(capsys: pytest.CaptureFixture[str]) -> None:
    for repeat, right in ((1, (0.8, 0.8)), (2, (0.8, 0.5))):
        for kind, epochs, share in zip(("whole", "pruned"), ((5, 5), (5, 1)), right, strict=True):
            study = Path(f"{kind}-{repeat}/runs/mnist_mlp/20261126-120000-sweep")
            for n, run in enumerate(
                write_seeds(Path(f"made-{kind}-{repeat}"), range(1, 6), share, settings={"lr": kind})
            ):
                study.mkdir(parents=True, exist_ok=True)
                run.rename(study / f"winner-0002-seed-{n}")
            record = {"best": "trial-0002", "trials": [{"epochs": count} for count in epochs]}
            (study / "trials.json").write_text(json.dumps(record))
    pruned(Path(), repeats=2)
    out = capsys.readouterr().out
    assert "repeat 1: 10 epochs, pruned 6, 40% saved" in out
    assert "epochs saved: median 40%, 40% to 40%; winners told apart in 1 of 2 repeats" in out
