import json
import subprocess
import sys
from pathlib import Path

import pytest

from lightsmith.records.status import write_status
from lightsmith.studies.study import Member, Study, create_study, is_study, read_study, working_on
from tests.conftest import ROOT

FILES = [ROOT / "experiments/_defaults.yaml", ROOT / "experiments/mnist_mlp.yaml"]


@pytest.fixture
def study() -> Study:
    options = ["--data.source=sample"]
    made = create_study(Path("runs"), "seeds", ["--seeds=1..3"], FILES, options)
    return made.with_members([Member(f"seed-{n}", [f"--seed_everything={n}"]) for n in (1, 2, 3)])


def test_a_study_is_read_as_it_was_written(study: Study) -> None:
    assert study.folder.parent == Path("runs/mnist_mlp")
    assert study.folder.name.endswith("-seeds")
    assert read_study(study.folder) == study
    assert is_study(study.folder)
    assert not is_study(Path("runs/mnist_mlp"))
    content = json.loads((study.folder / "study.json").read_text())
    assert (content["schema"], content["kind"], content["typed"]) == (1, "seeds", ["--seeds=1..3"])
    assert content["members"][1] == {"name": "seed-2", "options": ["--seed_everything=2"]}


def test_a_study_that_was_moved_and_whose_yaml_was_edited_since_goes_on_as_it_began(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("model: a.B\ndata: c.D\n")
    study = create_study(Path("runs"), "sweep", [], [FILES[0], own]).with_members([Member("trial-0001", ["--x=1"])])
    own.write_text("model: changed\n")
    moved = study.folder.rename("elsewhere")
    command = read_study(moved).command_of(study.members[0])
    configs = ["--config=elsewhere/settings-1.yaml", "--config=elsewhere/settings-2.yaml"]
    assert command == [*configs, "--experiment=own", "--x=1"]
    assert (moved / "settings-1.yaml").read_bytes() == FILES[0].read_bytes()
    assert (moved / "settings-2.yaml").read_text() == "model: a.B\ndata: c.D\n"


def test_each_member_stands_as_its_run_says(study: Study) -> None:
    first, second, third = study.members
    study.folder_of(first).mkdir()
    write_status(study.folder_of(first), "failed", "no memory")
    study.folder_of(second).mkdir()  # killed before it could say anything
    assert [study.status_of(member).state for member in study.members] == ["failed", "planned", "planned"]
    assert study.status_of(first).reason == "no memory"
    (study.folder_of(second) / "checkpoints").mkdir()
    (study.folder_of(second) / "checkpoints/last.ckpt").touch()
    assert study.status_of(second).state == "interrupted"
    study.folder_of(third).mkdir()
    write_status(study.folder_of(third), "running")
    assert study.status_of(third).state == "running"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema": 2, "kind": "seeds", "members": []}', '{"schema": 1}'])
def test_what_is_no_study_is_refused_in_one_line(content: str) -> None:
    with pytest.raises(ValueError, match=r"holds no study.json: give the folder of a study"):
        read_study(Path())
    Path("study.json").write_text(content)
    with pytest.raises(ValueError, match=r"study.json is not what a study writes: restore it or remove it"):
        read_study(Path())


def test_two_processes_do_not_work_on_one_study(study: Study) -> None:
    script = (
        "import sys; from pathlib import Path; from lightsmith.studies.study import read_study, working_on\n"
        "with working_on(read_study(Path(sys.argv[1]))): pass"
    )
    other = [sys.executable, "-c", script, str(study.folder.absolute())]
    with working_on(study):
        ran = subprocess.run(other, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "another process is working in it; wait for its end" in ran.stderr
    assert subprocess.run(other, cwd=ROOT, check=False).returncode == 0
