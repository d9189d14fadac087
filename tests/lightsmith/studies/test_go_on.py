from pathlib import Path

import pytest

from lightsmith.runs.failures import RunFailedError
from lightsmith.studies import go_on as module
from lightsmith.studies.go_on import continues_study, go_on
from lightsmith.studies.study import Member, Study, create_study
from lightsmith.studies.study_options import read_options
from tests.conftest import ROOT
from tests.lightsmith.studies.stub_runs import starts, stub_study


def test_a_study_goes_on_with_the_workers_that_it_was_begun_with_and_is_reported_even_if_a_run_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    study = stub_study(monkeypatch, 2, _1=["fails"])
    done: list[tuple[Study, int]] = []
    real = module.run_members

    def note(given: Study, workers: int) -> list[Member]:
        done.append((given, workers))
        return real(given, workers)

    monkeypatch.setattr(module, "run_members", note)
    monkeypatch.setattr(module, "REPORTS", {"seeds": lambda study: done.append((study, len(study.finished)))})
    options = read_options(["-c", f"{study.folder}/config.yaml", f"--resume={study.folder}"])
    assert continues_study(options)
    with pytest.raises(RunFailedError, match=r"1 of 2 runs failed, such as seed-1 \(no more numbers\)"):
        go_on(options)
    assert done == [(study, 1), (study, 1)]
    assert starts() == ["1 begun fails", "2 begun end"]


def test_a_study_takes_no_other_options_and_another_kind_is_gone_on_with_by_its_own_verb() -> None:
    seeds, sweep, tune = (
        create_study(Path("runs"), kind, [], [ROOT / "experiments/mnist_mlp.yaml"])
        for kind in ("seeds", "sweep", "tune")
    )
    mistakes = {
        ("--model.lr=1",): "--model.lr=1: a study goes on as it began",
        ("--seeds=5",): "--seeds=5: a study goes on as it began",
        ("--workers=0",): "--workers=0 must be at least 1",
    }
    for given, line in mistakes.items():
        with pytest.raises(ValueError, match=line):
            go_on(read_options([f"--resume={seeds.folder}", *given]))
    with pytest.raises(ValueError, match="is a sweep: make sweep goes on with it"):
        go_on(read_options([f"--resume={sweep.folder}"]))
    with pytest.raises(ValueError, match="is a tune, which has no runs: type the command that it printed"):
        go_on(read_options([f"--resume={tune.folder}"]))


def test_a_run_is_no_study() -> None:
    Path("runs/x").mkdir(parents=True)
    assert not continues_study(read_options(["--resume=runs/x"]))
    assert not continues_study(read_options(["--seeds=3"]))
