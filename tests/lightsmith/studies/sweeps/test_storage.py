import multiprocessing
from pathlib import Path

import optuna
import pytest

from lightsmith.studies.sweeps.storage import JOURNAL, JournalLock, address, open_storage, public


def test_a_journal_of_which_the_last_line_is_half_goes_on() -> None:
    study = optuna.create_study(storage=open_storage(Path(), None), study_name="s")
    study.enqueue_trial({})
    journal = Path(JOURNAL)
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'{"op_code": 4, "wor')  # as a process that died while it wrote
    again = optuna.load_study(storage=open_storage(Path(), None), study_name="s")
    again.enqueue_trial({})
    lines = journal.read_bytes()
    assert lines.startswith(whole)
    assert b'"wor{' not in lines
    assert len(optuna.load_study(storage=open_storage(Path(), None), study_name="s").trials) == 2


def test_the_lock_of_a_dead_process_is_nobodys() -> None:
    def hold() -> None:
        JournalLock(Path(JOURNAL)).acquire()

    process = multiprocessing.get_context("fork").Process(target=hold)
    process.start()
    process.join()
    lock = JournalLock(Path(JOURNAL))
    assert lock.acquire()
    lock.release()


def test_an_address_gets_its_driver_and_loses_its_password_in_records() -> None:
    given = "postgresql://me:secret@host:5433/sweeps"
    assert address(given).drivername == "postgresql+psycopg"
    assert address(given).password == "secret"
    assert public(given) == "postgresql://me@host:5433/sweeps"


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ("no address", "--storage is no address such as postgresql://user@host/database"),
        ("postgres1://h/d", "--storage=postgres1://… is no postgresql://user@host/database"),
        ("mysql://h/d", "--storage=mysql://… is no postgresql://user@host/database"),
    ],
)
def test_another_address_is_one_line_without_a_password(given: str, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        open_storage(Path(), given)
